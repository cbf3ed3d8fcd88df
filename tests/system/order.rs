//! Whole orders between two nodes, and what a third sees of them.

use anyhow::Result;
use hutong_tests::{Options, Person, Shop, befriend};
use serde_json::{Value, json};

fn yuan(minor: u64) -> Value {
    json!({ "minor": minor, "currency": "CNY", "exponent": 2 })
}

#[tokio::test]
async fn an_order_with_pay_on_delivery_goes_all_the_way_to_a_review_that_a_neighbour_sees() -> Result<()> {
    let (mut mei, mut tom, mut shop) =
        tokio::try_join!(Person::new("Mei"), Person::new("Tom"), Shop::open("Lan's Garden"))?;
    befriend(&mut mei, &mut tom).await?;
    shop.known_to(&mut mei).await?;
    shop.known_to(&mut tom).await?;
    let listing = shop.listing("Fresh soy milk").await?;

    let order = mei.order(&shop, (&listing, "SOY-1L"), json!({})).await?;
    let quoted = mei.until_order(&order, "there is a quote", |order| order["state"] == "quoted").await?;
    assert_eq!(quoted["quote"]["lines"], yuan(800));
    assert_eq!(quoted["quote"]["shipping"], yuan(600));
    assert_eq!(quoted["quote"]["total"], yuan(1400));
    assert_eq!(quoted["next_actor"], "buyer");
    assert_eq!(quoted["money_with"], "buyer");
    mei.act(&order, "accept_quote", json!({})).await?;
    shop.owner.until_order(&order, "it is accepted", |order| order["state"] == "accepted").await?;
    let stock = shop.owner.api().get(&format!("/api/store/listings/{listing}")).await?;
    assert_eq!(stock["variants"][0]["stock"], 14, "the piece is taken: {stock:#}");

    shop.act(&order, "start", json!({})).await?;
    shop.act(&order, "hand_over", json!({ "carrier": "Lane Express", "tracking": "LX 42" })).await?;
    let sent = mei.until_order(&order, "it is on the way", |order| order["lines"][0]["state"] == "handed_over").await?;
    assert_eq!(sent["tracking"], json!({ "carrier": "Lane Express", "number": "LX 42" }));
    mei.act(&order, "confirm_delivery", json!({})).await?;
    shop.owner.until_order(&order, "it is delivered", |order| order["lines"][0]["state"] == "delivered").await?;
    shop.act(&order, "accept_payment", json!({ "amount": yuan(1400) })).await?;
    // The buyer has everything in hand, so the buyer's node closes the order by itself; the money is another axis.
    let over = |order: &Value| order["state"] == "completed" && order["payment"] == "paid";
    let done = mei.until_order(&order, "it is complete and paid", over).await?;
    assert_eq!(done["money_with"], "seller");
    shop.owner.until_order(&order, "it is complete", |order| order["state"] == "completed").await?;

    mei.until_order(&order, "a review can be written", |order| has(&order["actions"], "review")).await?;
    let review = json!({ "listing": listing, "overall": 5, "text": "Warm and smooth. 很香！" });
    mei.api().post(&format!("/api/orders/{order}/review"), review).await?;
    let path = format!("/api/stores/{}/listings/{listing}/reviews", shop.id());
    let seen = tom.until("the review is here", &path, |seen| seen["reviews"][0]["text"].is_string()).await?;
    let review = &seen["reviews"][0];
    assert_eq!(review["from_contact"], true, "{seen:#}");
    assert_eq!(review["verified"], true, "{seen:#}");
    assert_eq!(review["author"]["name"], "Mei");
    assert_eq!((&review["overall"], &review["text"]), (&json!(5), &json!("Warm and smooth. 很香！")));
    assert_eq!((&seen["rating"]["count"], &seen["rating"]["contacts"]), (&json!(1), &json!(1)));

    // Both sides tell the same story, without anything twice.
    let mine = mei.until_order(&order, "all is acknowledged", |order| order["delivery"] == "delivered").await?;
    let theirs = shop.owner.api().get(&format!("/api/orders/{order}")).await?;
    assert_eq!(ids(&mine), ids(&theirs));
    Ok(())
}

