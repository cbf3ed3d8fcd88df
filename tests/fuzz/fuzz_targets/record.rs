//! Records: any bytes as an envelope; and any bytes as a record that its device really signed, so that what is behind
//! the signature is reached, too: the header, and the body of every kind.
#![no_main]

use std::sync::{Arc, LazyLock};

use hutong_fuzz::{author, survives};
use hutong_protocol::{
    Certificate, DeviceKey, RecordId, Signed, Unverified, Verified, account, chat, codec, contact, group, mailbox,
    market, order, own,
    record::{Stored, verify_all},
    signature::Purpose,
    tombstone, trust,
};
use libfuzzer_sys::fuzz_target;
use serde_bytes::ByteBuf;

static AUTHOR: LazyLock<(DeviceKey, Certificate)> = LazyLock::new(author);

/// Bodies of these types: they decode or they do not; what validates survives the way.
macro_rules! bodies {
    ($record:expr, $($type:ty => |$body:ident, $header:ident| $check:expr),* $(,)?) => {
        $(if let Ok($body) = $record.body::<$type>() {
            let $header = $record.header();
            let _good: bool = $check;
            survives(&$body);
        })*
    };
}

fn look(record: &Verified) {
    bodies!(record,
        account::Profile => |b, _h| b.validate().is_ok(),
        account::Device => |b, _h| b.validate().is_ok(),
        account::Revocation => |b, _h| b.statement.is_valid(),
        contact::ContactRequest => |b, _h| b.validate().is_ok(),
        contact::ContactAnswer => |b, _h| b.validate().is_ok(),
        chat::Message => |b, _h| b.content.validate().is_ok(),
        chat::MessageAction => |b, h| b.action.validate(h, b.target_at).is_ok(),
        chat::Receipt => |b, _h| b.validate().is_ok(),
        mailbox::Route => |b, _h| b.validate().is_ok(),
        own::Own => |b, _h| !b.slot().is_empty() && b.validate().is_ok(),
        own::Adoption => |b, _h| b.certificate.is_valid(),
        group::GroupEntry => |b, h| b.validate(h.at).is_ok(),
        group::GroupKnock => |b, h| b.validate(&h.account).is_ok(),
        group::GroupWelcome => |b, _h| b.validate().is_ok(),
        group::GroupAsk => |b, _h| b.validate().is_ok(),
        group::GroupMember => |b, _h| b.validate().is_ok(),
        group::GroupMessage => |b, _h| b.validate().is_ok(),
        group::GroupAction => |b, h| b.action.validate(h, b.target_at).is_ok(),
        market::Store => |b, _h| b.validate().is_ok(),
        market::Listing => |b, _h| b.validate().is_ok(),
        order::OrderEntry => |b, h| b.validate(h).is_ok(),
        trust::Review => |b, h| b.verify(&h.account, &h.account).is_ok(),
        trust::Recommendation => |b, _h| b.validate().is_ok(),
        tombstone::Tombstone => |b, _h| b.id == record.id(),
    );
}

fn take(bytes: Vec<u8>) -> Option<Verified> {
    let bytes: Arc<[u8]> = bytes.into();
    let unverified = Unverified::decode(bytes.clone()).ok()?;
    let (id, header) = (unverified.id(), unverified.header().clone());
    let verified = verify_all(vec![unverified], |_| false).pop()?.ok()?;
    assert_eq!((verified.id(), verified.header()), (id, &header));
    assert_eq!(id, RecordId::of(verified.record_bytes()));
    let stored = Stored::decode(bytes).expect("what is verified can be stored and read again");
    assert_eq!((stored.id(), &stored.header), (id, &header));
    survives(&header);
    look(&verified);
    Some(verified)
}

fuzz_target!(|data: &[u8]| {
    take(data.to_vec());
    // The same once more, as its author would have signed it.
    let record = match codec::decode::<Signed>(data, usize::MAX) {
        Ok(envelope) => envelope.record.into_vec(),
        Err(_) => data.to_vec(),
    };
    let (key, certificate) = &*AUTHOR;
    let signature = key.sign(Purpose::Record, &RecordId::of(&record).0);
    let envelope = Signed { record: ByteBuf::from(record), signature, certificate: certificate.clone() };
    if let Ok(bytes) = codec::encode(&envelope) {
        take(bytes);
    }
});
