//! What the local server of a real process refuses. The rules one by one are tested in the web crate.

use anyhow::Result;
use hutong_tests::Node;
use reqwest::header::{CONTENT_TYPE, HOST, HeaderMap, ORIGIN};

#[tokio::test]
async fn the_local_server_answers_only_its_own_page_and_the_holder_of_the_token() -> Result<()> {
    let node = Node::start("Mei").await?;
    let api = node.api();
    let get = |path: &str| api.http().get(api.url(path));
    let session = || get("/api/session").bearer_auth(api.token());
    assert_eq!(session().send().await?.status(), 200);
    assert_eq!(get("/api/session").send().await?.status(), 401);
    assert_eq!(get("/api/session").bearer_auth("A".repeat(22)).send().await?.status(), 401);
    assert_eq!(session().header(HOST, "evil.example").send().await?.status(), 421);
    assert_eq!(session().header(ORIGIN, "http://evil.example").send().await?.status(), 403);
    assert_eq!(session().header(ORIGIN, "null").send().await?.status(), 403);
    assert_eq!(session().header("sec-fetch-site", "cross-site").send().await?.status(), 403);
    let form = api.http().post(api.url("/api/account")).bearer_auth(api.token());
    let form = form.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body("name=x");
    assert_eq!(form.send().await?.status(), 415);

    let page = get("/").send().await?;
    assert_eq!(page.status(), 200);
    let header = |headers: &HeaderMap, name: &str| headers.get(name).unwrap().to_str().unwrap().to_owned();
    let policy = header(page.headers(), "content-security-policy");
    for rule in ["default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"] {
        assert!(policy.contains(rule), "{rule} in {policy}");
    }
    assert_eq!(header(page.headers(), "x-content-type-options"), "nosniff");
    assert!(page.headers().get("access-control-allow-origin").is_none());
    Ok(())
}

#[tokio::test]
async fn a_login_link_works_once() -> Result<()> {
    let node = Node::start("Mei").await?;
    let (_, token) = node.login_url().split_once("#token=").expect("the token is in the fragment");
    let api = node.api();
    let login = || {
        let post = api.http().post(api.url("/api/session")).header(CONTENT_TYPE, "application/json");
        post.body(serde_json::json!({ "token": token }).to_string()).send()
    };
    let first = login().await?;
    assert_eq!(first.status(), 204);
    let cookie = first.headers().get("set-cookie").unwrap().to_str()?.to_owned();
    for part in ["__Host-hutong-", "HttpOnly", "Secure", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    assert_eq!(login().await?.status(), 401, "used");
    Ok(())
}
