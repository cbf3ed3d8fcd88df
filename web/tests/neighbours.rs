//! Two real nodes over loopback, each through its own API.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    events::{Socket, event, open},
    support::Harness,
};

pub(crate) async fn named(name: &str) -> (Harness, String, Socket) {
    with_name(Harness::start().await, name).await
}

/// A node with an account of this name, and what it tells.
pub(crate) async fn with_name(harness: Harness, name: &str) -> (Harness, String, Socket) {
    let (status, created) = harness.post("/api/account", &json!({ "name": name })).await;
    assert_eq!(status, StatusCode::CREATED);
    let bearer = format!("Bearer {}", harness.bearer);
    let socket = open(&harness, &[("authorization", bearer)]).await.unwrap();
    (harness, created["account"]["account"].as_str().unwrap().to_owned(), socket)
}

/// Makes two nodes contacts of each other.
pub(crate) async fn befriend(
    (mei, mei_hears): (&Harness, &mut Socket),
    (tom, tom_id, tom_hears): (&Harness, &str, &mut Socket),
) {
    let invite = mei.get("/api/account").await.1["invite"].clone();
    tom.post("/api/contacts", &json!({ "uri": invite, "text": "It's Tom" })).await;
    event_where(mei_hears, "contact", |event| event["contact"]["state"] == "incoming").await;
    mei.post(&format!("/api/contacts/{tom_id}/accept"), &json!({})).await;
    event_where(tom_hears, "contact", |event| event["contact"]["state"] == "accepted").await;
}

/// The next event of this type that fits.
pub(crate) async fn event_where(socket: &mut Socket, kind: &str, fits: impl Fn(&Value) -> bool) -> Value {
    loop {
        let heard = event(socket, kind).await;
        if fits(&heard) {
            return heard;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbours_meet_by_a_link_and_see_how_far_a_message_came() {
    let (mei, mei_id, mut mei_hears) = named("Mei").await;
    let (tom, tom_id, mut tom_hears) = named("Tom").await;

    let invite = mei.get("/api/account").await.1["invite"].clone();
    let (status, asked) = tom.post("/api/contacts", &json!({ "uri": invite, "text": "It's Tom" })).await;
    assert_eq!((status, &asked["state"]), (StatusCode::OK, &json!("outgoing")));
    let request = event_where(&mut mei_hears, "contact", |event| event["contact"]["state"] == "incoming").await;
    assert_eq!((&request["contact"]["name"], &request["contact"]["text"]), (&json!("Tom"), &json!("It's Tom")));
    mei.post(&format!("/api/contacts/{tom_id}/accept"), &json!({})).await;
    event_where(&mut tom_hears, "contact", |event| event["contact"]["state"] == "accepted").await;

    let chat = format!("/api/chats/direct-{mei_id}/messages");
    let (status, sent) = tom.post(&chat, &json!({ "text": "草莓到了" })).await;
    assert_eq!(status, StatusCode::CREATED);
    let heard = event(&mut mei_hears, "message").await;
    assert_eq!((&heard["message"]["text"], &heard["message"]["state"]), (&json!("草莓到了"), &json!("received")));
    event_where(&mut tom_hears, "message_state", |event| event["state"] == "delivered").await;

    let read = json!({ "up_to": heard["message"]["id"] });
    let path = format!("/api/chats/direct-{tom_id}/read");
    assert_eq!(mei.post(&path, &read).await.0, StatusCode::NO_CONTENT);
    let state = event_where(&mut tom_hears, "message_state", |event| event["state"] == "read").await;
    assert_eq!(state["ids"], json!([sent["id"]]));
    assert_eq!(tom.get(&chat).await.1["messages"][0]["state"], "read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_that_is_not_here_comes_from_a_neighbour() {
    let (mei, _, _mei_hears) = named("Mei").await;
    let (tom, _, mut tom_hears) = named("Tom").await;
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x08\0\0\0\x08".to_vec();
    let upload = mei.request(Method::POST, "/api/blobs").header("content-type", "image/png").body(picture.clone());
    let (_, blob) = crate::support::answer(upload.send().await.unwrap()).await;

    let invite = mei.get("/api/account").await.1["invite"].clone();
    tom.post("/api/contacts", &json!({ "uri": invite })).await;
    // Not as "here": that is shared by choice only.
    event_where(&mut tom_hears, "network", |event| event["peers"] == 1).await;
    let path = format!("/api/blobs/{}", blob["hash"].as_str().unwrap());
    let response = tom.request(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.bytes().await.unwrap(), picture);
    event(&mut tom_hears, "blob").await;

    let (_, network) = tom.get("/api/network").await;
    let peer = &network["peers"][0];
    assert_eq!((&peer["name"], &peer["direction"]), (&json!("Mei"), &json!("out")));
    assert_eq!(tom.post("/api/network/dial", &json!({ "address": "nowhere" })).await.0.as_u16(), 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_shares_it_is_seen_and_seen_writing() {
    let ((mei, mei_id, mut mei_hears), (tom, tom_id, mut tom_hears)) = (named("Mei").await, named("Tom").await);
    befriend((&mei, &mut mei_hears), (&tom, &tom_id, &mut tom_hears)).await;
    let contact = format!("/api/contacts/{mei_id}");
    let seen = tom.get(&contact).await.1;
    assert_eq!((&seen["online"], &seen["last_seen"]), (&json!(false), &json!(null)), "off unless both choose it");
    for node in [&mei, &tom] {
        let mut settings = node.get("/api/settings").await.1;
        assert_eq!(settings["share_presence"], json!(false));
        settings["share_presence"] = json!(true);
        assert_eq!(node.send(Method::PUT, "/api/settings", &settings).await.0, StatusCode::OK);
    }
    event_where(&mut tom_hears, "presence", |event| event["account"] == mei_id.as_str() && event["online"] == true)
        .await;
    assert_eq!(tom.get(&contact).await.1["online"], json!(true));
    let chat = format!("/api/chats/direct-{tom_id}/typing");
    assert_eq!(mei.post(&chat, &json!({})).await.0, StatusCode::NO_CONTENT);
    let typing = event(&mut tom_hears, "typing").await;
    assert_eq!((&typing["account"], &typing["chat"]), (&json!(mei_id), &json!(format!("direct-{mei_id}"))));
    assert_eq!(mei.post("/api/chats/nonsense/typing", &json!({})).await.0, StatusCode::NOT_FOUND);
    let mut settings = mei.get("/api/settings").await.1;
    settings["share_presence"] = json!(false);
    mei.send(Method::PUT, "/api/settings", &settings).await;
    event_where(&mut tom_hears, "presence", |event| event["account"] == mei_id.as_str() && event["online"] == false)
        .await;
}
