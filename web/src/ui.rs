//! The built UI, compiled into the program.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use data_encoding::HEXLOWER;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::error::ApiError;

/// What `build.rs` built.
#[derive(RustEmbed)]
#[folder = "$OUT_DIR/ui"]
struct Ui;

/// The page that every screen starts from.
const INDEX: &str = "index.html";
/// Vite puts a hash of the content into the names in here, so what was fetched once never changes.
const HASHED: &str = "assets/";

/// Serves a file of the UI. An address that is none is a screen of the UI, which its own router knows.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path();
    if path == "/api" || path.starts_with("/api/") {
        return ApiError::not_found("There is nothing at this address.").into_response();
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let message = "This address does not take this method.";
        return ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message).into_response();
    }
    let Some(name) = file_for(path, |name| Ui::get(name).is_some()) else {
        return ApiError::not_found("There is no such file.").into_response();
    };
    let known = request.headers().get(header::IF_NONE_MATCH);
    match Ui::get(name) {
        Some(file) => file_response(name, &file, known),
        None => ApiError::internal("the UI is missing from this build").into_response(),
    }
}

/// Which file answers this path: itself, the start page for a screen, none for a file that is not there. Names are only
/// ever looked up in a list, so `..` leads nowhere.
fn file_for(path: &str, exists: impl Fn(&str) -> bool) -> Option<&str> {
    let name = path.trim_start_matches('/');
    if !name.is_empty() && exists(name) {
        return Some(name);
    }
    let last = name.rsplit('/').next().unwrap_or_default();
    let is_file = name.starts_with(HASHED) || last.contains('.');
    (!is_file).then_some(INDEX)
}

fn file_response(name: &str, file: &EmbeddedFile, known: Option<&HeaderValue>) -> Response {
    let tag = format!("\"{}\"", HEXLOWER.encode(file.metadata.sha256_hash().get(..16).unwrap_or_default()));
    let cache = if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let unchanged = known.is_some_and(|known| known.to_str().is_ok_and(|known| known.contains(&tag)));
    let head = [
        (header::CONTENT_TYPE, media_type(name).to_owned()),
        (header::CACHE_CONTROL, cache.to_owned()),
        (header::ETAG, tag),
    ];
    if unchanged {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, Body::from(file.data.clone().into_owned())).into_response()
}

/// With `nosniff` a wrong type does not work at all, so each one the UI uses is named.
fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_gets_the_start_page_and_a_missing_file_nothing() {
        let exists = |name: &str| matches!(name, "index.html" | "assets/app-1a2b.js" | "icon.svg");
        for (path, want) in [
            ("/", Some("index.html")),
            ("/index.html", Some("index.html")),
            ("/chats/direct-abc", Some("index.html")),
            ("/assets/app-1a2b.js", Some("assets/app-1a2b.js")),
            ("/icon.svg", Some("icon.svg")),
            ("/assets/app-old.js", None), // an old page asks for what was; index.html would not be a script
            ("/assets/gone", None),
            ("/robots.txt", None),
            ("/../../etc/passwd", Some("index.html")), // a screen like any other, read from nowhere
            ("/../Cargo.toml", None),
            ("/%2e%2e/Cargo.toml", None),
        ] {
            assert_eq!(file_for(path, exists), want, "{path}");
        }
    }

    #[test]
    fn the_build_has_a_start_page() {
        let file = Ui::get(INDEX).unwrap();
        let response = file_response(INDEX, &file, None);
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-cache");
        let tag = response.headers()[header::ETAG].clone();
        assert_eq!(file_response(INDEX, &file, Some(&tag)).status(), StatusCode::NOT_MODIFIED);
        let hashed = file_response("assets/x.js", &file, None);
        assert_eq!(hashed.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(hashed.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
    }
}
