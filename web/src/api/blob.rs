//! Pictures by their hash: uploaded, served with ranges, fetched from peers when they are not here.

use std::{
    io::{self, Read as _, Seek as _, SeekFrom},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures::stream;
use hutong_node::net::BlobFetchError;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt as _;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{common::BlobHash, events::Event};
use crate::{
    auth::Auth,
    error::{ApiError, ApiResult, Problem, sentence},
    extract::{Json, Path},
    picture,
    security::PICTURE_BYTES_MAX,
    state::AppState,
};

/// How long a browser waits for a picture that must come from a peer. It goes on coming afterwards; an event says when.
const FETCH_WITHIN: Duration = Duration::from_secs(10);
/// Bytes read from the disk at a time while serving.
const PIECE_BYTES: usize = 64 * 1024;
/// What a picture may do when it is opened by itself: nothing.
pub(super) const SANDBOX: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// A stored blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blob {
    /// Its name.
    pub hash: BlobHash,
    /// Its length in bytes.
    pub size: u64,
    /// What its first bytes say it is.
    pub media_type: String,
}

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    let limit = DefaultBodyLimit::max(usize::try_from(PICTURE_BYTES_MAX).unwrap_or(usize::MAX));
    let upload = OpenApiRouter::new().routes(routes!(upload)).layer(limit);
    upload.routes(routes!(download))
}

/// That a blob named in a request was uploaded before.
///
/// # Errors
/// 422 naming the field, if it was not.
pub(crate) async fn require(state: &AppState, hash: Option<BlobHash>, field: &'static str) -> ApiResult<()> {
    let Some(hash) = hash else { return Ok(()) };
    let blobs = state.node().blobs().clone();
    let here = tokio::task::spawn_blocking(move || blobs.contains(&hash.into())).await.map_err(ApiError::internal)?;
    if here { Ok(()) } else { Err(ApiError::invalid(field, "This picture is not here: upload it first.")) }
}

/// Stores a picture. What it is, its bytes say.
#[utoipa::path(post, path = "/api/blobs", tag = "blobs",
    request_body(content = String, content_type = "image/*", description = "The bytes of a picture"), responses(
        (status = 201, body = Blob),
        (status = 413, body = Problem),
        (status = 415, body = Problem, description = "No PNG, JPEG, WebP, GIF or AVIF picture"),
        (status = 507, body = Problem),
    ))]
async fn upload(State(state): State<AppState>, _: Auth, request: Request) -> ApiResult<(StatusCode, Json<Blob>)> {
    let busy = || ApiError::too_many("Too many pictures are being uploaded. Try again in a moment.").retry_after(1);
    let place = state.uploads().try_acquire_owned().map_err(|_| busy())?;
    let bytes = read_body(request).await?;
    let picture = picture::look(&bytes).map_err(|error| {
        ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "not_a_picture", sentence(&error.to_string()))
    })?;
    let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let blobs = state.node().blobs().clone();
    let stored = tokio::task::spawn_blocking(move || blobs.import(&bytes)).await.map_err(ApiError::internal)?;
    drop(place);
    let hash = stored?;
    state.node().provide_blob(hash).await?;
    let blob = Blob { hash: hash.into(), size, media_type: picture.media_type.to_owned() };
    Ok((StatusCode::CREATED, Json(blob)))
}

async fn read_body(request: Request) -> ApiResult<Bytes> {
    use axum::extract::FromRequest as _;
    Bytes::from_request(request, &()).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::too_large(PICTURE_BYTES_MAX),
        status => ApiError::new(status, "broken_upload", "The upload broke off. Try again."),
    })
}

/// A blob's bytes, or a range of them. One that is not here is fetched from peers.
#[utoipa::path(get, path = "/api/blobs/{hash}", tag = "blobs", params(("hash" = BlobHash, Path)), responses(
    (status = 200, content_type = "image/*", description = "The bytes"),
    (status = 206, content_type = "image/*", description = "The range that was asked for"),
    (status = 404, body = Problem, description = "Nobody who can be reached has it"),
    (status = 416, body = Problem),
    (status = 504, body = Problem, description = "Still on its way; a `blob` event says when it is here"),
))]
async fn download(
    State(state): State<AppState>,
    _: Auth,
    method: Method,
    headers: HeaderMap,
    Path(hash): Path<BlobHash>,
) -> ApiResult<Response> {
    let tag = format!("\"{hash}\"");
    if headers.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        // Content never changes under its hash.
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let (file, size, media_type) = open(&state, hash).await?;
    let range = match headers.get(header::RANGE).and_then(|value| value.to_str().ok()) {
        Some(text) => parse_range(text, size)?,
        None => None,
    };
    let (status, start, length) = match range {
        Some((start, end)) => (StatusCode::PARTIAL_CONTENT, start, end - start + 1),
        None => (StatusCode::OK, 0, size),
    };
    let body = if method == Method::HEAD { Body::empty() } else { stream_of(file, start, length).await? };
    let mut response = (status, body).into_response();
    let out = response.headers_mut();
    let mut set = |name: HeaderName, value: String| {
        HeaderValue::try_from(value).map(|value| out.insert(name, value)).map(drop).map_err(ApiError::internal)
    };
    set(header::ETAG, tag)?;
    set(header::CONTENT_LENGTH, length.to_string())?;
    if let Some((start, end)) = range {
        set(header::CONTENT_RANGE, format!("bytes {start}-{end}/{size}"))?;
    }
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type.unwrap_or("application/octet-stream")));
    if media_type.is_none() {
        // Whatever it is, it is not shown.
        out.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    out.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=31536000, immutable"));
    out.insert(header::CONTENT_SECURITY_POLICY, SANDBOX);
    Ok(response)
}

