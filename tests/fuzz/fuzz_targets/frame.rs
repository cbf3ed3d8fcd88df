//! Frames: any bytes as any message of `/hutong/sync/1`, `/hutong/mail/1` (mailbox requests and answers are among them)
//! and `/hutong/blob/1`, as the network's own codec reads them from a stream; and any bytes as a message of a
//! reconciliation, against a set.
#![no_main]

use std::sync::LazyLock;

use hutong_node::{
    engine::{
        keys::{self, Place},
        sync::{TopicSet, advance, respond},
    },
    net::fuzzing,
    store::{Batch, MemoryStore, Store as _},
};
use hutong_protocol::{RecordId, TimestampMs, Topic};
use libfuzzer_sys::fuzz_target;

static SET: LazyLock<TopicSet> = LazyLock::new(|| {
    let (store, mut batch, topic) = (MemoryStore::new(), Batch::new(), Topic::Other("tag/test".into()));
    for number in 0..200u64 {
        let id = RecordId::of(&number.to_be_bytes());
        batch.put(Place { topic: topic.key(), at: TimestampMs(number * 700), id }.key(), *b"");
        batch.put(keys::index(&id), *b"");
    }
    store.commit(batch).expect("memory");
    TopicSet::load(&store, &topic).expect("a set")
});

fuzz_target!(|data: &[u8]| {
    let Some((which, bytes)) = data.split_first() else { return };
    match which % 4 {
        0 => fuzzing::sync_frame(bytes),
        1 => fuzzing::mail_frame(bytes),
        2 => fuzzing::blob_frame(bytes),
        _ => {
            if let Ok(answer) = respond(&SET, bytes) {
                assert!(answer.len() <= hutong_node::engine::sync::SYNC_MESSAGE_BYTES_MAX);
            }
            if let Ok(differences) = advance(&SET, bytes) {
                assert!(differences.have.len() <= SET.len());
            }
        }
    }
});
