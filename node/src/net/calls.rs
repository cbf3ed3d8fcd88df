//! Our requests to peers over `/hutong/sync/1` and `/hutong/blob/1`, and what came of them.

use std::collections::HashMap;

use libp2p::{
    PeerId,
    request_response::{self, OutboundFailure, OutboundRequestId},
};
use tokio::sync::oneshot;

use super::{
    score::Fault,
    swarm::Loop,
    wire::{BlobRequest, BlobResponse, Frame, Protocol, SyncRequest, SyncResponse},
};

/// Why a peer gave no usable answer. Whose fault it was has been noted already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// Not reached, silent, or it answered garbage.
    #[error("the peer gave no answer")]
    Failed,
    /// The node stops.
    #[error("the network is shutting down")]
    Stopped,
}

/// Our requests on their way, of one protocol.
pub(super) type Calls<P> = HashMap<OutboundRequestId, oneshot::Sender<Result<<P as Protocol>::Response, CallError>>>;

impl Loop {
    pub(super) fn handle_sync(&mut self, event: request_response::Event<Frame<SyncRequest>, Frame<SyncResponse>>) {
        use request_response::{Event, Message};
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => match request {
                Frame::Whole(request) => self.handle_sync_request(peer, request, channel),
                Frame::Bad(fault) => self.punish_peer(&peer, fault),
            },
            Event::Message { peer, message: Message::Response { request_id, response }, .. } => {
                let call = self.sync_calls.remove(&request_id);
                self.end_call(&peer, call, response);
            }
            Event::OutboundFailure { peer, request_id, error, .. } => {
                let call = self.sync_calls.remove(&request_id);
                self.fail_call(&peer, call, &error);
            }
            Event::InboundFailure { .. } | Event::ResponseSent { .. } => {}
        }
    }

    pub(super) fn handle_blob(&mut self, event: request_response::Event<Frame<BlobRequest>, Frame<BlobResponse>>) {
        use request_response::{Event, Message};
        match event {
            Event::Message { peer, message: Message::Request { request, channel, .. }, .. } => match request {
                Frame::Whole(request) => self.handle_blob_request(peer, request, channel),
                Frame::Bad(fault) => self.punish_peer(&peer, fault),
            },
            Event::Message { peer, message: Message::Response { request_id, response }, .. } => {
                let call = self.blob_calls.remove(&request_id);
                self.end_call(&peer, call, response);
            }
            Event::OutboundFailure { peer, request_id, error, .. } => {
                let call = self.blob_calls.remove(&request_id);
                self.fail_call(&peer, call, &error);
            }
            Event::InboundFailure { .. } | Event::ResponseSent { .. } => {}
        }
    }

    fn end_call<T>(&mut self, peer: &PeerId, call: Option<oneshot::Sender<Result<T, CallError>>>, response: Frame<T>) {
        let answer = match response {
            Frame::Whole(response) => Ok(response),
            Frame::Bad(fault) => {
                self.punish_peer(peer, fault);
                Err(CallError::Failed)
            }
        };
        if let Some(call) = call
            && call.send(answer).is_err()
        {
            tracing::trace!("nobody waits for this answer any more");
        }
    }

    fn fail_call<T>(
        &mut self,
        peer: &PeerId,
        call: Option<oneshot::Sender<Result<T, CallError>>>,
        error: &OutboundFailure,
    ) {
        tracing::debug!(%peer, %error, "a request failed");
        if let Some(fault) = fault_of(error) {
            self.punish_peer(peer, fault);
            self.doubt(*peer);
        }
        if let Some(call) = call
            && call.send(Err(CallError::Failed)).is_err()
        {
            tracing::trace!("nobody waits for this answer any more");
        }
    }
}

/// Whether a failed request was the peer's fault. That it went away, or speaks another protocol, is not.
pub(super) fn fault_of(error: &OutboundFailure) -> Option<Fault> {
    matches!(error, OutboundFailure::Timeout).then_some(Fault::Timeout)
}
