//! Two buyers at the same moment.

use anyhow::Result;
use hutong_tests::{Person, Shop};
use serde_json::{Value, json};

#[tokio::test]
async fn the_last_piece_is_sold_once_and_the_other_buyer_hears_why() -> Result<()> {
    let (mut mei, mut tom, shop) =
        tokio::try_join!(Person::new("Mei"), Person::new("Tom"), Shop::open("Lan's Garden"))?;
    shop.known_to(&mut mei).await?;
    shop.known_to(&mut tom).await?;
    let listing = shop.listing("Blue teapot").await?;
    let (a, b) = tokio::try_join!(
        mei.order(&shop, (&listing, "POT-1"), json!({ "auto_accept": true })),
        tom.order(&shop, (&listing, "POT-1"), json!({ "auto_accept": true })),
    )?;
    let settled = |order: &Value| order["state"] == "accepted" || order["state"] == "declined";
    let a = mei.until_order(&a, "it is settled", settled).await?;
    let b = tom.until_order(&b, "it is settled", settled).await?;
    let (won, lost) = if a["state"] == "accepted" { (&a, &b) } else { (&b, &a) };
    assert_eq!((&won["state"], &lost["state"]), (&json!("accepted"), &json!("declined")), "{a:#} {b:#}");
    let declined = lost["timeline"].as_array().unwrap().iter().find(|event| event["kind"] == "declined").unwrap();
    assert!(declined["note"].as_str().is_some_and(|note| !note.is_empty()), "it says why: {declined:#}");
    assert_eq!(lost["money_with"], lost["role"], "nothing is owed");
    let stock = shop.owner.api().get(&format!("/api/store/listings/{listing}")).await?;
    assert_eq!(stock["variants"][0]["stock"], 0, "{stock:#}");
    Ok(())
}
