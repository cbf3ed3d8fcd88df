//! Groups through the API: every route, with what it refuses.

use hutong_protocol::AccountKey;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Harness;

/// Somebody whom the node knows nothing of.
fn stranger() -> String {
    AccountKey::from_seed(&[8; 32]).id().to_string()
}

/// A group that this node owns, and its path.
async fn founded(harness: &Harness, order: Value) -> (String, Value) {
    let (status, group) = harness.post("/api/groups", &order).await;
    assert_eq!(status, StatusCode::CREATED, "{group}");
    (format!("/api/groups/{}", group["group"].as_str().unwrap()), group)
}

async fn refused(harness: &Harness, method: Method, path: &str, body: Value) -> (u16, String) {
    let (status, problem) = harness.send(method, path, &body).await;
    (status.as_u16(), problem["code"].as_str().unwrap_or_default().to_owned())
}

fn is(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

#[tokio::test]
async fn a_private_group_is_founded_described_and_set() {
    let harness = Harness::with_account().await;
    let (path, group) = founded(&harness, json!({ "name": "Family", "private": true })).await;
    assert_eq!(
        (&group["private"], &group["joined"], &group["mine"], &group["my_role"], &group["may_invite"]),
        (&json!(true), &json!(true), &json!(true), &json!("owner"), &json!(true))
    );
    assert_eq!((&group["asked_at"], &group["out"], &group["requests"]), (&json!(null), &json!(null), &json!(0)));
    assert_eq!((&group["members"][0]["role"], &group["members"][0]["name"]), (&json!("owner"), &json!("Mei")));
    let settings = json!({
        "door": "ask", "members_invite": true, "history": true, "slow_seconds": 30, "questions": ["Which house?"]
    });
    let (status, changed) = harness.send(Method::PATCH, &path, &json!({ "about": "Us", "settings": settings })).await;
    assert_eq!((status, &changed["settings"], &changed["about"]), (StatusCode::OK, &settings, &json!("Us")));
    let mut slow = settings.clone();
    slow["slow_seconds"] = json!(86_401);
    let mut many = settings.clone();
    many["questions"] = json!(["1", "2", "3", "4", "5", "6"]);
    for wrong in [slow, many] {
        assert_eq!(refused(&harness, Method::PATCH, &path, json!({ "settings": wrong })).await, is(422, "invalid"));
    }
    let nobody = json!({ "name": "F", "private": true, "members": [stranger()] });
    assert_eq!(refused(&harness, Method::POST, "/api/groups", nobody).await, is(422, "not_contact"));
    let public = json!({ "name": "F", "members": [stranger()] });
    assert_eq!(refused(&harness, Method::POST, "/api/groups", public).await, is(422, "invalid"));
    assert_eq!(harness.get("/api/groups").await.1.as_array().unwrap().len(), 1, "what is refused leaves nothing");
}

#[tokio::test]
async fn an_invitation_is_made_shown_and_revoked() {
    let harness = Harness::with_account().await;
    let (path, group) = founded(&harness, json!({ "name": "Family", "private": true })).await;
    let invitations = format!("{path}/invitations");
    let (status, made) = harness.post(&invitations, &json!({ "days": 2 })).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let days = made["until"].as_u64().unwrap() - made["created_at"].as_u64().unwrap();
    assert_eq!((days, &made["account"]), (2 * 24 * 60 * 60 * 1_000, &json!(null)));
    assert_eq!(harness.get(&invitations).await.1, json!([made]));
    let (_, preview) = harness.post("/api/links", &json!({ "uri": made["uri"] })).await;
    assert_eq!((&preview["group"]["invitation"], &preview["group"]["private"]), (&json!(true), &json!(true)));
    assert_eq!(preview["group"]["host"]["name"], "Mei");
    let (_, bare) = harness.post("/api/links", &json!({ "uri": group["uri"] })).await;
    assert_eq!(bare["group"]["invitation"], false);
    for days in [0, 366] {
        assert_eq!(refused(&harness, Method::POST, &invitations, json!({ "days": days })).await, is(422, "invalid"));
    }
    let ticket = format!("{invitations}/{}", made["ticket"].as_str().unwrap());
    assert_eq!(harness.send(Method::DELETE, &ticket, &json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(refused(&harness, Method::DELETE, &ticket, json!({})).await, is(404, "not_found"));
    assert_eq!(harness.get(&invitations).await.1, json!([]));
}

#[tokio::test]
async fn members_are_listed_let_in_put_out_and_muted() {
    let harness = Harness::with_account().await;
    let (path, group) = founded(&harness, json!({ "name": "Lane" })).await;
    let (status, page) = harness.get(&format!("{path}/members?limit=1")).await;
    assert_eq!((status, &page["after"], &page["members"][0]["name"]), (StatusCode::OK, &json!(null), &json!("Mei")));
    assert_eq!(harness.get(&format!("{path}/members?q=nobody")).await.1["members"], json!([]));
    assert_eq!(harness.get(&format!("{path}/members?q=mE")).await.1["members"].as_array().unwrap().len(), 1);
    let add = json!({ "accounts": [stranger()] });
    let members = format!("{path}/members");
    assert_eq!(refused(&harness, Method::POST, &members, add.clone()).await, is(409, "group_open"));
    assert_eq!(refused(&harness, Method::POST, &members, json!({ "accounts": [] })).await, is(422, "invalid"));
    let (private, _) = founded(&harness, json!({ "name": "Family", "private": true })).await;
    assert_eq!(refused(&harness, Method::POST, &format!("{private}/members"), add).await, is(422, "not_contact"));

    let (me, them) = (group["owner"].as_str().unwrap(), stranger());
    assert_eq!(refused(&harness, Method::DELETE, &format!("{members}/{me}"), json!({})).await, is(409, "self"));
    let theirs = format!("{members}/{them}");
    assert_eq!(
        refused(&harness, Method::DELETE, &format!("{private}/members/{them}"), json!({})).await,
        is(403, "not_member")
    );
    // Who is in an open group is put out for good, since anybody may come in again.
    assert_eq!(harness.send(Method::DELETE, &theirs, &json!({})).await.0, StatusCode::NO_CONTENT);
    let banned = format!("{path}/banned");
    assert_eq!(harness.get(&banned).await.1[0]["account"], json!(them));
    assert_eq!(harness.send(Method::DELETE, &format!("{banned}/{them}"), &json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(harness.get(&banned).await.1, json!([]));

    let mute = |until: Value| json!({ "until": until });
    let now = group["members"][0]["muted_until"].clone();
    assert_eq!(now, json!(null));
    assert_eq!(
        harness.send(Method::PUT, &format!("{theirs}/mute"), &mute(json!(null))).await.0,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        refused(&harness, Method::PUT, &format!("{theirs}/mute"), mute(json!(u64::MAX))).await,
        is(422, "invalid")
    );
    assert_eq!(
        refused(&harness, Method::PUT, &format!("{members}/{me}/mute"), mute(json!(1))).await,
        is(403, "not_above")
    );
    let role = json!({ "role": "admin" });
    assert_eq!(harness.send(Method::PUT, &format!("{theirs}/role"), &role).await.0, StatusCode::NO_CONTENT);
    assert_eq!(
        refused(&harness, Method::PUT, &format!("{members}/{me}/role"), role.clone()).await,
        is(403, "not_above")
    );
    let in_private = format!("{private}/members/{them}/role");
    assert_eq!(refused(&harness, Method::PUT, &in_private, role).await, is(403, "not_member"));
}

#[tokio::test]
async fn messages_are_pinned_and_those_who_ask_are_answered() {
    let harness = Harness::with_account().await;
    let (path, group) = founded(&harness, json!({ "name": "Family", "private": true })).await;
    let chat = format!("/api/chats/{}/messages", group["chat"].as_str().unwrap());
    let (_, said) = harness.post(&chat, &json!({ "text": "Dinner at seven" })).await;
    let pin = format!("{path}/pins/{}", said["id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(harness.send(Method::PUT, &pin, &json!({})).await.0, StatusCode::NO_CONTENT, "twice is as once");
    }
    let (_, shown) = harness.get(&path).await;
    assert_eq!(
        (&shown["pins"][0]["text"], &shown["pins"][0]["author"]["name"]),
        (&json!("Dinner at seven"), &json!("Mei"))
    );
    assert_eq!(harness.send(Method::DELETE, &pin, &json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(harness.get(&path).await.1["pins"], json!([]));
    let nothing = format!("{path}/pins/{}", "a".repeat(52));
    assert_eq!(refused(&harness, Method::PUT, &nothing, json!({})).await, is(404, "not_found"));

    assert_eq!(harness.get(&format!("{path}/requests")).await, (StatusCode::OK, json!([])));
    let request = format!("{path}/requests/{}", stranger());
    assert_eq!(refused(&harness, Method::POST, &request, json!({ "accept": true })).await, is(404, "not_found"));
    let unknown = "/api/groups/".to_owned() + &"a".repeat(52);
    for rest in ["", "/members", "/banned", "/invitations", "/requests"] {
        assert_eq!(harness.get(&format!("{unknown}{rest}")).await.0, StatusCode::NOT_FOUND, "{rest}");
    }
}

#[tokio::test]
async fn who_asks_waits_and_may_give_up() {
    let harness = Harness::with_account().await;
    let private = hutong_protocol::GroupId::derive(&AccountKey::from_seed(&[8; 32]).id(), &[1; 16], true);
    let alone = json!({ "uri": format!("hutong:group/{private}?n=Theirs") });
    assert_eq!(refused(&harness, Method::POST, "/api/groups/join", alone).await, is(409, "needs_invitation"));
    let asked = json!({ "uri": format!("hutong:group/{private}?n=Theirs&h={}", stranger()), "text": "May I?" });
    let (status, group) = harness.post("/api/groups/join", &asked).await;
    assert_eq!((status, &group["joined"], &group["name"]), (StatusCode::OK, &json!(false), &json!("Theirs")));
    assert!(group["asked_at"].is_u64());
    assert_eq!(harness.get("/api/groups").await.1[0]["group"], group["group"]);
    let (_, chat) = harness.get(&format!("/api/chats/{}", group["chat"].as_str().unwrap())).await;
    assert_eq!((&chat["why_not"], &chat["private"]), (&json!("asked"), &json!(true)));
    let leave = format!("/api/groups/{private}/leave");
    assert_eq!(harness.post(&leave, &json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(harness.get("/api/groups").await.1, json!([]));
    assert_eq!(harness.post(&leave, &json!({})).await.0, StatusCode::NOT_FOUND);
}
