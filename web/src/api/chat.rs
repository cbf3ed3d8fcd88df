//! Conversations, direct and in groups. A chat's name is `direct-<account>` or `group-<group>`.

use axum::{extract::State, http::StatusCode};
use hutong_node::{
    chat,
    engine::{ChatId, CommandError, Cx},
};
use hutong_protocol::{RecordId, TimestampMs, chat::Content};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::{router::OpenApiRouter, routes};

pub use super::chat_card::{Card, CardRef};
use super::{
    attachment::{self, Attachment, AttachmentKind, AttachmentSend, Location, LocationSend},
    chat_view::{card_of, message, parse, shape},
    common::{BlobHash, Id, Ms, Party},
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{IdempotencyKey, Json, Path, Query},
    state::AppState,
    views::Views,
};

/// Messages in a page unless the request says otherwise: a screen and a half.
const PAGE_DEFAULT: u32 = 50;
/// Messages in a page at most.
const PAGE_MAX: u32 = 200;

/// Between two, or in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// With one other account.
    Direct,
    /// In a group.
    Group,
}

/// A conversation in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chat {
    /// Its name: `direct-<account>` or `group-<group>`.
    pub chat: String,
    /// Between two, or in a group.
    pub kind: ChatKind,
    /// The other's or the group's name.
    pub title: String,
    /// The other's or the group's picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// The other, if direct.
    #[schema(required)]
    pub party: Option<Party>,
    /// The group, if one.
    #[schema(required)]
    pub group: Option<Id>,
    /// The newest message.
    #[schema(required)]
    pub last: Option<Message>,
    /// Messages of others after the last one read.
    pub unread: u32,
    /// Whether new messages stay silent.
    pub muted: bool,
    /// Whether it stays on top.
    pub pinned: bool,
    /// Whether it is out of sight until somebody writes.
    pub archived: bool,
    /// Whether I marked it as unread.
    pub marked_unread: bool,
    /// Among the unread messages, those that name me.
    pub mentions: u32,
    /// What was begun here and not sent.
    #[schema(required)]
    pub draft: Option<ChatDraft>,
    /// After how many milliseconds new messages disappear; 0: never.
    pub disappear_ms: u64,
    /// Members known; 2 if direct.
    pub members: u32,
    /// Whether the other, or any other member, is connected now.
    pub online: bool,
    /// Whether I may write here.
    pub can_write: bool,
    /// Why not.
    #[schema(required)]
    pub why_not: Option<WhyNot>,
    /// Until when, if it is for a time.
    #[schema(required)]
    pub why_not_until: Option<Ms>,
    /// Whether it is a private group.
    pub private: bool,
}

/// What was begun and not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatDraft {
    /// The text so far; empty forgets the draft.
    pub text: String,
    /// The message it answers.
    #[serde(default)]
    #[schema(required)]
    pub reply_to: Option<Id>,
}

/// Somebody named in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Mention {
    /// Who.
    pub account: Id,
    /// The name as it stands behind the `@` in the text.
    pub name: String,
}

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Kept here, waiting for the other's node.
    Queued,
    /// Kept by mailboxes of the recipient.
    AtMailbox,
    /// Handed to the network (groups).
    Sent,
    /// Stored by a device of the recipient.
    Delivered,
    /// Shown to the recipient.
    Read,
    /// It is another's message.
    Received,
}

/// What a queued message waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitingFor {
    /// No device of the recipient can be reached.
    Recipient,
    /// The recipient has not accepted us yet.
    Acceptance,
    /// Nothing: the recipient's node refused it.
    Refused,
    /// No other member of the group can be reached.
    Members,
}

