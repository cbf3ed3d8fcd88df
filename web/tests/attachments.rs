//! Files and places in messages, through the API.

use std::path::Path;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    events::Socket,
    neighbours::{befriend, event_where, named, with_name},
    support::{Harness, answer},
};

/// Bytes that nothing else has, and that do not repeat.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index.wrapping_mul(131) ^ (index >> 9) ^ (index >> 17)) as u8).collect()
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 6, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

/// A JPEG with EXIF notes that say where it was taken.
fn jpeg_with_place() -> Vec<u8> {
    let entry = |tag: u16, value: u32| [&tag.to_be_bytes()[..], &[0, 4, 0, 0, 0, 1], &value.to_be_bytes()].concat();
    let first = [&[0, 1][..], &entry(0x8825, 26), &[0; 4]].concat();
    let gps = [&[0, 2][..], &entry(2, 0), &entry(4, 0), &[0; 4]].concat();
    let exif = [b"Exif\0\0MM\0*\0\0\0\x08".to_vec(), first, gps].concat();
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let frame = [0xff, 0xc0, 0, 11, 8, 0, 6, 0, 8, 1, 1, 0x11, 0];
    [&[0xff, 0xd8, 0xff, 0xe1][..], &length, &exif, &frame, &[0xff, 0xda, 0, 2, 1, 2, 0xff, 0xd9]].concat()
}

async fn add(harness: &Harness, query: &str, bytes: Vec<u8>) -> (StatusCode, Value) {
    let request = harness.request(Method::POST, &format!("/api/attachments?{query}"));
    let request = request.header("content-type", "application/octet-stream").body(bytes);
    answer(request.send().await.unwrap()).await
}

/// Adds a file and says that it is there.
async fn added(harness: &Harness, query: &str, bytes: Vec<u8>) -> Value {
    let (status, upload) = add(harness, query, bytes).await;
    assert_eq!(status, StatusCode::CREATED, "{upload}");
    upload
}

/// Every byte of the files below a directory.
fn bytes_below(directory: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            all.extend(bytes_below(&entry.path()));
        } else {
            all.extend(std::fs::read(entry.path()).unwrap());
        }
    }
    all
}

