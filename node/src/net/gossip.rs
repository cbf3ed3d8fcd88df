//! Gossip: one mesh per public topic. The mesh only carries bytes; whether they are spread further is the engine's say.

use std::{collections::HashMap, time::Duration};

use hutong_protocol::{RecordId, Topic};
use libp2p::{
    PeerId, gossipsub,
    gossipsub::{
        AllowAllSubscriptionFilter, ConfigBuilder, IdentTopic, IdentityTransform, MaxCountSubscriptionFilter,
        MessageAcceptance, MessageAuthenticity, MessageId, PeerScoreParams, PeerScoreThresholds, TopicHash,
        TopicScoreParams, ValidationMode,
    },
};

use super::{
    NetError,
    behaviour::GossipEvent,
    event::{GossipToken, NetEvent, Verdict},
    rate::{Bucket, Rate},
    score::Fault,
    swarm::Loop,
};

/// Largest gossip frame in bytes: a record of 64 KiB, its envelope, and several control messages beside it.
const FRAME_BYTES_MAX: usize = 128 * 1024;
/// How many peers of a topic get a message at once, and the bounds within which the mesh is mended. Measured with 200
/// nodes (`reference/network-and-store.md`): 2.3 duplicates a delivery instead of 5.8 with the defaults, none lost.
const MESH_N: usize = 4;
const MESH_N_LOW: usize = 3;
const MESH_N_HIGH: usize = 6;
/// How many of a mesh's peers must be ones we dialled ourselves, so that inbound ones alone cannot own it.
const MESH_OUTBOUND_MIN: usize = 1;
/// How long a message id is remembered: longer than a message takes around the world, short enough for memory.
const SEEN_MS: u64 = 120_000;
/// Messages waiting to be sent to one peer. Beyond, the oldest gossip is dropped, and sync brings it later.
const QUEUE_MAX: usize = 512;
/// Topics one peer may follow: a shop that follows all its customers' profiles.
const TOPICS_PER_PEER_MAX: usize = 10_000;
/// Messages in one frame: 128 KiB of the smallest records.
const MESSAGES_PER_FRAME_MAX: usize = 512;
/// Gossip waiting for the engine. Beyond, messages are not taken, and sync brings them later.
pub(super) const WAITING_MAX: usize = 1_024;

/// Records of our own gossiped at once and each second: a lively evening in several groups. A shop that imports its
/// catalogue writes thousands at once; what is over goes to the followers by sync, which is made for that.
pub(super) const PUBLISH_BURST: u32 = 500;
pub(super) const PUBLISH_PER_SECOND: u32 = 50;

/// The gossip behaviour: a bounded number of topics per peer, no compression.
pub(super) type Gossip =
    gossipsub::Behaviour<IdentityTransform, MaxCountSubscriptionFilter<AllowAllSubscriptionFilter>>;

/// Builds the behaviour.
pub(super) fn behaviour() -> Result<Gossip, NetError> {
    let setup = |error: String| NetError::Setup(format!("gossip: {error}"));
    let config = ConfigBuilder::default()
        .mesh_n(MESH_N)
        .mesh_n_low(MESH_N_LOW)
        .mesh_n_high(MESH_N_HIGH)
        .mesh_outbound_min(MESH_OUTBOUND_MIN)
        .flood_publish(false)
        .max_transmit_size(FRAME_BYTES_MAX)
        .max_publish_messages(MESSAGES_PER_FRAME_MAX)
        .connection_handler_queue_len(QUEUE_MAX)
        .duplicate_cache_time(Duration::from_millis(SEEN_MS))
        // Records name and sign their author themselves; who relays them is nobody's business.
        .validation_mode(ValidationMode::Anonymous)
        .validate_messages()
        .message_id_fn(|message| MessageId::from(blake3::hash(&message.data).as_bytes().to_vec()))
        .build()
        .map_err(|error| setup(error.to_string()))?;
    let filter = MaxCountSubscriptionFilter {
        filter: AllowAllSubscriptionFilter {},
        max_subscribed_topics: TOPICS_PER_PEER_MAX,
        max_subscriptions_per_request: TOPICS_PER_PEER_MAX,
    };
    let mut gossip = Gossip::new_with_subscription_filter(MessageAuthenticity::Anonymous, config, filter)
        .map_err(|error| setup(error.into()))?;
    gossip.with_peer_score(score_params(), score_thresholds()).map_err(setup)?;
    Ok(gossip)
}

