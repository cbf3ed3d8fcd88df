//! Strangers: a first request that costs a little, reaches somebody who is away, and says whom both know.

use anyhow::{Result, ensure};
use hutong_tests::{Options, Person, Shop, befriend};
use reqwest::Method;
use serde_json::{Value, json};

fn names(contacts: &Value) -> Vec<&str> {
    contacts.as_array().into_iter().flatten().filter_map(|one| one["name"].as_str()).collect()
}

/// Mei is off when Tom asks. The shop, where both are customers, keeps what he asks until she is there, and what she
/// answers until he is.
#[tokio::test]
async fn a_stranger_asks_somebody_who_is_away_and_is_answered_when_both_never_meet() -> Result<()> {
    let mut shop = Shop::open("Corner").await?;
    let same = || Options { same_ports: true, ..Options::default() };
    let (mut mei, mut tom) = tokio::try_join!(Person::with("Mei", same()), Person::with("Tom", same()))?;
    for person in [&mut mei, &mut tom] {
        shop.known_to(person).await?;
        befriend(person, &mut shop.owner).await?;
        let used = |boxes: &Value| boxes["nodes"].as_array().unwrap().iter().any(|node| node["chosen"] == true);
        person.until("the shop keeps their mail", "/api/mailboxes", used).await?;
        person.until("the shop was told so", "/api/network", |network| network["outbox"]["queued"] == 0).await?;
    }
    let account = mei.until("the link names the shop", "/api/account", |account| {
        account["invite"].as_str().is_some_and(|uri| uri.contains("&m=/") && uri.contains("w="))
    });
    let uri = account.await?["invite"].clone();
    let (to_mei, to_tom) = (format!("/api/contacts/{}", mei.account), format!("/api/contacts/{}", tom.account));
    let bits = mei.api().get("/api/account").await?["postage"].clone();
    mei.node.kill().await?;

    tom.api().post("/api/contacts", json!({ "uri": uri, "text": "We met at the shop" })).await?;
    let sent = tom.until("it is paid", &to_mei, |contact| contact["asking"]["state"] == "sent").await?;
    ensure!(sent["asking"]["bits"] == bits, "Tom paid what Mei's link says: {sent:#}");
    shop.owner.until("the shop keeps it", "/api/mailboxes", |kept| kept["kept"]["items"] == 1).await?;
    tom.node.kill().await?;

    mei.restart().await?;
    let requests =
        mei.until("it arrives", "/api/contacts/requests", |lists| lists["known"][0]["account"] == tom.account);
    let requests = requests.await?;
    let request = &requests["known"][0];
    ensure!(request["text"] == "We met at the shop" && request["name"] == "Tom", "{request:#}");
    ensure!(request["common"] == 1 && names(&request["common_contacts"]) == ["Corner"], "{request:#}");
    ensure!(requests["others"] == json!([]), "{requests:#}");
    mei.api().post(&format!("{to_tom}/accept"), json!({})).await?;
    // Her receipt, her answer, and where her mail may be left.
    let all = |kept: &Value| kept["kept"]["items"].as_u64() >= Some(3);
    shop.owner.until("the shop keeps the answer", "/api/mailboxes", all).await?;
    mei.node.kill().await?;

    tom.restart().await?;
    tom.until("the answer arrives", &to_mei, |contact| contact["state"] == "accepted").await?;
    Ok(())
}

/// Somebody whom nobody knows waits in a list of their own; with too little postage their node works again by itself.
#[tokio::test]
async fn a_stranger_waits_apart_and_pays_again_when_more_is_asked() -> Result<()> {
    let (mut mei, mut eve) = tokio::try_join!(Person::new("Mei"), Person::new("Eve"))?;
    let uri = mei.invite().await?;
    mei.api().patch("/api/account/profile", json!({ "postage": 16 })).await?;
    let too_much = Some(json!({ "postage": 40 }));
    let wrong = mei.api().refused(Method::PATCH, "/api/account/profile", too_much).await?;
    ensure!(wrong.message.contains("0 to 28"), "{wrong:?}");
    eve.api().post("/api/contacts", json!({ "uri": uri, "text": "Buy!" })).await?;
    let waits = |lists: &Value| lists["others"][0]["account"] == eve.account.as_str();
    let lists = mei.until("the request arrives", "/api/contacts/requests", waits).await?;
    ensure!(lists["known"] == json!([]) && lists["others"][0]["common"] == 0, "{lists:#}");
    let path = format!("/api/contacts/{}", mei.account);
    let paid = eve.until("it was paid", &path, |contact| contact["asking"]["bits"] == 16).await?;
    ensure!(paid["asking"]["state"] == "sent", "{paid:#}");
    Ok(())
}

/// What is cancelled while its postage is worked for is not sent.
#[tokio::test]
async fn a_request_is_cancelled_while_it_is_paid_for() -> Result<()> {
    let (mei, mut eve) = tokio::try_join!(Person::new("Mei"), Person::new("Eve"))?;
    mei.api().patch("/api/account/profile", json!({ "postage": 28 })).await?;
    let uri = mei.invite().await?;
    eve.api().post("/api/contacts", json!({ "uri": uri })).await?;
    let path = format!("/api/contacts/{}", mei.account);
    let paying = eve.api().get(&path).await?;
    ensure!(paying["asking"] == json!({ "state": "paying", "bits": 28, "again": false }), "{paying:#}");
    eve.api().delete(&path).await?;
    eve.until("it is gone", &path, |contact| contact["state"] == "none").await?;
    let lists = mei.api().get("/api/contacts/requests").await?;
    ensure!(lists == json!({ "known": [], "others": [] }), "{lists:#}");
    Ok(())
}
