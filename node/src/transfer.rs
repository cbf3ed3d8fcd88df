//! The shell's part of files: what the engine wants is fetched, stopped and removed, and the engine hears how it ended.

use std::sync::{Arc, PoisonError};

use hutong_protocol::BlobHash;

use crate::{
    attachment,
    blob::BlobError,
    engine::{Answer, Cx, FetchEnd, Input},
    handle::Inner,
    net::{BlobFetchError, Wanted},
    runtime::Job,
};

/// Gets a blob, and tells the engine how that ended.
pub(crate) async fn fetch(inner: Arc<Inner>, wanted: Wanted) {
    let blob = wanted.hash;
    inner.fetching.write().unwrap_or_else(PoisonError::into_inner).insert(blob);
    let blobs = Arc::clone(&inner.blobs);
    let here = tokio::task::spawn_blocking(move || blobs.contains(&blob)).await.unwrap_or_default();
    let end = match inner.net.fetch(wanted).await {
        Ok(_) => FetchEnd::Here { fresh: !here },
        Err(BlobFetchError::WrongSize { .. }) => FetchEnd::WrongSize,
        Err(BlobFetchError::Cancelled | BlobFetchError::Stopped) => FetchEnd::Stopped,
        Err(BlobFetchError::Store(BlobError::Full | BlobError::TooLarge { .. })) => FetchEnd::Full,
        Err(error) => {
            tracing::debug!(%blob, %error, "a file did not come");
            FetchEnd::NotNow
        }
    };
    inner.fetching.write().unwrap_or_else(PoisonError::into_inner).remove(&blob);
    if inner.jobs.send(Job::from(Input::Fetched { blob, end })).await.is_err() {
        tracing::debug!("the node stopped before a file was noted");
    }
}

/// Stops getting a blob.
pub(crate) async fn stop(inner: Arc<Inner>, blob: BlobHash) {
    if inner.net.stop_fetch(blob).await.is_err() {
        tracing::debug!("the network stopped before a transfer was");
    }
}

/// Removes a blob that nobody names any more, and what came of it.
pub(crate) async fn drop_blob(inner: Arc<Inner>, blob: BlobHash) {
    stop(Arc::clone(&inner), blob).await;
    let (store, blobs) = (Arc::clone(&inner.store), Arc::clone(&inner.blobs));
    let removed = tokio::task::spawn_blocking(move || {
        // It may be named again since; then it stays.
        let gone = attachment::view::is_to_drop(&*store, &blob).unwrap_or_default();
        gone && match blobs.remove(&blob).and_then(|()| blobs.remove_partial(&blob)) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(%blob, %error, "a file could not be removed; it is tried again");
                false
            }
        }
    });
    if !removed.await.unwrap_or_default() {
        return;
    }
    let call = Box::new(move |cx: &mut Cx<'_>| {
        let noted = attachment::dropped(cx, &blob);
        let finish = Box::new(move |committed: Result<(), crate::engine::EngineError>| {
            if noted.is_err() || committed.is_err() {
                tracing::debug!(%blob, "that a file is gone is noted later");
            }
        });
        Answer { keep: true, finish }
    });
    if inner.jobs.send(Job::from(Input::Call(call))).await.is_err() {
        tracing::debug!("the node stopped before it was noted that a file is gone");
    }
}
