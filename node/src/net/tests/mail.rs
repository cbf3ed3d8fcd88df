//! Direct delivery.

use super::*;

fn letter(number: u8) -> (RecordId, Arc<[u8]>) {
    (RecordId([number; 32]), vec![number; 10].into())
}

#[tokio::test]
async fn mail_is_delivered_once_in_order_and_answered_after_our_word() {
    let (mut a, mut b) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    connect(&mut a, &mut b).await;
    for number in 0..5 {
        a.handle.send(b.device(), vec![letter(2 * number), letter(2 * number + 1)]).await.unwrap();
    }
    let (mut received, mut acknowledged) = (Vec::new(), Vec::new());
    while received.len() < 10 {
        let (from, records, reply) = b.mail().await;
        assert_eq!(from, a.device());
        received.extend(records.iter().map(|record| record[0]));
        let outcomes = vec![MailOutcome::Stored; records.len()];
        reply.answer(outcomes.clone());
        let (to, ids, outcome) = a.sent().await;
        assert_eq!((to, outcome), (b.device(), SendOutcome::Answered(outcomes)));
        acknowledged.extend(ids.iter().map(|id| id.0[0]));
    }
    assert_eq!(received, (0..10).collect::<Vec<u8>>());
    assert_eq!(acknowledged, received);
}

#[tokio::test]
async fn a_dropped_reply_means_busy_and_outcomes_come_through_one_by_one() {
    let (mut a, mut b) = (Node::start(1, QUIC).await, Node::start(2, QUIC).await);
    connect(&mut a, &mut b).await;
    a.handle.send(b.device(), vec![letter(1)]).await.unwrap();
    drop(b.mail().await);
    assert_eq!(a.sent().await, (b.device(), vec![RecordId([1; 32])], SendOutcome::Busy));
    let outcomes = vec![MailOutcome::Stored, MailOutcome::Known, MailOutcome::Refused, MailOutcome::Later];
    a.handle.send(b.device(), (1..5).map(letter).collect()).await.unwrap();
    b.mail().await.2.answer(outcomes.clone());
    assert_eq!(a.sent().await.2, SendOutcome::Answered(outcomes));
}

#[tokio::test]
async fn mail_dials_a_known_device_by_itself() {
    let (mut a, mut b) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    connect(&mut a, &mut b).await;
    let (store, _directory) = a.stop().await;
    b.down(DeviceKey::from_seed(&[1; 32]).id()).await;
    let mut a = Node::start_with(config(1, TCP), store).await;
    a.handle.send(b.device(), vec![letter(1)]).await.unwrap();
    b.mail().await.2.answer(vec![MailOutcome::Stored]);
    assert_eq!(a.sent().await.2, SendOutcome::Answered(vec![MailOutcome::Stored]));
}

#[tokio::test]
async fn mail_to_nobody_is_unreachable() {
    let mut a = Node::start(1, TCP).await;
    let stranger = DeviceKey::from_seed(&[77; 32]).id();
    let (own, nonsense) = (a.device(), DeviceId([0xff; 32]));
    for to in [stranger, own, nonsense] {
        a.handle.send(to, vec![letter(1), letter(2)]).await.unwrap();
        let ids = vec![RecordId([1; 32]), RecordId([2; 32])];
        assert_eq!(a.sent().await, (to, ids, SendOutcome::Unreachable));
    }
}

#[tokio::test]
async fn more_mail_than_fits_the_queue_is_busy_and_the_rest_arrives() {
    let (mut a, mut b) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    connect(&mut a, &mut b).await;
    let many: Vec<_> = (0..5_000u32).map(|number| (RecordId::of(&number.to_be_bytes()), vec![1; 8].into())).collect();
    a.handle.send(b.device(), many).await.unwrap();
    let (_, refused, outcome) = a.sent().await;
    assert_eq!((refused.len(), outcome), (5_000 - 4_096, SendOutcome::Busy));
    let mut delivered = 0;
    while delivered < 4_096 {
        let (_, records, reply) = b.mail().await;
        assert!(records.len() <= 256);
        reply.answer(vec![MailOutcome::Stored; records.len()]);
        delivered += a.sent().await.1.len();
    }
}
