//! Blobs from several holders.

use hutong_protocol::{BlobHash, codec};
use serde_bytes::ByteBuf;

use super::{
    super::{
        Wanted,
        wire::{BlobProtocol, BlobRequest, BlobResponse, Hello, Protocol as _},
    },
    faults::{intrude, play, rogue},
    *,
};

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|index| (index.wrapping_mul(131) ^ (index >> 9)) as u8).collect()
}

#[tokio::test]
async fn five_megabytes_come_from_two_holders_though_one_lies() {
    let (mut honest, mut wanting) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    let bytes = content(5 << 20);
    let hash = honest.blobs.import(&bytes).unwrap();
    connect(&mut wanting, &mut honest).await;
    // The liar proves the size honestly, then flips a bit in everything else.
    let (mut liar, device) = (rogue(3), DeviceKey::from_seed(&[3; 32]).id());
    intrude(&mut liar, &mut wanting, Hello::default()).await;
    let blobs = honest.blobs.clone();
    let playing = tokio::spawn(play(liar, move |name, request| {
        assert_eq!(name, BlobProtocol::NAME);
        let request: BlobRequest = codec::decode(request, 1024).unwrap();
        let (size, mut bytes) = blobs.segment(&request.hash, request.offset).unwrap();
        if request.offset.is_some() {
            bytes[4000] ^= 1;
        }
        Some(codec::encode(&BlobResponse::Segment { size, bytes: ByteBuf::from(bytes) }).unwrap())
    }));
    wanting.up(device).await;
    let size = wanting.handle.fetch_blob(hash, vec![device, honest.device()]).await.unwrap();
    assert_eq!(size, bytes.len() as u64);
    assert_eq!(wanting.blobs.read(&hash).unwrap(), bytes);
    let score = wanting.peer_status(device).await.map_or(BAN_POINTS, |peer| peer.score);
    assert!(score >= Severity::Grave.points(), "{score}");
    assert_eq!(wanting.peer_status(honest.device()).await.unwrap().score, 0);
    playing.abort();
}

#[tokio::test]
async fn a_cut_transfer_goes_on_where_it_was() {
    let mut wanting = Node::start(2, QUIC).await;
    let directory = tempfile::tempdir().unwrap();
    let source = BlobStore::open(directory.path(), 1 << 30).unwrap();
    let bytes = content(3 << 20);
    let hash = source.import(&bytes).unwrap();
    // The first holder gives four segments, then no more.
    let (mut first, device) = (rogue(3), DeviceKey::from_seed(&[3; 32]).id());
    intrude(&mut first, &mut wanting, Hello::default()).await;
    let mut left = 4;
    let playing = tokio::spawn(play(first, move |_, request| {
        let request: BlobRequest = codec::decode(request, 1024).unwrap();
        let answer = if left == 0 {
            BlobResponse::Absent
        } else {
            left -= 1;
            let (size, bytes) = source.segment(&request.hash, request.offset).unwrap();
            BlobResponse::Segment { size, bytes: ByteBuf::from(bytes) }
        };
        Some(codec::encode(&answer).unwrap())
    }));
    wanting.up(device).await;
    let cut = wanting.handle.fetch_blob(hash, vec![device]).await;
    assert!(matches!(cut, Err(BlobFetchError::NoHolder)), "{cut:?}");
    let missing = wanting.blobs.download(hash, bytes.len() as u64).unwrap().missing().count();
    assert_eq!(missing, 12 - 4);
    playing.abort();
    // The second one has all of it, and is asked for the rest only (and the proof of the size).
    let mut second = Node::start(4, QUIC).await;
    assert_eq!(second.blobs.import(&bytes).unwrap(), hash);
    connect(&mut wanting, &mut second).await;
    assert_eq!(wanting.handle.fetch_blob(hash, vec![]).await.unwrap(), bytes.len() as u64);
    assert_eq!(wanting.blobs.read(&hash).unwrap(), bytes);
    let sent = second.handle.status().await.unwrap().traffic.bytes_out;
    assert!(sent < (10 * (1 << 20)) / 4, "{sent} bytes for nine quarters of a megabyte");
}

#[tokio::test]
async fn two_callers_share_a_transfer_and_a_blob_that_is_here_costs_nothing() {
    let (mut holder, mut wanting) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    let hash = holder.blobs.import(&content(600_000)).unwrap();
    connect(&mut wanting, &mut holder).await;
    let (first, second) =
        tokio::join!(wanting.handle.fetch_blob(hash, vec![]), wanting.handle.fetch_blob(hash, vec![]));
    assert_eq!((first.unwrap(), second.unwrap()), (600_000, 600_000));
    holder.stop().await;
    assert_eq!(wanting.handle.fetch_blob(hash, vec![]).await.unwrap(), 600_000);
}

