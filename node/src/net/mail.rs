//! `/hutong/mail/1`: who is there, and records delivered to one device over its encrypted connection.
//!
//! Whoever opens a connection greets; the answer greets back. Deliveries to one device go one request at a time, so they
//! arrive in the order they were given; what does not fit its queue is answered "busy" at once. The runtime's outbox
//! keeps everything until the recipient's receipt, so nothing here needs to survive.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use hutong_protocol::{
    Certificate, DeviceId, RecordId,
    mailbox::{MailboxAnswer, MailboxRequest},
};
use libp2p::{
    PeerId,
    request_response::{self, OutboundRequestId, ResponseChannel},
};
use serde_bytes::ByteBuf;
use tokio::sync::oneshot;

use super::{
    address, book,
    calls::fault_of,
    event::{MailOutcome, MailReply, MailboxReply, NetEvent, SendOutcome},
    score::Fault,
    swarm::{Internal, Loop},
    wire::{Frame, HELLO_ADDRESSES_MAX, Hello, MailRequest, MailResponse, RECORDS_BYTES_MAX},
};

/// Records in one delivery: one signature batch of the recipient.
const DELIVERY_RECORDS_MAX: usize = hutong_protocol::limits::VERIFY_BATCH_MAX;
/// Records that wait for one device. A week of lively chat; the outbox keeps the rest.
const QUEUE_RECORDS_MAX: usize = 4_096;
/// Bytes that wait for one device.
const QUEUE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Devices that something waits for.
const RECIPIENTS_MAX: usize = 1_024;

/// What waits for one device.
#[derive(Debug, Default)]
struct Queue {
    records: VecDeque<(RecordId, Arc<[u8]>)>,
    bytes: usize,
    /// The ids on their way.
    in_flight: Option<Vec<RecordId>>,
}

/// A request on its way.
#[derive(Debug)]
enum Call {
    Hello,
    Deliver,
    /// A question to a mailbox, with its number.
    Mailbox(u64),
}

/// What is on its way out.
#[derive(Debug, Default)]
pub(super) struct Mail {
    queues: BTreeMap<PeerId, Queue>,
    calls: HashMap<OutboundRequestId, Call>,
}

impl Mail {
    /// Whether something is to be delivered to a peer.
    pub(super) fn waits_for(&self, peer: &PeerId) -> bool {
        self.queues.contains_key(peer)
    }
}

impl Loop {
    fn hello(&self, to: &PeerId) -> Hello {
        let peer = self.peers.get(to);
        let over = peer.and_then(|peer| peer.address());
        let ours = self.reachable_at();
        let fitting = ours.iter().filter(|ours| over.is_some_and(|over| address::fits(ours, over)));
        let addresses = fitting.take(HELLO_ADDRESSES_MAX).map(|address| ByteBuf::from(address.to_vec())).collect();
        let only = peer.is_some_and(|peer| peer.connections.len() == 1);
        Hello { certificate: self.certificate.clone(), addresses, run: self.run, only }
    }

    pub(super) fn greet(&mut self, peer: PeerId) {
        let hello = self.hello(&peer);
        let mail = &mut self.swarm.behaviour_mut().mail;
        let id = mail.send_request(&peer, Frame::Whole(MailRequest::Hello(hello)));
        self.mail.calls.insert(id, Call::Hello);
    }

    pub(super) fn set_identity(&mut self, certificate: Certificate) {
        self.provide_account(&certificate.account);
        self.certificate = Some(certificate);
        // Also those whose own greeting is still on its way, for ours may have passed it without the certificate.
        let connected: Vec<_> = self.peers.keys().copied().collect();
        for peer in connected {
            self.greet(peer);
        }
    }

