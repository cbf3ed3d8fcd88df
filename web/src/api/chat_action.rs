//! What is done with a message after it was said.

use axum::{extract::State, http::StatusCode};
use hutong_node::{
    chat::{self, act},
    engine::{ChatId, Cx},
    presence,
};
use hutong_protocol::{RecordId, chat::Position};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    chat::{ChatDraft, Mention, Message, one_message},
    chat_view::{message, parse},
    common::{Degrees, Id, Ms},
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem, sentence},
    extract::{IdempotencyKey, Json, Path, Query},
    state::AppState,
    views::Views,
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
    /// Who is named in it.
    #[serde(default)]
    pub mentions: Vec<Mention>,
}

/// Where its author is now.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LocationUpdate {
    /// Degrees north of the equator.
    pub latitude: Degrees,
    /// Degrees east of Greenwich.
    pub longitude: Degrees,
    /// How far off it may be, in metres.
    #[serde(default)]
    pub accuracy_m: Option<u32>,
}

/// Where else to say a message.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MessageForward {
    /// The conversations, at most 20.
    pub chats: Vec<String>,
}

/// What this node knows of a message's way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageInfo {
    /// The message.
    pub message: Message,
    /// When the recipient's node had stored it, as it says (messages of mine between two).
    #[schema(required)]
    pub delivered_at: Option<Ms>,
    /// When it was shown to the recipient, as their node says.
    #[schema(required)]
    pub read_at: Option<Ms>,
}

/// What to look for in a conversation.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FindQuery {
    /// Words that stand in a message, in any order.
    #[serde(default)]
    pub q: String,
    /// Instead of words: the first message at or after this time.
    pub since: Option<Ms>,
    /// How many at most, up to 100; 50 if absent.
    pub limit: Option<u32>,
}

/// Messages that a search in a conversation gives unless it says otherwise.
const FOUND_DEFAULT: u32 = 50;
/// Messages that a search in a conversation gives at most.
const FOUND_MAX: u32 = 100;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(react))
        .routes(routes!(info, edit, delete))
        .routes(routes!(recall))
        .routes(routes!(hide))
        .routes(routes!(relocate, end_location))
        .routes(routes!(typing))
        .routes(routes!(forward))
        .routes(routes!(find))
        .routes(routes!(draft))
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
    state
        .node()
        .call(move |cx| {
            let mentions = order.mentions.into_iter().map(Into::into).collect();
            act::edit(cx, chat, id, &order.text, mentions)
        })
        .await?;
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

/// Deletes a message for me alone.
#[utoipa::path(post, path = "/api/chats/{chat}/messages/{id}/hide", tag = "chats",
    params(("chat" = String, Path), ("id" = String, Path)), responses(
        (status = 204, description = "It is not shown again"),
        (status = 404, body = Problem),
    ))]
async fn hide(State(state): State<AppState>, _: Auth, Path(path): Path<(String, Id)>) -> ApiResult<StatusCode> {
    let (chat, id) = named(path)?;
    state.node().call(move |cx| act::hide(cx, chat, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says a message again in other conversations: in all of them or, where one refuses, in none.
#[utoipa::path(post, path = "/api/chats/{chat}/messages/{id}/forward", tag = "chats",
    params(("chat" = String, Path), ("id" = String, Path), IdempotencyKey), request_body = MessageForward, responses(
        (status = 204, description = "It is said"),
        (status = 403, body = Problem, description = "I may not write in one of them"),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
    ))]
async fn forward(
    State(state): State<AppState>,
    _: Auth,
    Path(path): Path<(String, Id)>,
    key: IdempotencyKey,
    Json(order): Json<MessageForward>,
) -> ApiResult<StatusCode> {
    let (chat, id) = named(path)?;
    let to = order.chats.iter().map(|name| parse(name)).collect::<ApiResult<Vec<_>>>()?;
    let scope = format!("forward {chat} {id}");
    let say = move |cx: &mut Cx<'_>| {
        let said = act::forward(cx, chat, id, &to)?;
        Ok(said.first().map_or(id, |(_, first)| *first))
    };
    state.node().call(move |cx| cx.once(&scope, key.get(), say)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What this node knows of a message's way.
#[utoipa::path(get, path = "/api/chats/{chat}/messages/{id}", tag = "chats",
    params(("chat" = String, Path), ("id" = String, Path)), responses(
        (status = 200, body = MessageInfo),
        (status = 404, body = Problem),
    ))]
