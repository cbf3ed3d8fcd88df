//! Who is there, and finding each other again.

use super::*;

#[tokio::test]
async fn an_identity_that_comes_later_is_told_to_connected_peers() {
    let (mut a, mut b) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    let other = Certificate::issue(&account_key(9), a.device(), TimestampMs(5));
    connect(&mut a, &mut b).await;
    a.handle.set_identity(other.clone()).await.unwrap();
    assert_eq!(b.up(a.device()).await, Some(other.clone()));
    assert_eq!(b.peer_status(a.device()).await.unwrap().account, Some(other.account));
}

#[tokio::test]
async fn a_node_without_an_account_is_there_too() {
    let mut config = config(1, TCP);
    let later = config.certificate.take().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let blobs = Arc::new(BlobStore::open(directory.path(), 1 << 20).unwrap());
    let device = config.device_key.id();
    let (handle, _events) = start(config, Arc::new(MemoryStore::new()), blobs).await.unwrap();
    let mut b = Node::start(2, TCP).await;
    handle.dial(None, vec![b.listening().await]).await.unwrap();
    assert_eq!(b.up(device).await, None);
    handle.set_identity(later.clone()).await.unwrap();
    assert_eq!(b.up(device).await, Some(later));
}

#[tokio::test]
async fn a_restarted_node_finds_its_peers_by_the_book() {
    let (mut a, mut b) = (Node::start(1, TCP).await, Node::start(2, QUIC).await);
    connect(&mut a, &mut b).await;
    let device = a.device();
    let (store, _directory) = a.stop().await;
    b.down(device).await;
    let mut a = Node::start_with(config(1, TCP), store).await;
    assert!(a.up(b.device()).await.is_some(), "nobody told it to dial");
    b.up(device).await;
    let status = a.peer_status(b.device()).await.unwrap();
    assert_eq!((status.transport, status.direction), (Transport::Quic, Direction::Out));
}

#[tokio::test]
async fn an_account_is_found_through_a_third_node() {
    let (mut a, mut middle, mut c) = (Node::start(1, TCP).await, Node::start(2, TCP).await, Node::start(3, TCP).await);
    connect(&mut a, &mut middle).await;
    connect(&mut c, &mut middle).await;
    // The table learns of who provides what in its own time; asking again is what a person would do.
    loop {
        c.handle.find_account(a.certificate.account).await.unwrap();
        if tokio::time::timeout(Duration::from_millis(500), c.up(a.device())).await.is_ok() {
            break;
        }
    }
}

#[tokio::test]
async fn a_dial_that_fails_says_so() {
    let mut a = Node::start(1, TCP).await;
    let nobody = DeviceKey::from_seed(&[50; 32]).id();
    a.handle.dial(Some(nobody), vec!["/ip4/127.0.0.1/tcp/1".parse().unwrap()]).await.unwrap();
    let failed = a
        .until(|event| match event {
            NetEvent::DialFailed { device, .. } => Ok(device),
            other => Err(other),
        })
        .await;
    assert_eq!(failed, Some(nobody));
}

#[tokio::test]
async fn a_stopped_network_answers_that_it_is_stopped() {
    let node = Node::start(1, TCP).await;
    let handle = node.handle.clone();
    node.stop().await;
    assert!(matches!(handle.status().await, Err(NetError::Stopped)));
    assert!(matches!(handle.subscribe(topic("x")).await, Err(NetError::Stopped)));
    handle.shutdown().await;
}

#[tokio::test]
async fn status_counts_bytes_and_names_listeners() {
    let (mut a, mut b) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    connect(&mut a, &mut b).await;
    let status = a.handle.status().await.unwrap();
    assert_eq!(status.listen.len(), 1);
    assert_eq!(status.reachability, Reachability::LocalOnly);
    assert!(status.traffic.bytes_in > 0 && status.traffic.bytes_out > 0);
}

#[tokio::test]
async fn an_address_that_cannot_be_listened_on_is_an_error_that_names_it() {
    let mut config = config(1, "/ip4/203.0.113.7/tcp/1");
    config.certificate = None;
    let directory = tempfile::tempdir().unwrap();
    let blobs = Arc::new(BlobStore::open(directory.path(), 1 << 20).unwrap());
    let error = start(config, Arc::new(MemoryStore::new()), blobs).await.err().map(|error| error.to_string());
    assert!(error.is_some_and(|error| error.contains("203.0.113.7")));
}

#[tokio::test]
async fn two_nodes_that_dial_each_other_at_the_same_moment_both_know() {
    for (number, listen) in [TCP, QUIC].into_iter().enumerate() {
        let number = u8::try_from(number).unwrap() * 2 + 10;
        let (mut a, mut b) = (Node::start(number, listen).await, Node::start(number + 1, listen).await);
        let (at_a, at_b) = (a.listening().await, b.listening().await);
        let (to_a, to_b) = (vec![at_a], vec![at_b]);
        let (first, second) = tokio::join!(a.handle.dial(None, to_b), b.handle.dial(None, to_a));
        first.and(second).unwrap();
        let (device_a, device_b) = (a.device(), b.device());
        tokio::join!(a.up(device_b), b.up(device_a));
    }
}

#[tokio::test]
async fn when_connections_run_short_those_who_share_nothing_make_room() {
    let mut hub = config(1, TCP);
    hub.limits.connections_max = 8;
    let mut hub = Node::start_with(hub, Arc::default()).await;
    let topic = topic("shared");
    hub.follow(&topic).await;
    let (mut neighbour, mut stranger) = (Node::start(2, TCP).await, Node::start(3, TCP).await);
    neighbour.follow(&topic).await;
    let mut others = Vec::new();
    connect(&mut neighbour, &mut hub).await;
    connect(&mut stranger, &mut hub).await;
    for number in 4..7 {
        let mut other = Node::start(number, TCP).await;
        other.follow(&topic).await;
        connect(&mut other, &mut hub).await;
        others.push(other);
    }
    hub.down(stranger.device()).await;
    assert!(hub.peer_status(neighbour.device()).await.is_some());
}
