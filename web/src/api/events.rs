//! Live events over one WebSocket per tab.
//!
//! What happened is turned into JSON once and handed to every tab. A tab that reads too slowly loses events and is told
//! so (`missed`); it then fetches again what it shows. So a slow tab costs nobody anything.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{CloseFrame, Message as Frame, WebSocket, close_code, rejection::WebSocketUpgradeRejection},
    },
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use tokio::sync::{broadcast, watch};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    attachment::AttachmentState,
    chat::{Chat, Message, MessageState},
    common::{BlobHash, Id},
    contact::Contact,
    order::OrderSummary,
};
use crate::{
    auth::Auth,
    error::{ApiError, Problem},
    state::AppState,
};

/// Events that a slow tab may be behind before it misses some: a burst of a few seconds.
pub(crate) const EVENTS_BEHIND_MAX: usize = 1024;
/// Tabs and scripts that listen at once.
pub(crate) const EVENT_SOCKETS_MAX: usize = 64;
/// Clients have nothing to say on this socket but pings and goodbye.
const FRAME_BYTES_MAX: usize = 1024;
/// How often a silent connection is probed, so that a vanished client frees its place.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long a client may take to accept one frame.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// Something happened. Events say what changed; a client that (re)connects fetches again what it shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// A message, new.
    Message {
        /// The message.
        message: Box<Message>,
    },
    /// A message is no longer shown here: it disappeared, or was deleted for me.
    MessageGone {
        /// The conversation.
        chat: String,
        /// Which.
        id: Id,
    },
    /// Messages of mine came further.
    MessageState {
        /// The conversation.
        chat: String,
        /// Which.
        ids: Vec<Id>,
        /// How far.
        state: MessageState,
    },
    /// A conversation, new or changed.
    Chat {
        /// The conversation.
        chat: Box<Chat>,
    },
    /// A contact, new or changed.
    Contact {
        /// The contact.
        contact: Box<Contact>,
    },
    /// A group changed.
    Group {
        /// Which.
        group: Id,
    },
    /// Somebody's profile changed.
    Profile {
        /// Whose.
        account: Id,
    },
    /// A file of a message came further; at most four times a second for each.
    Attachment {
        /// The conversation.
        chat: String,
        /// The message.
        id: Id,
        /// Which of its files.
        index: u32,
        /// Where it is.
        state: AttachmentState,
        /// Bytes of it that are here.
        received: u64,
        /// Its length in bytes.
        size: u64,
    },
    /// Somebody who shares it is writing; comes again every few seconds while they do.
    Typing {
        /// Where.
        chat: String,
        /// Who.
        account: Id,
    },
    /// Somebody who shares it came or went.
    Presence {
        /// Who.
        account: Id,
        /// Whether they are here now.
        online: bool,
    },
    /// A listing, new or changed.
    Listing {
        /// The store.
        store: Id,
        /// Which.
        listing: String,
    },
    /// A store, new or changed.
    Store {
        /// Which.
        store: Id,
    },
    /// An order, new or changed.
    Order {
        /// The order.
        order: Box<OrderSummary>,
    },
    /// A review of a listing.
    Review {
        /// The store.
        store: Id,
        /// Which listing.
        listing: String,
    },
    /// The cart changed.
    Cart {
        /// Items in all.
        count: u32,
    },
    /// An import goes on.
    ImportProgress {
        /// Rows or pictures done.
        done: u32,
        /// Of how many.
        total: u32,
    },
    /// A topic is being fetched.
    SyncProgress {
        /// Which.
        topic: String,
        /// Records received.
        received: u32,
        /// Whether that is all.
        done: bool,
    },
    /// A blob arrived.
    Blob {
        /// Which.
        hash: BlobHash,
    },
    /// Peers came or went.
    Network {
        /// How many are connected.
        peers: u32,
    },
    /// Some events were dropped: fetch again what is shown.
    Missed,
}

/// The text of [`Event::Missed`].
const MISSED: &str = r#"{"type":"missed"}"#;

