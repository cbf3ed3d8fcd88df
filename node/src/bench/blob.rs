//! What a blob's transfer between two nodes on loopback costs, against the same bytes over one bare stream of the same
//! transport: the difference is the proof, the disk, and asking.

use std::{io, path::Path, sync::Arc, time::Instant};

use futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _, future::Either};
use hutong_protocol::{AccountKey, Certificate, DeviceKey, TimestampMs};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, noise,
    request_response::{self, ProtocolSupport},
    swarm::SwarmEvent,
    tcp, yamux,
};
use tokio::sync::mpsc;

use crate::{
    blob::BlobStore,
    net::{self, NetConfig, NetEvent, NetHandle, Wanted},
    store::MemoryStore,
};

/// Bytes written to the bare stream at a time.
const PIECE_BYTES: usize = 256 * 1024;
/// Where the nodes listen.
const LISTEN: &str = "/ip4/127.0.0.1/tcp/0";

/// How long each took, in microseconds on the wall.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Bytes carried.
    pub bytes: u64,
    /// Over a bare stream.
    pub raw_us: u64,
    /// As a blob: asked for in segments, proved, written, synced, read back.
    pub blob_us: u64,
}

impl Report {
    /// Mebibytes a second over a bare stream.
    #[must_use]
    pub fn raw_mib_s(&self) -> f64 {
        rate(self.bytes, self.raw_us)
    }

    /// Mebibytes a second as a blob.
    #[must_use]
    pub fn blob_mib_s(&self) -> f64 {
        rate(self.bytes, self.blob_us)
    }
}

fn rate(bytes: u64, us: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0) / (us.max(1) as f64 / 1_000_000.0)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Carries `bytes` bytes both ways of doing it.
///
/// # Errors
/// If a node does not start or a disk refuses.
pub async fn run(directory: &Path, bytes: u64) -> io::Result<Report> {
    let raw_us = raw(bytes).await?;
    let blob_us = blob(directory, bytes).await?;
    Ok(Report { bytes, raw_us, blob_us })
}

fn other(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

/// Asks for a number of bytes, and pours them without looking at them.
#[derive(Clone, Default)]
struct Pour;

impl request_response::Codec for Pour {
    type Protocol = StreamProtocol;
    type Request = u64;
    type Response = u64;

    async fn read_request<T: futures::AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<u64> {
        let mut wanted = [0; 8];
        io.read_exact(&mut wanted).await?;
        Ok(u64::from_be_bytes(wanted))
    }

    async fn read_response<T: futures::AsyncRead + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
    ) -> io::Result<u64> {
        let (mut piece, mut came) = (vec![0; PIECE_BYTES], 0u64);
        loop {
            match io.read(&mut piece).await? {
                0 => return Ok(came),
                read => came = came.saturating_add(read as u64),
            }
        }
    }

    async fn write_request<T: futures::AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        wanted: u64,
    ) -> io::Result<()> {
        io.write_all(&wanted.to_be_bytes()).await
    }

    async fn write_response<T: futures::AsyncWrite + Unpin + Send>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        mut wanted: u64,
    ) -> io::Result<()> {
        let piece = vec![0x5a; PIECE_BYTES];
        while wanted > 0 {
            let now = usize::try_from(wanted).unwrap_or(usize::MAX).min(piece.len());
            io.write_all(piece.get(..now).unwrap_or_default()).await?;
            wanted = wanted.saturating_sub(now as u64);
        }
        Ok(())
    }
}

type Pouring = request_response::Behaviour<Pour>;

fn bare() -> io::Result<Swarm<Pouring>> {
    let config = request_response::Config::default().with_request_timeout(std::time::Duration::from_secs(600));
    let protocol = [(StreamProtocol::new("/hutong/bench/1"), ProtocolSupport::Full)];
    let builder = libp2p::SwarmBuilder::with_new_identity().with_tokio();
    let builder = builder.with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default);
    let built = builder.map_err(other)?.with_behaviour(|_| Pouring::with_codec(Pour, protocol, config));
    Ok(built.map_err(other)?.build())
}

