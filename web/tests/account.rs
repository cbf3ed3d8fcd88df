//! Founding an account, its phrase, profile, settings and addresses; links and contacts.

use hutong_protocol::{AccountId, GroupId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::Harness;

#[tokio::test]
async fn an_account_is_founded_once_and_its_words_bring_it_back() {
    let harness = Harness::start().await;
    assert_eq!(harness.get("/api/account").await.0, StatusCode::NOT_FOUND);
    let (status, refused) = harness.post("/api/account", &json!({ "name": " \n " })).await;
    assert_eq!((status, &refused["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("name")));

    let (status, created) = harness.post("/api/account", &json!({ "name": "小美" })).await;
    assert_eq!(status, StatusCode::CREATED);
    let words: Vec<&str> = created["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert_eq!(words.len(), 12);
    assert_eq!(created["account"]["name"], "小美");
    assert_eq!(created["account"]["phrase_confirmed"], json!(false));
    let again = harness.post("/api/account", &json!({ "name": "Mei" })).await;
    assert_eq!((again.0, &again.1["code"]), (StatusCode::CONFLICT, &json!("account_exists")));

    let other = Harness::start().await;
    let (status, problem) = other.post("/api/account", &json!({ "name": "Mei", "phrase": "one two three" })).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("phrase")));
    let (status, restored) = other.post("/api/account", &json!({ "name": "Mei", "phrase": words.join(" ") })).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(restored["account"]["account"], created["account"]["account"]);
    assert_ne!(restored["account"]["device"], created["account"]["device"]);
    assert_eq!(restored["account"]["phrase_confirmed"], json!(true), "who typed it has it written down");
}

#[tokio::test]
async fn the_phrase_is_confirmed_by_the_words_that_were_asked_for() {
    let harness = Harness::start().await;
    let (_, created) = harness.post("/api/account", &json!({ "name": "Mei" })).await;
    let asked = created["confirm"].as_array().unwrap();
    assert_eq!(asked.len(), 2);
    let word = |index: &Value| json!({ "index": index, "word": created["words"][index.as_u64().unwrap() as usize] });
    let wrong = json!({ "words": [word(&asked[0]), { "index": asked[1], "word": "wrong" }] });
    assert_eq!(harness.post("/api/account/phrase/confirm", &wrong).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    let right = json!({ "words": [word(&asked[0]), word(&asked[1])] });
    assert_eq!(harness.post("/api/account/phrase/confirm", &right).await.0, StatusCode::NO_CONTENT);
    assert_eq!(harness.get("/api/session").await.1["phrase_confirmed"], json!(true));
    assert_eq!(harness.get("/api/account/phrase").await.1["words"], created["words"]);
}

#[tokio::test]
async fn the_profile_changes_only_where_it_is_told_to() {
    let harness = Harness::with_account().await;
    let (status, account) =
        harness.send(Method::PATCH, "/api/account/profile", &json!({ "about": "Likes\r\nstrawberries" })).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&account["name"], &account["about"]), (&json!("Mei"), &json!("Likes\nstrawberries")));
    let unknown = json!({ "picture": "a".repeat(52) });
    let (status, problem) = harness.send(Method::PATCH, "/api/account/profile", &unknown).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("picture")));

    let (_, devices) = harness.get("/api/devices").await;
    assert_eq!(devices.as_array().unwrap().len(), 1);
    assert_eq!((&devices[0]["this_device"], &devices[0]["online"]), (&json!(true), &json!(true)));
    let this = devices[0]["device"].as_str().unwrap();
    let (status, problem) = harness.post(&format!("/api/devices/{this}/revoke"), &json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("this_device")));
}

