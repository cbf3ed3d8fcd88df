//! Records: one immutable fact each, signed by a device, named by its hash.
//!
//! ```text
//! Signed { record: bytes, signature: 64 bytes, certificate }         the envelope, DAG-CBOR
//! record = { v, account, device, topic, kind, at, slot?, version?, expires?, refs?, body }
//! id     = BLAKE3(record)             the signature is over the domain tag and the id
//! ```
//!
//! A record passes through three types, and there is no other way: bytes → [`Unverified`] (decoded under caps) →
//! [`Verified`] (signature, certificate and shape are right). Only [`verify_all`] makes a `Verified`.

use std::{ops::Range, sync::Arc};

use ipld_core::ipld::Ipld;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    certificate::Certificate,
    codec::{self, CodecError},
    ids::{AccountId, DeviceId, RecordId},
    kind::Kind,
    limits::{RECORD_BYTES_MAX, REFS_MAX, SIGNED_BYTES_MAX, SLOT_BYTES_MAX},
    signature::{Claim, DeviceKey, Purpose, Signature, verify_batch},
    time::TimestampMs,
    topic::Topic,
};

/// The version of the wire format that this crate writes.
pub const WIRE_VERSION: u8 = 1;

/// Why bytes are not a valid record. Every one is a provable fault of whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not canonical, too large, or missing fields.
    #[error(transparent)]
    Codec(#[from] CodecError),
    /// A wire version this program does not know.
    #[error("wire version {0} is not known: a newer Hutong wrote this")]
    Version(u8),
    /// The certificate is not for the account and device the record names.
    #[error("the certificate belongs to another account or device")]
    ForeignCertificate,
    /// The record is older than its device's certificate.
    #[error("the record is older than its device's certificate")]
    BeforeCertificate,
    /// The account did not sign the certificate.
    #[error("the account did not sign this certificate")]
    BadCertificate,
    /// The device did not sign the record.
    #[error("the device did not sign this record")]
    BadSignature,
    /// A field breaks a rule.
    #[error("{0}")]
    Field(&'static str),
}

/// Everything of a record but its body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Wire version.
    pub v: u8,
    /// Who says this.
    pub account: AccountId,
    /// On which device.
    pub device: DeviceId,
    /// Where it is published.
    pub topic: Topic,
    /// What it is about.
    pub kind: Kind,
    /// When, as the author claims: a hybrid logical clock, later than everything the author had seen in the topic.
    pub at: TimestampMs,
    /// Replaceable: the name of the slot. Of one `(account, kind, slot)` the highest `(version, id)` wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<String>,
    /// Replaceable: the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// After this time the record may be forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<TimestampMs>,
    /// What the author had seen: causal links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<RecordId>,
}

/// A record to be written.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where.
    pub topic: Topic,
    /// What.
    pub kind: Kind,
    /// Slot name and version of a replaceable record.
    pub slot: Option<(String, u64)>,
    /// When it may be forgotten.
    pub expires: Option<TimestampMs>,
    /// Causal links.
    pub refs: Vec<RecordId>,
    /// The body.
    pub body: Ipld,
}

impl Draft {
    /// A draft with this body.
    ///
    /// # Errors
    /// [`CodecError::Encode`] if the body holds something DAG-CBOR cannot (a float, a map key that is not text).
    pub fn new<B: Serialize>(topic: Topic, kind: Kind, body: &B) -> Result<Self, CodecError> {
        let body = ipld_core::serde::to_ipld(body).map_err(|error| CodecError::Encode(error.to_string()))?;
        Ok(Self { topic, kind, slot: None, expires: None, refs: Vec::new(), body })
    }

    /// Makes it replaceable.
    #[must_use]
    pub fn in_slot(mut self, name: impl Into<String>, version: u64) -> Self {
        self.slot = Some((name.into(), version));
        self
    }

    /// Sets the causal links.
    #[must_use]
    pub fn after(mut self, refs: Vec<RecordId>) -> Self {
        self.refs = refs;
        self
    }