/// The file, its size and what it is; fetched first if it is not here.
async fn open(state: &AppState, hash: BlobHash) -> ApiResult<(std::fs::File, u64, Option<&'static str>)> {
    let open = move |blobs: &hutong_node::blob::BlobStore| -> ApiResult<_> {
        let mut file = blobs.file(&hash.into())?;
        let size = file.metadata().map_err(ApiError::internal)?.len();
        let mut head = Vec::with_capacity(picture::SNIFF_BYTES);
        let most = u64::try_from(picture::SNIFF_BYTES).unwrap_or(u64::MAX);
        file.by_ref().take(most).read_to_end(&mut head).map_err(ApiError::internal)?;
        Ok((file, size, picture::media_type(&head)))
    };
    let look = |blobs: std::sync::Arc<hutong_node::blob::BlobStore>| async move {
        tokio::task::spawn_blocking(move || open(&blobs)).await.map_err(ApiError::internal)?
    };
    match look(state.node().blobs().clone()).await {
        Err(error) if error.status() == StatusCode::NOT_FOUND => {
            fetch(state, hash).await?;
            look(state.node().blobs().clone()).await
        }
        other => other,
    }
}

/// Fetches a blob from peers. If the wait gets too long it goes on without us, and an event says when it is here.
async fn fetch(state: &AppState, hash: BlobHash) -> ApiResult<()> {
    let (node, events) = (state.node().clone(), state.events().clone());
    let fetching = tokio::spawn(async move {
        let fetched = node.fetch_blob(hash.into(), None).await;
        if fetched.is_ok() {
            events.send(&Event::Blob { hash });
        }
        fetched
    });
    match tokio::time::timeout(FETCH_WITHIN, fetching).await {
        Ok(Ok(Ok(_))) => Ok(()),
        Ok(Ok(Err(error))) => Err(match error {
            BlobFetchError::NoHolder => ApiError::not_found(sentence(&error.to_string())),
            BlobFetchError::Store(error) => error.into(),
            BlobFetchError::Busy => {
                let message = sentence(&error.to_string());
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message).retry_after(2)
            }
            _ => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "stopped", sentence(&error.to_string())),
        }),
        Ok(Err(panicked)) => Err(ApiError::internal(panicked)),
        Err(_) => {
            let message = "The file is still on its way. It will show when it is here.";
            Err(ApiError::new(StatusCode::GATEWAY_TIMEOUT, "on_its_way", message))
        }
    }
}

/// One range in bytes, first and last included; `None`: serve everything (RFC 9110: what is not understood is ignored).
pub(super) fn parse_range(text: &str, size: u64) -> ApiResult<Option<(u64, u64)>> {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|spec| spec.split_once('-')) else {
        return Ok(None);
    };
    let bounds = match (first.trim(), last.trim()) {
        ("", last) => last.parse::<u64>().ok().map(|count| (size.saturating_sub(count), size.saturating_sub(1), count)),
        (first, "") => first.parse::<u64>().ok().map(|first| (first, size.saturating_sub(1), 1)),
        (first, last) => match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => Some((first, last.min(size.saturating_sub(1)), 1)),
            _ => None,
        },
    };
    match bounds {
        None => Ok(None),
        Some((first, last, count)) if first < size && count > 0 => Ok(Some((first, last))),
        Some(_) => {
            let message = format!("This file has only {size} bytes.");
            Err(ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", message))
        }
    }
}

async fn stream_of(mut file: std::fs::File, start: u64, length: u64) -> ApiResult<Body> {
    let seek = move || file.seek(SeekFrom::Start(start)).map(|_| file);
    let file = tokio::task::spawn_blocking(seek).await.map_err(ApiError::internal)?.map_err(ApiError::internal)?;
    let file = tokio::fs::File::from_std(file).take(length);
    let pieces = stream::try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE_BYTES];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, io::Error>((read > 0).then(|| (Bytes::from(piece), file)))
    });
    Ok(Body::from_stream(pieces))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_standard() {
        for (text, want) in [
            ("bytes=0-9", Ok(Some((0, 9)))),
            ("bytes=90-", Ok(Some((90, 99)))),
            ("bytes=90-1000", Ok(Some((90, 99)))),
            ("bytes=-10", Ok(Some((90, 99)))),
            ("bytes=-1000", Ok(Some((0, 99)))),
            ("bytes=99-99", Ok(Some((99, 99)))),
            ("bytes=100-", Err(416)),
            ("bytes=-0", Err(416)),
            ("bytes=9-0", Ok(None)),     // not a range: ignored
            ("bytes=0-1,5-6", Ok(None)), // several: everything is served
            ("items=0-9", Ok(None)),
            ("bytes=x-y", Ok(None)),
        ] {
            assert_eq!(parse_range(text, 100).map_err(|error| error.status().as_u16()), want, "{text}");
        }
        assert_eq!(parse_range("bytes=0-", 0).unwrap_err().status(), 416);
    }
}
