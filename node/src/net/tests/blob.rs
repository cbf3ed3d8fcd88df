//! Blobs from several holders.

use hutong_protocol::{BlobHash, codec};
use serde_bytes::ByteBuf;

use super::{
    super::wire::{BlobProtocol, BlobRequest, BlobResponse, Hello, Protocol as _},
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