    fn handle_hello(&mut self, from: PeerId, hello: Hello) {
        let Some(peer) = self.peers.get_mut(&from) else { return };
        let device = peer.device;
        let honest = hello.certificate.as_ref().is_none_or(|it| it.device == device && it.is_valid());
        if !honest {
            return self.punish(device, Fault::BadCertificate);
        }
        if peer.run != 0 && hello.run != 0 && peer.run != hello.run {
            // Its process was killed and started again: the older connections are dead and do not know it yet. Gossip
            // tells what it follows only on a peer's first connection, so all are closed, and it comes back afresh.
            tracing::debug!(peer = %from, "a peer has started again");
            return self.disconnect(from);
        }
        peer.run = hello.run;
        let Some(over) = peer.address().cloned() else { return };
        let addresses = book::parse(&hello.addresses);
        let addresses: Vec<_> = addresses.into_iter().filter(|address| address::fits(address, &over)).collect();
        // Greetings travel on streams of their own, so an older one may come last. A device never loses its account.
        let age = |certificate: &Option<Certificate>| certificate.as_ref().map(|it| it.not_before);
        let newer = age(&peer.certificate) <= age(&hello.certificate);
        let news = !peer.greeted || (newer && peer.certificate != hello.certificate);
        peer.greeted = true;
        if newer {
            peer.certificate = hello.certificate;
        }
        let certificate = peer.certificate.clone();
        self.remember(device, &addresses);
        self.handle_back(from);
        if news {
            let addresses = addresses.iter().map(|address| address::with_peer(address, from)).collect();
            self.emit(NetEvent::PeerUp { device, certificate, addresses });
        }
    }

    /// Queues records for a device.
    pub(super) fn send(&mut self, to: DeviceId, records: Vec<(RecordId, Arc<[u8]>)>) {
        let ids = |records: &[(RecordId, Arc<[u8]>)]| records.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        let Some(peer) = super::peer_of(&to).ok().filter(|_| to != self.shared.device) else {
            let outcome = SendOutcome::Unreachable;
            return self.emit(NetEvent::Sent { to, ids: ids(&records), outcome });
        };
        let full = self.mail.queues.len() >= RECIPIENTS_MAX && !self.mail.queues.contains_key(&peer);
        let queue = self.mail.queues.entry(peer).or_default();
        let mut refused = Vec::new();
        for (id, bytes) in records {
            let waiting = queue.bytes.saturating_add(bytes.len());
            // Once one is refused all behind it are, or they would arrive before it.
            if full || !refused.is_empty() || queue.records.len() >= QUEUE_RECORDS_MAX || waiting > QUEUE_BYTES_MAX {
                refused.push(id);
            } else {
                queue.bytes = waiting;
                queue.records.push_back((id, bytes));
            }
        }
        if full {
            self.mail.queues.remove(&peer);
        }
        if !refused.is_empty() {
            self.emit(NetEvent::Sent { to, ids: refused, outcome: SendOutcome::Busy });
        }
        self.deliver(peer);
    }

    /// Sends the next delivery to a device, or dials it.
    pub(super) fn deliver(&mut self, peer: PeerId) {
        let Some(queue) = self.mail.queues.get_mut(&peer) else { return };
        if queue.in_flight.is_some() {
            return;
        }
        if queue.records.is_empty() {
            self.mail.queues.remove(&peer);
            return;
        }
        if !self.peers.contains_key(&peer) {
            return self.dial_for_mail(peer);
        }
        let (mut ids, mut records, mut bytes) = (Vec::new(), Vec::new(), 0usize);
        while let Some((id, record)) = queue.records.pop_front() {
            bytes = bytes.saturating_add(record.len());
            let full = bytes > RECORDS_BYTES_MAX || ids.len() >= DELIVERY_RECORDS_MAX;
            if full && !ids.is_empty() {
                queue.records.push_front((id, record));
                break;
            }
            queue.bytes = queue.bytes.saturating_sub(record.len());
            ids.push(id);
            records.push(ByteBuf::from(record.to_vec()));
        }
        self.traffic.records_out = self.traffic.records_out.saturating_add(ids.len() as u64);
        queue.in_flight = Some(ids);
        let mail = &mut self.swarm.behaviour_mut().mail;
        let id = mail.send_request(&peer, Frame::Whole(MailRequest::Deliver { records }));
        self.mail.calls.insert(id, Call::Deliver);
    }

    /// Asks a mailbox; whoever is not connected does not answer.
    pub(super) fn ask_mailbox(&mut self, to: DeviceId, number: u64, request: MailboxRequest) {
        match super::peer_of(&to).ok().filter(|peer| self.peers.contains_key(peer)) {
            Some(peer) => {
                let mail = &mut self.swarm.behaviour_mut().mail;
                let id = mail.send_request(&peer, Frame::Whole(MailRequest::Mailbox(request)));
                self.mail.calls.insert(id, Call::Mailbox(number));
            }
            None => self.mailbox_answered(to, number, None),
        }
    }

    fn mailbox_answered(&mut self, from: DeviceId, number: u64, answer: Option<MailboxAnswer>) {
        if number != 0 {
            self.emit(NetEvent::MailboxAnswer { from, number, answer });
        }
    }

