//! Files of messages: their shapes, and how they are added, fetched and paused. How they are served is in
//! `attachment_serve.rs`.

use axum::{
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
};
use data_encoding::BASE64;
use hutong_node::{
    attachment::{
        self as files,
        view::{QueueRow, Wish},
    },
    engine::{ChatId, CommandError, Cx, EngineError},
};
use hutong_protocol::{
    RecordId,
    chat::{self as protocol, attachment::check_thumbnail},
    limits::LABEL_BYTES_MAX,
    picture,
    text::clean_line,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    attachment_intake::{self, UploadQuery},
    chat_view::{name, parse},
    common::{Degrees, Id, Ms},
    events::Event,
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{Json, Path, Query},
    state::AppState,
    views::Views,
};

/// How a file is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// Sound.
    Audio,
    /// Something said into the microphone.
    Voice,
    /// A file, to be saved.
    File,
}

/// Where a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentState {
    /// On this node.
    Here,
    /// On this node, but it is a picture too large to be shown; it can be saved.
    TooLarge,
    /// On its way.
    Fetching,
    /// Not here, and not asked for (or paused).
    Absent,
    /// Asked for; nobody who is connected has it.
    Waiting,
    /// It is not what its message says; nothing of it is shown.
    Lying,
    /// There was no room for it. Make room, and fetch it again.
    Full,
}

/// A file of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Attachment {
    /// Its place among the message's files, from 0.
    pub index: u32,
    /// How it is shown.
    pub kind: AttachmentKind,
    /// Its name.
    pub name: String,
    /// Its media type, as its sender says; what is served is what its bytes say.
    pub media_type: String,
    /// Its length in bytes.
    pub size: u64,
    /// Width in pixels, as its sender says.
    #[schema(required)]
    pub width: Option<u32>,
    /// Height in pixels, as its sender says.
    #[schema(required)]
    pub height: Option<u32>,
    /// How long it plays.
    #[schema(required)]
    pub duration_ms: Option<u64>,
    /// How loud a voice note is along the way: at most 64 values from 0 to 255.
    #[schema(required, value_type = Option<Vec<u32>>)]
    pub waveform: Option<Vec<u8>>,
    /// A small picture of it, in base64. It is there before the file is.
    #[schema(required)]
    pub thumbnail: Option<String>,
    /// What the small picture is: `image/jpeg`, `image/webp` or `image/png`.
    #[schema(required)]
    pub thumbnail_type: Option<String>,
    /// Where it is.
    pub state: AttachmentState,
    /// Bytes of it that are here.
    pub received: u64,
    /// Where it is served: shown where that is safe, and with `?download=1` to be saved.
    pub url: String,
}

/// A file that was added, to be sent with a message within a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// Names it in the message.
    pub upload: String,
    /// Its length in bytes.
    pub size: u64,
    /// What it is: of pictures, films and sound what their bytes say.
    pub media_type: String,
    /// How it is shown.
    pub kind: AttachmentKind,
    /// Width of a picture in pixels.
    #[schema(required)]
    pub width: Option<u32>,
    /// Height of a picture in pixels.
    #[schema(required)]
    pub height: Option<u32>,
}

/// A file to send with a message.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct AttachmentSend {
    /// As it was named when it was added.
    pub upload: String,
    /// Another name than it was added with.
    #[serde(default)]
    pub name: Option<String>,
    /// Width in pixels, of a film.
    #[serde(default)]
    pub width: Option<u32>,
    /// Height in pixels, of a film.
    #[serde(default)]
    pub height: Option<u32>,
    /// How long it plays.
    #[serde(default)]
    pub duration_ms: Option<u64>,
    /// How loud it is along the way, at most 64 values from 0 to 255; makes a voice note of sound.
    #[serde(default)]
    #[schema(value_type = Option<Vec<u32>>)]
    pub waveform: Option<Vec<u8>>,
    /// A small JPEG, WebP or PNG picture of it in base64: at most 8 KiB and 512 pixels on a side, and 32 KiB for all files
    /// of a message.
    #[serde(default)]
    pub thumbnail: Option<String>,
}