    /// Signs it: the bytes of the [`Signed`] envelope.
    ///
    /// # Errors
    /// [`CodecError`] if the record would be larger than [`RECORD_BYTES_MAX`] or cannot be encoded.
    pub fn sign(self, key: &DeviceKey, certificate: &Certificate, at: TimestampMs) -> Result<Vec<u8>, CodecError> {
        #[derive(Serialize)]
        struct Whole {
            #[serde(flatten)]
            header: Header,
            body: Ipld,
        }
        let (slot, version) = self.slot.unzip();
        let header = Header {
            v: WIRE_VERSION,
            account: certificate.account,
            device: certificate.device,
            topic: self.topic,
            kind: self.kind,
            at,
            slot,
            version,
            expires: self.expires,
            refs: self.refs,
        };
        let record = codec::encode(&Whole { header, body: self.body })?;
        if record.len() > RECORD_BYTES_MAX {
            return Err(CodecError::TooLarge { got: record.len(), max: RECORD_BYTES_MAX });
        }
        let signature = key.sign(Purpose::Record, &RecordId::of(&record).0);
        codec::encode(&Signed {
            record: serde_bytes::ByteBuf::from(record),
            signature,
            certificate: certificate.clone(),
        })
    }
}

/// The envelope: record bytes, signature, certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signed {
    /// Exactly the bytes that were signed.
    pub record: serde_bytes::ByteBuf,
    /// The device's signature over the record's id.
    pub signature: Signature,
    /// Why the device may speak for the account.
    pub certificate: Certificate,
}

#[derive(Deserialize)]
struct SignedRef<'a> {
    #[serde(borrow)]
    record: &'a serde_bytes::Bytes,
    signature: Signature,
    certificate: Certificate,
}

/// A record that decodes, and whose envelope and header fit together. Nobody has checked a signature yet.
#[derive(Clone, Debug)]
pub struct Unverified {
    signed: Arc<[u8]>,
    record: Range<usize>,
    id: RecordId,
    header: Header,
    signature: Signature,
    certificate: Certificate,
}

impl Unverified {
    /// Decodes an envelope. Keeps the bytes; hashes them once.
    ///
    /// # Errors
    /// [`RecordError`]; never panics, whatever the bytes.
    pub fn decode(signed: impl Into<Arc<[u8]>>) -> Result<Self, RecordError> {
        let signed: Arc<[u8]> = signed.into();
        codec::check(&signed, SIGNED_BYTES_MAX)?;
        let envelope: SignedRef<'_> = codec::decode_checked(&signed)?;
        let bytes: &[u8] = envelope.record;
        codec::check(bytes, RECORD_BYTES_MAX)?;
        let header: Header = codec::decode_checked(bytes)?;
        check_header(&header, &envelope.certificate)?;
        let start = (bytes.as_ptr() as usize).wrapping_sub(signed.as_ptr() as usize);
        let record = start..start.saturating_add(bytes.len());
        let (id, signature, certificate) = (RecordId::of(bytes), envelope.signature, envelope.certificate);
        Ok(Self { signed, record, id, header, signature, certificate })
    }

    /// The id.
    #[must_use]
    pub const fn id(&self) -> RecordId {
        self.id
    }

    /// The header, unproven.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The certificate, unproven.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.certificate
    }
}

fn check_header(header: &Header, certificate: &Certificate) -> Result<(), RecordError> {
    if header.v != WIRE_VERSION {
        return Err(RecordError::Version(header.v));
    }
    if header.account != certificate.account || header.device != certificate.device {
        return Err(RecordError::ForeignCertificate);
    }
    if header.at < certificate.not_before {
        return Err(RecordError::BeforeCertificate);
    }
    if header.refs.len() > REFS_MAX {
        return Err(RecordError::Field("more than 8 causal links"));
    }
    match (&header.slot, header.version) {
        (None, None) => {}
        (Some(slot), Some(_)) if slot.len() <= SLOT_BYTES_MAX => {}
        (Some(_), Some(_)) => return Err(RecordError::Field("a slot name over 128 bytes")),
        _ => return Err(RecordError::Field("slot and version go together")),
    }
    if !header.kind.place().allows(&header.topic) {
        return Err(RecordError::Field("a private kind in a public topic, or the other way round"));
    }
    Ok(())
}

