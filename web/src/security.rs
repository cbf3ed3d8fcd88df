//! The defences of a server that any web page on this machine can reach.
//!
//! A page somewhere on the web can make the browser send requests to `127.0.0.1`, and a DNS name can be made to point
//! there. So every request is checked before anything else looks at it, each rule in a function of its own:
//!
//! | rule | stops | answer |
//! |---|---|---|
//! | [`check_host`] | DNS rebinding | 421 |
//! | [`check_origin`] | foreign pages, sandboxed frames (`null`), foreign WebSockets | 403 |
//! | [`check_fetch_site`] | the same, for requests that carry no `Origin` | 403 |
//! | [`check_content_type`] | forms and other requests that need no preflight | 415 |
//! | [`check_length`] | bodies beyond the limit, before a byte is read | 413 |
//!
//! Architecture invariant: there are no CORS headers anywhere.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::error::ApiError;

/// Largest JSON body in bytes (design section 12).
pub const JSON_BYTES_MAX: u64 = 1024 * 1024;
/// Largest uploaded picture in bytes: a camera's own file, before the browser shrinks it.
pub const PICTURE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Largest import in bytes: a CSV of 100,000 rows with a few thousand pictures.
pub const IMPORT_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// What the UI may do. Everything comes from this server; nothing may frame it; strings become markup only through
/// Svelte's own policy.
const CONTENT_SECURITY_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; \
     media-src 'self' blob:; manifest-src 'self'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'; \
     require-trusted-types-for 'script'; trusted-types svelte-trusted-html",
);

/// Headers of every response, whatever it is.
const HEADERS: [(HeaderName, HeaderValue); 6] = [
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("permissions-policy"),
        // The camera reads codes, the microphone records voice notes, the place is sent when somebody sends it.
        HeaderValue::from_static(
            "camera=(self), clipboard-write=(self), geolocation=(self), microphone=(self), payment=(), usb=()",
        ),
    ),
];

/// The names by which this server may be called.
#[derive(Clone, Debug)]
pub(crate) struct Hosts(Arc<[String]>);

impl Hosts {
    /// Loopback names with this port.
    pub(crate) fn new(port: u16) -> Self {
        const NAMES: [&str; 4] = ["127.0.0.1", "localhost", "node.localhost", "[::1]"];
        let with_port = NAMES.iter().map(|name| format!("{name}:{port}"));
        // Browsers leave out the default port.
        let bare = NAMES.iter().filter(|_| port == 80).map(|name| (*name).to_owned());
        Self(with_port.chain(bare).collect())
    }

    fn allows(&self, host: &str) -> bool {
        self.0.iter().any(|allowed| allowed.eq_ignore_ascii_case(host))
    }
}

