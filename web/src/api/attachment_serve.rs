//! Files of messages, to the browser: decrypted, in ranges, and shown only where that is safe.

use std::{
    collections::BTreeMap,
    io::{self, Read as _, Seek as _, SeekFrom},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use hutong_node::{
    attachment::{
        self as files,
        cipher::FileCipher,
        view::{QueueRow, Wish},
    },
    blob::BlobError,
    chat,
    engine::{ChatId, Event},
    handle::Node,
};
use hutong_protocol::{
    BlobHash, RecordId,
    chat::{Attachment, AttachmentKind, FileKey},
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    attachment::{FilePath, named},
    blob::{SANDBOX, parse_range},
    common::Id,
};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem},
    extract::{Path, Query},
    media,
    state::AppState,
};

/// How long a browser waits for the next bytes of a file that is on its way. It goes on coming afterwards.
const FETCH_WITHIN: Duration = Duration::from_secs(10);
/// Bytes read from the disk at a time while serving: what comes at a time from others, too.
const PIECE_BYTES: u64 = hutong_node::blob::SEGMENT_BYTES;
/// Pictures whose size was looked at and is remembered; 40 bytes each.
const LOOKED_AT_MAX: usize = 4_096;

/// How to serve a file.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ServeQuery {
    /// 1: to be saved, never shown.
    pub download: Option<u8>,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(serve))
}

/// A file's bytes, or a range of them. One that is not here is fetched, and served as it comes.
#[utoipa::path(get, path = "/api/chats/{chat}/messages/{id}/attachments/{index}", tag = "attachments",
    params(("chat" = String, Path), ("id" = Id, Path), ("index" = u32, Path), ServeQuery), responses(
        (status = 200, content_type = "application/octet-stream", description = "The bytes"),
        (status = 206, content_type = "application/octet-stream", description = "The range that was asked for"),
        (status = 404, body = Problem),
        (status = 409, body = Problem, description = "`lying`: it is not what its message says"),
        (status = 415, body = Problem, description = "`picture_too_large`: it can only be saved"),
        (status = 416, body = Problem),
        (status = 504, body = Problem, description = "Not here yet; an `attachment` event says when it is"),
        (status = 507, body = Problem),
    ))]
async fn serve(
    State(state): State<AppState>,
    _: Auth,
    method: Method,
    headers: HeaderMap,
    Path(path): Path<FilePath>,
    Query(query): Query<ServeQuery>,
) -> ApiResult<Response> {
    let (chat, id, index) = named(path)?;
    let file = file_of(&state, chat, id, index).await?;
    let tag = format!("\"{}\"", file.blob);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let range = match headers.get(header::RANGE).and_then(|value| value.to_str().ok()) {
        Some(text) => parse_range(text, file.size)?,
        None => None,
    };
    let mut source = Source { node: state.node().clone(), chat, id, index, blob: file.blob, size: file.size };
    let head = source.read(0, file.key.as_ref(), usize::try_from(PIECE_BYTES).unwrap_or(usize::MAX)).await?;
    let save = query.download.is_some_and(|download| download > 0);
    let shown = media::shown_as(head.get(..head.len().min(media::HEAD_BYTES)).unwrap_or_default(), &file.media_type);
    if !save
        && shown.is_some_and(|shown| shown.starts_with("image/"))
        && is_too_large(&mut source, &file, &head).await?
    {
        let message = "This picture is too large to be shown. Save it instead.";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "picture_too_large", message));
    }
    let (status, start, end) = match range {
        Some((first, last)) => (StatusCode::PARTIAL_CONTENT, first, last + 1),
        None => (StatusCode::OK, 0, file.size),
    };
    let body = if method == Method::HEAD { Body::empty() } else { stream_of(source, file.key, start, end).await? };
    let mut response = (status, body).into_response();
    let out = response.headers_mut();
    let mut set = |name: HeaderName, value: String| {
        HeaderValue::try_from(value).map(|value| out.insert(name, value)).map(drop).map_err(ApiError::internal)
    };
    set(header::ETAG, tag)?;
    set(header::CONTENT_LENGTH, (end - start).to_string())?;
    if range.is_some() {
        set(header::CONTENT_RANGE, format!("bytes {start}-{}/{}", end - 1, file.size))?;
    }
    set(header::CONTENT_DISPOSITION, disposition(save || shown.is_none(), &file.name))?;
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(shown.unwrap_or("application/octet-stream")));
    // As it is: a range of something compressed would be a range of something else.
    out.insert(header::CONTENT_ENCODING, HeaderValue::from_static("identity"));
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    out.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    Ok(response)
}

/// RFC 6266, with the name as RFC 8187 encodes it.
fn disposition(save: bool, name: &str) -> String {
    let kind = if save { "attachment" } else { "inline" };
    let encoded = name.bytes().fold(String::new(), |mut text, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
        text
    });
    format!("{kind}; filename*=UTF-8''{encoded}")
}

async fn file_of(state: &AppState, chat: ChatId, id: RecordId, index: usize) -> ApiResult<Attachment> {
    let look = move |views: &crate::views::Views<'_>| {
        let message = chat::view::message(views.read, &chat, &id)?;
        Ok(message.and_then(|message| message.content.attachments.into_iter().nth(index)))
    };
    state.view(look).await?.ok_or_else(|| ApiError::not_found("This file is not known here."))
}

/// Where the bytes of one file come from.
struct Source {
    node: Node,
    chat: ChatId,
    id: RecordId,
    index: usize,
    blob: BlobHash,
    size: u64,
}

