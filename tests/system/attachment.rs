//! Files between two real processes, cut in the middle.

use std::fs;

use anyhow::{Result, ensure};
use hutong_tests::{Person, befriend};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use serde_json::{Value, json};

/// Larger than what comes by itself, and long enough on its way to be cut.
const BYTES: usize = 20 << 20;

/// Bytes that do not repeat.
fn content() -> Vec<u8> {
    let mut state = 1u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()
    };
    (0..BYTES / 8).flat_map(next).collect()
}

/// The file of the newest message.
fn file(page: &Value) -> &Value {
    &page["messages"].as_array().and_then(|all| all.last()).unwrap_or(&Value::Null)["attachments"][0]
}

#[tokio::test]
async fn a_file_of_20_mib_arrives_whole_though_its_receiver_is_killed_in_the_middle() -> Result<()> {
    let (mut mei, mut tom) = tokio::try_join!(Person::new("Mei"), Person::new("Tom"))?;
    befriend(&mut tom, &mut mei).await?;
    let bytes = content();
    let url = mei.api().url("/api/attachments?name=film.bin");
    let request = mei.api().http().post(url).header(AUTHORIZATION, format!("Bearer {}", mei.api().token()));
    let upload: Value =
        request.header(CONTENT_TYPE, "application/octet-stream").body(bytes.clone()).send().await?.json().await?;
    let send = json!({ "text": "the film", "attachments": [{ "upload": upload["upload"] }] });
    mei.api().post(&format!("/api/chats/{}/messages", mei.chat_with(&tom)), send).await?;

    let path = format!("/api/chats/{}/messages", tom.chat_with(&mei));
    let page = tom.until("the message is there", &path, |page| file(page)["name"] == "film.bin").await?;
    assert_eq!(file(&page)["state"], "absent", "too large to come by itself");
    let url = file(&page)["url"].as_str().unwrap().to_owned();
    tom.api().post(&format!("{url}/fetch"), json!({})).await?;
    tom.until("a part of it is here", &path, |page| file(page)["received"].as_u64() > Some(0)).await?;
    tom.node.kill().await?;

    // It was cut: what came is kept under another name until the rest is here.
    let blobs = tom.node.data_dir().join("blobs");
    let cut = fs::read_dir(blobs.join("partial"))?.count();
    ensure!(cut > 0, "the transfer was over before it could be cut");
    tom.restart().await?;
    // Nobody asks again: the node goes on by itself.
    tom.until("all of it is here", &path, |page| file(page)["state"] == "here").await?;
    ensure!(fs::read_dir(blobs.join("partial"))?.count() == 0, "something was left over");
    let url = tom.api().url(&url);
    let request = tom.api().http().get(url).header(AUTHORIZATION, format!("Bearer {}", tom.api().token()));
    ensure!(request.send().await?.error_for_status()?.bytes().await? == bytes, "other bytes came than were sent");
    Ok(())
}