/// Why I may not write in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WhyNot {
    /// They have not accepted my request yet.
    NotAccepted,
    /// We are not in touch.
    NotContact,
    /// I block them.
    Blocked,
    /// I am not a member of the group.
    NotMember,
    /// I wait to be let into the group.
    Asked,
    /// I was put out of the group.
    Removed,
    /// An admin of the group muted me: `why_not_until` says until when.
    Muted,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// The record.
    pub id: Id,
    /// The conversation.
    pub chat: String,
    /// Who wrote it.
    pub author: Party,
    /// Whether I did.
    pub mine: bool,
    /// The author's claim of when.
    pub at: Ms,
    /// The text; may be empty when there is a card.
    pub text: String,
    /// What it answers.
    #[schema(required)]
    pub reply_to: Option<Reply>,
    /// A card.
    #[schema(required)]
    pub card: Option<Card>,
    /// How far it came.
    pub state: MessageState,
    /// What it waits for, if it is queued.
    #[schema(required)]
    pub waiting_for: Option<WaitingFor>,
    /// Emoji under it, in the order in which they first came.
    pub reactions: Vec<Reaction>,
    /// When its author changed its words.
    #[schema(required)]
    pub edited_at: Option<Ms>,
    /// Its author took it back: then there is no text and no card.
    #[schema(required)]
    pub gone: Option<Gone>,
    /// Who is named in the text.
    pub mentions: Vec<Mention>,
    /// Whether it was said elsewhere before.
    pub forwarded: bool,
    /// When it disappears.
    #[schema(required)]
    pub expires_at: Option<Ms>,
    /// It says that from then on messages disappear after so many milliseconds; 0: no longer.
    #[schema(required)]
    pub disappear_ms: Option<u64>,
    /// Files that go with it.
    pub attachments: Vec<Attachment>,
    /// Where somebody, or something, is.
    #[schema(required)]
    pub location: Option<Location>,
}

/// An emoji under a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reaction {
    /// Which.
    pub emoji: String,
    /// How many accounts put it.
    pub count: u32,
    /// Whether I did.
    pub mine: bool,
    /// Names of the first of them, at most 20; mine is not among them.
    pub names: Vec<String>,
}

/// How a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Gone {
    /// Its author recalled it within two minutes.
    Recalled,
    /// Its author deleted it for everyone.
    Deleted,
    /// An admin of the group took it away; `author` says who.
    Removed,
}

/// The message that is answered, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reply {
    /// The record.
    pub id: Id,
    /// Its author's name.
    pub author: String,
    /// The beginning of its text; empty if it was taken back.
    pub text: String,
    /// Whether it was taken back.
    pub gone: bool,
    /// How its first file is shown, if it has one.
    #[schema(required)]
    pub attachment: Option<AttachmentKind>,
}

/// A page of messages, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<Message>,
    /// Pass as `before` for the page of older ones; `null` at the beginning of the conversation.
    #[schema(required)]
    pub before: Option<String>,
}

/// Which messages.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessagesQuery {
    /// Cursor of an earlier page.
    pub before: Option<String>,
    /// How many, at most 200; 50 if absent.
    pub limit: Option<u32>,
}

/// A message to send.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct MessageSend {
    /// The text; may be empty when there is a card, a file or a place.
    #[serde(default)]
    pub text: String,
    /// Files that were added before, at most 10.
    #[serde(default)]
    pub attachments: Vec<AttachmentSend>,
    /// Where somebody, or something, is.
    #[serde(default)]
    pub location: Option<LocationSend>,
    /// The message it answers.
    #[serde(default)]
    pub reply_to: Option<Id>,
    /// What to show as a card.
    #[serde(default)]
    pub card: Option<CardRef>,
    /// Who is named in the text.
    #[serde(default)]
    pub mentions: Vec<Mention>,
}

/// Says what was read.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChatRead {
    /// The newest message shown.
    pub up_to: Id,
}

/// Changes how this node treats a conversation; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ChatUpdate {
    /// Whether new messages stay silent.
    #[serde(default)]
    pub muted: Option<bool>,
    /// Whether it stays on top.
    #[serde(default)]
    pub pinned: Option<bool>,
    /// Whether it is out of sight until somebody writes.
    #[serde(default)]
    pub archived: Option<bool>,
    /// Whether it is marked as unread.
    #[serde(default)]
    pub marked_unread: Option<bool>,
    /// After how many milliseconds messages disappear from now on; 0: never. It is said in the conversation.
    #[serde(default)]
    pub disappear_ms: Option<u64>,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(get, update))
        .routes(routes!(messages, send))
        .routes(routes!(read))
        .routes(routes!(retry))
}

