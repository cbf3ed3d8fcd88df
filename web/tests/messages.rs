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

#[tokio::test]
async fn a_message_is_forwarded_hidden_and_looked_at() {
    let harness = Harness::with_account().await;
    let (path, message) = said(&harness, "The recipe").await;
    let (_, other) = harness.post("/api/groups", &json!({ "name": "Kitchen" })).await;
    let chat = other["chat"].as_str().unwrap();
    let (status, _) = harness.post(&format!("{path}/forward"), &json!({ "chats": [chat] })).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (_, page) = harness.get(&format!("/api/chats/{chat}/messages")).await;
    assert_eq!((&page["messages"][0]["text"], &page["messages"][0]["forwarded"]), (&json!("The recipe"), &json!(true)));
    for (chats, status) in [
        (json!([]), StatusCode::UNPROCESSABLE_ENTITY),
        (json!(["room-x"]), StatusCode::NOT_FOUND),
        (json!([format!("direct-{}", hutong_protocol::AccountKey::from_seed(&[8; 32]).id())]), StatusCode::FORBIDDEN),
    ] {
        assert_eq!(harness.post(&format!("{path}/forward"), &json!({ "chats": chats })).await.0, status);
    }
    let (status, info) = harness.get(&path).await;
    assert_eq!((status, &info["message"]["id"], &info["read_at"]), (StatusCode::OK, &message["id"], &json!(null)));
    assert_eq!(harness.post(&format!("{path}/hide"), &json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(harness.get(&path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_chat_is_archived_marked_searched_and_keeps_its_draft() {
    let harness = Harness::with_account().await;
    let (path, message) = said(&harness, "Dumplings for @Tom").await;
    let chat = path.split("/messages/").next().unwrap();
    let (_, changed) = harness.send(Method::PATCH, chat, &json!({ "archived": true, "marked_unread": true })).await;
    assert_eq!((&changed["archived"], &changed["marked_unread"]), (&json!(true), &json!(true)));
    let (status, problem) = harness.send(Method::PATCH, chat, &json!({ "disappear_ms": 1000 })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("no_timer")));

    let draft = json!({ "text": "I thi", "reply_to": message["id"] });
    assert_eq!(harness.send(Method::PUT, &format!("{chat}/draft"), &draft).await.0, StatusCode::NO_CONTENT);
    assert_eq!(harness.get(chat).await.1["draft"], draft);
    let tom = hutong_protocol::AccountKey::from_seed(&[8; 32]).id().to_string();
    let order = json!({ "text": "I think @Tom knows", "mentions": [{ "account": tom, "name": "Tom" }] });
    let (_, sent) = harness.post(&format!("{chat}/messages"), &order).await;
    assert_eq!(sent["mentions"], order["mentions"]);
    assert_eq!(harness.get(chat).await.1["draft"], json!(null), "what is sent is no draft");

    let (_, found) = harness.get(&format!("{chat}/find?q=dumpl")).await;
    assert_eq!((found.as_array().unwrap().len(), &found[0]["id"]), (1, &message["id"]));
    assert_eq!(harness.get(&format!("{chat}/find?since=0")).await.1[0]["id"], message["id"]);
    assert_eq!(harness.get(&format!("{chat}/find?since=99999999999999")).await.1, json!([]));
}
