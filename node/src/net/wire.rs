//! The messages of our three protocols and the one codec that carries them.
//!
//! A request or an answer is one canonical DAG-CBOR item on a stream of its own, ended by closing the stream's writing
//! side. Every message has a size limit that holds before anything is decoded. Bytes that are no message become
//! [`Frame::Bad`] instead of an error, because request-response tells nobody about requests that it could not read, and
//! then nobody could be held to account.

use std::{fmt::Debug, io, marker::PhantomData};

use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use hutong_protocol::{
    AccountId, BlobHash, Certificate, Kind, Topic, codec,
    mailbox::{MailboxAnswer, MailboxRequest},
};
use libp2p::{StreamProtocol, request_response};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_bytes::ByteBuf;

use super::score::Fault;
use crate::{
    blob::{SEGMENT_BYTES, SEGMENT_PROOF_BYTES_MAX},
    engine::sync::SYNC_MESSAGE_BYTES_MAX,
};

/// Bytes of records in one message (1 MiB): large enough to keep a fast link busy, small enough that 200 peers cannot
/// fill the memory. One record always fits.
pub(super) const RECORDS_BYTES_MAX: usize = 1024 * 1024;
/// A message that carries records: their bytes, and 64 KiB for CBOR heads, field names and a topic.
const RECORDS_FRAME_BYTES_MAX: usize = RECORDS_BYTES_MAX + 64 * 1024;
/// Slots in one question: what a chat list shows at once, several times over.
pub(super) const SLOTS_MAX: usize = 256;
/// Addresses in one greeting.
pub(super) const HELLO_ADDRESSES_MAX: usize = 8;

const _: () = assert!(SYNC_MESSAGE_BYTES_MAX < RECORDS_FRAME_BYTES_MAX, "a reconciliation message fits its frame");

/// One of our protocols.
pub(super) trait Protocol: Debug + Clone + Send + Sync + 'static {
    /// What is asked.
    type Request: Debug + Serialize + DeserializeOwned + Send + 'static;
    /// What is answered.
    type Response: Debug + Serialize + DeserializeOwned + Send + 'static;
    /// Its name when streams are negotiated.
    const NAME: &'static str;
    /// Largest request in bytes.
    const REQUEST_BYTES_MAX: usize;
    /// Largest answer in bytes.
    const RESPONSE_BYTES_MAX: usize;
}

/// `/hutong/sync/1`
#[derive(Debug, Clone)]
pub(super) struct SyncProtocol;

/// What one may ask about public records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SyncRequest {
    /// A reconciliation query.
    Reconcile { topic: Topic, message: ByteBuf },
    /// "Give me these": ids of 32 bytes each, one behind the other.
    Get { topic: Topic, ids: ByteBuf },
    /// "You lack these." `last`: nothing more comes in this session.
    Put { topic: Topic, records: Vec<ByteBuf>, last: bool },
    /// "Who holds these replaceable slots?"
    Slots { slots: Vec<(AccountId, Kind, String)> },
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum SyncResponse {
    /// To a reconciliation query.
    Reconcile { message: ByteBuf },
    /// To `Get`: the records in the order asked, and how many of the ids that deals with. To `Slots`: `handled` is 0.
    Records { records: Vec<ByteBuf>, handled: u32 },
    /// To `Put`: taken.
    Taken,
    /// This node does not follow the topic.
    NotFollowed,
    /// Not now.
    Busy,
}

impl Protocol for SyncProtocol {
    type Request = SyncRequest;
    type Response = SyncResponse;
    const NAME: &'static str = "/hutong/sync/1";
    const REQUEST_BYTES_MAX: usize = RECORDS_FRAME_BYTES_MAX;
    const RESPONSE_BYTES_MAX: usize = RECORDS_FRAME_BYTES_MAX;
}

/// `/hutong/mail/1`
#[derive(Debug, Clone)]
pub(super) struct MailProtocol;

