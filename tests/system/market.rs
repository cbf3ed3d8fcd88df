//! Catalogue, cards, listings.

use anyhow::Result;
use hutong_tests::{CATALOGUE, Person, Shop, picture};
use serde_json::json;

#[tokio::test]
async fn a_posted_card_leads_to_the_listing_and_its_picture_on_another_node() -> Result<()> {
    let (mut mei, shop) = tokio::try_join!(Person::new("Mei"), Shop::open("Lan's Garden"))?;
    let (_, uri) = mei.make_group("Lane 7").await?;
    let chat = shop.owner.join(&uri).await?;
    let listing = shop.listing("Cherry tomatoes").await?;
    let card = json!({ "kind": "listing", "store": shop.id(), "listing": listing });
    let body = json!({ "text": "Fresh this morning 今早新摘", "card": card });
    shop.owner.api().post(&format!("/api/chats/{chat}/messages"), body).await?;

    let page = mei
        .until("the card is here", &format!("/api/chats/{chat}/messages"), |page| {
            page["messages"].as_array().is_some_and(|all| all.iter().any(|one| one["card"]["kind"] == "listing"))
        })
        .await?;
    let card = page["messages"].as_array().unwrap().iter().find(|one| !one["card"].is_null()).unwrap()["card"].clone();
    assert_eq!(card["title"], "Cherry tomatoes 樱桃番茄");

    // Nobody followed the store: the card is enough to see what it shows.
    let path = format!("/api/stores/{}/listings/{listing}", shop.id());
    let seen = mei
        .until("the listing is here with its picture", &path, |seen| {
            seen["variants"].as_array().is_some_and(|variants| variants.len() == 2)
                && seen["images"][0]["hash"].is_string()
        })
        .await?;
    assert_eq!(seen["price_min"]["minor"], 1280);
    assert_eq!(seen["price_min"]["currency"], "CNY");
    assert_eq!(seen["store"]["name"], "Lan's Garden");
    assert_eq!(seen["shipping"][0]["id"], "home");
    assert_eq!(seen["pickup"][0]["id"], "lane");
    assert_eq!(seen["returns"]["days"], 7);
    let stock: Vec<_> = seen["variants"].as_array().unwrap().iter().map(|one| one["stock"].as_u64()).collect();
    assert_eq!(stock, [Some(20), Some(0)]);
    let hash = seen["images"][0]["hash"].as_str().unwrap();
    assert_eq!(mei.api().blob(hash).await?, picture("cherry-tomatoes.jpg"), "the very bytes, fetched from the shop");
    Ok(())
}

#[tokio::test]
async fn the_catalogue_stays_readable_when_the_store_is_offline() -> Result<()> {
    let (mut mei, mut shop) = tokio::try_join!(Person::new("Mei"), Shop::open("Lan's Garden"))?;
    shop.known_to(&mut mei).await?;
    let listing = shop.listing("Jasmine tea").await?;
    shop.owner.node.kill().await?;
    let path = format!("/api/stores/{}/listings/{listing}", shop.id());
    let seen = mei.until("the store counts as offline", &path, |seen| seen["store_online"] == false).await?;
    assert_eq!(seen["title"], "Jasmine tea 茉莉花茶");
    assert!(seen["store_last_seen"].is_number(), "{seen:#}");
    Ok(())
}

#[tokio::test]
async fn a_broken_catalogue_is_refused_row_by_row_and_changes_nothing() -> Result<()> {
    let shop = Shop::open("Lan's Garden").await?;
    let before = shop.owner.api().get("/api/store/listings?limit=100").await?;
    let broken = CATALOGUE
        .replace(",12.80,", ",twelve,") // row 2
        .replace("jasmine-tea.jpg,1", "../../etc/passwd,1"); // row 6
    let report = shop.owner.api().import(broken.into_bytes(), Vec::new(), false).await?;
    assert_eq!(report["applied"], false, "{report:#}");
    let errors = report["errors"].as_array().unwrap();
    let rows: Vec<u64> = errors.iter().filter_map(|error| error["row"].as_u64()).collect();
    assert!(rows.contains(&2) && rows.contains(&6), "{report:#}");
    assert!(errors.iter().all(|error| error["message"].as_str().is_some_and(|message| !message.is_empty())));

    // It says that it is UTF-8, and is not.
    let mut damaged = b"\xEF\xBB\xBF".to_vec();
    damaged.extend(CATALOGUE.bytes().map(|byte| if byte.is_ascii() { byte } else { 0xFF }));
    let report = shop.owner.api().import(damaged, Vec::new(), false).await?;
    assert_eq!(report["applied"], false);
    assert!(!report["errors"].as_array().unwrap().is_empty(), "{report:#}");
    assert_eq!(shop.owner.api().get("/api/store/listings?limit=100").await?, before);

    // What is there already is found by its handle and stays as it is; a dry run writes nothing.
    let again = shop.owner.api().import(CATALOGUE.as_bytes().to_vec(), Vec::new(), true).await?;
    assert_eq!((&again["dry_run"], &again["applied"], &again["created"]), (&json!(true), &json!(false), &json!(0)));
    Ok(())
}

#[tokio::test]
async fn what_is_exported_imports_again_unchanged() -> Result<()> {
    let shop = Shop::open("Lan's Garden").await?;
    let api = shop.owner.api();
    let response = api.http().get(api.url("/api/store/export")).bearer_auth(api.token()).send().await?;
    assert_eq!(response.status(), 200);
    let csv = response.bytes().await?.to_vec();
    let report = api.import(csv, Vec::new(), false).await?;
    assert_eq!(report["errors"], json!([]), "{report:#}");
    assert_eq!((&report["created"], &report["updated"], &report["unchanged"]), (&json!(0), &json!(0), &json!(6)));
    Ok(())
}
