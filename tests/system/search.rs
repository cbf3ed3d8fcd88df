//! One search box over everything a node knows.

use anyhow::Result;
use hutong_tests::{Person, Shop, befriend};
use serde_json::Value;

#[tokio::test]
async fn goods_stores_people_groups_and_messages_are_found_in_english_and_chinese() -> Result<()> {
    let (mut mei, mut tom, shop) =
        tokio::try_join!(Person::new("Mei"), Person::new("Tom Whitaker 汤姆"), Shop::open("Lan's Garden 兰的菜园"))?;
    befriend(&mut mei, &mut tom).await?;
    shop.known_to(&mut mei).await?;
    let (_, uri) = mei.make_group("Courtyard market 院子市场").await?;
    let chat = tom.join(&uri).await?;
    tom.say(&chat, "Who can lend me a bicycle pump? 谁有打气筒？").await?;
    mei.until_texts(&chat, &["Who can lend me a bicycle pump? 谁有打气筒？"]).await?;
    // (as typed so far, kind, what must be among the hits)
    for (typed, kind, wanted) in [
        ("toma", "listing", "Cherry tomatoes"),
        ("番茄", "listing", "樱桃番茄"),
        ("茉莉", "listing", "Jasmine tea"),
        ("jasm", "listing", "茉莉花茶"),
        ("garden", "store", "Lan's Garden"),
        ("菜园", "store", "Lan's Garden"),
        ("whit", "person", "Tom Whitaker"),
        ("汤姆", "person", "Tom Whitaker"),
        ("courty", "group", "Courtyard market"),
        ("院子", "group", "Courtyard market"),
        ("bicycle", "message", "bicycle pump"),
        ("打气筒", "message", "bicycle pump"),
    ] {
        let path = format!("/api/search?q={}&limit=8", encode(typed));
        mei.until(&format!("{typed} finds a {kind}"), &path, |found| {
            let section = found["sections"].as_array().into_iter().flatten().find(|section| section["kind"] == kind);
            let hits = section.and_then(|section| section["hits"].as_array()).into_iter().flatten();
            hits.into_iter().any(|hit| shows(hit, wanted))
        })
        .await?;
    }
    let nothing = mei.api().get("/api/search?q=zzqqxx&limit=8").await?;
    assert!(nothing["sections"].as_array().unwrap().iter().all(|section| section["total"] == 0), "{nothing:#}");

    // What was found stays found after a crash.
    mei.crash_and_restart().await?;
    let path = format!("/api/search?q={}&limit=8", encode("打气筒"));
    mei.until("it is still found", &path, |found| found["sections"].to_string().contains("bicycle pump")).await?;
    Ok(())
}

/// The snippet marks what was found; a person sees the words.
fn shows(hit: &Value, wanted: &str) -> bool {
    ["title", "snippet"].iter().any(|member| hit[member].as_str().is_some_and(|text| text.contains(wanted)))
}

fn encode(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
