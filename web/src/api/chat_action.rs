//! What is done with a message after it was said.

use axum::extract::State;
use hutong_node::{chat::act, engine::ChatId};
use hutong_protocol::RecordId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    chat::{Message, one_message},
    chat_view::parse,
    common::Id,
};
use crate::{
    auth::Auth,
    error::{ApiResult, Problem},
    extract::{Json, Path},
    state::AppState,
};

/// An emoji to put under a message, or to take away.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MessageReact {
    /// One emoji.
    pub emoji: String,
    /// Put, or taken away.
    pub on: bool,
}

/// Other words for a message.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MessageEdit {
    /// All of the new text.
    pub text: String,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(react)).routes(routes!(edit, delete)).routes(routes!(recall))
}

/// The conversation and message that a path names.
fn named((chat, id): (String, Id)) -> ApiResult<(ChatId, RecordId)> {
    Ok((parse(&chat)?, id.into()))
}

/// Puts an emoji under a message, or takes it away.
#[utoipa::path(post, path = "/api/chats/{chat}/messages/{id}/reactions", tag = "chats",
    params(("chat" = String, Path), ("id" = String, Path)), request_body = MessageReact, responses(
        (status = 200, body = Message),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "Too many, or the message was taken back"),
        (status = 422, body = Problem, description = "Not one emoji"),
    ))]
async fn react(
    State(state): State<AppState>,
    _: Auth,
    Path(path): Path<(String, Id)>,
    Json(order): Json<MessageReact>,
) -> ApiResult<Json<Message>> {
    let (chat, id) = named(path)?;
    state.node().call(move |cx| act::react(cx, chat, id, &order.emoji, order.on)).await?;
    one_message(&state, chat, id).await
}

/// Changes the words of a message of mine.
#[utoipa::path(patch, path = "/api/chats/{chat}/messages/{id}", tag = "chats",
    params(("chat" = String, Path), ("id" = String, Path)), request_body = MessageEdit, responses(
        (status = 200, body = Message),
        (status = 403, body = Problem, description = "Somebody else wrote it"),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
    ))]
async fn edit(
    State(state): State<AppState>,
    _: Auth,
    Path(path): Path<(String, Id)>,
    Json(order): Json<MessageEdit>,
) -> ApiResult<Json<Message>> {
    let (chat, id) = named(path)?;
    state.node().call(move |cx| act::edit(cx, chat, id, &order.text)).await?;
    one_message(&state, chat, id).await
}

/// Takes back a message that I wrote within the last two minutes.
#[utoipa::path(post, path = "/api/chats/{chat}/messages/{id}/recall", tag = "chats",
    params(("chat" = String, Path), ("id" = String, Path)), responses(
        (status = 200, body = Message),
        (status = 403, body = Problem, description = "Somebody else wrote it"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "It is too late"),
    ))]
async fn recall(State(state): State<AppState>, _: Auth, Path(path): Path<(String, Id)>) -> ApiResult<Json<Message>> {
    let (chat, id) = named(path)?;
    state.node().call(move |cx| act::recall(cx, chat, id)).await?;
    one_message(&state, chat, id).await
}

/// Deletes a message of mine for everyone.
#[utoipa::path(delete, path = "/api/chats/{chat}/messages/{id}", tag = "chats",
    params(("chat" = String, Path), ("id" = String, Path)), responses(
        (status = 200, body = Message, description = "What remains of it"),
        (status = 403, body = Problem, description = "Somebody else wrote it"),
        (status = 404, body = Problem),
    ))]
async fn delete(State(state): State<AppState>, _: Auth, Path(path): Path<(String, Id)>) -> ApiResult<Json<Message>> {
    let (chat, id) = named(path)?;
    state.node().call(move |cx| act::delete(cx, chat, id)).await?;
    one_message(&state, chat, id).await
}