#[tokio::test]
async fn settings_and_addresses_stay() {
    let harness = Harness::with_account().await;
    let settings = json!({ "language": "zh", "theme": "dark", "read_receipts": false, "mdns": false, "share_presence": true,
        "auto_fetch_bytes": 0 });
    assert_eq!(harness.send(Method::PUT, "/api/settings", &settings).await, (StatusCode::OK, settings.clone()));
    assert_eq!(harness.get("/api/settings").await.1, settings);
    let wrong = json!({ "language": "fr", "theme": "dark", "read_receipts": false, "mdns": false });
    assert_eq!(harness.send(Method::PUT, "/api/settings", &wrong).await.0, StatusCode::UNPROCESSABLE_ENTITY);

    let address = json!({ "name": "王小美", "phone": "+86 10 1234", "country": "CN", "region": "北京", "city": "北京",
        "street": "南锣鼓巷 1 号", "postal_code": "100009" });
    let list = json!([address]);
    assert_eq!(harness.send(Method::PUT, "/api/addresses", &list).await, (StatusCode::OK, list.clone()));
    assert_eq!(harness.get("/api/addresses").await.1, list);
    for (count, status) in [(20, StatusCode::OK), (21, StatusCode::UNPROCESSABLE_ENTITY)] {
        let many = Value::Array(vec![address.clone(); count]);
        assert_eq!(harness.send(Method::PUT, "/api/addresses", &many).await.0, status, "{count}");
    }
}

#[tokio::test]
async fn a_link_is_shown_before_anything_is_done() {
    let harness = Harness::with_account().await;
    let (account, group) = (AccountId([7; 32]), GroupId([9; 32]));
    for (uri, kind, id) in [
        (format!("hutong:contact/{account}?n=Li"), "contact", account.to_string()),
        (format!("hutong:group/{group}?n=Li"), "group", group.to_string()),
        (format!("hutong:store/{account}?n=Li"), "store", account.to_string()),
        (format!("hutong:listing/{account}/berries?n=Li"), "listing", account.to_string()),
    ] {
        let (status, preview) = harness.post("/api/links", &json!({ "uri": uri })).await;
        assert_eq!(status, StatusCode::OK, "{uri}");
        assert_eq!((&preview["kind"], &preview["id"]), (&json!(kind), &json!(id)));
        assert_eq!((&preview["name"], &preview["known"]), (&json!("Li"), &json!(false)));
    }
    assert_eq!(harness.get("/api/contacts").await.1, json!([]), "looking adds nobody");
    let (status, problem) = harness.post("/api/links", &json!({ "uri": "https://example.org" })).await;
    assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("uri")));
    let own = harness.get("/api/account").await.1["invite"].as_str().unwrap().to_owned();
    let (status, problem) = harness.post("/api/contacts", &json!({ "uri": own })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("self")));
}

#[tokio::test]
async fn a_contact_is_asked_named_blocked_and_removed() {
    let harness = Harness::with_account().await;
    let account = hutong_protocol::AccountKey::from_seed(&[7; 32]).id();
    let path = format!("/api/contacts/{account}");
    assert_eq!(harness.get(&path).await.1["state"], "none");
    let order = json!({ "uri": format!("hutong:contact/{account}?n=Li"), "text": "Hello from number 3" });
    let (status, contact) = harness.post("/api/contacts", &order).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&contact["state"], &contact["text"]), (&json!("outgoing"), &json!("Hello from number 3")));

    let (_, named) = harness.send(Method::PATCH, &path, &json!({ "alias": "Grandma Li" })).await;
    assert_eq!(named["alias"], "Grandma Li");
    let (_, blocked) = harness.send(Method::PATCH, &path, &json!({ "blocked": true })).await;
    assert_eq!((&blocked["state"], &blocked["alias"]), (&json!("blocked"), &json!("Grandma Li")));
    let (_, unnamed) = harness.send(Method::PATCH, &path, &json!({ "alias": null, "blocked": false })).await;
    assert_eq!((&unnamed["state"], &unnamed["alias"]), (&json!("outgoing"), &json!(null)));
    let (status, problem) = harness.post(&format!("{path}/accept"), &json!({})).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("no_request")));
    assert_eq!(harness.send(Method::DELETE, &path, &json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(harness.get("/api/contacts").await.1, json!([]));
}

#[tokio::test]
async fn before_there_is_an_account_every_answer_says_so() {
    let harness = Harness::start().await;
    let (status, problem) = harness.post("/api/groups", &json!({ "name": "x" })).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("no_account")));
    assert_eq!(harness.get("/api/devices").await, (StatusCode::OK, json!([])));
    assert_eq!(harness.get("/api/chats").await, (StatusCode::OK, json!([])));
    assert_eq!(harness.get("/api/network").await.0, StatusCode::OK);
    assert_eq!(harness.get("/api/search?q=x").await.1["sections"], json!([]));
}
