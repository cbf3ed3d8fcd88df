//! A file on its way from the browser to the disk: looked at, encrypted and hashed as it comes, and never whole in memory.

use std::sync::Arc;

use axum::{body::Bytes, extract::Request, http::StatusCode};
use futures::StreamExt as _;
use hutong_node::{
    attachment::{self as files, cipher::FileCipher, view::UploadRow},
    blob::BlobStore,
    handle::Node,
};
use hutong_protocol::{
    BlobHash, TimestampMs,
    chat::{
        AttachmentKind, FileKey,
        attachment::{clean_file_name, is_media_type},
    },
    limits::BLOB_BYTES_MAX,
};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, sync::mpsc};
use utoipa::IntoParams;

use super::attachment::{Upload, upload_name};
use crate::{
    error::{ApiError, ApiResult},
    media,
    metadata::PlaceScan,
    state::AppState,
};

/// Pieces that wait for the disk; a browser that is faster waits. At most a few hundred KiB.
const PIECES_MAX: usize = 8;
/// What a file is called that has no name.
const NAMELESS: &str = "file";

/// What is said about a file that is added.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UploadQuery {
    /// Its name. A path before it is dropped.
    #[serde(default)]
    pub name: String,
    /// Its media type. Of pictures, films and sound, the bytes decide.
    #[serde(default)]
    pub media_type: String,
    /// Keep it unencrypted, for a public group.
    #[serde(default)]
    pub public: bool,
    /// Keep a picture although it says where it was taken.
    #[serde(default)]
    pub keep_metadata: bool,
}

/// What comes from the browser.
enum Piece {
    Bytes(Bytes),
    /// All of it came. Without this word it broke off.
    End,
}

/// Takes a file in.
pub(super) async fn take_in(state: &AppState, query: UploadQuery, request: Request) -> ApiResult<Upload> {
    let busy = || {
        let message = "Too many files are being added. Try again in a moment.";
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, "busy", message).retry_after(1)
    };
    let place = state.attachments().try_acquire_owned().map_err(|_| busy())?;
    let (pieces, coming) = mpsc::channel(PIECES_MAX);
    let (node, handle) = (state.node().clone(), Handle::current());
    let intake = tokio::task::spawn_blocking(move || {
        let taken = receive(&node, &handle, &query, coming);
        drop(place);
        taken
    });
    let mut body = request.into_body().into_data_stream();
    let mut broken = false;
    while let Some(piece) = body.next().await {
        let Ok(bytes) = piece else {
            broken = true;
            break;
        };
        // The disk refused: why, the thread says.
        if pieces.send(Piece::Bytes(bytes)).await.is_err() {
            break;
        }
    }
    if !broken && pieces.send(Piece::End).await.is_err() {
        tracing::debug!("a file was refused before its end");
    }
    drop(pieces);
    intake.await.map_err(ApiError::internal)?
}

/// Runs on a thread of its own.
fn receive(node: &Node, handle: &Handle, query: &UploadQuery, mut coming: mpsc::Receiver<Piece>) -> ApiResult<Upload> {
    let blobs: Arc<BlobStore> = Arc::clone(node.blobs());
    let key = if query.public { None } else { Some(fresh_key()?) };
    let mut cipher = key.as_ref().and_then(|key| FileCipher::at(key, 0));
    let mut import = blobs.start_import()?;
    let (mut head, mut scan, mut size) = (Vec::new(), PlaceScan::new(), 0u64);
    loop {
        let mut piece = match coming.blocking_recv() {
            Some(Piece::Bytes(piece)) => Vec::from(piece),
            Some(Piece::End) => break,
            None => {
                return Err(ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "broken_upload",
                    "The upload broke off. Try again.",
                ));
            }
        };
        size += piece.len() as u64;
        if size > BLOB_BYTES_MAX {
            return Err(hutong_node::blob::BlobError::TooLarge { size }.into());
        }
        let room = media::PICTURE_HEAD_BYTES.saturating_sub(head.len());
        head.extend(piece.iter().take(room));
        scan.feed(&piece);
        if let Some(cipher) = &mut cipher
            && !cipher.apply(&mut piece)
        {
            return Err(ApiError::internal("a file is longer than its cipher"));
        }
        import.write(&piece)?;
    }
    if scan.names_a_place() && !query.keep_metadata {
        let message = "This picture says where it was taken. Send a copy without that, or say that it may be told.";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "has_location", message));
    }
    let blob = import.hash();
    let row = describe(
        query,
        &head,
        UploadRow {
            at: TimestampMs(0),
            blob,
            key,
            size,
            media_type: String::new(),
            kind: AttachmentKind::File,
            name: String::new(),
            pixels: None,
            fresh: !blobs.contains(&blob),
        },
    );
    let noted = row.clone();
    // First the row, then the blob: whatever happens in between, no file is left that nobody knows of.
    let id = handle.block_on(node.call(move |cx| files::uploaded(cx, noted)))?;
    if let Err(error) = import.finish() {
        handle.block_on(node.call(move |cx| files::forget(cx, &id)))?;
        return Err(error.into());
    }
    if row.key.is_none() {
        offer(node, handle, blob)?;
    }
    let (width, height) = row.pixels.unzip();
    let (upload, kind) = (upload_name(&id), row.kind.into());
    Ok(Upload { upload, size, media_type: row.media_type, kind, width, height })
}

/// A public file is told of, as pictures are.
fn offer(node: &Node, handle: &Handle, blob: BlobHash) -> ApiResult<()> {
    Ok(handle.block_on(node.offer_blob(blob))?)
}

fn fresh_key() -> ApiResult<FileKey> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(ApiError::internal)?;
    Ok(FileKey(key))
}

/// What it is, from its first bytes and what was said about it.
fn describe(query: &UploadQuery, head: &[u8], row: UploadRow) -> UploadRow {
    let declared = query.media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let name = Some(clean_file_name(&query.name)).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| NAMELESS.to_owned());
    let sniff = head.get(..head.len().min(media::HEAD_BYTES)).unwrap_or_default();
    let Some(media_type) = media::shown_as(sniff, &declared) else {
        // What says it is a picture and is none is a file.
        let believed = is_media_type(&declared) && !declared.starts_with("image/");
        let media_type = if believed { declared } else { "application/octet-stream".to_owned() };
        return UploadRow { media_type, name, ..row };
    };
    let pixels = media::shown_size(head);
    let kind = match media_type.split('/').next() {
        Some("image") if pixels.is_some() => AttachmentKind::Image,
        Some("video") => AttachmentKind::Video,
        Some("audio") => AttachmentKind::Audio,
        // A picture that cannot be shown can still be saved.
        _ => AttachmentKind::File,
    };
    UploadRow { media_type: media_type.to_owned(), name, kind, pixels, ..row }
}