#[tokio::test]
async fn a_bank_transfer_that_is_short_shows_what_is_missing_until_the_rest_comes() -> Result<()> {
    let (mut mei, mut shop) = tokio::try_join!(Person::new("Mei"), Shop::open("Lan's Garden"))?;
    shop.known_to(&mut mei).await?;
    let listing = shop.listing("Jasmine tea").await?;
    let with = json!({ "payment_method": "bank_transfer", "auto_accept": true });
    let order = mei.order(&shop, (&listing, "TEA-100"), with).await?;
    let agreed = mei.until_order(&order, "it is agreed", |order| order["state"] == "accepted").await?;
    assert_eq!(agreed["quote"]["total"], yuan(5100));
    assert!(agreed["payment_instructions"].as_str().unwrap().contains("6222 0000 1234"), "{agreed:#}");

    mei.act(&order, "claim_payment", json!({ "amount": yuan(5100), "reference": "MEI-TEA-1" })).await?;
    let claimed = shop.owner.until_order(&order, "the claim is here", |order| order["payment"] == "claimed").await?;
    assert!(claimed["timeline"].to_string().contains("MEI-TEA-1"), "the reference is shown: {claimed:#}");
    shop.act(&order, "accept_payment", json!({ "amount": yuan(4000) })).await?;
    let short = mei.until_order(&order, "a part is there", |order| order["payment"] == "part_paid").await?;
    assert_eq!((&short["paid"], &short["shortfall"]), (&yuan(4000), &yuan(1100)));
    assert!(!has(&shop.owner.api().get(&format!("/api/orders/{order}")).await?["actions"], "start"), "not paid yet");

    mei.act(&order, "claim_payment", json!({ "amount": yuan(1100), "reference": "MEI-TEA-2" })).await?;
    shop.owner.until_order(&order, "the second claim is here", |order| order["payment"] == "claimed").await?;
    shop.act(&order, "accept_payment", json!({ "amount": yuan(1100) })).await?;
    shop.act(&order, "start", json!({})).await?;
    shop.act(&order, "hand_over", json!({ "carrier": "SF", "tracking": "SF1002003004" })).await?;
    mei.until_order(&order, "it is on the way", |order| order["lines"][0]["state"] == "handed_over").await?;
    mei.act(&order, "confirm_delivery", json!({})).await?;
    let done = mei.until_order(&order, "it is complete", |order| order["state"] == "completed").await?;
    assert_eq!(
        (&done["state"], &done["payment"], &done["money_with"]),
        (&json!("completed"), &json!("paid"), &json!("seller"))
    );
    shop.owner.until_order(&order, "it is complete", |order| order["state"] == "completed").await?;

    // A refund is possible afterwards, in parts.
    shop.act(&order, "refund", json!({ "amount": yuan(600), "reason": "Late" })).await?;
    let back = mei.until_order(&order, "a part is back", |order| order["payment"] == "part_refunded").await?;
    assert_eq!(back["refunded"], yuan(600));
    Ok(())
}

