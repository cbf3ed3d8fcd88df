//! Who is connected to whom in the world, and what linked nodes tell each other of their common topics.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use hutong_protocol::{RecordId, Topic};

use super::world::{Delivery, Happening, SYNC_BATCH, World};
use crate::{
    engine::{
        Input,
        keys::{Place, set},
    },
    store::{Direction, KeyRange, Read as _},
};

impl World {
    /// Exchanges what the other lacks of every common topic. The difference is computed here; the real protocol is
    /// tested where it lives. What is simulated is that either half may be lost.
    pub(super) fn reconcile(&mut self, a: usize, b: usize) {
        let common: Vec<Topic> = self.nodes[a].topics.intersection(&self.nodes[b].topics).cloned().collect();
        for topic in common {
            if self.digest(a, &topic) == self.digest(b, &topic) {
                continue;
            }
            for (from, to) in [(a, b), (b, a)] {
                let mine = self.records(from, &topic);
                let theirs: BTreeSet<_> = self.records(to, &topic).into_keys().collect();
                let missing: Vec<_> =
                    mine.into_iter().filter(|(id, _)| !theirs.contains(id)).map(|(_, bytes)| bytes).collect();
                for chunk in missing.chunks(SYNC_BATCH) {
                    self.transmit(from, to, || Delivery::Sync { records: chunk.to_vec(), done: None });
                }
            }
            for (from, to) in [(a, b), (b, a)] {
                let done = Some(topic.clone());
                self.transmit(from, to, || Delivery::Sync { records: Vec::new(), done: done.clone() });
            }
        }
    }

    fn digest(&mut self, node: usize, topic: &Topic) -> [u8; 32] {
        if let Some(digest) = self.nodes[node].digests.get(topic) {
            return *digest;
        }
        let mut hasher = blake3::Hasher::new();
        for id in self.records(node, topic).keys() {
            hasher.update(&id.0);
        }
        let digest = *hasher.finalize().as_bytes();
        self.nodes[node].digests.insert(topic.clone(), digest);
        digest
    }

    fn records(&self, node: usize, topic: &Topic) -> BTreeMap<RecordId, Arc<[u8]>> {
        let prefix = set(topic);
        let rows = self.nodes[node].store.collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX);
        let rows = rows.unwrap_or_default().into_iter();
        rows.filter_map(|(key, bytes)| Some((Place::parse(&key)?.id, bytes))).collect()
    }

    pub(super) fn link(&mut self, a: usize, b: usize) {
        let apart = a == b || self.nodes[a].island != self.nodes[b].island || self.nodes[a].links.contains(&b);
        if apart || self.nodes[a].engine.is_none() || self.nodes[b].engine.is_none() {
            return;
        }
        self.nodes[a].links.insert(b);
        self.nodes[b].links.insert(a);
        for (node, peer) in [(a, b), (b, a)] {
            let device = self.nodes[peer].device;
            let certificate = self.nodes[peer].engine.as_ref().and_then(|engine| engine.certificate().cloned());
            let addresses = vec![Self::address(peer)];
            self.step(node, vec![Input::PeerUp { device, certificate, addresses }]);
        }
        self.reconcile(a, b);
    }

    pub(super) fn unlink(&mut self, a: usize, b: usize) {
        if self.nodes[a].links.remove(&b) {
            self.nodes[b].links.remove(&a);
            for (node, peer) in [(a, b), (b, a)] {
                let device = self.nodes[peer].device;
                self.step(node, vec![Input::PeerDown(device)]);
            }
        }
    }

    pub(super) fn relink(&mut self, node: usize) {
        for peer in self.nodes[node].links.clone() {
            self.unlink(node, peer);
            self.schedule(1, node, Happening::LinkUp(peer));
        }
    }
}
