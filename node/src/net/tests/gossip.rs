//! Live spread of public records.

use super::*;

async fn both_ways(listen: &str) {
    let (mut a, mut b) = (Node::start(1, listen).await, Node::start(2, listen).await);
    let topic = topic("gossip");
    a.follow(&topic).await;
    b.follow(&topic).await;
    connect(&mut a, &mut b).await;
    // A device with the smaller id begins to reconcile when both know that both follow.
    let (first, second) = if a.device() < b.device() { (&mut a, &mut b) } else { (&mut b, &mut a) };
    assert_eq!(first.synced().await, 0);
    for number in 0..2 {
        let (from, to) = if number == 0 { (&mut *first, &mut *second) } else { (&mut *second, &mut *first) };
        let (id, signed) = from.write(&topic, number);
        from.handle.publish(topic.clone(), id, signed.clone().into()).await.unwrap();
        assert_eq!(from.published().await, (id, 1));
        let (relay, token, bytes) = to.gossip().await;
        assert_eq!((relay, &bytes[..]), (from.device(), &signed[..]));
        to.handle.verdict(token, Verdict::Accept);
    }
}

#[tokio::test]
async fn a_record_arrives_both_ways_over_tcp() {
    both_ways(TCP).await;
}

#[tokio::test]
async fn a_record_arrives_both_ways_over_quic() {
    both_ways(QUIC).await;
}

#[tokio::test]
async fn what_the_engine_rejects_is_not_spread_and_what_it_accepts_is() {
    // a — b — c in a line: whatever c hears of a went through b.
    // Only b listens, or a and c might find each other through it.
    let deaf = |number| NetConfig { listen: Vec::new(), ..config(number, TCP) };
    let (mut a, mut c) =
        (Node::start_with(deaf(1), Arc::default()).await, Node::start_with(deaf(3), Arc::default()).await);
    let mut b = Node::start(2, TCP).await;
    let topic = topic("line");
    for node in [&a, &b, &c] {
        node.follow(&topic).await;
    }
    connect(&mut a, &mut b).await;
    connect(&mut c, &mut b).await;
    // Everybody sees b's subscription before anything is published.
    for node in [&a, &c] {
        while node.handle.status().await.unwrap().topics != [(topic.clone(), 1)] {
            tokio::task::yield_now().await;
        }
    }
    while b.handle.status().await.unwrap().topics != [(topic.clone(), 2)] {
        tokio::task::yield_now().await;
    }
    let mut spread = Vec::new();
    for (number, verdict) in [Verdict::Reject, Verdict::Ignore, Verdict::Accept].into_iter().enumerate() {
        let (id, signed) = a.write(&topic, number as u64);
        a.handle.publish(topic.clone(), id, signed.clone().into()).await.unwrap();
        let (_, token, bytes) = b.gossip().await;
        assert_eq!(&bytes[..], &signed[..]);
        b.handle.verdict(token, verdict);
        if verdict == Verdict::Accept {
            spread.push(signed);
        }
    }
    let (relay, _, bytes) = c.gossip().await;
    assert_eq!(relay, b.device());
    assert_eq!(vec![bytes.to_vec()], spread, "the first that c hears of is the accepted one");
    let status = b.handle.status().await.unwrap();
    assert_eq!((status.traffic.rejected, status.traffic.duplicates), (1, 1));
    assert!(b.peer_status(a.device()).await.unwrap().score > 0, "a rejected record costs its relay");
}

#[tokio::test]
async fn a_private_topic_is_never_gossiped() {
    let node = Node::start(1, TCP).await;
    let private = Topic::direct(&AccountId([1; 32]), &AccountId([2; 32]));
    let refused = node.handle.publish(private.clone(), RecordId([0; 32]), vec![1].into()).await;
    assert!(matches!(refused, Err(NetError::Private)));
    node.handle.subscribe(private).await.unwrap();
    assert_eq!(node.handle.status().await.unwrap().topics, []);
}

#[tokio::test]
async fn publishing_to_nobody_says_so() {
    let mut node = Node::start(1, TCP).await;
    let topic = topic("alone");
    node.follow(&topic).await;
    let (id, signed) = node.write(&topic, 1);
    node.handle.publish(topic, id, signed.into()).await.unwrap();
    assert_eq!(node.published().await, (id, 0));
}

#[tokio::test]
async fn a_shop_that_writes_faster_than_gossip_may_reaches_its_followers_by_sync_and_keeps_its_name() {
    let (mut shop, mut customer) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    let topic = topic("catalogue");
    shop.follow(&topic).await;
    customer.follow(&topic).await;
    connect(&mut shop, &mut customer).await;
    let records: Vec<_> = (0..1_500).map(|number| shop.write(&topic, number)).collect();
    for (id, signed) in &records {
        shop.handle.publish(topic.clone(), *id, signed.clone().into()).await.unwrap();
        assert_eq!(shop.published().await.0, *id);
    }
    while !records.iter().all(|(id, _)| customer.has(id)) {
        tokio::select! {
            event = customer.next() => match event {
                NetEvent::Gossip { token, bytes, .. } => {
                    customer.keep(&bytes);
                    customer.handle.verdict(token, Verdict::Accept);
                }
                NetEvent::Synced { records, .. } => records.iter().for_each(|record| customer.keep(record)),
                _ => {}
            },
            _ = shop.next() => {}
        }
    }
    assert_eq!(customer.peer_status(shop.device()).await.unwrap().score, 0);
}