fn score_thresholds() -> PeerScoreThresholds {
    PeerScoreThresholds {
        gossip_threshold: -20.0,
        publish_threshold: -40.0,
        graylist_threshold: -60.0,
        accept_px_threshold: 10.0,
        opportunistic_graft_threshold: 1.0,
    }
}

fn score_params() -> PeerScoreParams {
    PeerScoreParams {
        topic_score_cap: 20.0,
        // Our own points (score.rs) enter as minus a tenth: from 200 points a peer is told less, from 400 nothing is
        // published to it, and at 500 it is disconnected.
        app_specific_weight: 1.0,
        // A household behind one address is normal; the limit per subnet does the rest. Loopback is ourselves.
        ip_colocation_factor_weight: -1.0,
        ip_colocation_factor_threshold: 16.0,
        ip_colocation_factor_whitelist: [[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()].into(),
        behaviour_penalty_weight: -5.0,
        behaviour_penalty_threshold: 6.0,
        behaviour_penalty_decay: 0.9,
        ..PeerScoreParams::default()
    }
}

fn topic_score() -> TopicScoreParams {
    TopicScoreParams {
        topic_weight: 1.0,
        time_in_mesh_weight: 0.01,
        time_in_mesh_quantum: Duration::from_secs(1),
        time_in_mesh_cap: 300.0,
        first_message_deliveries_weight: 0.5,
        first_message_deliveries_decay: 0.9,
        first_message_deliveries_cap: 20.0,
        // Most topics are quiet for hours, so nobody can be blamed for delivering little.
        mesh_message_deliveries_weight: 0.0,
        mesh_failure_penalty_weight: 0.0,
        // Squared: the third rejected message within a minute costs 18, the fifth 50.
        invalid_message_deliveries_weight: -2.0,
        invalid_message_deliveries_decay: 0.97,
        ..TopicScoreParams::default()
    }
}

/// How fast we gossip records of our own.
pub(super) fn publish_rate() -> Bucket {
    Bucket::new(PUBLISH_BURST, PUBLISH_PER_SECOND, 0)
}

/// The gossip topic of a topic: its key in hexadecimal.
pub(super) fn gossip_topic(topic: &Topic) -> IdentTopic {
    IdentTopic::new(data_encoding::HEXLOWER.encode(&topic.key()))
}

/// The topics we follow, by their gossip name.
pub(super) type Topics = HashMap<TopicHash, Topic>;

impl Loop {
    pub(super) fn subscribe(&mut self, topic: Topic) {
        if !topic.is_public() {
            tracing::warn!("a private topic is never gossiped");
            return;
        }
        let gossip_topic = gossip_topic(&topic);
        let hash = gossip_topic.hash();
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        match gossip.subscribe(&gossip_topic) {
            Ok(true) => {}
            Ok(false) => return, // Followed already.
            Err(error) => {
                tracing::warn!(%topic, %error, "a topic could not be followed");
                return;
            }
        }
        if let Err(error) = gossip.set_topic_params(gossip_topic, topic_score()) {
            tracing::warn!(%topic, error, "a topic has no scoring");
        }
        self.topics.insert(hash.clone(), topic.clone());
        for peer in self.followers(&hash) {
            self.sync_on_meeting(peer, topic.clone());
        }
        self.provide_topic(&topic);
    }

    pub(super) fn unsubscribe(&mut self, topic: &Topic) {
        let gossip_topic = gossip_topic(topic);
        self.swarm.behaviour_mut().gossip.unsubscribe(&gossip_topic);
        self.topics.remove(&gossip_topic.hash());
        self.sessions.forget_topic(topic);
        self.stop_providing_topic(topic);
    }

    /// The connected peers that follow a topic, in order.
    pub(super) fn followers(&self, topic: &TopicHash) -> Vec<PeerId> {
        let peers = self.swarm.behaviour().gossip.all_peers();
        let mut followers: Vec<_> =
            peers.filter(|(_, topics)| topics.contains(&topic)).map(|(peer, _)| *peer).collect();
        followers.sort_unstable();
        followers
    }

    pub(super) fn publish(&mut self, topic: &Topic, id: RecordId, signed: &[u8]) {
        let now_ms = self.now_ms();
        if self.publish_rate.take(now_ms) != Rate::Fine {
            self.unpublished.insert(topic.clone());
            return self.emit(NetEvent::Published { id, peers: 0 });
        }
        let gossip_topic = gossip_topic(topic);
        let hash = gossip_topic.hash();
        let followers = self.followers(&hash).len();
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        let peers = match gossip.publish(gossip_topic, signed) {
            Ok(_) => followers.min(gossip.mesh_peers(&hash).count().max(MESH_N)),
            Err(gossipsub::PublishError::Duplicate) => followers,
            Err(error) => {
                tracing::debug!(%topic, %id, %error, "not gossiped now; sync will bring it");
                0
            }
        };
        self.traffic.records_out = self.traffic.records_out.saturating_add(u64::from(peers > 0));
        self.emit(NetEvent::Published { id, peers });
    }

    /// Brings what was too much for gossip to the followers, once the rush is over.
    pub(super) fn sync_unpublished(&mut self, now_ms: u64) {
        if !self.unpublished.is_empty() && self.publish_rate.take(now_ms) == Rate::Fine {
            for topic in std::mem::take(&mut self.unpublished) {
                self.sync_now(&topic);
            }
        }
    }

    pub(super) fn handle_gossip(&mut self, event: GossipEvent) {
        match event {
            GossipEvent::Message { propagation_source, message_id, message } => {
                self.handle_gossiped(propagation_source, message_id, message.data);
            }
            GossipEvent::Subscribed { peer_id, topic } => {
                if let Some(topic) = self.topics.get(&topic).cloned() {
                    self.sync_on_meeting(peer_id, topic);
                }
            }
            GossipEvent::SlowPeer { peer_id, .. } => tracing::debug!(peer = %peer_id, "a peer reads too slowly"),
            GossipEvent::Unsubscribed { .. } | GossipEvent::GossipsubNotSupported { .. } => {}
        }
    }

    fn handle_gossiped(&mut self, relay: PeerId, message: MessageId, data: Vec<u8>) {
        let now_ms = self.now_ms();
        let token = GossipToken { message, relay };
        let Some(peer) = self.peers.get_mut(&relay) else {
            return self.judge(&token, Verdict::Ignore);
        };
        let (device, rate) = (peer.device, peer.gossip_rate.take(now_ms));
        if rate == Rate::Flood {
            self.punish(device, Fault::Flood);
        }
        if rate != Rate::Fine || self.waiting.len() >= WAITING_MAX {
            return self.judge(&token, Verdict::Ignore);
        }
        self.traffic.records_in = self.traffic.records_in.saturating_add(1);
        self.emit(NetEvent::Gossip { from: device, token, bytes: data.into() });
    }

    pub(super) fn handle_verdict(&mut self, token: &GossipToken, verdict: Verdict) {
        let device = self.peers.get(&token.relay).map(|peer| peer.device);
        match verdict {
            Verdict::Accept => {}
            Verdict::Ignore => self.traffic.duplicates = self.traffic.duplicates.saturating_add(1),
            Verdict::Reject => {
                self.traffic.rejected = self.traffic.rejected.saturating_add(1);
                if let Some(device) = device {
                    self.punish(device, Fault::BadRecord);
                }
            }
        }
        self.judge(token, verdict);
    }

    fn judge(&mut self, token: &GossipToken, verdict: Verdict) {
        let acceptance = match verdict {
            Verdict::Accept => MessageAcceptance::Accept,
            Verdict::Ignore => MessageAcceptance::Ignore,
            Verdict::Reject => MessageAcceptance::Reject,
        };
        let gossip = &mut self.swarm.behaviour_mut().gossip;
        if !gossip.report_message_validation_result(&token.message, &token.relay, acceptance) {
            tracing::debug!("a verdict came too late; the message is not relayed");
        }
    }
}