impl Source {
    /// At most `most` bytes from `start` on, decrypted; fewer at the end of the file or of a segment. Waits for what is on its way.
    async fn read(&mut self, start: u64, key: Option<&FileKey>, most: usize) -> ApiResult<Vec<u8>> {
        let most = u64::try_from(most).unwrap_or(u64::MAX).min(self.size.saturating_sub(start));
        let mut asked = false;
        let mut events = self.node.subscribe();
        let deadline = tokio::time::Instant::now() + FETCH_WITHIN;
        loop {
            if let Some(mut bytes) = self.try_read(start, most).await? {
                if let Some(key) = key
                    && !FileCipher::at(key, start).is_some_and(|mut cipher| cipher.apply(&mut bytes))
                {
                    return Err(ApiError::internal("a file is longer than its cipher"));
                }
                return Ok(bytes);
            }
            if !asked {
                asked = true;
                let (chat, id, index) = (self.chat, self.id, self.index);
                self.node.call(move |cx| files::fetch(cx, &chat, &id, index)).await?;
            }
            self.check_wish().await?;
            let blob = self.blob;
            let news = async {
                loop {
                    match events.recv().await {
                        Ok(Event::Attachment(news)) if news != blob => {}
                        Ok(Event::Attachment(_)) | Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => return,
                        Ok(_) => {}
                        Err(tokio::sync::broadcast::error::RecvError::Closed) => std::future::pending().await,
                    }
                }
            };
            if tokio::time::timeout_at(deadline, news).await.is_err() {
                let message = "The file is still on its way. It will show when it is here.";
                return Err(ApiError::new(StatusCode::GATEWAY_TIMEOUT, "on_its_way", message));
            }
        }
    }

    /// `None`: not here yet.
    async fn try_read(&self, start: u64, most: u64) -> ApiResult<Option<Vec<u8>>> {
        let (blobs, blob, size) = (self.node.blobs().clone(), self.blob, self.size);
        let read = move || -> Result<Option<Vec<u8>>, BlobError> {
            match blobs.size(&blob) {
                Some(here) if here != size => return Err(BlobError::Lying),
                Some(_) => {}
                None => return blobs.read_partial(&blob, size, start, most),
            }
            let mut bytes = Vec::new();
            let mut file = blobs.file(&blob)?;
            let read = file.seek(SeekFrom::Start(start)).and_then(|_| file.take(most).read_to_end(&mut bytes));
            read.map_err(|error| BlobError::Io { doing: "read a file", source: std::sync::Arc::new(error) })?;
            Ok(Some(bytes))
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(ApiError::internal)?;
        read.map_err(|error| match error {
            BlobError::Lying => lying(),
            other => other.into(),
        })
    }

    /// Whether there is any hope.
    async fn check_wish(&self) -> ApiResult<()> {
        let blob = self.blob;
        let row = self.node.read(move |read| files::view::queued(read, &blob)).await?;
        match row {
            Some(QueueRow { wish: Wish::Lying, .. }) => Err(lying()),
            Some(QueueRow { wish: Wish::Full, .. }) => Err(ApiError::disk_full()),
            _ => Ok(()),
        }
    }
}

fn lying() -> ApiError {
    ApiError::conflict("lying", "This file is not what its message says. Ask for it to be sent again.")
}

async fn is_too_large(source: &mut Source, file: &Attachment, head: &[u8]) -> ApiResult<bool> {
    if media::shown_size(head).is_some() {
        return Ok(false);
    }
    // Its size may stand further in.
    let more = source.read(0, file.key.as_ref(), media::PICTURE_HEAD_BYTES).await?;
    Ok(media::shown_size(&more).is_none())
}

/// Whether a picture that is here cannot be shown. Looked at once for each.
pub(super) fn is_bomb(node: &Node, file: &Attachment) -> bool {
    static LOOKED_AT: Mutex<BTreeMap<BlobHash, bool>> = Mutex::new(BTreeMap::new());
    if file.kind != AttachmentKind::Image {
        return false;
    }
    let known = LOOKED_AT.lock().unwrap_or_else(PoisonError::into_inner).get(&file.blob).copied();
    known.unwrap_or_else(|| {
        let mut head = Vec::new();
        let most = u64::try_from(media::PICTURE_HEAD_BYTES).unwrap_or(u64::MAX);
        let read = node.blobs().file(&file.blob).ok().and_then(|opened| opened.take(most).read_to_end(&mut head).ok());
        if let Some(key) = &file.key {
            let opened = FileCipher::at(key, 0).is_some_and(|mut cipher| cipher.apply(&mut head));
            head.truncate(if opened { head.len() } else { 0 });
        }
        let bomb = read.is_some() && media::shown_size(&head).is_none();
        let mut looked_at = LOOKED_AT.lock().unwrap_or_else(PoisonError::into_inner);
        if looked_at.len() >= LOOKED_AT_MAX {
            looked_at.clear();
        }
        looked_at.insert(file.blob, bomb);
        bomb
    })
}

/// The first piece is waited for, so that what cannot come is an error and not a broken answer.
async fn stream_of(mut source: Source, key: Option<FileKey>, start: u64, end: u64) -> ApiResult<Body> {
    let piece = move |at: u64| usize::try_from(PIECE_BYTES.min(end.saturating_sub(at))).unwrap_or(usize::MAX);
    let first = source.read(start, key.as_ref(), piece(start)).await?;
    let pieces = stream::try_unfold((source, Some(first), start), move |(mut source, first, at)| async move {
        let bytes = match first {
            _ if at >= end => return Ok::<_, io::Error>(None),
            Some(first) => first,
            None => {
                let read = source.read(at, key.as_ref(), piece(at)).await;
                read.map_err(|error| io::Error::other(error.code()))?
            }
        };
        let next = at + bytes.len() as u64;
        Ok((next > at).then(|| (Bytes::from(bytes), (source, None, next))))
    });
    Ok(Body::from_stream(pieces))
}
