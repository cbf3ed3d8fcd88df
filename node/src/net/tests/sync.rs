//! Reconciliation of topics, and slots.

use super::*;

async fn ids(node: &Node, topic: &Topic, numbers: impl Iterator<Item = u64>) -> Vec<RecordId> {
    numbers.map(|number| node.write(topic, number).0).collect()
}

#[tokio::test]
async fn a_late_joiner_gets_three_thousand_records_and_both_get_what_they_lack() {
    let (mut a, mut b) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    let topic = topic("history");
    let (old, own) = (ids(&a, &topic, 0..3_000).await, ids(&b, &topic, 5_000..5_010).await);
    a.follow(&topic).await;
    connect(&mut a, &mut b).await;
    b.follow(&topic).await;
    // One of the two begins and does both directions; the other one gets what is pushed.
    let (got_a, got_b) = tokio::join!(a.synced(), b.synced());
    assert_eq!((got_a, got_b), (10, 3_000));
    assert!(old.iter().chain(&own).all(|id| a.has(id) && b.has(id)));
}

#[tokio::test]
async fn a_third_member_gets_everything_from_either_of_two_with_differing_sets() {
    let (mut a, mut b) = (Node::start(1, QUIC).await, Node::start(2, QUIC).await);
    let topic = topic("three");
    let mut all = ids(&a, &topic, 0..400).await;
    all.extend(ids(&b, &topic, 300..700).await);
    a.follow(&topic).await;
    b.follow(&topic).await;
    connect(&mut a, &mut b).await;
    tokio::join!(a.synced(), b.synced());
    let mut late = Node::start(3, QUIC).await;
    late.follow(&topic).await;
    connect(&mut late, &mut b).await;
    while !all.iter().all(|id| late.has(id)) {
        tokio::select! {
            _ = late.synced() => {}
            _ = b.synced() => {}
        }
    }
    assert!(all.iter().all(|id| a.has(id) && b.has(id)));
}

#[tokio::test]
async fn a_peer_gets_nothing_of_a_topic_that_is_not_followed_here() {
    let (mut a, mut b) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    let topic = topic("unfollowed");
    let id = a.write(&topic, 1).0;
    connect(&mut b, &mut a).await;
    let answer = ask(&b, &a, SyncRequest::Get { topic: topic.clone(), ids: ByteBuf::from(id.0) }).await;
    assert_eq!(answer, SyncResponse::NotFollowed);
    a.follow(&topic).await;
    let answer = ask(&b, &a, SyncRequest::Get { topic, ids: ByteBuf::from(id.0) }).await;
    assert!(matches!(answer, SyncResponse::Records { records, handled: 1 } if records.len() == 1));
    // A private topic is not even looked at, whatever rows there are.
    let private = Topic::direct(&AccountId([1; 32]), &AccountId([2; 32]));
    let mut batch = Batch::new();
    batch.put(keys::follow(&private), *b"");
    a.store.commit(batch).unwrap();
    let answer = ask(&b, &a, SyncRequest::Reconcile { topic: private, message: ByteBuf::from([0x61]) }).await;
    assert_eq!(answer, SyncResponse::NotFollowed);
}

#[tokio::test]
async fn slots_bring_the_current_record_but_never_a_private_one() {
    let (mut a, mut b) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    let (account, kind) = (a.certificate.account, Kind::Profile);
    let private = Topic::direct(&account, &AccountId([2; 32]));
    for (topic, slot, body) in [(Topic::Profile(account), "profile", 1), (private, "secret", 2)] {
        let kind = if topic.is_public() { kind.clone() } else { Kind::Unknown("x".into()) };
        let draft = Draft::new(topic, kind, &body).unwrap().in_slot(slot, 1);
        a.keep(&draft.sign(&a.key, &a.certificate, TimestampMs(1_000)).unwrap());
    }
    connect(&mut a, &mut b).await;
    let wanted = vec![
        (account, kind.clone(), "profile".to_owned()),
        (account, Kind::Unknown("x".into()), "secret".to_owned()),
        (account, kind, "absent".to_owned()),
    ];
    b.handle.get_slots(vec![a.device()], wanted).await.unwrap();
    assert_eq!(b.synced().await, 1);
}

use super::super::wire::{SyncRequest, SyncResponse};
use super::faults::ask;
use serde_bytes::ByteBuf;
