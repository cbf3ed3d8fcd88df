//! `kill -9` after every step of an order: what was acknowledged is kept, nothing happens twice, and the order goes on.

use std::collections::BTreeSet;

use anyhow::Result;
use hutong_tests::{Person, Shop};
use serde_json::{Value, json};

/// Who falls over after each step.
#[derive(Clone, Copy)]
enum Victim {
    Buyer,
    Seller,
}

/// Who acts, what, with what, and how the order then looks to both.
const STEPS: [(&str, &str, &str, (&str, &str)); 5] = [
    ("buyer", "accept_quote", "{}", ("/state", "accepted")),
    ("seller", "start", "{}", ("/state", "in_progress")),
    ("seller", "hand_over", r#"{"carrier":"Lane Express","tracking":"LX 7"}"#, ("/lines/0/state", "handed_over")),
    ("buyer", "confirm_delivery", "{}", ("/lines/0/state", "delivered")),
    ("seller", "accept_payment", r#"{"amount":{"minor":1400,"currency":"CNY","exponent":2}}"#, ("/payment", "paid")),
];

#[tokio::test]
async fn an_order_survives_kill_9_of_the_buyers_node_after_every_step() -> Result<()> {
    whole_order(Victim::Buyer).await
}

#[tokio::test]
async fn an_order_survives_kill_9_of_the_sellers_node_after_every_step() -> Result<()> {
    whole_order(Victim::Seller).await
}

async fn whole_order(victim: Victim) -> Result<()> {
    let (mut buyer, mut shop) = tokio::try_join!(Person::new("Mei"), Shop::open("Lan's Garden"))?;
    shop.known_to(&mut buyer).await?;
    let listing = shop.listing("Fresh soy milk").await?;
    let order = buyer.order(&shop, (&listing, "SOY-1L"), json!({})).await?;
    fell_over(victim, &mut buyer, &mut shop.owner).await?;
    reached(&mut buyer, &mut shop.owner, &order, ("/state", "quoted")).await?;
    for (actor, action, with, state) in STEPS {
        let with = serde_json::from_str(with)?;
        match actor {
            "buyer" => buyer.act(&order, action, with).await?,
            _ => shop.act(&order, action, with).await?,
        };
        fell_over(victim, &mut buyer, &mut shop.owner).await?;
        reached(&mut buyer, &mut shop.owner, &order, state).await?;
    }
    // The buyer has everything in hand: the buyer's node has closed the order by itself.
    reached(&mut buyer, &mut shop.owner, &order, ("/state", "completed")).await?;
    let review = json!({ "listing": listing, "overall": 4, "text": "Came in spite of everything" });
    buyer
        .until_order(&order, "it can be reviewed", |order| order["actions"].to_string().contains("\"review\""))
        .await?;
    buyer.api().post(&format!("/api/orders/{order}/review"), review).await?;
    fell_over(victim, &mut buyer, &mut shop.owner).await?;
    let path = format!("/api/stores/{}/listings/{listing}/reviews", shop.id());
    shop.owner.until("the review is at the shop", &path, |seen| seen["rating"]["count"] == 1).await?;

    // Nothing lost, nothing doubled, the same on both sides.
    let done = |order: &Value| order["delivery"] == "delivered";
    let mine = buyer.until_order(&order, "all is acknowledged to the buyer", done).await?;
    let theirs = shop.owner.until_order(&order, "all is acknowledged to the shop", done).await?;
    assert_eq!(events(&mine), events(&theirs));
    let ids: BTreeSet<_> = events(&mine).into_iter().collect();
    assert_eq!(ids.len(), events(&mine).len(), "nothing twice: {mine:#}");
    let counted = mine["timeline"].as_array().unwrap().iter().filter(|event| event["ignored"].is_null());
    let kinds: Vec<&str> = counted.map(|event| event["kind"].as_str().unwrap()).collect();
    for kind in ["requested", "quoted", "accepted", "in_progress", "handed_over", "delivered", "completed"] {
        assert_eq!(kinds.iter().filter(|one| **one == kind).count(), 1, "{kind} in {kinds:?}");
    }
    let stock = shop.owner.api().get(&format!("/api/store/listings/{listing}")).await?;
    assert_eq!(stock["variants"][0]["stock"], 14, "one piece was sold: {stock:#}");
    let orders = shop.owner.api().get("/api/orders?role=seller").await?;
    assert_eq!(orders.as_array().unwrap().len(), 1, "{orders:#}");
    Ok(())
}

async fn fell_over(victim: Victim, buyer: &mut Person, seller: &mut Person) -> Result<()> {
    match victim {
        Victim::Buyer => buyer.crash_and_restart().await,
        Victim::Seller => seller.crash_and_restart().await,
    }
}

/// Both sides see the order in a state, given as a JSON pointer and its value.
async fn reached(buyer: &mut Person, seller: &mut Person, order: &str, state: (&str, &str)) -> Result<()> {
    let (pointer, value) = state;
    let there = |order: &Value| order.pointer(pointer).is_some_and(|found| found == value);
    buyer.until_order(order, value, there).await?;
    seller.until_order(order, value, there).await?;
    Ok(())
}

fn events(order: &Value) -> Vec<String> {
    order["timeline"].as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}
