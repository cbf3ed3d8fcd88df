//! Two people and their conversation.

use anyhow::Result;
use hutong_tests::{Options, Person, befriend};
use reqwest::Method;
use serde_json::json;

#[tokio::test]
async fn two_people_become_contacts_and_talk_live_with_true_states() -> Result<()> {
    let (mut mei, mut tom) = tokio::try_join!(Person::new("Mei"), Person::new("Tom"))?;
    befriend(&mut mei, &mut tom).await?;
    let (to_tom, to_mei) = (mei.chat_with(&tom), tom.chat_with(&mei));

    let mut heard = tom.node.live().await?;
    let first = mei.say(&to_tom, "Are the tomatoes in yet?").await?;
    assert!(["queued", "sent", "delivered"].contains(&first["state"].as_str().unwrap()), "{first:#}");
    let event = heard.until("the message", |event| event["type"] == "message").await?;
    assert_eq!(event["message"]["text"], "Are the tomatoes in yet?");
    assert_eq!(event["message"]["state"], "received");
    assert_eq!(event["message"]["author"]["account"], mei.account);
    assert_eq!(event["message"]["chat"], to_mei);

    // Delivered, and not "read" before anybody has read it.
    mei.until_state(&to_tom, &first, "delivered").await?;
    let unread = tom.api().get(&format!("/api/chats/{to_mei}")).await?;
    assert_eq!(unread["unread"], 1, "{unread:#}");
    tom.read_all(&to_mei).await?;
    mei.until_state(&to_tom, &first, "read").await?;
    assert_eq!(tom.api().get(&format!("/api/chats/{to_mei}")).await?["unread"], 0);

    // Both ways, in order, with a reply.
    let id = first["id"].clone();
    tom.api()
        .post(&format!("/api/chats/{to_mei}/messages"), json!({ "text": "来了，很新鲜！", "reply_to": id }))
        .await?;
    for words in ["Good", "I'll come over"] {
        mei.until("the last is here", &format!("/api/chats/{to_tom}"), |_| true).await?;
        mei.say(&to_tom, words).await?;
    }
    let all = ["Are the tomatoes in yet?", "来了，很新鲜！", "Good", "I'll come over"];
    tom.until("all messages are here", &format!("/api/chats/{to_mei}/messages"), |page| {
        page["messages"].as_array().is_some_and(|messages| messages.len() == all.len())
    })
    .await?;
    mei.until("the answer is here", &format!("/api/chats/{to_tom}/messages"), |page| {
        page["messages"].as_array().is_some_and(|messages| messages.len() == all.len())
    })
    .await?;
    assert_eq!(mei.texts(&to_tom).await?, tom.texts(&to_mei).await?, "both see the same order");
    Ok(())
}

#[tokio::test]
async fn what_is_written_while_a_node_is_down_arrives_once_and_in_order() -> Result<()> {
    // Both are down at the same time.
    let options = || Options { same_ports: true, ..Options::default() };
    let (mut mei, mut tom) = tokio::try_join!(Person::with("Mei", options()), Person::with("Tom", options()))?;
    befriend(&mut mei, &mut tom).await?;
    let (to_tom, to_mei) = (mei.chat_with(&tom), tom.chat_with(&mei));
    mei.say(&to_tom, "before").await?;
    tom.until_texts(&to_mei, &["before"]).await?;

    tom.node.stop().await?;
    let mut written = vec!["before".to_owned()];
    let mut last = json!(null);
    for number in 1..=10 {
        let words = format!("while you were away {number}");
        last = mei.say(&to_tom, &words).await?;
        written.push(words);
    }
    mei.until_state(&to_tom, &last, "queued").await?;
    let page = mei.api().get(&format!("/api/chats/{to_tom}/messages")).await?;
    let queued = page["messages"].as_array().unwrap().last().unwrap().clone();
    assert!(queued["waiting_for"].is_string(), "it says what it waits for: {queued:#}");

    // The writer's node falls over too: the queue is on disk.
    mei.crash_and_restart().await?;
    tom.restart().await?;
    let expected: Vec<&str> = written.iter().map(String::as_str).collect();
    tom.until_texts(&to_mei, &expected).await?;
    mei.until_state(&to_tom, &last, "delivered").await?;
    assert_eq!(tom.texts(&to_mei).await?, written, "nothing twice after the receipts");
    let outbox = mei.until("the outbox is empty", "/api/network", |network| network["outbox"]["queued"] == 0).await?;
    assert!(outbox["outbox"]["oldest_at"].is_null());
    Ok(())
}

#[tokio::test]
async fn a_stranger_cannot_write_and_a_blocked_contact_no_longer() -> Result<()> {
    let (mut mei, mut tom) = tokio::try_join!(Person::new("Mei"), Person::new("Tom"))?;
    let to_tom = mei.chat_with(&tom);
    let refused = mei
        .api()
        .refused(Method::POST, &format!("/api/chats/{to_tom}/messages"), Some(json!({ "text": "psst" })))
        .await?;
    assert!((400..500).contains(&refused.status), "{refused}");
    assert!(!refused.message.is_empty());

    befriend(&mut mei, &mut tom).await?;
    tom.api().patch(&format!("/api/contacts/{}", mei.account), json!({ "blocked": true })).await?;
    mei.say(&to_tom, "can you hear me?").await?;
    // A later message by another way proves that the first had its chance: Tom's own still goes out.
    let third = Person::new("Lan").await;
    let mut lan = third?;
    befriend(&mut lan, &mut tom).await?;
    lan.say(&lan.chat_with(&tom), "hello").await?;
    tom.until_texts(&tom.chat_with(&lan), &["hello"]).await?;
    let heard = tom.texts(&tom.chat_with(&mei)).await.unwrap_or_default();
    assert!(!heard.contains(&"can you hear me?".to_owned()), "{heard:?}");
    Ok(())
}
