//! Peers that misbehave: played by a bare libp2p node that speaks our protocols as badly as it likes.

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::{
    StreamProtocol,
    request_response::{self, ProtocolSupport},
    swarm::{NetworkBehaviour, SwarmEvent},
};

use super::{
    super::wire::{
        BlobProtocol, Hello, MailProtocol, MailRequest, MailResponse, Protocol, SyncProtocol, SyncRequest, SyncResponse,
    },
    *,
};

/// Sends and answers raw bytes, however long and wrong.
#[derive(Debug, Clone, Default)]
pub(super) struct Raw;

impl request_response::Codec for Raw {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> std::io::Result<Vec<u8>>
    where
        T: futures::AsyncRead + Unpin + Send,
    {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn read_response<T>(&mut self, protocol: &StreamProtocol, io: &mut T) -> std::io::Result<Vec<u8>>
    where
        T: futures::AsyncRead + Unpin + Send,
    {
        self.read_request(protocol, io).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Vec<u8>) -> std::io::Result<()>
    where
        T: futures::AsyncWrite + Unpin + Send,
    {
        io.write_all(&request).await
    }

    async fn write_response<T>(
        &mut self,
        protocol: &StreamProtocol,
        io: &mut T,
        response: Vec<u8>,
    ) -> std::io::Result<()>
    where
        T: futures::AsyncWrite + Unpin + Send,
    {
        self.write_request(protocol, io, response).await
    }
}

type RawRpc = request_response::Behaviour<Raw>;

#[derive(NetworkBehaviour)]
pub(super) struct RogueBehaviour {
    pub(super) sync: RawRpc,
    pub(super) mail: RawRpc,
    pub(super) blob: RawRpc,
}

/// A bare node with this device key.
pub(super) fn rogue(number: u8) -> Swarm<RogueBehaviour> {
    let key = DeviceKey::from_seed(&[number; 32]);
    let key = identity::Keypair::ed25519_from_bytes(&mut key.to_seed()).unwrap();
    let (circuits, _) = libp2p::relay::client::new(key.public().to_peer_id());
    let transport = transport::build(&key, &Arc::default(), circuits).unwrap();
    let rpc = |name| {
        let config = request_response::Config::default().with_request_timeout(GUARD);
        RawRpc::with_codec(Raw, [(StreamProtocol::new(name), ProtocolSupport::Full)], config)
    };
    let behaviour =
        RogueBehaviour { sync: rpc(SyncProtocol::NAME), mail: rpc(MailProtocol::NAME), blob: rpc(BlobProtocol::NAME) };
    let config = libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(GUARD);
    Swarm::new(transport, behaviour, key.public().to_peer_id(), config)
}

/// Connects a bare node to `node`; when it returns, `node` counts it among its own.
pub(super) async fn intrude(rogue: &mut Swarm<RogueBehaviour>, node: &mut Node, hello: Hello) {
    let (address, peer) = (node.listening().await, peer_of(&node.device()).unwrap());
    rogue.dial(address.clone()).unwrap();
    let hello = hutong_protocol::codec::encode(&MailRequest::Hello(hello)).unwrap();
    rogue.behaviour_mut().mail.send_request(&peer, hello);
    node.passed.push_front(NetEvent::Listening { addr: address });
}

/// Runs a bare node for ever, answering requests as told (`None`: never).
pub(super) async fn play(
    mut rogue: Swarm<RogueBehaviour>,
    mut answer: impl FnMut(&str, &[u8]) -> Option<Vec<u8>> + Send + 'static,
) {
    use request_response::{Event, Message};
    let mut never = Vec::new();
    loop {
        let SwarmEvent::Behaviour(event) = rogue.select_next_some().await else { continue };
        let (name, event) = match event {
            RogueBehaviourEvent::Sync(event) => (SyncProtocol::NAME, event),
            RogueBehaviourEvent::Mail(event) => (MailProtocol::NAME, event),
            RogueBehaviourEvent::Blob(event) => (BlobProtocol::NAME, event),
        };
        let Event::Message { message: Message::Request { request, channel, .. }, .. } = event else { continue };
        match answer(name, &request) {
            Some(bytes) => {
                // The channel knows its stream; which behaviour hands it over does not matter.
                rogue.behaviour_mut().mail.send_response(channel, bytes).ok();
            }
            None => never.push(channel),
        }
    }
}

/// Asks `to` one question over a connection of its own, as `from` would.
pub(super) async fn ask(from: &Node, to: &Node, request: SyncRequest) -> SyncResponse {
    let mut asker = rogue(200);
    let status = to.handle.status().await.unwrap();
    assert_ne!(from.device(), to.device());
    asker.dial(status.listen[0].clone()).unwrap();
    let bytes = hutong_protocol::codec::encode(&request).unwrap();
    asker.behaviour_mut().sync.send_request(&peer_of(&to.device()).unwrap(), bytes);
    loop {
        if let SwarmEvent::Behaviour(RogueBehaviourEvent::Sync(request_response::Event::Message {
            message: request_response::Message::Response { response, .. },
            ..
        })) = asker.select_next_some().await
        {
            return hutong_protocol::codec::decode(&response, 1 << 21).unwrap();
        }
    }
}

#[tokio::test]
async fn a_peer_that_never_answers_times_out_is_unreachable_and_loses_a_little_standing() {
    let mut config = config(1, TCP);
    config.limits.request_timeout_ms = 200;
    let mut node = Node::start_with(config, Arc::default()).await;
    let (mut silent, device) = (rogue(2), DeviceKey::from_seed(&[2; 32]).id());
    intrude(&mut silent, &mut node, Hello::default()).await;
    let playing = tokio::spawn(play(silent, |_, _| None));
    node.up(device).await;
    node.handle.send(device, vec![(RecordId([1; 32]), vec![1].into())]).await.unwrap();
    assert_eq!(node.sent().await, (device, vec![RecordId([1; 32])], SendOutcome::Unreachable));
    let status = node.peer_status(device).await.unwrap();
    assert_eq!(status.score, Severity::Slight.points());
    playing.abort();
}

#[tokio::test]
async fn garbage_and_oversized_frames_are_punished_until_the_peer_is_out() {
    let (garbage, oversized) = (vec![0xff; 100], vec![0; 2 << 20]);
    for (frame, number) in [(garbage, 2), (oversized, 3)] {
        let mut node = Node::start(1, TCP).await;
        let (mut rogue, peer) = (rogue(number), peer_of(&node.device()).unwrap());
        let device = DeviceKey::from_seed(&[number; 32]).id();
        intrude(&mut rogue, &mut node, Hello::default()).await;
        for _ in 0..3 {
            rogue.behaviour_mut().sync.send_request(&peer, frame.clone());
        }
        let playing = tokio::spawn(play(rogue, |_, _| None));
        node.down(device).await;
        assert!(node.peer_status(device).await.is_none());
        playing.abort();
    }
}

#[tokio::test]
async fn a_flood_of_requests_is_punished_until_the_peer_is_out() {
    let mut node = Node::start(1, TCP).await;
    let (mut rogue, peer) = (rogue(2), peer_of(&node.device()).unwrap());
    let device = DeviceKey::from_seed(&[2; 32]).id();
    intrude(&mut rogue, &mut node, Hello::default()).await;
    let request = SyncRequest::Slots { slots: Vec::new() };
    let bytes = hutong_protocol::codec::encode(&request).unwrap();
    let send = |rogue: &mut Swarm<RogueBehaviour>| rogue.behaviour_mut().sync.send_request(&peer, bytes.clone());
    // As many at a time as the node takes streams, each replaced as it ends.
    for _ in 0..32 {
        send(&mut rogue);
    }
    loop {
        tokio::select! {
            () = node.down(device) => break,
            event = rogue.select_next_some() => {
                if let SwarmEvent::Behaviour(RogueBehaviourEvent::Sync(_)) = event {
                    send(&mut rogue);
                }
            }
        }
    }
}

#[tokio::test]
async fn a_peer_that_was_killed_and_started_again_comes_back_afresh() {
    let mut node = Node::start(1, TCP).await;
    let (device, hello) = (DeviceKey::from_seed(&[2; 32]).id(), |run| Hello { run, ..Hello::default() });
    // Its connection stays open: nobody has told the node that the process is gone.
    let mut before = rogue(2);
    intrude(&mut before, &mut node, hello(1)).await;
    let before = tokio::spawn(play(before, |_, _| None));
    node.up(device).await;
    let mut after = rogue(2);
    intrude(&mut after, &mut node, hello(2)).await;
    loop {
        if let SwarmEvent::ConnectionClosed { .. } = after.select_next_some().await {
            break;
        }
    }
    node.down(device).await;
    intrude(&mut after, &mut node, hello(2)).await;
    let after = tokio::spawn(play(after, |_, _| None));
    node.up(device).await;
    before.abort();
    after.abort();
}

#[tokio::test]
async fn a_stolen_certificate_is_a_ban() {
    let mut node = Node::start(1, TCP).await;
    let mut thief = rogue(2);
    let stolen = node.certificate.clone();
    intrude(&mut thief, &mut node, Hello { certificate: Some(stolen), ..Hello::default() }).await;
    loop {
        if let SwarmEvent::ConnectionClosed { .. } = thief.select_next_some().await {
            break;
        }
    }
    // It is not let in again.
    thief.dial(node.listening().await).unwrap();
    loop {
        match thief.select_next_some().await {
            SwarmEvent::ConnectionClosed { .. } | SwarmEvent::OutgoingConnectionError { .. } => break,
            _ => {}
        }
    }
    assert!(node.handle.status().await.unwrap().peers.is_empty());
}

#[tokio::test]
async fn answers_that_do_not_fit_the_question_are_punished() {
    let mut node = Node::start(1, TCP).await;
    let (mut liar, device) = (rogue(2), DeviceKey::from_seed(&[2; 32]).id());
    intrude(&mut liar, &mut node, Hello::default()).await;
    let playing = tokio::spawn(play(liar, |name, request| {
        let answer = match name {
            MailProtocol::NAME => MailResponse::Outcomes { outcomes: serde_bytes::ByteBuf::from([0, 0, 0]) },
            _ => return Some(b"nonsense".to_vec()),
        };
        assert!(!request.is_empty());
        Some(hutong_protocol::codec::encode(&answer).unwrap())
    }));
    node.up(device).await;
    node.handle.send(device, vec![(RecordId([1; 32]), vec![1].into())]).await.unwrap();
    assert_eq!(node.sent().await.2, SendOutcome::Unreachable);
    let protocol = Severity::Fault.points();
    assert_eq!(node.peer_status(device).await.unwrap().score, protocol);
    assert!(matches!(
        node.handle.fetch_blob(hutong_protocol::BlobHash([1; 32]), vec![device]).await,
        Err(BlobFetchError::NoHolder)
    ));
    assert_eq!(node.peer_status(device).await.unwrap().score, protocol + Severity::Grave.points());
    playing.abort();
}

#[tokio::test]
async fn what_the_engine_finds_wrong_in_sync_or_mail_counts_too() {
    let (mut a, mut b) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    connect(&mut a, &mut b).await;
    for _ in 0..3 {
        a.handle.punish(b.device(), Fault::BadRecord);
    }
    a.down(b.device()).await;
    b.down(a.device()).await;
}