/// Where somebody, or something, is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Location {
    /// Degrees north of the equator.
    pub latitude: Degrees,
    /// Degrees east of Greenwich.
    pub longitude: Degrees,
    /// How far off it may be, in metres.
    #[schema(required)]
    pub accuracy_m: Option<u32>,
    /// What is there.
    #[schema(required)]
    pub label: Option<String>,
    /// Until then its author tells it live.
    #[schema(required)]
    pub live_until: Option<Ms>,
    /// When this place was told.
    pub moved_at: Ms,
    /// Its author tells it no longer.
    pub ended: bool,
}

/// A place to send.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct LocationSend {
    /// Degrees north of the equator.
    pub latitude: Degrees,
    /// Degrees east of Greenwich.
    pub longitude: Degrees,
    /// How far off it may be, in metres.
    #[serde(default)]
    pub accuracy_m: Option<u32>,
    /// What is there.
    #[serde(default)]
    pub label: Option<String>,
    /// Tell it live for so many minutes: 15, 60 or 480.
    #[serde(default)]
    pub live_minutes: Option<u32>,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    // The limit is counted as the body comes: it is not held in memory.
    let upload = OpenApiRouter::new().routes(routes!(upload)).layer(DefaultBodyLimit::disable());
    upload.routes(routes!(forget)).routes(routes!(fetch, pause))
}

/// Adds a file, to be sent with a message. Only its ciphertext reaches the disk, unless `public` is set.
#[utoipa::path(post, path = "/api/attachments", tag = "attachments", params(UploadQuery),
    request_body(content = String, content_type = "application/octet-stream", description = "The bytes of the file"),
    responses(
        (status = 201, body = Upload),
        (status = 413, body = Problem),
        (status = 415, body = Problem, description = "`has_location`: the picture says where it was taken"),
        (status = 429, body = Problem),
        (status = 507, body = Problem),
    ))]
async fn upload(
    State(state): State<AppState>,
    _: Auth,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> ApiResult<(StatusCode, Json<Upload>)> {
    let upload = attachment_intake::take_in(&state, query, request).await?;
    Ok((StatusCode::CREATED, Json(upload)))
}

/// Forgets a file that was added and not sent.
#[utoipa::path(delete, path = "/api/attachments/{upload}", tag = "attachments", params(("upload" = String, Path)),
    responses((status = 204, description = "Forgotten"), (status = 404, body = Problem)))]