async fn info(State(state): State<AppState>, _: Auth, Path(path): Path<(String, Id)>) -> ApiResult<Json<MessageInfo>> {
    let (chat, id) = named(path)?;
    let look = move |views: &Views<'_>| {
        let Some(row) = chat::view::message(views.read, &chat, &id)? else { return Ok(None) };
        let times = chat::view::times(views.read, &id)?;
        let (delivered_at, read_at) = (times.delivered.map(Into::into), times.read.map(Into::into));
        Ok(Some(MessageInfo { message: message(views, row)?, delivered_at, read_at }))
    };
    let info = state.view(look).await?;
    info.map(Json).ok_or_else(|| ApiError::not_found("This message is not known here."))
}

/// Says that I am writing, to those who are connected and see it. Nothing happens unless I share it.
#[utoipa::path(post, path = "/api/chats/{chat}/typing", tag = "chats", params(("chat" = String, Path)),
    responses((status = 204, description = "Told, if it is shared"), (status = 404, body = Problem)))]
async fn typing(State(state): State<AppState>, _: Auth, Path(name): Path<String>) -> ApiResult<StatusCode> {
    let chat = parse(&name)?;
    state.node().call(move |cx| presence::writing(cx, chat)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Says where I am now, in a message of mine that tells it live.
#[utoipa::path(put, path = "/api/chats/{chat}/messages/{id}/location", tag = "chats",
    params(("chat" = String, Path), ("id" = Id, Path)), request_body = LocationUpdate, responses(
        (status = 200, body = Message),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "`not_live`: it tells no place, or not any more"),
        (status = 422, body = Problem),
    ))]
async fn relocate(
    State(state): State<AppState>,
    _: Auth,
    Path(path): Path<(String, Id)>,
    Json(order): Json<LocationUpdate>,
) -> ApiResult<Json<Message>> {
    let (chat, id) = named(path)?;
    let LocationUpdate { latitude, longitude, accuracy_m } = order;
    let position = Position { lat_e7: latitude.0, lon_e7: longitude.0, accuracy_m };
    position.validate().map_err(|error| ApiError::invalid("latitude", sentence(&error.to_string())))?;
    state.node().call(move |cx| act::relocate(cx, chat, id, Some(position))).await?;
    one_message(&state, chat, id).await
}

/// Tells my place no longer.
#[utoipa::path(delete, path = "/api/chats/{chat}/messages/{id}/location", tag = "chats",
    params(("chat" = String, Path), ("id" = Id, Path)), responses(
        (status = 200, body = Message),
        (status = 403, body = Problem),
        (status = 404, body = Problem),
        (status = 409, body = Problem),
    ))]
async fn end_location(
    State(state): State<AppState>,
    _: Auth,
    Path(path): Path<(String, Id)>,
) -> ApiResult<Json<Message>> {
    let (chat, id) = named(path)?;
    state.node().call(move |cx| act::relocate(cx, chat, id, None)).await?;
    one_message(&state, chat, id).await
}

/// Messages of a conversation with these words, newest first; or the first one since a time.
#[utoipa::path(get, path = "/api/chats/{chat}/find", tag = "chats", params(("chat" = String, Path), FindQuery),
    responses((status = 200, body = Vec<Message>), (status = 404, body = Problem)))]
async fn find(
    State(state): State<AppState>,
    _: Auth,
    Path(name): Path<String>,
    Query(query): Query<FindQuery>,
) -> ApiResult<Json<Vec<Message>>> {
    let chat = parse(&name)?;
    let limit = usize::try_from(query.limit.unwrap_or(FOUND_DEFAULT).clamp(1, FOUND_MAX)).unwrap_or(1);
    let look = move |views: &Views<'_>| {
        let rows = match query.since {
            Some(since) => match chat::find::first_since(views.read, &chat, since.into())? {
                Some(id) => chat::view::message(views.read, &chat, &id)?.into_iter().collect(),
                None => Vec::new(),
            },
            None => chat::find::search(views.read, &chat, &query.q, limit)?,
        };
        rows.into_iter().map(|row| message(views, row)).collect()
    };
    state.view(look).await.map(Json)
}

/// Keeps what was begun in a conversation, for every browser of this node.
#[utoipa::path(put, path = "/api/chats/{chat}/draft", tag = "chats", params(("chat" = String, Path)),
    request_body = ChatDraft, responses(
        (status = 204, description = "Kept"),
        (status = 404, body = Problem),
        (status = 422, body = Problem),
    ))]
async fn draft(
    State(state): State<AppState>,
    _: Auth,
    Path(name): Path<String>,
    Json(order): Json<ChatDraft>,
) -> ApiResult<StatusCode> {
    let chat = parse(&name)?;
    state.node().call(move |cx| chat::set_draft(cx, chat, &order.text, order.reply_to.map(Into::into))).await?;
    Ok(StatusCode::NO_CONTENT)
}