async fn raw(bytes: u64) -> io::Result<u64> {
    use request_response::{Event, Message};
    let (mut from, mut to) = (bare()?, bare()?);
    from.listen_on(LISTEN.parse().map_err(other)?).map_err(other)?;
    let peer: PeerId = *from.local_peer_id();
    let mut begun = Instant::now();
    loop {
        let next = futures::future::select(from.next(), to.next()).await;
        match next {
            Either::Left((Some(SwarmEvent::NewListenAddr { address, .. }), _)) => {
                to.dial(address).map_err(other)?;
            }
            Either::Right((Some(SwarmEvent::ConnectionEstablished { .. }), _)) => {
                begun = Instant::now();
                to.behaviour_mut().send_request(&peer, bytes);
            }
            Either::Left((Some(SwarmEvent::Behaviour(Event::Message { message, .. })), _)) => {
                let Message::Request { request, channel, .. } = message else { continue };
                if from.behaviour_mut().send_response(channel, request).is_err() {
                    return Err(other("the bare stream closed"));
                }
            }
            Either::Right((Some(SwarmEvent::Behaviour(Event::Message { message, .. })), _)) => {
                let Message::Response { response, .. } = message else { continue };
                let came = if response == bytes { Ok(()) } else { Err(other("the bare stream lost bytes")) };
                return came.map(|()| micros(begun));
            }
            Either::Left((None, _)) | Either::Right((None, _)) => return Err(other("a bare node ended")),
            _ => {}
        }
    }
}

struct Side {
    net: NetHandle,
    events: mpsc::Receiver<NetEvent>,
    blobs: Arc<BlobStore>,
}

impl Side {
    async fn start(directory: &Path, number: u8, quota: u64) -> io::Result<Self> {
        let key = DeviceKey::from_seed(&[number; 32]);
        let account = AccountKey::from_seed(&[number.wrapping_add(100); 32]);
        let certificate = Some(Certificate::issue(&account, key.id(), TimestampMs(0)));
        let listen = vec![LISTEN.parse().map_err(other)?];
        let config = NetConfig { certificate, listen, seed: [number; 32], ..NetConfig::new(key) };
        let blobs = Arc::new(BlobStore::open(&directory.join(number.to_string()), quota).map_err(other)?);
        let (net, events) =
            net::start(config, Arc::new(MemoryStore::new()), Arc::clone(&blobs)).await.map_err(other)?;
        Ok(Self { net, events, blobs })
    }

    async fn address(&mut self) -> io::Result<Multiaddr> {
        loop {
            match self.events.recv().await {
                Some(NetEvent::Listening { addr }) => return Ok(addr),
                Some(_) => {}
                None => return Err(other("a node ended")),
            }
        }
    }

    async fn up(&mut self) -> io::Result<()> {
        loop {
            match self.events.recv().await {
                Some(NetEvent::PeerUp { .. }) => return Ok(()),
                Some(_) => {}
                None => return Err(other("a node ended")),
            }
        }
    }
}

async fn blob(directory: &Path, bytes: u64) -> io::Result<u64> {
    let quota = bytes.saturating_mul(2);
    let mut from = Side::start(directory, 1, quota).await?;
    let mut to = Side::start(directory, 2, quota).await?;
    let blobs = Arc::clone(&from.blobs);
    let import = move || {
        let mut state = 1u64;
        let mut import = blobs.start_import()?;
        let mut left = bytes;
        while left > 0 {
            // Noise, so that nothing on the way can make it smaller.
            let piece: Vec<u8> = (0..PIECE_BYTES / 8)
                .flat_map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    state.to_be_bytes()
                })
                .collect();
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            import.write(piece.get(..now).unwrap_or_default())?;
            left = left.saturating_sub(now as u64);
        }
        import.finish()
    };
    let hash = tokio::task::spawn_blocking(import).await.map_err(other)?.map_err(other)?;
    let (address, holder) = (from.address().await?, from.net.device());
    to.net.dial(None, vec![address]).await.map_err(other)?;
    to.up().await?;
    // What happens besides is read away, or the network would wait for us.
    let mut events = to.events;
    let reading = tokio::spawn(async move { while events.recv().await.is_some() {} });
    let mut others = from.events;
    let reading_too = tokio::spawn(async move { while others.recv().await.is_some() {} });
    let begun = Instant::now();
    let wanted = Wanted { hash, from: vec![holder], private: true, sizes: vec![bytes] };
    let came = to.net.fetch(wanted).await.map_err(other)?;
    let took = micros(begun);
    to.net.shutdown().await;
    from.net.shutdown().await;
    for task in [reading, reading_too] {
        task.await.map_err(other)?;
    }
    if came == bytes && to.blobs.contains(&hash) { Ok(took) } else { Err(other("the blob is not here")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_carries_what_it_says() {
        let directory = tempfile::tempdir().unwrap();
        let report = run(directory.path(), 3 * 1024 * 1024 + 17).await.unwrap();
        assert!(report.raw_us > 0 && report.blob_us > 0 && report.blob_mib_s() > 0.0 && report.raw_mib_s() > 0.0);
    }
}
