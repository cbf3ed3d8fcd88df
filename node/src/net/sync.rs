//! `/hutong/sync/1`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use hutong_protocol::Topic;

/// Records in one [`NetEvent::Synced`](super::NetEvent::Synced): one signature batch and one group commit of the engine.
pub const SYNC_BATCH_RECORDS_MAX: usize = hutong_protocol::limits::VERIFY_BATCH_MAX;

/// Loaded sets by topic key, shared by all sessions.
#[derive(Debug, Clone, Default)]
pub(super) struct SetCache(Arc<Mutex<BTreeMap<[u8; 16], u64>>>);

impl SetCache {
    pub(super) fn changed(&self, topic: &Topic) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&topic.key());
    }
}
