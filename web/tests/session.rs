//! Login, logout, tokens.

use hutong_web::serve;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Harness, answer, config};

#[tokio::test]
async fn a_link_logs_in_once_and_its_cookie_is_locked_down() {
    let harness = Harness::start().await;
    let url = harness.server.login_url().unwrap();
    let port = harness.addr().port();
    // The token is in the fragment, which no browser sends to anybody.
    assert!(url.starts_with(&format!("http://node.localhost:{port}/#token=")), "{url}");

    let token = harness.token();
    let first = harness.try_login(&token).await;
    assert_eq!(first.status(), StatusCode::NO_CONTENT);
    let cookie = first.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with(&format!("__Host-hutong-{port}=")), "{cookie}");
    for attribute in ["; HttpOnly", "; Secure", "; SameSite=Strict", "; Path=/"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(!cookie.to_lowercase().contains("domain"), "{cookie}");
    assert!(!cookie.contains(&token), "the cookie is not the token");

    let second = harness.try_login(&token).await;
    assert!(second.headers().get("set-cookie").is_none());
    let (status, problem) = answer(second).await;
    assert_eq!((status, &problem["code"]), (StatusCode::UNAUTHORIZED, &json!("login_refused")));
}

#[tokio::test]
async fn the_cookie_opens_the_session_until_logout() {
    let harness = Harness::start().await;
    let cookie = harness.login().await;
    let session = harness.anonymous(Method::GET, "/api/session").header("cookie", &cookie).send().await.unwrap();
    assert!(session.headers()["set-cookie"].to_str().unwrap().starts_with(&cookie), "it lasts another month");
    let (status, session) = answer(session).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(session["account"], Value::Null);
    assert_eq!(session["phrase_confirmed"], json!(false));

    let logout = harness.anonymous(Method::DELETE, "/api/session").header("cookie", &cookie).json(&json!({}));
    let logout = logout.send().await.unwrap();
    assert_eq!(logout.status(), StatusCode::NO_CONTENT);
    assert!(logout.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    let after = harness.anonymous(Method::GET, "/api/session").header("cookie", &cookie).send().await.unwrap();
    assert_eq!(after.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nothing_below_api_is_open_without_a_login() {
    let harness = Harness::start().await;
    let document = harness.get("/api/openapi.json").await.1;
    let mut closed = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys().filter(|key| *key != "parameters") {
            let open = matches!((method.as_str(), path.as_str()), ("post", "/api/session") | ("get", "/api/health"));
            if open {
                continue;
            }
            let filled = path.replace(['{', '}'], "");
            let method: Method = method.to_uppercase().parse().unwrap();
            let mut request = harness.anonymous(method.clone(), &filled);
            if !method.is_safe() {
                let kind = match path.as_str() {
                    "/api/blobs" => "image/png",
                    "/api/store/import" => "multipart/form-data; boundary=x",
                    _ => "application/json",
                };
                request = request.header("content-type", kind).body("{}");
            }
            let (status, _) = answer(request.send().await.unwrap()).await;
            assert_eq!(status, StatusCode::UNAUTHORIZED, "{method} {path}");
            closed += 1;
        }
    }
    assert!(closed > 30, "{closed} operations were tried");
    assert_eq!(harness.anonymous(Method::GET, "/api/unknown").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn scripts_use_the_token_in_the_data_directory() {
    let harness = Harness::start().await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(harness.server.api_token_path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(harness.get("/api/session").await.0, StatusCode::OK);
    let cookie = harness.login().await;
    for wrong in ["", "Bearer", "Bearer x", "Basic eDp5", &format!("Bearer {}x", harness.bearer), &harness.bearer] {
        let request = harness.anonymous(Method::GET, "/api/session").header("authorization", wrong);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED, "{wrong:?}");
        let beside = harness.anonymous(Method::GET, "/api/session").header("authorization", wrong);
        let beside = beside.header("cookie", &cookie).send().await.unwrap();
        assert_eq!(beside.status(), StatusCode::UNAUTHORIZED, "{wrong:?} beside a good cookie");
    }
}

#[tokio::test]
async fn only_a_script_can_make_a_login_link() {
    let harness = Harness::start().await;
    let (status, link) = harness.post("/api/session/token", &json!({})).await;
    assert_eq!(status, StatusCode::CREATED);
    let token = link["url"].as_str().unwrap().split_once("#token=").unwrap().1;
    assert_eq!(harness.try_login(token).await.status(), StatusCode::NO_CONTENT);

    let cookie = harness.login().await;
    let page = harness.anonymous(Method::POST, "/api/session/token").header("cookie", cookie).json(&json!({}));
    assert_eq!(page.send().await.unwrap().status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let harness = Harness::start().await;
    for _ in 0..hutong_web::session::LOGIN_FAILURES_MAX {
        assert_eq!(harness.try_login("AAAAAAAAAAAAAAAAAAAAAA").await.status(), StatusCode::UNAUTHORIZED);
    }
    let refused = harness.try_login(&harness.token()).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(harness.get("/api/session").await.0, StatusCode::OK, "who is logged in does not notice");
}

#[tokio::test]
async fn a_session_outlives_a_restart_of_the_server_and_two_servers_do_not_share_it() {
    let harness = Harness::start().await;
    let cookie = harness.login().await;
    let (name, value) = cookie.split_once('=').unwrap();
    let other = serve(harness.node.clone(), config()).await.unwrap();
    let ask = async |port: u16, cookie: String| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("http://127.0.0.1:{port}/api/session")).header("cookie", cookie);
        request.send().await.unwrap().status()
    };
    let port = other.addr().port();
    // The next server of this node knows the session, under the cookie's name for its own port.
    assert_eq!(ask(port, format!("__Host-hutong-{port}={value}")).await, StatusCode::OK);
    assert_eq!(ask(port, format!("{name}={value}")).await, StatusCode::UNAUTHORIZED);
    other.stop().await;
}