#[tokio::test]
async fn a_pickup_pin_is_locked_after_three_wrong_tries() -> Result<()> {
    let (mut mei, mut shop) = tokio::try_join!(Person::new("Mei"), Shop::open("Lan's Garden"))?;
    shop.known_to(&mut mei).await?;
    let listing = shop.listing("Red bean buns").await?;
    let with = json!({ "fulfilment": { "kind": "pickup", "place": "lane" }, "auto_accept": true });
    let mut orders = Vec::new();
    for _ in 0..2 {
        let order = mei.order(&shop, (&listing, "BUN-6"), with.clone()).await?;
        shop.owner.until_order(&order, "it is agreed", |order| order["state"] == "accepted").await?;
        shop.act(&order, "start", json!({})).await?;
        shop.act(&order, "ready", json!({})).await?;
        let ready = mei.until_order(&order, "it is ready", |order| order["lines"][0]["state"] == "ready").await?;
        let pin = ready["pickup_pin"].as_str().expect("the buyer has a PIN").to_owned();
        assert!(shop.owner.api().get(&format!("/api/orders/{order}")).await?["pickup_pin"].is_null(), "only the buyer");
        orders.push((order, pin));
    }

    // The right one, after a wrong one.
    let (order, pin) = &orders[0];
    tell(&shop, order, &wrong(pin)).await;
    tell(&shop, order, pin).await;
    mei.until_order(order, "it is collected", |order| order["lines"][0]["state"] == "delivered").await?;

    // Three wrong ones: the right one is of no use any more.
    let (order, pin) = &orders[1];
    for _ in 0..3 {
        tell(&shop, order, &wrong(pin)).await;
    }
    tell(&shop, order, pin).await;
    let locked = shop.owner.api().get(&format!("/api/orders/{order}")).await?;
    assert_eq!(locked["lines"][0]["state"], "ready", "{locked:#}");
    // The buyer's own word still counts.
    mei.act(order, "confirm_delivery", json!({})).await?;
    shop.owner.until_order(order, "it is delivered", |order| order["lines"][0]["state"] == "delivered").await?;
    Ok(())
}

#[tokio::test]
async fn a_price_that_changed_after_the_order_is_shown_in_the_quote_and_not_accepted_unseen() -> Result<()> {
    // Both are down at the same time.
    let options = || Options { same_ports: true, ..Options::default() };
    let (mut mei, mut shop) =
        tokio::try_join!(Person::with("Mei", options()), Shop::open_with("Lan's Garden", options()))?;
    shop.known_to(&mut mei).await?;
    let listing = shop.listing("Hand-pulled noodles").await?;
    // The buyer cannot see the new price: the shop's node is down while he orders, and up again with another price.
    let full = shop.owner.api().get(&format!("/api/store/listings/{listing}")).await?;
    mei.node.stop().await?;
    let mut dearer = full["variants"][0].clone();
    dearer["price"] = yuan(1950);
    let update = json!({
        "title": full["title"], "description": full["description"], "category": full["category"], "images": full["images"],
        "options": full["options"], "variants": [dearer],
    });
    shop.owner.api().put(&format!("/api/store/listings/{listing}"), update).await?;
    shop.owner.node.stop().await?;
    mei.restart().await?;
    let order = mei.order(&shop, (&listing, "NOO-400"), json!({ "auto_accept": true })).await?;
    let waiting = mei.api().get(&format!("/api/orders/{order}")).await?;
    assert_eq!((&waiting["state"], &waiting["delivery"]), (&json!("requested"), &json!("queued")), "{waiting:#}");
    shop.owner.restart().await?;
    let quoted = mei.until_order(&order, "there is a quote", |order| order["state"] != "requested").await?;
    assert_eq!(quoted["state"], "quoted", "a dearer quote is not accepted by itself: {quoted:#}");
    assert_eq!(quoted["quote"]["lines"], yuan(1950));
    mei.act(&order, "cancel", json!({ "reason": "Too dear" })).await?;
    shop.owner.until_order(&order, "it is cancelled", |order| order["state"] == "cancelled").await?;
    let stock = shop.owner.api().get(&format!("/api/store/listings/{listing}")).await?;
    assert_eq!(stock["variants"][0]["stock"], 12, "the piece is free again: {stock:#}");
    Ok(())
}

/// The shop types a PIN; a refusal is an answer too.
async fn tell(shop: &Shop, order: &str, pin: &str) {
    if let Err(refusal) = shop.act(order, "enter_pin", json!({ "pin": pin })).await {
        assert!(refusal.is::<hutong_tests::Refusal>(), "{refusal:#}");
    }
}

/// Another PIN of the same length.
fn wrong(pin: &str) -> String {
    pin.chars().map(|digit| if digit == '9' { '0' } else { '9' }).collect()
}

fn has(actions: &Value, action: &str) -> bool {
    actions.as_array().is_some_and(|all| all.iter().any(|one| one == action))
}

fn ids(order: &Value) -> Vec<String> {
    order["timeline"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}