fn has(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Two contacts: each with its account and what it tells.
async fn neighbours() -> ((Harness, String, Socket), (Harness, String, Socket)) {
    let (mut mei, mut tom) = (named("Mei").await, named("Tom").await);
    befriend((&mei.0, &mut mei.2), (&tom.0, &tom.1, &mut tom.2)).await;
    (mei, tom)
}

/// A group of this node alone; its chat's name.
async fn lane(harness: &Harness) -> String {
    let (status, group) = harness.post("/api/groups", &json!({ "name": "The lane" })).await;
    assert_eq!(status, StatusCode::CREATED, "{group}");
    format!("group-{}", group["group"].as_str().unwrap())
}

/// The file of a message, when it is in this state.
async fn until(socket: &mut Socket, state: &str) -> Value {
    event_where(socket, "attachment", |event| event["state"] == state).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_to_the_other_and_nothing_of_it_is_on_a_disk_in_the_clear() {
    let ((mei, mei_id, _mei_hears), (tom, tom_id, mut tom_hears)) = neighbours().await;
    let planted = b"planted-words-in-a-file-9Kq";
    let bytes = [content(700_001), planted.to_vec()].concat();
    let upload = added(&mei, "name=..%2F..%2Fphotos%2Fa%00b.bin&media_type=application%2Fx-thing", bytes.clone()).await;
    assert_eq!((&upload["kind"], &upload["size"]), (&json!("file"), &json!(bytes.len())));
    let send = json!({ "text": "", "attachments": [{ "upload": upload["upload"] }] });
    let (status, sent) = mei.post(&format!("/api/chats/direct-{tom_id}/messages"), &send).await;
    assert_eq!(status, StatusCode::CREATED, "{sent}");
    let file = &sent["attachments"][0];
    assert_eq!((&file["name"], &file["state"]), (&json!("ab.bin"), &json!("here")));

    // It is small, so it comes by itself.
    let here = until(&mut tom_hears, "here").await;
    assert_eq!((&here["received"], &here["index"]), (&json!(bytes.len()), &json!(0)));
    let page = tom.get(&format!("/api/chats/direct-{mei_id}/messages")).await.1;
    let file = &page["messages"].as_array().unwrap().last().unwrap()["attachments"][0];
    assert_eq!((&file["state"], &file["media_type"]), (&json!("here"), &json!("application/x-thing")));
    let url = file["url"].as_str().unwrap();
    for range in ["bytes=0-9", "bytes=262140-262150", "bytes=700000-", "bytes=-5"] {
        let part = tom.request(Method::GET, url).header("range", range).send().await.unwrap();
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        let content_range = part.headers()["content-range"].to_str().unwrap().to_owned();
        let (first, rest) = content_range["bytes ".len()..].split_once('-').unwrap();
        let (first, last): (usize, usize) = (first.parse().unwrap(), rest.split_once('/').unwrap().0.parse().unwrap());
        assert_eq!(part.bytes().await.unwrap(), bytes[first..=last], "{range}");
    }
    let whole = tom.request(Method::GET, url).send().await.unwrap();
    let disposition = whole.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert_eq!(disposition, "attachment; filename*=UTF-8''ab.bin");
    assert_eq!(whole.headers()["content-security-policy"], "default-src 'none'; sandbox");
    assert_eq!(whole.headers()["content-type"], "application/octet-stream");
    let etag = whole.headers()["etag"].clone();
    assert_eq!(whole.bytes().await.unwrap(), bytes);
    let behind = tom.request(Method::GET, url).header("range", "bytes=999999999-").send().await.unwrap();
    assert_eq!(answer(behind).await.0, StatusCode::RANGE_NOT_SATISFIABLE);
    let known = tom.request(Method::GET, url).header("if-none-match", etag).send().await.unwrap();
    assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    for node in [&mei, &tom] {
        assert!(!has(&bytes_below(node.directory()), planted), "plaintext is on a disk");
    }

    // Taken back, it goes from both disks.
    let path = format!("/api/chats/direct-{tom_id}/messages/{}", sent["id"].as_str().unwrap());
    assert_eq!(mei.send(Method::DELETE, &path, &json!({})).await.0, StatusCode::OK);
    event_where(&mut tom_hears, "message", |event| event["message"]["gone"] == "deleted").await;
    for node in [&mei, &tom] {
        let blobs = node.node.blobs().clone();
        tokio::time::timeout(std::time::Duration::from_secs(30), async {
            while blobs.stats().bytes > 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("the blob goes with the last message that names it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_waits_until_it_is_asked_for_and_can_be_paused() {
    let ((mei, _, _mei_hears), (tom, tom_id, mut tom_hears)) = neighbours().await;
    let settings = tom.get("/api/settings").await.1;
    let mut none = settings.clone();
    none["auto_fetch_bytes"] = json!(0);
    assert_eq!(tom.send(Method::PUT, "/api/settings", &none).await.0, StatusCode::OK);
    let bytes = content(3 << 20);
    let upload = added(&mei, "name=film.bin", bytes.clone()).await;
    let thumbnail = data_encoding::BASE64.encode(&png(8, 6));
    let send = json!({ "text": "look", "attachments": [{ "upload": upload["upload"], "thumbnail": thumbnail }] });
    mei.post(&format!("/api/chats/direct-{tom_id}/messages"), &send).await;
    let heard = event_where(&mut tom_hears, "message", |event| event["message"]["text"] == "look").await;
    let file = heard["message"]["attachments"][0].clone();
    assert_eq!((&file["state"], &file["received"]), (&json!("absent"), &json!(0)));
    assert_eq!((&file["thumbnail"], &file["thumbnail_type"]), (&json!(thumbnail), &json!("image/png")));
    let fetch = format!("{}/fetch", file["url"].as_str().unwrap());
    // Paused before it was asked for, twice, and then fetched.
    for method in [Method::DELETE, Method::DELETE, Method::POST, Method::POST] {
        assert_eq!(tom.send(method, &fetch, &json!({})).await.0, StatusCode::NO_CONTENT);
    }
    until(&mut tom_hears, "here").await;
    let got = tom.request(Method::GET, file["url"].as_str().unwrap()).send().await.unwrap();
    assert_eq!(got.bytes().await.unwrap(), bytes);
    let nowhere = fetch.replace("/attachments/0/", "/attachments/1/");
    assert_eq!(tom.send(Method::POST, &nowhere, &json!({})).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_the_bytes_fetches_them_and_serves_them_as_they_come() {
    let ((mei, _, _mei_hears), (tom, tom_id, mut tom_hears)) = neighbours().await;
    let bytes = content(9 << 20);
    let upload = added(&mei, "name=film.bin", bytes.clone()).await;
    let send = json!({ "text": "look", "attachments": [{ "upload": upload["upload"] }] });
    mei.post(&format!("/api/chats/direct-{tom_id}/messages"), &send).await;
    let heard = event_where(&mut tom_hears, "message", |event| event["message"]["text"] == "look").await;
    let url = heard["message"]["attachments"][0]["url"].as_str().unwrap().to_owned();
    let got = tom.request(Method::GET, &url).send().await.unwrap();
    assert_eq!((got.status(), got.content_length()), (StatusCode::OK, Some(bytes.len() as u64)));
    assert!(got.bytes().await.unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_added_is_looked_at_and_what_breaks_a_rule_is_refused() {
    let harness = Harness::with_account().await;
    for (name, bytes, kind, media_type, size) in [
        ("a.png", png(800, 600), "image", "image/png", json!([800, 600])),
        ("bomb.png", png(60_000, 60_000), "file", "image/png", json!([null, null])),
        ("a.png", b"<!doctype html>".to_vec(), "file", "application/octet-stream", json!([null, null])),
        ("a.mp4", b"\0\0\0\x20ftypisom\0\0\x02\0".to_vec(), "video", "video/mp4", json!([null, null])),
        ("empty.txt", Vec::new(), "file", "application/octet-stream", json!([null, null])),
    ] {
        let upload = added(&harness, &format!("name={name}&media_type=image/png"), bytes).await;
        assert_eq!((&upload["kind"], &upload["media_type"]), (&json!(kind), &json!(media_type)), "{name}");
        assert_eq!(json!([upload["width"], upload["height"]]), size, "{name}");
        let path = format!("/api/attachments/{}", upload["upload"].as_str().unwrap());
        for _ in 0..2 {
            assert_eq!(harness.send(Method::DELETE, &path, &json!({})).await.0, StatusCode::NO_CONTENT);
        }
    }
    let (status, problem) = add(&harness, "name=a.jpg", jpeg_with_place()).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!("has_location")));
    let kept = added(&harness, "name=a.jpg&keep_metadata=true", jpeg_with_place()).await;
    assert_eq!((&kept["kind"], &kept["width"]), (&json!("image"), &json!(8)));
    assert_eq!(harness.send(Method::DELETE, "/api/attachments/nonsense", &json!({})).await.0, StatusCode::NOT_FOUND);

    let chat = format!("/api/chats/{}/messages", lane(&harness).await);
    let upload = &kept["upload"];
    for (attachment, why) in [
        (json!({ "upload": "nonsense" }), "no such upload"),
        (json!({ "upload": upload, "thumbnail": "no base64!" }), "base64"),
        (json!({ "upload": upload, "thumbnail": data_encoding::BASE64.encode(&png(513, 8)) }), "too wide"),
        (json!({ "upload": upload, "thumbnail": data_encoding::BASE64.encode(b"<svg/>") }), "no picture"),
        (json!({ "upload": upload, "waveform": [1, 2] }), "a picture has no waveform"),
    ] {
        let (status, problem) = harness.post(&chat, &json!({ "attachments": [attachment] })).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("attachments")), "{why}");
    }
    let many = vec![json!({ "upload": upload }); 11];
    assert_eq!(harness.post(&chat, &json!({ "attachments": many })).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_or_does_not_fit_leaves_nothing() {
    let (harness, _, _hears) = with_name(Harness::with_room(100_000).await, "Mei").await;
    let blobs = harness.node.blobs().clone();
    // It says 90,000 bytes, sends 50,000 and hangs up.
    let head = format!(
        "POST /api/attachments?name=a HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: \
         application/octet-stream\r\nContent-Length: 90000\r\n\r\n",
        harness.host(),
        harness.bearer
    );
    {
        use tokio::io::AsyncWriteExt as _;
        let mut stream = tokio::net::TcpStream::connect(harness.addr()).await.unwrap();
        stream.write_all(&[head.as_bytes(), &content(50_000)].concat()).await.unwrap();
        tokio::time::timeout(std::time::Duration::from_secs(30), async {
            while blobs.stats().bytes == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("it begins to be written");
    }
    tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while blobs.stats().bytes > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("and is thrown away");
    assert!(bytes_below(&harness.directory().join("blobs")).is_empty());

    let (status, problem) = add(&harness, "name=a", content(100_001)).await;
    assert_eq!((status, &problem["code"]), (StatusCode::INSUFFICIENT_STORAGE, &json!("disk_full")));
    assert_eq!(blobs.stats().bytes, 0);
    added(&harness, "name=a", content(100_000)).await;
    // More than a file may have is refused before a byte is read.
    let declared = harness.raw(head.replace("90000", "1073741825")).await;
    assert!(declared.starts_with("HTTP/1.1 413"), "{declared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_fit_says_so_and_comes_when_there_is_room() {
    let (mut mei, mut tom) = (named("Mei").await, with_name(Harness::with_room(1_000_000).await, "Tom").await);
    befriend((&mei.0, &mut mei.2), (&tom.0, &tom.1, &mut tom.2)).await;
    let filler = added(&tom.0, "name=filler", content(600_000)).await;
    let upload = added(&mei.0, "name=a.bin", [content(500_000), vec![1]].concat()).await;
    let send = json!({ "attachments": [{ "upload": upload["upload"] }] });
    mei.0.post(&format!("/api/chats/direct-{}/messages", tom.1), &send).await;
    let full = until(&mut tom.2, "full").await;
    let url = format!(
        "/api/chats/{}/messages/{}/attachments/0",
        full["chat"].as_str().unwrap(),
        full["id"].as_str().unwrap()
    );
    let path = format!("/api/attachments/{}", filler["upload"].as_str().unwrap());
    assert_eq!(tom.0.send(Method::DELETE, &path, &json!({})).await.0, StatusCode::NO_CONTENT);
    let blobs = tom.0.node.blobs().clone();
    tokio::time::timeout(std::time::Duration::from_secs(30), async {
        while blobs.stats().bytes > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("the upload that was forgotten goes");
    assert_eq!(tom.0.send(Method::POST, &format!("{url}/fetch"), &json!({})).await.0, StatusCode::NO_CONTENT);
    until(&mut tom.2, "here").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_never_shown_and_can_be_saved() {
    use hutong_protocol::chat::{Attachment, AttachmentKind, Content};
    let harness = Harness::with_account().await;
    let name = lane(&harness).await;
    let bomb = png(60_000, 60_000);
    let blob = harness.node.blobs().import(&bomb).unwrap();
    // As another program than ours might say it: a small picture.
    let picture = Attachment {
        blob,
        key: None,
        size: bomb.len() as u64,
        media_type: "image/png".into(),
        name: "a.png".into(),
        kind: AttachmentKind::Image,
        width: Some(8),
        height: Some(8),
        duration_ms: None,
        waveform: None,
        thumbnail: None,
    };
    let lie = Attachment { size: 9, ..picture.clone() };
    let chat = name.parse().unwrap();
    let content = Content { attachments: vec![picture, lie], ..Content::default() };
    let id = harness.node.call(move |cx| hutong_node::chat::send(cx, chat, content)).await.unwrap();
    let page = harness.get(&format!("/api/chats/{name}/messages")).await.1;
    let files = &page["messages"][0]["attachments"];
    assert_eq!((&files[0]["state"], &files[1]["state"]), (&json!("too_large"), &json!("lying")));
    let url = format!("/api/chats/{name}/messages/{id}/attachments");
    let (status, problem) = harness.get(&format!("{url}/0")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNSUPPORTED_MEDIA_TYPE, &json!("picture_too_large")));
    let saved = harness.request(Method::GET, &format!("{url}/0?download=1")).send().await.unwrap();
    assert!(saved.headers()["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(saved.bytes().await.unwrap(), bomb);
    let (status, problem) = harness.get(&format!("{url}/1")).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("lying")));
    assert_eq!(harness.get(&format!("{url}/2")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_is_told_once_or_live_until_it_ends() {
    let ((mei, mei_id, _mei_hears), (tom, tom_id, mut tom_hears)) = neighbours().await;
    let chat = format!("/api/chats/direct-{tom_id}/messages");
    let once = json!({ "location": { "latitude": 39.904211, "longitude": 116.407395, "label": "东门" } });
    let (status, sent) = mei.post(&chat, &once).await;
    assert_eq!(status, StatusCode::CREATED, "{sent}");
    assert_eq!((&sent["location"]["latitude"], &sent["location"]["live_until"]), (&json!(39.904211), &json!(null)));
    let fixed = format!("{chat}/{}/location", sent["id"].as_str().unwrap());
    let there = json!({ "latitude": 39.905, "longitude": 116.408, "accuracy_m": 5 });
    let (status, problem) = mei.send(Method::PUT, &fixed, &there).await;
    assert_eq!((status, &problem["code"]), (StatusCode::CONFLICT, &json!("not_live")));

    let live = json!({ "location": { "latitude": 39.9, "longitude": 116.4, "live_minutes": 15 } });
    let sent = mei.post(&chat, &live).await.1;
    let id = sent["id"].as_str().unwrap();
    let path = format!("{chat}/{id}/location");
    let moved = mei.send(Method::PUT, &path, &there).await.1;
    assert_eq!((&moved["location"]["latitude"], &moved["location"]["accuracy_m"]), (&json!(39.905), &json!(5)));
    let fits = |event: &Value| event["message"]["id"] == id && event["message"]["location"]["latitude"] == 39.905;
    let heard = event_where(&mut tom_hears, "message", fits).await;
    assert_eq!(heard["message"]["location"]["ended"], json!(false));
    // Nobody else moves it.
    let theirs = format!("/api/chats/direct-{mei_id}/messages/{id}/location");
    assert_eq!(tom.send(Method::PUT, &theirs, &there).await.0, StatusCode::FORBIDDEN);
    let ended = mei.send(Method::DELETE, &path, &json!({})).await;
    assert_eq!((ended.0, &ended.1["location"]["ended"]), (StatusCode::OK, &json!(true)));
    event_where(&mut tom_hears, "message", |event| event["message"]["location"]["ended"] == true).await;
    assert_eq!(mei.send(Method::DELETE, &path, &json!({})).await.0, StatusCode::OK, "twice is as good as once");
    assert_eq!(mei.send(Method::PUT, &path, &there).await.0, StatusCode::CONFLICT);

    for (location, field) in [
        (json!({ "latitude": 91, "longitude": 0 }), "location"),
        (json!({ "latitude": 0, "longitude": 0, "live_minutes": 14 }), "location"),
    ] {
        let (status, problem) = mei.post(&chat, &json!({ "location": location })).await;
        assert_eq!((status, &problem["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)));
    }
}
