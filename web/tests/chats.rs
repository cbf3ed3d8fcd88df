//! Groups and conversations through the API.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Harness, answer};

async fn group(harness: &Harness) -> (String, String) {
    let (status, group) = harness.post("/api/groups", &json!({ "name": "Strawberry lane", "about": "Fresh" })).await;
    assert_eq!(status, StatusCode::CREATED, "{group}");
    assert_eq!((&group["mine"], &group["joined"], &group["member_count"]), (&json!(true), &json!(true), &json!(1)));
    assert_eq!(group["members"][0]["name"], "Mei");
    (group["group"].as_str().unwrap().to_owned(), group["chat"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn messages_are_paged_in_order_without_gaps() {
    let harness = Harness::with_account().await;
    let (_, chat) = group(&harness).await;
    let path = format!("/api/chats/{chat}/messages");
    for number in 0..7 {
        let (status, message) = harness.post(&path, &json!({ "text": format!("number {number}") })).await;
        assert_eq!(status, StatusCode::CREATED);
        assert_eq!((&message["mine"], &message["state"]), (&json!(true), &json!("queued")));
        assert_eq!(message["waiting_for"], "members", "nobody else is in the group yet");
    }
    let mut texts = Vec::new();
    let mut cursor = String::new();
    loop {
        let (_, page) = harness.get(&format!("{path}?limit=3{cursor}")).await;
        let messages = page["messages"].as_array().unwrap();
        let page_texts = messages.iter().map(|message| message["text"].as_str().unwrap().to_owned());
        texts.splice(0..0, page_texts);
        match page["before"].as_str() {
            Some(before) => cursor = format!("&before={before}"),
            None => break,
        }
    }
    assert_eq!(texts, (0..7).map(|number| format!("number {number}")).collect::<Vec<_>>());
    assert_eq!(harness.get(&format!("{path}?before=nonsense")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_message_answers_another_and_carries_a_card() {
    let harness = Harness::with_account().await;
    let (id, chat) = group(&harness).await;
    let path = format!("/api/chats/{chat}/messages");
    let (_, first) = harness.post(&path, &json!({ "text": "Who has ladders?" })).await;
    let order = json!({ "text": "", "reply_to": first["id"], "card": { "kind": "group", "group": id } });
    let (status, second) = harness.post(&path, &order).await;
    assert_eq!(status, StatusCode::CREATED, "{second}");
    assert_eq!(second["reply_to"]["text"], "Who has ladders?");
    assert_eq!((&second["card"]["kind"], &second["card"]["name"]), (&json!("group"), &json!("Strawberry lane")));

    for (order, status) in [
        (json!({ "text": "  " }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "text": "x".repeat(16 * 1024) }), StatusCode::CREATED),
        (json!({ "text": "x".repeat(16 * 1024 + 1) }), StatusCode::UNPROCESSABLE_ENTITY),
        (json!({ "text": "x", "reply_to": "a".repeat(52) }), StatusCode::NOT_FOUND),
        (
            json!({ "text": "x", "card": { "kind": "listing", "store": "a".repeat(52), "listing": "l" } }),
            StatusCode::NOT_FOUND,
        ),
        (json!({ "text": "x", "card": { "kind": "weapon" } }), StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        assert_eq!(harness.post(&path, &order).await.0, status);
    }
}

#[tokio::test]
async fn conversations_are_listed_muted_and_pinned() {
    let harness = Harness::with_account().await;
    let (_, chat) = group(&harness).await;
    let path = format!("/api/chats/{chat}");
    let (_, list) = harness.get("/api/chats").await;
    assert_eq!((&list[0]["title"], &list[0]["kind"]), (&json!("Strawberry lane"), &json!("group")));
    let (_, changed) = harness.send(Method::PATCH, &path, &json!({ "pinned": true })).await;
    assert_eq!((&changed["pinned"], &changed["muted"]), (&json!(true), &json!(false)));
    assert_eq!(harness.get("/api/chats/direct-nobody").await.0, StatusCode::NOT_FOUND);

    let stranger = hutong_protocol::AccountKey::from_seed(&[8; 32]).id();
    let (_, direct) = harness.get(&format!("/api/chats/direct-{stranger}")).await;
    assert_eq!((&direct["can_write"], &direct["why_not"]), (&json!(false), &json!("not_contact")));
    let refused = harness.post(&format!("/api/chats/direct-{stranger}/messages"), &json!({ "text": "Hi" })).await;
    assert_eq!(refused.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_group_is_changed_by_its_founder_and_left() {
    let harness = Harness::with_account().await;
    let (id, chat) = group(&harness).await;
    let path = format!("/api/groups/{id}");
    let (status, changed) = harness.send(Method::PATCH, &path, &json!({ "name": "Raspberry lane" })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&changed["name"], &changed["about"]), (&json!("Raspberry lane"), &json!("Fresh")));
    assert_eq!(harness.post(&format!("{path}/leave"), &json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(harness.get("/api/groups").await.1, json!([]));
    let refused = harness.post(&format!("/api/chats/{chat}/messages"), &json!({ "text": "Hi" })).await;
    assert_eq!((refused.0, &refused.1["code"]), (StatusCode::FORBIDDEN, &json!("cannot_write")));

    let (status, joined) = harness.post("/api/groups/join", &json!({ "uri": changed["uri"] })).await;
    assert_eq!((status, &joined["joined"]), (StatusCode::OK, &json!(true)));
    let person = format!("hutong:contact/{}", hutong_protocol::AccountId([7; 32]));
    let (status, problem) = harness.post("/api/groups/join", &json!({ "uri": person })).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("uri")));
    let other = harness.send(Method::PATCH, &format!("/api/groups/{}", "a".repeat(52)), &json!({ "name": "x" })).await;
    assert_eq!(other.0, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_message_sent_again_with_its_key_is_there_once() {
    let harness = Harness::with_account().await;
    let (_, chat) = group(&harness).await;
    let path = format!("/api/chats/{chat}/messages");
    let send = async |key: &str| {
        let request = harness.request(Method::POST, &path).header("Idempotency-Key", key);
        answer(request.json(&json!({ "text": "Once" })).send().await.unwrap()).await
    };
    let (status, first) = send("6a1f").await;
    assert_eq!(status, StatusCode::CREATED, "{first}");
    let (_, again) = send("6a1f").await;
    assert_eq!(again["id"], first["id"], "the first answer was lost; the message was not");
    let (_, other) = send("77b0").await;
    assert_ne!(other["id"], first["id"], "the same words said twice on purpose");
    let (_, page) = harness.get(&path).await;
    assert_eq!(page["messages"].as_array().unwrap().len(), 2);
    let refused = send(&"k".repeat(65)).await;
    assert_eq!((refused.0, &refused.1["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("Idempotency-Key")));
}