/// The conversations: pinned ones first, then the newest first.
#[utoipa::path(get, path = "/api/chats", tag = "chats", responses((status = 200, body = Vec<Chat>)))]
async fn list(State(state): State<AppState>, _: Auth) -> ApiResult<Json<Vec<Chat>>> {
    let list = |views: &Views<'_>| {
        let mut chats = Vec::new();
        for (id, row) in chat::view::list(views.read)? {
            let chat = shape(views, &id, row)?;
            // Nothing of somebody who is blocked is shown; their page lifts it.
            if chat.why_not != Some(WhyNot::Blocked) {
                chats.push(chat);
            }
        }
        Ok(chats)
    };
    state.view(list).await.map(Json)
}

async fn one(state: &AppState, id: ChatId) -> ApiResult<Json<Chat>> {
    state.view(move |views| shape(views, &id, chat::view::row(views.read, &id)?)).await.map(Json)
}

/// A conversation, whether anything was said in it or not.
#[utoipa::path(get, path = "/api/chats/{chat}", tag = "chats", params(("chat" = String, Path)), responses(
    (status = 200, body = Chat),
    (status = 404, body = Problem),
))]
async fn get(State(state): State<AppState>, _: Auth, Path(name): Path<String>) -> ApiResult<Json<Chat>> {
    one(&state, parse(&name)?).await
}

/// Mutes, pins or archives a conversation, marks it as unread, or has its messages disappear.
#[utoipa::path(patch, path = "/api/chats/{chat}", tag = "chats", params(("chat" = String, Path)),
    request_body = ChatUpdate, responses((status = 200, body = Chat), (status = 404, body = Problem)))]
async fn update(
    State(state): State<AppState>,
    _: Auth,
    Path(name): Path<String>,
    Json(order): Json<ChatUpdate>,
) -> ApiResult<Json<Chat>> {
    let id = parse(&name)?;
    let flags =
        chat::Flags { muted: order.muted, pinned: order.pinned, archived: order.archived, marked: order.marked_unread };
    let change = move |cx: &mut Cx<'_>| {
        chat::set_flags(cx, id, flags)?;
        order.disappear_ms.map_or(Ok(()), |ms| chat::set_timer(cx, id, ms))
    };
    state.node().call(change).await?;
    one(&state, id).await
}

/// Messages, oldest first; without `before` the newest ones.
#[utoipa::path(get, path = "/api/chats/{chat}/messages", tag = "chats", params(("chat" = String, Path), MessagesQuery),
    responses((status = 200, body = MessagePage), (status = 404, body = Problem)))]
async fn messages(
    State(state): State<AppState>,
    _: Auth,
    Path(name): Path<String>,
    Query(query): Query<MessagesQuery>,
) -> ApiResult<Json<MessagePage>> {
    let id = parse(&name)?;
    let before = query.before.as_deref().map(parse_cursor).transpose()?;
    let limit = usize::try_from(query.limit.unwrap_or(PAGE_DEFAULT).clamp(1, PAGE_MAX)).unwrap_or(1);
    let page = move |views: &Views<'_>| {
        let (rows, more) = chat::view::page(views.read, &id, before, limit)?;
        let before = rows.first().filter(|_| more).map(|oldest| cursor(oldest.at, oldest.id));
        let messages = rows.into_iter().map(|row| message(views, row)).collect::<Result<_, _>>()?;
        Ok(MessagePage { messages, before })
    };
    state.view(page).await.map(Json)
}

fn cursor(at: TimestampMs, id: RecordId) -> String {
    format!("{}.{id}", at.0)
}

fn parse_cursor(text: &str) -> ApiResult<(TimestampMs, RecordId)> {
    let parsed = text.split_once('.').and_then(|(at, id)| Some((TimestampMs(at.parse().ok()?), id.parse().ok()?)));
    parsed.ok_or_else(|| ApiError::invalid("before", "This is no cursor: use the one that came with a page."))
}