#[tokio::test]
async fn nobody_has_it_is_said_plainly() {
    let node = Node::start(1, TCP).await;
    let wanted = node.handle.fetch_blob(BlobHash([9; 32]), vec![DeviceId([0xff; 32])]).await;
    assert!(matches!(wanted, Err(BlobFetchError::NoHolder)));
}

/// A blob of the conversation alone.
fn private(hash: BlobHash, from: Vec<DeviceId>, size: u64) -> Wanted {
    Wanted { hash, from, private: true, sizes: vec![size] }
}

#[tokio::test]
async fn a_private_blob_is_asked_of_those_named_alone_and_offered_to_nobody() {
    let (mut holder, mut wanting) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    let hash = holder.blobs.import(&content(600_000)).unwrap();
    connect(&mut wanting, &mut holder).await;
    let unasked = wanting.handle.fetch(private(hash, vec![], 600_000)).await;
    assert!(matches!(unasked, Err(BlobFetchError::NoHolder)), "{unasked:?}");
    let traffic = holder.handle.status().await.unwrap().traffic.bytes_out;
    assert!(traffic < 100_000, "{traffic} bytes for nothing");
    let got = wanting.handle.fetch(private(hash, vec![holder.device()], 600_000)).await;
    assert_eq!(got.unwrap(), 600_000);
    // Whoever asks the hash table finds nobody.
    let mut third = Node::start(3, TCP).await;
    connect(&mut third, &mut wanting).await;
    holder.stop().await;
    assert!(third.handle.fetch(private(hash, vec![], 600_000)).await.is_err());
}

#[tokio::test]
async fn a_blob_of_another_size_than_was_named_is_not_kept() {
    let (mut holder, mut wanting) = (Node::start(1, TCP).await, Node::start(2, TCP).await);
    let hash = holder.blobs.import(&content(600_000)).unwrap();
    connect(&mut wanting, &mut holder).await;
    let got = wanting.handle.fetch(private(hash, vec![holder.device()], 599_999)).await;
    assert!(matches!(got, Err(BlobFetchError::WrongSize { size: 600_000 })), "{got:?}");
    assert_eq!((wanting.blobs.stats().bytes, wanting.blobs.received(&hash)), (0, 0));
}

#[tokio::test]
async fn a_transfer_stops_when_told_and_another_holder_takes_over_without_what_is_here() {
    let mut wanting = Node::start(2, QUIC).await;
    let directory = tempfile::tempdir().unwrap();
    let source = BlobStore::open(directory.path(), 1 << 30).unwrap();
    let bytes = content(64 << 20);
    let hash = source.import(&bytes).unwrap();
    let size = bytes.len() as u64;
    // The first holder gives 16 MiB, then says nothing more.
    let (mut first, device) = (rogue(3), DeviceKey::from_seed(&[3; 32]).id());
    intrude(&mut first, &mut wanting, Hello::default()).await;
    let (mut left, (told, mut all_given)) = (64, tokio::sync::watch::channel(false));
    let playing = tokio::spawn(play(first, move |_, request| {
        let request: BlobRequest = codec::decode(request, 1024).unwrap();
        left -= 1;
        told.send_replace(left < 0);
        let (size, bytes) = source.segment(&request.hash, request.offset).unwrap();
        (left >= 0).then(|| codec::encode(&BlobResponse::Segment { size, bytes: ByteBuf::from(bytes) }).unwrap())
    }));
    wanting.up(device).await;
    let handle = wanting.handle.clone();
    let fetching = tokio::spawn(async move { handle.fetch(private(hash, vec![device], size)).await });
    all_given.wait_for(|all| *all).await.unwrap();
    wanting
        .until(|event| match event {
            NetEvent::BlobProgress { hash: of } if of == hash => Ok(()),
            other => Err(other),
        })
        .await;
    wanting.handle.stop_fetch(hash).await.unwrap();
    assert!(matches!(fetching.await.unwrap(), Err(BlobFetchError::Cancelled)));
    let received = wanting.blobs.received(&hash);
    assert!(received >= 60 * 256 * 1024, "{received}");
    playing.abort();
    // The process starts anew: the same directory, another holder.
    let (store, directory) = wanting.stop().await;
    let mut wanting = Node::start_over(config(2, QUIC), store, directory).await;
    assert_eq!(wanting.blobs.received(&hash), received);
    let mut second = Node::start(4, QUIC).await;
    assert_eq!(second.blobs.import(&bytes).unwrap(), hash);
    connect(&mut wanting, &mut second).await;
    let got = wanting.handle.fetch(private(hash, vec![second.device()], size)).await;
    assert_eq!(got.unwrap(), size);
    assert!(wanting.blobs.read(&hash).unwrap() == bytes);
    let sent = second.handle.status().await.unwrap().traffic.bytes_out;
    assert!(sent < (size - received) + (size - received) / 20 + 600_000, "{sent} bytes for {}", size - received);
}
