//! A shop and a buyer, each through the API of a node of their own.

use reqwest::{Method, StatusCode, multipart};
use serde_json::{Value, json};

use crate::{
    events::{Socket, event, open},
    support::{Harness, answer},
};

fn eur(minor: i64) -> Value {
    json!({ "minor": minor, "currency": "EUR", "exponent": 2 })
}

fn settings() -> Value {
    json!({
        "name": "Corner shop", "about": "Around the corner", "currency": "EUR",
        "payment_methods": [
            { "kind": "pay_on_delivery", "instructions": "Cash" },
            { "kind": "bank_transfer", "instructions": "DE00 1234" },
        ],
        "shipping": [{
            "id": "bike", "name": "Bike", "zones": ["DE"], "rate": eur(300), "additional_item": null, "free_from": null,
            "days_min": 0, "days_max": 1,
        }],
        "pickup": [{ "id": "counter", "name": "Counter", "address": "Alley 1", "hours": "9-18" }],
        "returns": { "days": 14, "who_pays": "buyer", "fee_basis_points": 0, "text": "" },
    })
}

fn berries() -> Value {
    json!({
        "title": "Strawberries", "description": "<script>alert(1)</script> Sweet", "category": "Fruit", "images": [],
        "options": [{ "name": "Size", "values": ["500 g", "1 kg"] }],
        "variants": [
            { "sku": "B500", "options": ["500 g"], "price": eur(450), "compare_at": eur(500), "stock": 3 },
            { "sku": "B1000", "options": ["1 kg"], "price": eur(850), "stock": null },
        ],
    })
}

async fn named(name: &str) -> (Harness, String, Socket) {
    let harness = Harness::start().await;
    let (status, created) = harness.post("/api/account", &json!({ "name": name })).await;
    assert_eq!(status, StatusCode::CREATED);
    let socket = open(&harness, &[("authorization", format!("Bearer {}", harness.bearer))]).await.unwrap();
    (harness, created["account"]["account"].as_str().unwrap().to_owned(), socket)
}

/// A shop with strawberries, and its link.
async fn shop() -> (Harness, String, Socket, String) {
    let (shop, id, hears) = named("Wang").await;
    let (status, store) = shop.send(Method::PUT, "/api/store", &settings()).await;
    assert_eq!((status, &store["auto_quote"], &store["mine"]), (StatusCode::OK, &json!(true), &json!(true)));
    let (status, listing) = shop.send(Method::PUT, "/api/store/listings/berries", &berries()).await;
    assert_eq!((status, &listing["status"]), (StatusCode::OK, &json!("active")), "{listing}");
    let uri = store["uri"].as_str().unwrap().to_owned();
    (shop, id, hears, uri)
}

/// Waits until an order is in this state on a node.
async fn until(harness: &Harness, socket: &mut Socket, order: &str, state: &str) -> Value {
    loop {
        let (_, seen) = harness.get(&format!("/api/orders/{order}")).await;
        if seen["state"] == state {
            return seen;
        }
        event(socket, "order").await;
    }
}