    fn handle_mailbox(
        &mut self,
        from: PeerId,
        device: DeviceId,
        request: MailboxRequest,
        channel: ResponseChannel<Frame<MailResponse>>,
    ) {
        let Ok(permit) = Arc::clone(&self.shared.answering).try_acquire_owned() else {
            return self.answer_mail(channel, MailResponse::Mailbox(MailboxAnswer::Busy));
        };
        let (answer, answered) = oneshot::channel();
        let patience = Duration::from_millis(self.shared.limits.request_timeout_ms / 4 * 3);
        let shared = self.shared.clone();
        self.emit(NetEvent::Mailbox { from: device, request, reply: MailboxReply(answer) });
        self.tasks.spawn(async move {
            let answer = match tokio::time::timeout(patience, answered).await {
                Ok(Ok(answer)) => answer,
                _ => MailboxAnswer::Busy,
            };
            shared.tell(Internal::MailAnswer(from, channel, MailResponse::Mailbox(answer))).await;
            drop(permit);
        });
    }

    fn dial_for_mail(&mut self, peer: PeerId) {
        if !self.dial_peer(peer, Vec::new()) {
            self.mail_unreachable(peer);
        }
    }

    /// Gives up on everything that waits for a device, and says so.
    pub(super) fn mail_unreachable(&mut self, peer: PeerId) {
        let Some(queue) = self.mail.queues.remove(&peer) else { return };
        let waiting = queue.records.into_iter().map(|(id, _)| id);
        let ids: Vec<_> = queue.in_flight.into_iter().flatten().chain(waiting).collect();
        if let Some(to) = super::device_of(&peer)
            && !ids.is_empty()
        {
            self.emit(NetEvent::Sent { to, ids, outcome: SendOutcome::Unreachable });
        }
    }

    pub(super) fn handle_mail(&mut self, event: request_response::Event<Frame<MailRequest>, Frame<MailResponse>>) {
        use request_response::{Event, Message};
        match event {
            Event::Message { peer, connection_id, message: Message::Request { request, channel, .. } } => match request
            {
                Frame::Whole(request) => {
                    if matches!(&request, MailRequest::Hello(Hello { only: true, .. })) {
                        self.handle_only_connection(peer, connection_id);
                    }
                    self.handle_mail_request(peer, request, channel);
                }
                Frame::Bad(fault) => self.punish_peer(&peer, fault),
            },
            Event::Message { peer, message: Message::Response { request_id, response }, .. } => {
                let call = self.mail.calls.remove(&request_id);
                self.doubts.remove(&peer);
                self.handle_mail_response(peer, call, response);
            }
            Event::OutboundFailure { peer, request_id, error, .. } => {
                let call = self.mail.calls.remove(&request_id);
                tracing::debug!(%peer, %error, ?call, "no answer");
                // That nobody is there any more is no fault: a greeting only asks.
                if let Some(fault) = fault_of(&error).filter(|_| !matches!(call, Some(Call::Hello))) {
                    self.punish_peer(&peer, fault);
                    self.doubt(peer);
                }
                self.call_failed(peer, call);
            }
            Event::InboundFailure { .. } | Event::ResponseSent { .. } => {}
        }
    }

    fn handle_mail_response(&mut self, peer: PeerId, call: Option<Call>, response: Frame<MailResponse>) {
        match (call, response) {
            (Some(Call::Hello), Frame::Whole(MailResponse::Hello(hello))) => self.handle_hello(peer, hello),
            (Some(Call::Deliver), Frame::Whole(MailResponse::Outcomes { outcomes })) => {
                let expected = self.mail.queues.get(&peer).and_then(|queue| queue.in_flight.as_ref()).map(Vec::len);
                if expected == Some(outcomes.len()) {
                    let outcomes = outcomes.iter().map(|byte| outcome_of(*byte)).collect();
                    self.delivered(peer, SendOutcome::Answered(outcomes));
                } else {
                    self.punish_peer(&peer, Fault::Protocol);
                    self.mail_unreachable(peer);
                }
            }
            (Some(Call::Mailbox(number)), Frame::Whole(MailResponse::Mailbox(answer))) => {
                if let Some(device) = super::device_of(&peer) {
                    self.mailbox_answered(device, number, Some(answer));
                }
            }
            (Some(Call::Deliver), Frame::Whole(MailResponse::Busy)) => self.delivered(peer, SendOutcome::Busy),
            (call, response) => {
                let fault = if let Frame::Bad(fault) = response { fault } else { Fault::Protocol };
                self.punish_peer(&peer, fault);
                self.call_failed(peer, call);
            }
        }
    }

