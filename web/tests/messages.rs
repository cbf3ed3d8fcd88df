//! What is done with messages, through the API.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Harness;

/// A group of one's own with a message in it: the message's path, and the message.
async fn said(harness: &Harness, text: &str) -> (String, Value) {
    let (_, group) = harness.post("/api/groups", &json!({ "name": "Strawberry lane" })).await;
    let path = format!("/api/chats/{}/messages", group["chat"].as_str().unwrap());
    let (status, message) = harness.post(&path, &json!({ "text": text })).await;
    assert_eq!(status, StatusCode::CREATED, "{message}");
    (format!("{path}/{}", message["id"].as_str().unwrap()), message)
}

#[tokio::test]
async fn reactions_are_put_and_taken_away() {
    let harness = Harness::with_account().await;
    let (path, message) = said(&harness, "Dumplings?").await;
    assert_eq!(
        (&message["reactions"], &message["edited_at"], &message["gone"]),
        (&json!([]), &json!(null), &json!(null))
    );
    let react = async |emoji: &str, on: bool| {
        harness.post(&format!("{path}/reactions"), &json!({ "emoji": emoji, "on": on })).await
    };
    react("👍", true).await;
    let (status, twice) = react("👍", true).await;
    let one = json!([{ "emoji": "👍", "count": 1, "mine": true, "names": [] }]);
    assert_eq!((status, &twice["reactions"]), (StatusCode::OK, &one), "twice is as good as once");
    assert_eq!(react("👍", false).await.1["reactions"], json!([]));
    for wrong in ["", "yes", "👍👍", "👍 "] {
        let (status, problem) = react(wrong, true).await;
        assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("not_emoji")), "{wrong:?}");
        assert_eq!(problem["field"], "emoji");
    }
    let chat = path.split("/messages/").next().unwrap();
    let nowhere = format!("{chat}/messages/{}/reactions", "a".repeat(52));
    assert_eq!(harness.post(&nowhere, &json!({ "emoji": "👍", "on": true })).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_message_is_edited_recalled_and_gone() {
    let harness = Harness::with_account().await;
    let (path, message) = said(&harness, "At seven").await;
    let (status, edited) = harness.send(Method::PATCH, &path, &json!({ "text": "At eight" })).await;
    assert_eq!((status, &edited["text"]), (StatusCode::OK, &json!("At eight")));
    assert!(edited["edited_at"].is_u64());
    let (status, problem) = harness.send(Method::PATCH, &path, &json!({ "text": " " })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("message_empty")));

    let chat = path.split("/messages/").next().unwrap();
    let answer = json!({ "text": "ok", "reply_to": message["id"] });
    harness.post(&format!("{chat}/messages"), &answer).await;
    let (status, gone) = harness.post(&format!("{path}/recall"), &json!({})).await;
    assert_eq!((status, &gone["gone"], &gone["text"]), (StatusCode::OK, &json!("recalled"), &json!("")));
    let (_, page) = harness.get(&format!("{chat}/messages")).await;
    assert_eq!(page["messages"][0]["gone"], "recalled");
    assert_eq!(
        (&page["messages"][1]["reply_to"]["gone"], &page["messages"][1]["reply_to"]["text"]),
        (&json!(true), &json!(""))
    );
    assert!(!page.to_string().contains("seven") && !page.to_string().contains("eight"));
    let (status, problem) = harness.send(Method::PATCH, &path, &json!({ "text": "again" })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("message_gone")));
}

#[tokio::test]
async fn a_message_is_deleted_for_everyone() {
    let harness = Harness::with_account().await;
    let (path, _) = said(&harness, "Never said").await;
    let (status, gone) = harness.send(Method::DELETE, &path, &json!({})).await;
    assert_eq!((status, &gone["gone"]), (StatusCode::OK, &json!("deleted")));
    let (_, chats) = harness.get("/api/chats").await;
    assert_eq!((&chats[0]["last"]["gone"], &chats[0]["last"]["text"]), (&json!("deleted"), &json!("")));
}