/// A record whose signature and certificate are valid. Its only field is private: [`verify_all`] is the only maker.
#[derive(Clone, Debug)]
pub struct Verified(Unverified);

impl Verified {
    /// The id.
    #[must_use]
    pub const fn id(&self) -> RecordId {
        self.0.id
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.0.header
    }

    /// The certificate.
    #[must_use]
    pub const fn certificate(&self) -> &Certificate {
        &self.0.certificate
    }

    /// The author.
    #[must_use]
    pub const fn author(&self) -> AccountId {
        self.0.header.account
    }

    /// The envelope's bytes, as received.
    #[must_use]
    pub const fn signed_bytes(&self) -> &Arc<[u8]> {
        &self.0.signed
    }

    /// The record's bytes, as signed.
    #[must_use]
    pub fn record_bytes(&self) -> &[u8] {
        self.0.signed.get(self.0.record.clone()).unwrap_or_default()
    }

    /// The body, as the type that its kind names.
    ///
    /// # Errors
    /// [`RecordError::Codec`] if the body lacks a field. Unknown fields are no error.
    pub fn body<B: DeserializeOwned>(&self) -> Result<B, RecordError> {
        body_of(self.record_bytes())
    }
}

fn body_of<B: DeserializeOwned>(record: &[u8]) -> Result<B, RecordError> {
    #[derive(Deserialize)]
    struct Whole<B> {
        body: B,
    }
    Ok(codec::decode_checked::<Whole<B>>(record)?.body)
}

/// A record out of one's own store, which was verified when it came in. Read, never sent to the rules again.
#[derive(Clone, Debug)]
pub struct Stored {
    signed: Arc<[u8]>,
    record: Range<usize>,
    /// The header.
    pub header: Header,
}

impl Stored {
    /// Reads an envelope that this node stored.
    ///
    /// # Errors
    /// [`RecordError::Codec`] if the store is damaged.
    pub fn decode(signed: impl Into<Arc<[u8]>>) -> Result<Self, RecordError> {
        let signed: Arc<[u8]> = signed.into();
        let bytes: &[u8] = codec::decode_checked::<SignedRef<'_>>(&signed)?.record;
        let header = codec::decode_checked(bytes)?;
        let start = (bytes.as_ptr() as usize).wrapping_sub(signed.as_ptr() as usize);
        Ok(Self { record: start..start.saturating_add(bytes.len()), signed, header })
    }

    /// The id. Hashes the bytes: where a key holds the id, take it from there.
    #[must_use]
    pub fn id(&self) -> RecordId {
        RecordId::of(self.signed.get(self.record.clone()).unwrap_or_default())
    }

    /// The body, as the type that its kind names.
    ///
    /// # Errors
    /// [`RecordError::Codec`] if the body lacks a field.
    pub fn body<B: DeserializeOwned>(&self) -> Result<B, RecordError> {
        body_of(self.signed.get(self.record.clone()).unwrap_or_default())
    }

    /// The envelope's bytes.
    #[must_use]
    pub const fn signed_bytes(&self) -> &Arc<[u8]> {
        &self.signed
    }
}