/// Runs every rule, then the rest, and puts the security headers on whatever comes out.
pub(crate) async fn guard(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    let checked = check_request(&hosts, &request);
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = match checked {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    add_headers(response.headers_mut());
    if is_api {
        // What the API says is never kept by a browser, but for what says otherwise itself (blobs).
        response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
    response
}

fn check_request(hosts: &Hosts, request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    let path = request.uri().path();
    check_host(hosts, request.uri(), headers)?;
    check_origin(headers)?;
    check_fetch_site(headers)?;
    check_content_type(request.method(), path, headers)?;
    check_length(path, headers)
}

/// Adds the security headers. A response may bring a stricter policy of its own (blobs do).
pub(crate) fn add_headers(headers: &mut HeaderMap) {
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(CONTENT_SECURITY_POLICY);
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
}

/// The one value of a header; `Err` if it is there twice or is not text.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// Exactly one `Host`, on the list, with the port. A rebound DNS name fails here.
fn check_host(hosts: &Hosts, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
    let host = single(headers, &header::HOST).ok().flatten();
    let line = uri.authority().map(axum::http::uri::Authority::as_str);
    if host.is_some_and(|host| hosts.allows(host)) && line.is_none_or(|line| Some(line) == host) {
        return Ok(());
    }
    let message = "This node answers only by the address that it printed when it started.";
    Err(ApiError::new(StatusCode::MISDIRECTED_REQUEST, "wrong_host", message))
}

/// If the browser names an origin, it is the very one that is asked. `null` (sandboxed frames, `data:`) is foreign, and
/// so is another allowed name of this server.
fn check_origin(headers: &HeaderMap) -> Result<(), ApiError> {
    let own = |origin: &str| {
        let host = single(headers, &header::HOST).ok().flatten().unwrap_or_default();
        origin.strip_prefix("http://").is_some_and(|rest| rest.eq_ignore_ascii_case(host))
    };
    match single(headers, &header::ORIGIN) {
        Ok(None) => Ok(()),
        Ok(Some(origin)) if own(origin) => Ok(()),
        _ => Err(foreign()),
    }
}

/// Browsers say who asks even where they send no `Origin` (images, scripts, navigation).
fn check_fetch_site(headers: &HeaderMap) -> Result<(), ApiError> {
    match single(headers, &HeaderName::from_static("sec-fetch-site")) {
        Ok(None | Some("same-origin" | "none")) => Ok(()),
        _ => Err(foreign()),
    }
}

fn foreign() -> ApiError {
    let message = "This request came from another page. Open the node's own address.";
    ApiError::new(StatusCode::FORBIDDEN, "foreign_origin", message)
}

/// Unsafe methods speak JSON, which no form can send and no page elsewhere may send without asking first. Uploads are
/// the exceptions.
fn check_content_type(method: &Method, path: &str, headers: &HeaderMap) -> Result<(), ApiError> {
    if method.is_safe() {
        return Ok(());
    }
    let value = single(headers, &header::CONTENT_TYPE).ok().flatten().unwrap_or_default();
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let fits = match (method, path) {
        (&Method::POST, "/api/blobs") => essence.starts_with("image/"),
        // Any file; but none of the three types that a form may send without asking first.
        (&Method::POST, "/api/attachments") => {
            essence.contains('/')
                && !["text/plain", "multipart/form-data", "application/x-www-form-urlencoded"]
                    .contains(&essence.as_str())
        }
        (&Method::POST, "/api/store/import") => essence == "multipart/form-data",
        _ => essence == "application/json",
    };
    if fits {
        return Ok(());
    }
    let message = "The content type must be application/json (image/* for pictures, application/octet-stream for files, \
         multipart/form-data for an import).";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message))
}

/// How large a body at this path may be, in bytes.
pub(crate) fn body_limit(path: &str) -> u64 {
    match path {
        "/api/blobs" => PICTURE_BYTES_MAX,
        "/api/attachments" => hutong_protocol::limits::BLOB_BYTES_MAX,
        "/api/store/import" => IMPORT_BYTES_MAX,
        _ => JSON_BYTES_MAX,
    }
}