/// Writes into a conversation.
#[utoipa::path(post, path = "/api/chats/{chat}/messages", tag = "chats",
    params(("chat" = String, Path), IdempotencyKey), request_body = MessageSend, responses(
        (status = 201, body = Message),
        (status = 403, body = Problem, description = "I may not write here"),
        (status = 422, body = Problem),
    ))]
async fn send(
    State(state): State<AppState>,
    _: Auth,
    Path(name): Path<String>,
    key: IdempotencyKey,
    Json(order): Json<MessageSend>,
) -> ApiResult<(StatusCode, Json<Message>)> {
    let id = parse(&name)?;
    let scope = format!("message {name}");
    let write = move |cx: &mut Cx<'_>| {
        let card = order.card.map(|card| card_of(cx, &id, card)).transpose()?;
        let reply_to = order.reply_to.map(RecordId::from);
        if let Some(answered) = &reply_to
            && chat::view::message(cx.read(), &id, answered)?.is_none()
        {
            return Err(CommandError::NotFound("the message that you answer"));
        }
        let mentions = order.mentions.into_iter().map(Into::into).collect();
        let attachments = attachment::picked(cx, &id, order.attachments)?;
        let location = order.location.map(|sent| attachment::location(sent, cx.now())).transpose()?;
        let more = Content { reply_to, card, mentions, attachments, location, ..Content::default() };
        let content = chat::contents(&order.text, more)?;
        content.validate()?;
        let sent = chat::send(cx, id, content)?;
        chat::set_draft(cx, id, "", None)?;
        Ok(sent)
    };
    let record = state.node().call(move |cx| cx.once(&scope, key.get(), write)).await?;
    Ok((StatusCode::CREATED, one_message(&state, id, record).await?))
}

/// A message as it is now.
pub(super) async fn one_message(state: &AppState, id: ChatId, record: RecordId) -> ApiResult<Json<Message>> {
    let look = move |views: &Views<'_>| {
        let row = chat::view::message(views.read, &id, &record)?;
        row.map(|row| message(views, row)).transpose()
    };
    let message = state.view(look).await?.ok_or_else(|| ApiError::internal("a message vanished"))?;
    Ok(Json(message))
}

/// Says what was read; the other hears of it if the settings allow.
#[utoipa::path(post, path = "/api/chats/{chat}/read", tag = "chats", params(("chat" = String, Path)),
    request_body = ChatRead, responses((status = 204, description = "Noted"), (status = 404, body = Problem)))]
async fn read(
    State(state): State<AppState>,
    _: Auth,
    Path(name): Path<String>,
    Json(order): Json<ChatRead>,
) -> ApiResult<StatusCode> {
    let id = parse(&name)?;
    state.node().call(move |cx| chat::mark_read(cx, id, order.up_to.into())).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tries at once to deliver what is queued.
#[utoipa::path(post, path = "/api/chats/{chat}/retry", tag = "chats", params(("chat" = String, Path)),
    responses((status = 204, description = "Trying"), (status = 404, body = Problem)))]
async fn retry(State(state): State<AppState>, _: Auth, Path(name): Path<String>) -> ApiResult<StatusCode> {
    match parse(&name)? {
        ChatId::Direct(account) => {
            let retry = move |cx: &mut Cx<'_>| {
                cx.connect(&account, Vec::new())?;
                cx.retry(&account);
                Ok(())
            };
            state.node().call(retry).await?;
        }
        ChatId::Group(group) if group.is_private() => {
            state.node().call(move |cx| hutong_node::group::act::retry(cx, group)).await?;
        }
        ChatId::Group(group) => state.node().sync_now(hutong_protocol::Topic::of_group(group)).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_nothing_else_is_one() {
        let (at, id) = (TimestampMs(1_800_000_000_000), RecordId([7; 32]));
        assert_eq!(parse_cursor(&cursor(at, id)), Ok((at, id)));
        for wrong in ["", "1", "1.", ".x", "-1.aa", "1.short"] {
            assert_eq!(parse_cursor(wrong).unwrap_err().status(), 422, "{wrong}");
        }
    }
}
