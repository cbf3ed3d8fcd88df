//! Ways in for the fuzz targets of `tests/fuzz`: bytes of a stream, read as the network reads them. Only with the feature
//! `fuzzing`.

use std::fmt::Debug;

use futures::{executor::block_on, io::Cursor};
use hutong_protocol::codec;
use libp2p::{Multiaddr, StreamProtocol, request_response::Codec as _};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    address, book,
    score::Fault,
    wire::{BlobProtocol, Codec, Frame, Hello, MailProtocol, MailRequest, MailResponse, Protocol, SyncProtocol},
};

/// Reads bytes as a request and as an answer of `/hutong/sync/1`.
pub fn sync_frame(bytes: &[u8]) {
    read::<SyncProtocol>(bytes);
}

/// Reads bytes as a request and as an answer of `/hutong/mail/1`, and looks at a greeting as whoever is greeted does.
pub fn mail_frame(bytes: &[u8]) {
    let (request, response) = read::<MailProtocol>(bytes);
    if let Some(MailRequest::Hello(hello)) = request {
        greeted(&hello);
    }
    if let Some(MailResponse::Hello(hello)) = response {
        greeted(&hello);
    }
}

/// Reads bytes as a request and as an answer of `/hutong/blob/1`.
pub fn blob_frame(bytes: &[u8]) {
    read::<BlobProtocol>(bytes);
}

fn read<P: Protocol>(bytes: &[u8]) -> (Option<P::Request>, Option<P::Response>) {
    let (mut codec, name) = (Codec::<P>::default(), StreamProtocol::new(P::NAME));
    let request = block_on(codec.read_request(&name, &mut Cursor::new(bytes)));
    let response = block_on(codec.read_response(&name, &mut Cursor::new(bytes)));
    (whole(request, bytes.len(), P::REQUEST_BYTES_MAX), whole(response, bytes.len(), P::RESPONSE_BYTES_MAX))
}

/// # Panics
/// If reading failed, which nobody's bytes bring about; if a message is over its limit; or if it does not read back.
fn whole<T: Debug + Serialize + DeserializeOwned>(
    frame: std::io::Result<Frame<T>>,
    length: usize,
    max: usize,
) -> Option<T> {
    match frame {
        Ok(Frame::Whole(message)) => {
            assert!(length <= max, "a message over its limit");
            // Unknown fields are passed over, so what was read is the same, not the bytes.
            let written = codec::encode(&message).ok();
            let again: Option<T> = written.as_ref().and_then(|bytes| codec::decode(bytes, length).ok());
            assert_eq!(format!("{again:?}"), format!("{:?}", Some(&message)));
            Some(message)
        }
        Ok(Frame::Bad(fault)) => {
            assert_eq!(fault == Fault::Oversized, length > max, "{length} bytes of {max}: {fault:?}");
            None
        }
        Err(error) => panic!("bytes of a stream are no error of ours: {error}"),
    }
}

fn greeted(hello: &Hello) {
    if let Some(certificate) = &hello.certificate {
        tracing::trace!(valid = certificate.is_valid(), "a certificate");
    }
    let addresses: Vec<Multiaddr> = book::parse(&hello.addresses);
    for one in &addresses {
        let known = addresses.iter().any(|other| address::fits(one, other));
        tracing::trace!(known, reach = ?address::reach(one), transport = ?address::transport(one), "an address");
        let (bare, peer) = address::split_peer(one);
        let whole = peer.map(|peer| address::with_peer(&bare, peer));
        tracing::trace!(?whole, relayed = address::is_relayed(one), "again");
    }
}