async fn forget(State(state): State<AppState>, _: Auth, Path(upload): Path<String>) -> ApiResult<StatusCode> {
    let id = parse_upload(&upload).ok_or_else(|| ApiError::not_found("There is no such upload."))?;
    state.node().call(move |cx| files::forget(cx, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Which file of which message.
pub(super) type FilePath = (String, Id, u32);

pub(super) fn named((chat, id, index): FilePath) -> ApiResult<(ChatId, RecordId, usize)> {
    Ok((parse(&chat)?, id.into(), usize::try_from(index).unwrap_or(usize::MAX)))
}

/// Fetches a file from those who have it, or goes on with it.
#[utoipa::path(post, path = "/api/chats/{chat}/messages/{id}/attachments/{index}/fetch", tag = "attachments",
    params(("chat" = String, Path), ("id" = Id, Path), ("index" = u32, Path)),
    responses((status = 204, description = "On its way, or waiting for somebody who has it"), (status = 404, body = Problem)))]
async fn fetch(State(state): State<AppState>, _: Auth, Path(path): Path<FilePath>) -> ApiResult<StatusCode> {
    let (chat, id, index) = named(path)?;
    state.node().call(move |cx| files::fetch(cx, &chat, &id, index)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Fetches a file no further for now; what came of it stays.
#[utoipa::path(delete, path = "/api/chats/{chat}/messages/{id}/attachments/{index}/fetch", tag = "attachments",
    params(("chat" = String, Path), ("id" = Id, Path), ("index" = u32, Path)),
    responses((status = 204, description = "Paused"), (status = 404, body = Problem)))]
async fn pause(State(state): State<AppState>, _: Auth, Path(path): Path<FilePath>) -> ApiResult<StatusCode> {
    let (chat, id, index) = named(path)?;
    state.node().call(move |cx| files::pause(cx, &chat, &id, index)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The text form of an upload.
pub(super) fn upload_name(id: &[u8; 16]) -> String {
    hutong_protocol::ids::to_base32(id)
}

fn parse_upload(text: &str) -> Option<[u8; 16]> {
    let bytes = data_encoding::BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).ok()?;
    bytes.try_into().ok().filter(|id| upload_name(id) == text)
}

impl From<protocol::AttachmentKind> for AttachmentKind {
    fn from(kind: protocol::AttachmentKind) -> Self {
        match kind {
            protocol::AttachmentKind::Image => Self::Image,
            protocol::AttachmentKind::Video => Self::Video,
            protocol::AttachmentKind::Audio => Self::Audio,
            protocol::AttachmentKind::Voice => Self::Voice,
            protocol::AttachmentKind::File => Self::File,
        }
    }
}

/// Where a file is, and how much of it is here.
pub(super) fn state_of(views: &Views<'_>, file: &protocol::Attachment) -> Result<(AttachmentState, u64), EngineError> {
    let blobs = views.node.blobs();
    if let Some(size) = blobs.size(&file.blob) {
        let state = if size != file.size {
            AttachmentState::Lying
        } else if super::attachment_serve::is_bomb(views.node, file) {
            AttachmentState::TooLarge
        } else {
            AttachmentState::Here
        };
        return Ok((state, size));
    }
    let received = blobs.received(&file.blob);
    let state = match files::view::queued(views.read, &file.blob)? {
        Some(QueueRow { wish: Wish::Lying, .. }) => AttachmentState::Lying,
        Some(QueueRow { wish: Wish::Full, .. }) => AttachmentState::Full,
        Some(QueueRow { wish: Wish::Wanted, sizes, .. }) if sizes.contains(&file.size) => {
            if views.node.is_fetching(&file.blob) { AttachmentState::Fetching } else { AttachmentState::Waiting }
        }
        _ => AttachmentState::Absent,
    };
    Ok((state, received))
}

/// The files of a message, as they are shown.
pub(super) fn shape(
    views: &Views<'_>,
    chat: &ChatId,
    id: &RecordId,
    carried: Vec<protocol::Attachment>,
) -> Result<Vec<Attachment>, EngineError> {
    let shape = |(index, file): (usize, protocol::Attachment)| {
        let (state, received) = state_of(views, &file)?;
        let thumbnail_type = file.thumbnail.as_ref().and_then(|bytes| picture::media_type(bytes));
        Ok(Attachment {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            kind: file.kind.into(),
            name: file.name,
            media_type: file.media_type,
            size: file.size,
            width: file.width,
            height: file.height,
            duration_ms: file.duration_ms,
            waveform: file.waveform.map(serde_bytes::ByteBuf::into_vec),
            thumbnail: file.thumbnail.map(|bytes| BASE64.encode(&bytes)),
            thumbnail_type: thumbnail_type.map(str::to_owned),
            state,
            received,
            url: format!("/api/chats/{}/messages/{id}/attachments/{index}", name(chat)),
        })
    };
    carried.into_iter().enumerate().map(shape).collect()
}

/// What the screen is told when something is different about a blob: one event for each message that names it.
pub(crate) fn events(views: &Views<'_>, blob: &hutong_protocol::BlobHash) -> Result<Vec<Event>, EngineError> {
    let mut events = Vec::new();
    for naming in files::view::named_by(views.read, blob)? {
        let Some(message) = hutong_node::chat::view::message(views.read, &naming.chat, &naming.id)? else { continue };
        let Some(file) = message.content.attachments.get(naming.index) else { continue };
        let (state, received) = state_of(views, file)?;
        let (chat, id) = (name(&naming.chat), naming.id.into());
        let index = u32::try_from(naming.index).unwrap_or(u32::MAX);
        events.push(Event::Attachment { chat, id, index, state, received, size: file.size });
    }
    Ok(events)
}

fn invalid(message: &str) -> CommandError {
    CommandError::refused("invalid_attachments", message)
}

/// The files to send.
pub(super) fn picked(
    cx: &mut Cx<'_>,
    chat: &ChatId,
    attachments: Vec<AttachmentSend>,
) -> Result<Vec<protocol::Attachment>, CommandError> {
    let one = |sent: AttachmentSend| {
        let upload =
            parse_upload(&sent.upload).ok_or_else(|| invalid("there is no such upload: add the file first"))?;
        let thumbnail = sent.thumbnail.map(|text| BASE64.decode(text.as_bytes())).transpose();
        let thumbnail = thumbnail.map_err(|_| invalid("a small picture is sent in base64"))?;
        if let Some(bytes) = &thumbnail {
            check_thumbnail(bytes).map_err(|error| invalid(&error.to_string()))?;
        }
        let pixels = sent.width.zip(sent.height);
        let (duration_ms, waveform, name) = (sent.duration_ms, sent.waveform, sent.name);
        Ok(files::Picked { upload, name, pixels, duration_ms, waveform, thumbnail })
    };
    let picked = attachments.into_iter().map(one).collect::<Result<Vec<_>, CommandError>>()?;
    files::take(cx, chat, picked)
}

/// A place as it is shown.
pub(super) fn place(place: hutong_node::chat::view::Place) -> Location {
    let location = place.location;
    Location {
        latitude: Degrees(location.lat_e7),
        longitude: Degrees(location.lon_e7),
        accuracy_m: location.accuracy_m,
        label: location.label,
        live_until: location.live_until.map(Into::into),
        moved_at: place.moved_at.into(),
        ended: place.ended,
    }
}

/// A place to send, `now`.
pub(super) fn location(
    sent: LocationSend,
    now: hutong_protocol::TimestampMs,
) -> Result<protocol::Location, CommandError> {
    let live = match sent.live_minutes {
        None => None,
        Some(minutes @ (15 | 60 | 480)) => Some(now.plus_ms(u64::from(minutes) * 60_000)),
        Some(_) => {
            return Err(CommandError::refused("invalid_location", "a place is told live for 15, 60 or 480 minutes"));
        }
    };
    let label = sent.label.map(|label| clean_line(&label, LABEL_BYTES_MAX));
    let made = protocol::Location {
        lat_e7: sent.latitude.0,
        lon_e7: sent.longitude.0,
        accuracy_m: sent.accuracy_m,
        label: label.filter(|label| !label.is_empty()),
        live_until: live,
    };
    made.validate().map_err(|error| CommandError::refused("invalid_location", error.to_string()))?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_have_one_name_each() {
        let name = upload_name(&[0xab; 16]);
        assert_eq!(parse_upload(&name), Some([0xab; 16]));
        for wrong in ["", "x", &name.to_uppercase(), &format!("{name}a"), &name[1..]] {
            assert_eq!(parse_upload(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn places_are_checked_before_they_are_sent() {
        let sent = |latitude: f64, minutes| LocationSend {
            latitude: Degrees::of(latitude),
            longitude: Degrees::of(116.407_395),
            accuracy_m: Some(12),
            label: Some(" the\u{0} east gate ".into()),
            live_minutes: minutes,
        };
        let now = hutong_protocol::TimestampMs(1_000);
        let made = location(sent(39.904_211, Some(15)), now).unwrap();
        assert_eq!((made.lat_e7, made.lon_e7), (399_042_110, 1_164_073_950));
        assert_eq!((made.label.as_deref(), made.live_until.map(|at| at.0)), (Some("the east gate"), Some(901_000)));
        for wrong in [sent(90.1, None), sent(1e300, None), sent(-1e300, None), sent(0.0, Some(16))] {
            assert!(location(wrong, now).is_err());
        }
    }
}