/// Who one is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    /// For whom this device speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) certificate: Option<Certificate>,
    /// Where it can be reached: multiaddresses in their binary form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) addresses: Vec<ByteBuf>,
    /// Which start of its process this is: a random number that stays the same until it ends. 0: it does not say.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) run: u64,
    /// The connection that this is said on is the only one that the sender knows of: older ones are dead.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) only: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What passes directly between two devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MailRequest {
    /// The first thing on a connection, and again when it changes.
    Hello(Hello),
    /// Sealed items for you.
    Deliver { records: Vec<ByteBuf> },
    /// To a mailbox.
    Mailbox(MailboxRequest),
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum MailResponse {
    /// To `Hello`.
    Hello(Hello),
    /// To `Deliver`, one byte for each record: 0 stored, 1 known, 2 refused, anything else: later.
    Outcomes { outcomes: ByteBuf },
    /// From a mailbox.
    Mailbox(MailboxAnswer),
    /// Not now.
    Busy,
}

impl Protocol for MailProtocol {
    type Request = MailRequest;
    type Response = MailResponse;
    const NAME: &'static str = "/hutong/mail/1";
    const REQUEST_BYTES_MAX: usize = RECORDS_FRAME_BYTES_MAX;
    const RESPONSE_BYTES_MAX: usize = RECORDS_FRAME_BYTES_MAX;
}

/// `/hutong/blob/1`
#[derive(Debug, Clone)]
pub(super) struct BlobProtocol;

/// "Give me the segment that starts at `offset`"; without an offset: the last one, which proves the size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BlobRequest {
    /// Of this blob.
    pub(super) hash: BlobHash,
    /// Bytes from its start; a multiple of the segment size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<u64>,
}

/// The answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum BlobResponse {
    /// The blob's size in bytes, and the segment with its proof in bao's encoding (16 KiB groups).
    Segment { size: u64, bytes: ByteBuf },
    /// Not here.
    Absent,
    /// Not now.
    Busy,
}

impl Protocol for BlobProtocol {
    type Request = BlobRequest;
    type Response = BlobResponse;
    const NAME: &'static str = "/hutong/blob/1";
    const REQUEST_BYTES_MAX: usize = 256;
    const RESPONSE_BYTES_MAX: usize = (SEGMENT_BYTES + SEGMENT_PROOF_BYTES_MAX + 256) as usize;
}

/// A message, or the fault of whoever sent what is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame<T> {
    /// A message.
    Whole(T),
    /// None.
    Bad(Fault),
}

/// The codec of a protocol. Has no state.
pub(super) struct Codec<P>(PhantomData<fn() -> P>);

impl<P> Clone for Codec<P> {
    fn clone(&self) -> Self {
        Self(PhantomData)
    }
}

impl<P> Default for Codec<P> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

async fn read<T: DeserializeOwned>(io: &mut (impl AsyncRead + Unpin + Send), max: usize) -> io::Result<Frame<T>> {
    let mut bytes = Vec::new();
    // One byte more than allowed tells an oversized message from one that just fits.
    io.take(max as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(match codec::decode(&bytes, max) {
        Ok(message) => Frame::Whole(message),
        Err(codec::CodecError::TooLarge { .. }) => Frame::Bad(Fault::Oversized),
        Err(error) => {
            tracing::debug!(%error, "bytes that are no message");
            Frame::Bad(Fault::Garbage)
        }
    })
}

async fn write<T: Serialize>(io: &mut (impl AsyncWrite + Unpin + Send), frame: Frame<T>, max: usize) -> io::Result<()> {
    let Frame::Whole(message) = frame else { return Err(io::Error::other("only whole messages are sent")) };
    let bytes = codec::encode(&message).map_err(io::Error::other)?;
    if bytes.len() > max {
        return Err(io::Error::other("a message of our own is over its limit"));
    }
    io.write_all(&bytes).await
}

impl<P: Protocol> request_response::Codec for Codec<P> {
    type Protocol = StreamProtocol;
    type Request = Frame<P::Request>;
    type Response = Frame<P::Response>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Self::Request>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io, P::REQUEST_BYTES_MAX).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Self::Response>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io, P::RESPONSE_BYTES_MAX).await
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, request: Self::Request) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, request, P::REQUEST_BYTES_MAX).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, response: Self::Response) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, response, P::RESPONSE_BYTES_MAX).await
    }
}

