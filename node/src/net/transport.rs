//! TCP with Noise and Yamux, QUIC, DNS names, circuits through relays, and a count of the bytes that pass.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{AsyncRead, AsyncWrite, future::Either};
use libp2p::{
    PeerId, Transport as _,
    core::{
        muxing::{StreamMuxer, StreamMuxerBox, StreamMuxerEvent, SubstreamBox},
        transport::Boxed,
        upgrade::Version,
    },
    dns, identity, noise, quic, relay, tcp, yamux,
};

use super::NetError;

/// From the first byte to an authenticated connection. A slow phone link needs two or three seconds.
const HANDSHAKE_MS_MAX: u64 = 10_000;
/// A QUIC connection that hears nothing for so long is gone. A laptop that sleeps shorter than this keeps its peers.
const QUIC_IDLE_MS_MAX: u32 = 45_000;
/// How often an idle QUIC connection is kept open: home routers forget a UDP mapping after 30 s or more.
const QUIC_KEEP_ALIVE_MS: u64 = 20_000;
/// Streams that a peer may have open at a time on one QUIC connection: our protocols' limits added up, twice over.
const QUIC_STREAMS_MAX: u32 = 256;

/// Bytes received and sent on all connections, above encryption and multiplexing.
#[derive(Debug, Default)]
pub(super) struct ByteCount {
    pub(super) received: AtomicU64,
    pub(super) sent: AtomicU64,
}

/// Builds the transport of a node.
pub(super) fn build(
    key: &identity::Keypair,
    count: &Arc<ByteCount>,
    circuits: relay::client::Transport,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetError> {
    let direct = match dns::tokio::Transport::system(without_names(key, count)?) {
        Ok(with_names) => with_names.boxed(),
        Err(error) => {
            // A machine without name servers still talks to plain addresses.
            tracing::warn!(%error, "the system's name servers could not be read; only numeric addresses will work");
            without_names(key, count)?
        }
    };
    let noise = noise::Config::new(key).map_err(|error| NetError::Setup(error.to_string()))?;
    // Not counted: the bytes of a circuit pass over the connection to the relay, where they are.
    let relayed = circuits
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux::Config::default())
        .timeout(Duration::from_millis(HANDSHAKE_MS_MAX));
    let either = relayed.or_transport(direct).map(|either, _| match either {
        Either::Left((peer, muxer)) => (peer, StreamMuxerBox::new(muxer)),
        Either::Right(direct) => direct,
    });
    Ok(either.boxed())
}

fn without_names(key: &identity::Keypair, count: &Arc<ByteCount>) -> Result<Boxed<(PeerId, StreamMuxerBox)>, NetError> {
    let noise = noise::Config::new(key).map_err(|error| NetError::Setup(error.to_string()))?;
    let tcp = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux::Config::default())
        .timeout(Duration::from_millis(HANDSHAKE_MS_MAX));
    let mut quic = quic::Config::new(key);
    quic.handshake_timeout = Duration::from_millis(HANDSHAKE_MS_MAX);
    quic.max_idle_timeout = QUIC_IDLE_MS_MAX;
    quic.keep_alive_interval = Duration::from_millis(QUIC_KEEP_ALIVE_MS);
    quic.max_concurrent_stream_limit = QUIC_STREAMS_MAX;
    let count = Arc::clone(count);
    let both = quic::tokio::Transport::new(quic).or_transport(tcp).map(move |either, _| {
        let (peer, muxer) = match either {
            Either::Left((peer, muxer)) => (peer, StreamMuxerBox::new(muxer)),
            Either::Right((peer, muxer)) => (peer, StreamMuxerBox::new(muxer)),
        };
        (peer, StreamMuxerBox::new(Counted { inner: muxer, count: Arc::clone(&count) }))
    });
    Ok(both.boxed())
}

struct Counted<T> {
    inner: T,
    count: Arc<ByteCount>,
}

impl StreamMuxer for Counted<StreamMuxerBox> {
    type Substream = Counted<SubstreamBox>;
    type Error = io::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Self::Substream>> {
        let inner = ready!(Pin::new(&mut self.inner).poll_inbound(cx))?;
        Poll::Ready(Ok(Counted { inner, count: Arc::clone(&self.count) }))
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Self::Substream>> {
        let inner = ready!(Pin::new(&mut self.inner).poll_outbound(cx))?;
        Poll::Ready(Ok(Counted { inner, count: Arc::clone(&self.count) }))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}

impl AsyncRead for Counted<SubstreamBox> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = ready!(Pin::new(&mut self.inner).poll_read(cx, buffer))?;
        self.count.received.fetch_add(read as u64, Ordering::Relaxed);
        Poll::Ready(Ok(read))
    }
}

impl AsyncWrite for Counted<SubstreamBox> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &[u8]) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.inner).poll_write(cx, buffer))?;
        self.count.sent.fetch_add(written as u64, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}