async fn act(harness: &Harness, order: &str, body: Value) -> Value {
    let (status, after) = harness.post(&format!("/api/orders/{order}/actions"), &body).await;
    assert_eq!(status, StatusCode::OK, "{body}: {after}");
    after
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_goes_from_the_link_of_a_store_to_a_review() {
    let (shop, shop_id, mut shop_hears, uri) = shop().await;
    let (buyer, _, mut buyer_hears) = named("Mei").await;

    let (status, store) = buyer.post(&format!("/api/stores/{shop_id}/follow"), &json!({ "uri": uri })).await;
    assert_eq!((status, &store["name"], &store["followed"]), (StatusCode::OK, &json!("Corner shop"), &json!(true)));
    while buyer.get("/api/market").await.1["total"] == 0 {
        event(&mut buyer_hears, "listing").await;
    }
    let (_, page) = buyer.get(&format!("/api/stores/{shop_id}/listings?category=Fruit")).await;
    let summary = &page["listings"][0];
    assert_eq!((&summary["price_min"], &summary["price_max"]), (&eur(450), &eur(850)));
    assert_eq!((&summary["compare_at"], &summary["available"]), (&eur(500), &json!(true)));
    let path = format!("/api/stores/{shop_id}/listings/berries");
    let (_, listing) = buyer.get(&path).await;
    assert_eq!(listing["description"], "<script>alert(1)</script> Sweet", "text stays text");
    assert_eq!((&listing["variants"][0]["stock"], &listing["variants"][1]["stock"]), (&json!(3), &Value::Null));

    let line = json!({ "store": shop_id, "listing": "berries", "sku": "B500", "quantity": 4 });
    let (_, cart) = buyer.send(Method::PUT, "/api/cart/lines", &line).await;
    assert_eq!(cart["stores"][0]["lines"][0]["problem"], "not_enough");
    let line = json!({ "store": shop_id, "listing": "berries", "sku": "B500", "quantity": 2 });
    let (_, cart) = buyer.send(Method::PUT, "/api/cart/lines", &line).await;
    assert_eq!((&cart["count"], &cart["stores"][0]["subtotal"]), (&json!(2), &eur(900)));

    let home = json!({
        "name": "Mei", "phone": "", "country": "DE", "region": "", "city": "Berlin", "street": "Alley 2",
        "postal_code": "",
    });
    let order = json!({
        "store": shop_id, "lines": [{ "listing": "berries", "sku": "B500", "quantity": 2 }],
        "fulfilment": { "kind": "shipping", "option": "bike", "address": home }, "payment_method": "bank_transfer",
        "note": "Ripe ones",
    });
    let (status, placed) = buyer.post("/api/orders", &order).await;
    assert_eq!(status, StatusCode::CREATED, "{placed}");
    let id = placed["order"].as_str().unwrap();
    until(&buyer, &mut buyer_hears, id, "quoted").await;
    let accepted = act(&buyer, id, json!({ "action": "accept_quote" })).await;
    assert_eq!(accepted["state"], "accepted", "no quote is accepted unless the buyer says so");
    assert_eq!((&accepted["total"], &accepted["shortfall"]), (&eur(1_200), &eur(1_200)));
    assert_eq!(accepted["payment_instructions"], "DE00 1234");
    assert_eq!(buyer.get("/api/cart").await.1["count"], 0);

    act(&buyer, id, json!({ "action": "claim_payment", "amount": eur(1_200), "reference": "42" })).await;
    let wait = |payment: &'static str| move |order: &Value| order["payment"] == payment;
    let claimed = wait("claimed");
    while !claimed(&shop.get(&format!("/api/orders/{id}")).await.1) {
        event(&mut shop_hears, "order").await;
    }
    assert_eq!(shop.get("/api/store").await.1["orders_waiting"], 1);
    let (_, waiting) = shop.get("/api/orders?role=seller&waiting=true").await;
    assert_eq!((&waiting[0]["order"], &waiting[0]["next_actor"]), (&json!(id), &json!("seller")));
    let refused = shop.post(&format!("/api/orders/{id}/actions"), &json!({ "action": "hand_over" })).await;
    assert_eq!((refused.0, &refused.1["code"]), (StatusCode::CONFLICT, &json!("not_possible")));
    act(&shop, id, json!({ "action": "accept_payment", "amount": eur(1_200) })).await;
    act(&shop, id, json!({ "action": "start" })).await;
    let sent = act(&shop, id, json!({ "action": "hand_over", "carrier": "Bike", "tracking": "7" })).await;
    assert_eq!((&sent["tracking"]["number"], &sent["address"]["street"]), (&json!("7"), &json!("Alley 2")));
    loop {
        let (_, seen) = buyer.get(&format!("/api/orders/{id}")).await;
        if seen["lines"][0]["state"] == "handed_over" {
            break;
        }
        event(&mut buyer_hears, "order").await;
    }
    let done = act(&buyer, id, json!({ "action": "confirm_delivery" })).await;
    assert_eq!((&done["state"], &done["money_with"]), (&json!("completed"), &json!("seller")));
    let review = json!({ "listing": "berries", "overall": 5, "text": "Sweet" });
    let (status, reviewed) = buyer.post(&format!("/api/orders/{id}/review"), &review).await;
    assert_eq!((status, &reviewed["review"]["overall"]), (StatusCode::OK, &json!(5)), "{reviewed}");
    loop {
        let (_, reviews) = shop.get(&format!("{path}/reviews")).await;
        if reviews["rating"]["count"] == 1 {
            assert_eq!(reviews["reviews"][0]["text"], "Sweet");
            break;
        }
        event(&mut shop_hears, "review").await;
    }
    let timeline = until(&shop, &mut shop_hears, id, "completed").await["timeline"].as_array().unwrap().len();
    assert!(timeline >= 9, "{timeline} entries");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_goes_out_and_comes_in_again_unchanged() {
    let (shop, ..) = shop().await;
    let response = shop.request(Method::GET, "/api/store/export").send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    let csv = response.bytes().await.unwrap();
    let import = async |csv: Vec<u8>, dry_run: bool| {
        let form = multipart::Form::new().part("csv", multipart::Part::bytes(csv).file_name("catalogue.csv"));
        let path = format!("/api/store/import?dry_run={dry_run}");
        answer(shop.request(Method::POST, &path).multipart(form).send().await.unwrap()).await
    };
    let (status, report) = import(csv.to_vec(), false).await;
    assert_eq!(status, StatusCode::OK, "{report}");
    assert_eq!((&report["unchanged"], &report["created"], &report["updated"]), (&json!(1), &json!(0), &json!(0)));

    let dearer = String::from_utf8(csv.to_vec()).unwrap().replace("4.50", "4.75");
    let (_, report) = import(dearer.clone().into_bytes(), true).await;
    assert_eq!((&report["updated"], &report["applied"]), (&json!(1), &json!(false)));
    let price = async || shop.get("/api/store/listings/berries").await.1["variants"][0]["price"].clone();
    assert_eq!(price().await, eur(450), "a trial changes nothing");
    let broken = dearer.replace("8.50", "cheap");
    let (_, report) = import(broken.into_bytes(), false).await;
    assert_eq!((report["applied"].clone(), report["errors"].as_array().unwrap().len()), (json!(false), 1));
    assert_eq!(price().await, eur(450), "one wrong row, and nothing is changed");
    let (_, report) = import(dearer.into_bytes(), false).await;
    assert_eq!((&report["applied"], price().await), (&json!(true), eur(475)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_shop_may_not_say_is_refused_with_the_field() {
    let (shop, shop_id, ..) = shop().await;
    let mut wrong = berries();
    wrong["variants"][0]["compare_at"] = Value::Null;
    wrong["variants"][0]["price"]["currency"] = json!("USD");
    wrong["variants"][1]["price"]["currency"] = json!("USD");
    let (status, problem) = shop.send(Method::PUT, "/api/store/listings/berries", &wrong).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("wrong_currency")));
    for (why, change) in [
        ("a negative price", (|l| l["variants"][0]["price"]["minor"] = json!(-1)) as fn(&mut Value)),
        ("a currency's wrong exponent", |l| l["variants"][0]["price"]["exponent"] = json!(0)),
        ("an amount beyond 2^53", |l| l["variants"][0]["price"]["minor"] = json!(1u64 << 53)),
        ("negative stock", |l| l["variants"][0]["stock"] = json!(-1)),
        ("no variants", |l| l["variants"] = json!([])),
        ("a picture that was not uploaded", |l| {
            l["images"] = json!([{ "hash": "a".repeat(52), "alt": "" }]);
        }),
        ("no title", |l| l["title"] = json!("  ")),
    ] {
        let mut listing = berries();
        change(&mut listing);
        let (status, problem) = shop.send(Method::PUT, "/api/store/listings/x", &listing).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{why}: {problem}");
    }
    assert_eq!(shop.get("/api/store/listings/x").await.0, StatusCode::NOT_FOUND);
    let own = json!({ "store": shop_id, "listing": "berries", "sku": "B500", "quantity": 1 });
    assert_eq!(shop.send(Method::PUT, "/api/cart/lines", &own).await.0, StatusCode::CONFLICT);
    assert_eq!(shop.get("/api/stores").await.1, json!([]), "one's own store is not among the others");
    let (status, _) = shop.send(Method::DELETE, "/api/store/listings/berries", &json!({})).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(shop.get("/api/market").await.1["total"], 0);
}