/// A body that says it is too large is not read at all. One that does not say is cut off where it is read.
fn check_length(path: &str, headers: &HeaderMap) -> Result<(), ApiError> {
    let limit = body_limit(path);
    let declared = single(headers, &header::CONTENT_LENGTH).ok().flatten().and_then(|text| text.parse::<u64>().ok());
    if declared.is_some_and(|bytes| bytes > limit) { Err(ApiError::too_large(limit)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    #[test]
    fn only_loopback_names_with_the_port_are_hosts() {
        let hosts = Hosts::new(8480);
        let check = |uri: &'static str, pairs: &[(&'static str, &'static str)]| {
            check_host(&hosts, &Uri::from_static(uri), &headers(pairs)).map_err(|error| error.status().as_u16())
        };
        for good in ["127.0.0.1:8480", "localhost:8480", "node.localhost:8480", "[::1]:8480", "LocalHost:8480"] {
            assert_eq!(check("/", &[("host", good)]), Ok(()), "{good}");
        }
        for bad in [
            "evil.example:8480",            // rebinding
            "127.0.0.1",                    // another port: 80
            "127.0.0.1:8481",               // another port
            "localhost:8480.evil.example",  // suffix
            "evil.localhost:8480",          // a mini-app's origin is not the API's
            "node.localhost:8480@evil.com", // user info
            "",
        ] {
            assert_eq!(check("/", &[("host", bad)]), Err(421), "{bad}");
        }
        assert_eq!(check("/", &[]), Err(421));
        assert_eq!(check("/", &[("host", "localhost:8480"), ("host", "evil.example")]), Err(421));
        assert_eq!(check("http://evil.example/", &[("host", "localhost:8480")]), Err(421));
        assert_eq!(check("http://localhost:8480/", &[("host", "localhost:8480")]), Ok(()));
        assert!(Hosts::new(80).allows("localhost") && Hosts::new(80).allows("localhost:80"));
    }

    #[test]
    fn only_the_asked_origin_may_ask() {
        let check = |pairs: &[(&'static str, &'static str)]| {
            let mut all = vec![("host", "node.localhost:8480")];
            all.extend_from_slice(pairs);
            check_origin(&headers(&all)).map_err(|error| error.status().as_u16())
        };
        assert_eq!(check(&[]), Ok(()));
        assert_eq!(check(&[("origin", "http://node.localhost:8480")]), Ok(()));
        for bad in [
            "null",
            "http://evil.example",
            "https://node.localhost:8480",
            "http://localhost:8480",
            "http://node.localhost:8481",
            "http://node.localhost:8480.evil.example",
            "http://x.node.localhost:8480",
            "",
        ] {
            assert_eq!(check(&[("origin", bad)]), Err(403), "{bad}");
        }
        assert_eq!(check(&[("origin", "http://node.localhost:8480"), ("origin", "null")]), Err(403));
    }

    #[test]
    fn other_sites_may_not_ask_even_without_an_origin() {
        let check = |value| check_fetch_site(&headers(&[("sec-fetch-site", value)])).is_ok();
        assert!(check_fetch_site(&HeaderMap::new()).is_ok());
        assert!(check("same-origin") && check("none"));
        assert!(!check("cross-site") && !check("same-site") && !check("") && !check("whatever"));
    }

    #[test]
    fn unsafe_methods_speak_json() {
        let check = |method: Method, path: &str, kind: Option<&'static str>| {
            let map = kind.map_or_else(HeaderMap::new, |kind| headers(&[("content-type", kind)]));
            check_content_type(&method, path, &map).is_ok()
        };
        assert!(check(Method::GET, "/api/chats", None));
        assert!(check(Method::POST, "/api/chats", Some("application/json")));
        assert!(check(Method::POST, "/api/chats", Some("Application/JSON; charset=utf-8")));
        // Forms, and whatever else a page may send without asking first.
        for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")] {
            for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
                assert!(!check(method, "/api/chats", kind), "{kind:?}");
            }
        }
        assert!(!check(Method::POST, "/api/chats", Some("text/plain; application/json")));
        assert!(check(Method::POST, "/api/blobs", Some("image/webp")));
        assert!(!check(Method::POST, "/api/blobs", Some("text/html")));
        assert!(check(Method::POST, "/api/attachments", Some("application/octet-stream")));
        assert!(check(Method::POST, "/api/attachments", Some("video/mp4")));
        for simple in [None, Some("text/plain; charset=utf-8"), Some("multipart/form-data; boundary=x")] {
            assert!(!check(Method::POST, "/api/attachments", simple), "{simple:?}");
        }
        assert!(check(Method::POST, "/api/store/import", Some("multipart/form-data; boundary=x")));
        assert!(!check(Method::POST, "/api/store/import", Some("application/json")));
    }

    #[test]
    fn a_declared_length_is_checked_to_the_byte() {
        let check =
            |path: &str, bytes: &'static str| check_length(path, &headers(&[("content-length", bytes)])).is_ok();
        assert!(check("/api/chats", "1048576") && !check("/api/chats", "1048577"));
        assert!(check("/api/blobs", "16777216") && !check("/api/blobs", "16777217"));
        assert!(check("/api/attachments", "1073741824") && !check("/api/attachments", "1073741825"));
        assert!(check("/api/store/import", "536870912") && !check("/api/store/import", "536870913"));
    }

    #[test]
    fn a_stricter_policy_is_kept() {
        let mut map = headers(&[("content-security-policy", "default-src 'none'; sandbox")]);
        add_headers(&mut map);
        assert_eq!(map.get(header::CONTENT_SECURITY_POLICY).unwrap(), "default-src 'none'; sandbox");
        assert_eq!(map.get(header::X_CONTENT_TYPE_OPTIONS).unwrap(), "nosniff");
    }
}