/// Hands events to every connected tab.
#[derive(Clone, Debug)]
pub(crate) struct EventHub {
    frames: broadcast::Sender<Arc<str>>,
}

impl EventHub {
    pub(crate) fn new() -> Self {
        Self { frames: broadcast::Sender::new(EVENTS_BEHIND_MAX) }
    }

    /// Whether anybody listens; if not, nothing needs to be read from the store for them.
    pub(crate) fn has_listeners(&self) -> bool {
        self.frames.receiver_count() > 0
    }

    /// Sends an event to every tab.
    pub(crate) fn send(&self, event: &Event) {
        match serde_json::to_string(event) {
            // No receiver means that no tab is open.
            Ok(text) => drop(self.frames.send(text.into())),
            Err(error) => tracing::error!(%error, "an event could not be written as JSON"),
        }
    }
}

/// The route.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Opens the stream of live events: a WebSocket on which each text is an `Event`.
#[utoipa::path(get, path = "/api/events", tag = "events", responses(
    (status = 101, description = "The WebSocket opens"),
    (status = 401, body = Problem),
))]
async fn events(
    State(state): State<AppState>,
    auth: Auth,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            return ApiError::new(rejection.status(), "not_websocket", "This address is a WebSocket.").into_response();
        }
    };
    let Ok(place) = state.event_sockets().try_acquire_owned() else {
        return ApiError::too_many("Too many windows are open on this node: close some.").into_response();
    };
    // Subscribed before the answer goes out: whatever happens after the client is connected reaches it.
    let frames = state.events().frames.subscribe();
    let changes = state.logins_changed();
    upgrade.max_message_size(FRAME_BYTES_MAX).max_frame_size(FRAME_BYTES_MAX).on_upgrade(move |socket| async move {
        let reason = run(socket, frames, changes, &state, &auth).await;
        tracing::debug!(reason, "event socket closed");
        drop(place);
    })
}

/// Serves one tab until it goes, is logged out, or the server stops. Returns why, for the log.
async fn run(
    mut socket: WebSocket,
    mut frames: broadcast::Receiver<Arc<str>>,
    mut logins: watch::Receiver<u64>,
    state: &AppState,
    auth: &Auth,
) -> &'static str {
    let mut stop = state.stopping();
    let mut ping = tokio::time::interval(PING_EVERY);
    ping.reset();
    let mut answered = true;
    loop {
        let frame = tokio::select! {
            biased;
            () = stopped(&mut stop) => return close(socket, close_code::AWAY, "stopping").await,
            changed = logins.changed() => {
                if changed.is_err() || !state.is_valid(auth) {
                    return close(socket, close_code::POLICY, "logged out").await;
                }
                continue;
            }
            incoming = socket.recv() => match incoming {
                Some(Ok(Frame::Close(_))) | None => return "closed by the client",
                Some(Err(_)) => return "connection lost",
                Some(Ok(_)) => { answered = true; continue; }
            },
            frame = frames.recv() => match frame {
                Ok(text) => Frame::Text(text.as_ref().into()),
                Err(broadcast::error::RecvError::Lagged(_)) => Frame::Text(MISSED.into()),
                Err(broadcast::error::RecvError::Closed) => return close(socket, close_code::AWAY, "stopping").await,
            },
            _ = ping.tick() => {
                if !answered {
                    return "the client does not answer";
                }
                answered = false;
                Frame::Ping(Vec::new().into())
            }
        };
        match tokio::time::timeout(SEND_WITHIN, socket.send(frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return "connection lost",
            Err(_) => return "the client does not read",
        }
    }
}

/// Waits until the server stops, or is gone.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stopping| *stopping).await);
}

async fn close(mut socket: WebSocket, code: u16, reason: &'static str) -> &'static str {
    let goodbye = Frame::Close(Some(CloseFrame { code, reason: reason.into() }));
    // The client may be gone already; then there is nobody to say goodbye to.
    drop(tokio::time::timeout(SEND_WITHIN, socket.send(goodbye)).await);
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_missed_event_is_what_the_schema_says() {
        assert_eq!(serde_json::to_string(&Event::Missed).unwrap(), MISSED);
    }
}