/// Verifies a batch: all record signatures and all certificates not yet known, in one batch equation.
///
/// `is_known` says whether a certificate was verified before (a cache: its answer must be true only for one that was).
/// The results are in the order of the input.
pub fn verify_all(
    batch: Vec<Unverified>,
    is_known: impl Fn(&Certificate) -> bool,
) -> Vec<Result<Verified, RecordError>> {
    let mut fresh: Vec<(&Certificate, [u8; 72])> = Vec::new();
    let mut place = Vec::with_capacity(batch.len());
    for record in &batch {
        let certificate = &record.certificate;
        place.push(if is_known(certificate) {
            None
        } else if let Some(index) = fresh.iter().rposition(|(other, _)| *other == certificate) {
            Some(index)
        } else {
            fresh.push((certificate, certificate.signed_message()));
            Some(fresh.len() - 1)
        });
    }
    let claims: Vec<Claim<'_>> = fresh
        .iter()
        .map(|(certificate, message)| certificate.claim(message))
        .chain(batch.iter().map(|record| Claim {
            key: &record.header.device.0,
            purpose: Purpose::Record,
            message: &record.id.0,
            signature: &record.signature,
        }))
        .collect();
    let valid = verify_batch(&claims);
    let (certificates, records) = valid.split_at(fresh.len());
    let verdicts: Vec<_> = place
        .iter()
        .zip(records)
        .map(|(place, record)| (place.is_none_or(|index| certificates.get(index) == Some(&true)), *record))
        .collect();
    batch
        .into_iter()
        .zip(verdicts)
        .map(|(record, verdict)| match verdict {
            (true, true) => Ok(Verified(record)),
            (false, _) => Err(RecordError::BadCertificate),
            (true, false) => Err(RecordError::BadSignature),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account::Profile, signature::AccountKey};

    fn device() -> (DeviceKey, Certificate) {
        let (account, device) = (AccountKey::from_seed(&[1; 32]), DeviceKey::from_seed(&[2; 32]));
        let certificate = Certificate::issue(&account, device.id(), TimestampMs(1_000));
        (device, certificate)
    }

    fn draft(name: &str) -> Draft {
        let (_, certificate) = device();
        let body = Profile { name: name.to_owned(), ..Profile::default() };
        Draft::new(Topic::Profile(certificate.account), Kind::Profile, &body).unwrap().in_slot("profile", 3)
    }

    fn signed(name: &str) -> Vec<u8> {
        let (key, certificate) = device();
        draft(name).sign(&key, &certificate, TimestampMs(2_000)).unwrap()
    }

    fn verify_one(record: Unverified) -> Result<Verified, RecordError> {
        verify_all(vec![record], |_| false).remove(0)
    }

    /// Re-signs nothing: changes the envelope and encodes it again.
    fn forge(change: impl FnOnce(&mut Signed)) -> Result<Verified, RecordError> {
        let mut envelope: Signed = codec::decode(&signed("Mei"), SIGNED_BYTES_MAX).unwrap();
        change(&mut envelope);
        verify_one(Unverified::decode(codec::encode(&envelope).unwrap())?)
    }

    #[test]
    fn a_signed_record_verifies_and_reads_back() {
        let bytes = signed("Mei");
        let record = verify_one(Unverified::decode(bytes.clone()).unwrap()).unwrap();
        assert_eq!(record.body::<Profile>().unwrap().name, "Mei");
        assert_eq!(record.id(), RecordId::of(record.record_bytes()));
        assert_eq!((record.header().slot.as_deref(), record.header().version), (Some("profile"), Some(3)));
        let stored = Stored::decode(bytes).unwrap();
        assert_eq!((stored.id(), &stored.header), (record.id(), record.header()));
        assert_eq!(stored.body::<Profile>().unwrap().name, "Mei");
    }

    #[test]
    fn forgeries_are_named() {
        let stranger = AccountKey::from_seed(&[9; 32]);
        let (device, _) = device();
        assert!(forge(|_| ()).is_ok());
        assert_eq!(forge(|e| e.signature.0[5] ^= 1).unwrap_err(), RecordError::BadSignature);
        assert_eq!(forge(|e| e.certificate.signature.0[5] ^= 1).unwrap_err(), RecordError::BadCertificate);
        assert_eq!(forge(|e| e.certificate.not_before = TimestampMs(1)).unwrap_err(), RecordError::BadCertificate);
        assert_eq!(
            forge(|e| e.certificate = Certificate::issue(&stranger, device.id(), TimestampMs(0))).unwrap_err(),
            RecordError::ForeignCertificate
        );
        assert_eq!(
            forge(|e| e.certificate.not_before = TimestampMs(2_001)).unwrap_err(),
            RecordError::BeforeCertificate
        );
        let last = |e: &mut Signed| *e.record.last_mut().unwrap() ^= 0x20;
        assert!(forge(last).is_err());
    }

    #[test]
    fn one_byte_over_the_limit_is_refused() {
        let (key, certificate) = device();
        let sign = |length: usize| {
            let body = std::collections::BTreeMap::from([("text", "x".repeat(length))]);
            let draft = Draft::new(Topic::Profile(certificate.account), Kind::Unknown("long".into()), &body).unwrap();
            draft.sign(&key, &certificate, TimestampMs(2_000))
        };
        let record_bytes = |signed: &[u8]| Unverified::decode(signed).unwrap().record.len();
        let overhead = record_bytes(&sign(60_000).unwrap()) - 60_000;
        let largest = sign(RECORD_BYTES_MAX - overhead).unwrap();
        assert_eq!(record_bytes(&largest), RECORD_BYTES_MAX);
        assert!(matches!(sign(RECORD_BYTES_MAX - overhead + 1), Err(CodecError::TooLarge { .. })));
        assert!(Unverified::decode(vec![0; SIGNED_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn unknown_kinds_and_fields_survive() {
        let (key, certificate) = device();
        let body = std::collections::BTreeMap::from([("name", "Mei"), ("favourite", "strawberries")]);
        let topic = Topic::Profile(certificate.account);
        let known = Draft::new(topic.clone(), Kind::Profile, &body).unwrap();
        let bytes = known.sign(&key, &certificate, TimestampMs(2_000)).unwrap();
        let record = verify_one(Unverified::decode(bytes.clone()).unwrap()).unwrap();
        assert_eq!(record.body::<Profile>().unwrap().name, "Mei");
        assert_eq!(&**record.signed_bytes(), &*bytes);
        let unknown = Draft::new(topic, Kind::Unknown("dance".into()), &body).unwrap();
        let bytes = unknown.sign(&key, &certificate, TimestampMs(2_000)).unwrap();
        let record = verify_one(Unverified::decode(bytes).unwrap()).unwrap();
        assert_eq!(record.header().kind, Kind::Unknown("dance".into()));
    }

    #[test]
    fn a_private_kind_never_rides_in_a_public_topic() {
        let (key, certificate) = device();
        let account = certificate.account;
        for (topic, kind) in
            [(Topic::Profile(account), Kind::Message), (Topic::direct(&account, &account), Kind::Profile)]
        {
            let draft = Draft::new(topic, kind, &Profile::default()).unwrap();
            let bytes = draft.sign(&key, &certificate, TimestampMs(2_000)).unwrap();
            assert!(matches!(Unverified::decode(bytes), Err(RecordError::Field(_))));
        }
    }

    #[test]
    fn a_bad_record_does_not_harm_its_batch() {
        let (bad, good) = (signed("Mallory"), signed("Mei"));
        let mut forged: Signed = codec::decode(&bad, SIGNED_BYTES_MAX).unwrap();
        forged.signature.0[0] ^= 1;
        let batch = [codec::encode(&forged).unwrap(), good]
            .map(|bytes| Unverified::decode(bytes).unwrap())
            .into_iter()
            .collect();
        let results = verify_all(batch, |_| false);
        assert!(matches!(results[0], Err(RecordError::BadSignature)) && results[1].is_ok());
    }

    proptest::proptest! {
        #[test]
        fn damaged_bytes_never_panic(at in 0usize..600, with in proptest::prelude::any::<u8>(), cut in 0usize..600) {
            let mut bytes = signed("Mei");
            let length = bytes.len();
            bytes[at % length] = with;
            bytes.truncate(length - cut % length);
            if let Ok(record) = Unverified::decode(bytes.clone()) {
                let unharmed = bytes == signed("Mei");
                proptest::prop_assert_eq!(verify_one(record).is_ok(), unharmed);
            }
        }
    }
}