#[cfg(test)]
mod tests {
    use futures::{executor::block_on, io::Cursor};

    use super::*;

    fn read_back<T: DeserializeOwned>(bytes: Vec<u8>, max: usize) -> Frame<T> {
        block_on(read(&mut Cursor::new(bytes), max)).unwrap()
    }

    fn check<T: Serialize + DeserializeOwned + PartialEq + Debug + Clone>(message: T, hex: &str) {
        let bytes = codec::encode(&message).unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(&bytes), hex, "{message:?}");
        assert_eq!(read_back::<T>(bytes.clone(), bytes.len()), Frame::Whole(message), "exactly as long as allowed");
        assert_eq!(read_back::<T>(bytes.clone(), bytes.len() - 1), Frame::Bad(Fault::Oversized), "one byte too long");
        for cut in 0..bytes.len() {
            assert_eq!(read_back::<T>(bytes[..cut].to_vec(), 1 << 20), Frame::Bad(Fault::Garbage), "cut at {cut}");
        }
    }

    #[test]
    fn every_message_has_one_form_on_the_wire() {
        let topic = Topic::Other("tag/x".into());
        let bytes = ByteBuf::from([1, 2]);
        check(
            SyncRequest::Reconcile { topic: topic.clone(), message: bytes.clone() },
            "a1697265636f6e63696c65a265746f706963657461672f78676d657373616765420102",
        );
        check(
            SyncRequest::Get { topic: topic.clone(), ids: bytes.clone() },
            "a163676574a263696473420102 65746f706963657461672f78".replace(' ', "").as_str(),
        );
        check(
            SyncRequest::Put { topic, records: vec![bytes.clone()], last: true },
            "a163707574a3646c617374f565746f706963657461672f78677265636f72647381420102",
        );
        check(
            SyncResponse::Records { records: vec![bytes.clone()], handled: 3 },
            "a1677265636f726473a26768616e646c656403677265636f72647381420102",
        );
        check(SyncResponse::Taken, "6574616b656e");
        check(SyncResponse::NotFollowed, "6c6e6f745f666f6c6c6f776564");
        check(MailRequest::Hello(Hello::default()), "a16568656c6c6fa0");
        check(MailRequest::Hello(Hello { run: 7, ..Hello::default() }), "a16568656c6c6fa16372756e07");
        check(MailRequest::Deliver { records: vec![bytes.clone()] }, "a16764656c69766572a1677265636f72647381420102");
        check(MailResponse::Outcomes { outcomes: bytes.clone() }, "a1686f7574636f6d6573a1686f7574636f6d6573420102");
        check(MailResponse::Busy, "6462757379");
        check(BlobResponse::Segment { size: 2, bytes }, "a1677365676d656e74a26473697a6502656279746573420102");
        let request = BlobRequest { hash: BlobHash([7; 32]), offset: None };
        check(request, &format!("a164686173685820{}", "07".repeat(32)));
    }

    #[test]
    fn garbage_is_a_fault_and_not_an_error() {
        for bytes in [vec![], vec![0xff; 100], b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0xa1, 0x61, 0x78, 0xf6]] {
            assert_eq!(read_back::<SyncRequest>(bytes.clone(), 1 << 20), Frame::Bad(Fault::Garbage));
            assert_eq!(read_back::<MailRequest>(bytes, 1 << 20), Frame::Bad(Fault::Garbage));
        }
    }
}
