//! The JSON API: one file per feature, each with its shapes, its handlers and its `router()`.
//!
//! The OpenAPI document is made from the handlers; `web/openapi.json` is a committed copy that the UI's types are
//! generated from, and a test proves it fresh.

use axum::{Router, routing::get};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        SecurityRequirement,
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use crate::{extract::Json, state::AppState};

pub mod account;
pub mod address;
pub mod attachment;
pub mod attachment_intake;
pub mod attachment_serve;
pub mod blob;
pub mod cart;
pub mod chat;
pub mod chat_action;
pub mod chat_card;
pub(crate) mod chat_view;
pub mod common;
pub mod contact;
pub mod events;
pub mod group;
pub mod group_door;
pub mod group_member;
pub(crate) mod group_view;
pub mod import;
pub mod link;
mod listing_kind;
pub mod mailbox;
pub mod maintenance;
pub mod market;
mod market_view;
pub mod network;
pub mod order;
mod order_state;
mod order_view;
pub mod search;
pub mod session;
pub mod settings;
pub mod store;
pub mod trust;

/// The document's frame, and the shapes that no handler mentions.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hutong",
        description = "The local API of a Hutong node. Log in as a browser with a one-time link, or send the token in \
                       the file `api-token` of the data directory as `Authorization: Bearer <token>`. Every error is a \
                       `Problem`. Live events come over one WebSocket, `/api/events`, as `Event` texts.",
        license(name = "MIT OR Apache-2.0")
    ),
    components(schemas(crate::error::Problem, events::Event)),
    modifiers(&Bearer)
)]
struct Document;

/// Says how to log in.
struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = document.components.as_mut() {
            components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        }
        document.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
    }
}

/// Every feature's routes. A new feature is one line here.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Document::openapi())
        .merge(session::router())
        .merge(account::router())
        .merge(blob::router())
        .merge(contact::router())
        .merge(mailbox::router())
        .merge(link::router())
        .merge(chat::router())
        .merge(chat_action::router())
        .merge(attachment::router())
        .merge(attachment_serve::router())
        .merge(group::router())
        .merge(group_member::router())
        .merge(group_door::router())
        .merge(market::router())
        .merge(store::router())
        .merge(import::router())
        .merge(cart::router())
        .merge(address::router())
        .merge(order::router())
        .merge(trust::router())
        .merge(search::router())
        .merge(network::router())
        .merge(maintenance::router())
        .merge(settings::router())
        .merge(events::router())
}

/// The OpenAPI document.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    router().into_openapi()
}

/// The OpenAPI document as it is committed: indented JSON with a newline at its end.
///
/// # Errors
/// Those of the JSON writer, which this never meets.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    openapi().to_pretty_json().map(|json| json + "\n")
}

/// The route of the document itself.
pub(crate) fn openapi_route() -> Router<AppState> {
    Router::new().route("/api/openapi.json", get(async || Json(openapi())))
}

#[cfg(test)]
mod tests {
    /// The UI's types are generated from the committed file. `HUTONG_BLESS=1` writes it anew.
    #[test]
    fn the_committed_openapi_document_is_fresh() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let fresh = super::openapi_json().unwrap();
        if std::env::var_os("HUTONG_BLESS").is_some() {
            std::fs::write(path, &fresh).unwrap();
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default().replace("\r\n", "\n");
        assert!(committed == fresh, "web/openapi.json is stale: run this test with HUTONG_BLESS=1 and commit it");
    }

    #[test]
    fn every_operation_is_described_and_below_api() {
        for (path, item) in super::openapi().paths.paths {
            assert!(path.starts_with("/api/"), "{path}");
            for operation in [item.get, item.put, item.post, item.delete, item.patch].into_iter().flatten() {
                assert!(operation.summary.is_some(), "{path} lacks a sentence");
            }
        }
    }
}