    fn call_failed(&mut self, peer: PeerId, call: Option<Call>) {
        match call {
            Some(Call::Deliver) => self.mail_unreachable(peer),
            Some(Call::Mailbox(number)) => {
                if let Some(device) = super::device_of(&peer) {
                    self.mailbox_answered(device, number, None);
                }
            }
            Some(Call::Hello) | None => {}
        }
    }

    fn delivered(&mut self, peer: PeerId, outcome: SendOutcome) {
        let Some(queue) = self.mail.queues.get_mut(&peer) else { return };
        let mut ids = queue.in_flight.take().unwrap_or_default();
        if outcome == SendOutcome::Busy {
            // What waits behind a busy answer would overtake it: all of it goes back to the outbox.
            ids.extend(queue.records.drain(..).map(|(id, _)| id));
            queue.bytes = 0;
        }
        if let Some(to) = super::device_of(&peer) {
            self.emit(NetEvent::Sent { to, ids, outcome });
        }
        self.deliver(peer);
    }

    fn handle_mail_request(
        &mut self,
        from: PeerId,
        request: MailRequest,
        channel: ResponseChannel<Frame<MailResponse>>,
    ) {
        let Some(device) = self.admit_request(&from) else { return };
        match request {
            MailRequest::Hello(hello) => {
                let ours = self.hello(&from);
                self.answer_mail(channel, MailResponse::Hello(ours));
                self.handle_hello(from, hello);
            }
            MailRequest::Deliver { records } if records.is_empty() || records.len() > DELIVERY_RECORDS_MAX => {
                self.punish(device, Fault::Protocol);
            }
            MailRequest::Deliver { records } => self.handle_delivery(from, device, records, channel),
            MailRequest::Mailbox(request) => self.handle_mailbox(from, device, request, channel),
        }
    }

    fn handle_delivery(
        &mut self,
        from: PeerId,
        device: DeviceId,
        records: Vec<ByteBuf>,
        channel: ResponseChannel<Frame<MailResponse>>,
    ) {
        let permit = Arc::clone(&self.shared.answering).try_acquire_owned();
        let Some((peer, permit)) = self.peers.get_mut(&from).filter(|peer| !peer.delivering).zip(permit.ok()) else {
            return self.answer_mail(channel, MailResponse::Busy);
        };
        peer.delivering = true;
        self.shared.count_received(records.len());
        let (answer, answered) = oneshot::channel();
        // Less than the sender's own patience, so that it hears "busy" instead of nothing.
        let patience = Duration::from_millis(self.shared.limits.request_timeout_ms / 4 * 3);
        let (shared, count) = (self.shared.clone(), records.len());
        let records = records.into_iter().map(ByteBuf::into_vec).collect();
        self.emit(NetEvent::Mail { from: device, records, reply: MailReply(answer) });
        self.tasks.spawn(async move {
            let response = match tokio::time::timeout(patience, answered).await {
                Ok(Ok(outcomes)) if outcomes.len() == count => {
                    let outcomes: Vec<_> = outcomes.into_iter().map(byte_of).collect();
                    MailResponse::Outcomes { outcomes: ByteBuf::from(outcomes) }
                }
                _ => MailResponse::Busy,
            };
            shared.tell(Internal::MailAnswer(from, channel, response)).await;
            drop(permit);
        });
    }

    pub(super) fn answer_mail(&mut self, channel: ResponseChannel<Frame<MailResponse>>, response: MailResponse) {
        if self.swarm.behaviour_mut().mail.send_response(channel, Frame::Whole(response)).is_err() {
            tracing::debug!("a peer left before its mail was answered; it will send again");
        }
    }
}

fn outcome_of(byte: u8) -> MailOutcome {
    match byte {
        0 => MailOutcome::Stored,
        1 => MailOutcome::Known,
        2 => MailOutcome::Refused,
        _ => MailOutcome::Later,
    }
}

fn byte_of(outcome: MailOutcome) -> u8 {
    match outcome {
        MailOutcome::Stored => 0,
        MailOutcome::Known => 1,
        MailOutcome::Refused => 2,
        MailOutcome::Later => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_survive_the_wire_and_unknown_ones_mean_later() {
        for outcome in [MailOutcome::Stored, MailOutcome::Known, MailOutcome::Refused, MailOutcome::Later] {
            assert_eq!(outcome_of(byte_of(outcome)), outcome);
        }
        assert_eq!(outcome_of(200), MailOutcome::Later);
    }
}
