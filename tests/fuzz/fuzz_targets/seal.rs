//! Sealed items: any bytes; any letter in a proper envelope; and what was really sealed (with a session, with the key of
//! a group, with a group's key alone), changed inside before it is put into a proper envelope again. Nothing opens as
//! what its sender did not say, and no item is ever the store's fault.
#![no_main]

use std::sync::Arc;

use arbitrary::Arbitrary;
use hutong_fuzz::START;
use hutong_node::{
    engine::Random,
    seal::{Known, Opened, Plain, Recipient, Seal, Sender},
    store::{MemoryStore, Read, Store as _, Txn},
};
use hutong_protocol::{
    AccountKey, Certificate, DeviceKey, Draft, GroupId, Kind, RecordId, Topic,
    account::{Device, SealKeys},
    codec,
    seal::{GroupKeyId, ITEM_BYTES, Keyed, Letter, SUITE},
};
use libfuzzer_sys::fuzz_target;
use serde_bytes::ByteBuf;
use vodozemac::megolm::{GroupSession, SessionConfig};

const STEPS_MAX: usize = 8;

#[derive(Arbitrary, Debug)]
enum Step {
    /// Bytes as they come; or of a right size, with a right first byte.
    Raw { bytes: Vec<u8>, size: Option<u8> },
    /// A letter of anybody's own making.
    Letter {
        from_mei: bool,
        first: bool,
        receipt: bool,
        keyed: bool,
        group: Option<u8>,
        text: Vec<u8>,
        introduction: Option<Vec<u8>>,
    },
    /// Mei says something, and somebody on the way (who cannot, really) changes the letter.
    Said { text: Vec<u8>, group: Option<u8>, change: Option<Change>, lost: bool },
    /// Mei's own node is changed: the key of a group is what she likes.
    Keyed { group: u8, key: Vec<u8>, record: Vec<u8>, real: bool },
    /// Tom answers, which makes the session an established one, and says that all arrived.
    Answer { text: Vec<u8> },
    /// The last item once more.
    Again,
}

#[derive(Arbitrary, Debug)]
enum Change {
    Text { at: u16, with: u8 },
    Cut { to: u16 },
    First,
    Keyed,
    Group { group: u8, session: Option<[u8; 32]> },
    NoGroup,
    Device,
    Introduction(Vec<u8>),
}

struct Party {
    store: Arc<MemoryStore>,
    seal: Seal,
    device: DeviceKey,
    certificate: Certificate,
    random: Random,
}

impl Party {
    fn new(seed: u8) -> Self {
        let store = Arc::new(MemoryStore::new());
        let device = DeviceKey::from_seed(&[seed; 32]);
        let certificate = Certificate::issue(&AccountKey::from_seed(&[seed ^ 0x55; 32]), device.id(), START);
        let mut txn = Txn::new(&*store);
        let seal = Seal::load(&mut txn, &device.to_seed()).expect("a new seal");
        store.commit(txn.into_batch()).expect("memory");
        Self { store, seal, device, certificate, random: Random::new(&[seed; 32]) }
    }

    fn recipient(&self) -> Recipient {
        Recipient { device: self.device.id(), keys: self.keys() }
    }

    fn keys(&self) -> SealKeys {
        self.seal.public().expect("keys")
    }

    fn introduction(&self) -> Arc<[u8]> {
        let body = Device { name: "test".into(), seal: Some(self.keys()), ..Device::default() };
        let draft = Draft::new(Topic::Profile(self.certificate.account), Kind::Device, &body).expect("a draft");
        let slot = draft.in_slot(self.device.id().to_string(), 1);
        slot.sign(&self.device, &self.certificate, START).expect("signed").into()
    }

    fn close(&mut self, to: &Recipient, text: &[u8], group: Option<GroupId>) -> Option<Vec<u8>> {
        let introduction = self.introduction();
        let introduce = |_: &dyn Read| Ok(Some(introduction.clone()));
        let from = Sender { certificate: &self.certificate, introduction: &introduce };
        let plain = Plain { id: RecordId::of(text), receipt: false, bytes: text, group };
        let mut txn = Txn::new(&*self.store);
        let item = self.seal.seal(&mut txn, &mut self.random, START, &from, to, &plain).expect("no item's fault");
        self.seal.write(&mut txn).expect("written");
        self.store.commit(txn.into_batch()).expect("memory");
        item
    }

    fn open(&mut self, item: &[u8], from: &Self, known: bool) -> Opened {
        let (device, keys) = (from.device.id(), from.keys());
        let mut txn = Txn::new(&*self.store);
        let keys_of = |_: &_, asked: &_| Ok((known && *asked == device).then_some(keys));
        let is_group = |group: &GroupId, _: &_| Ok(group.0[0] % 4 != 0);
        let known = Known { keys_of: &keys_of, is_group: &is_group };
        let opened = self.seal.open(&mut txn, START, item, &known).expect("never the item's fault");
        self.seal.write(&mut txn).expect("written");
        self.store.commit(txn.into_batch()).expect("memory");
        opened
    }
}

fn group(seed: u8) -> GroupId {
    GroupId([seed % 8; 32])
}

fn change(letter: &mut Letter, change: Change, eve: &Party) {
    match change {
        Change::Text { at, with } => {
            let length = letter.text.len().max(1);
            if let Some(byte) = letter.text.get_mut(usize::from(at) % length) {
                *byte ^= with;
            }
        }
        Change::Cut { to } => letter.text.truncate(usize::from(to)),
        Change::First => letter.first = !letter.first,
        Change::Keyed => letter.keyed = !letter.keyed,
        Change::Group { group: of, session } => {
            let session = session.or(letter.group.map(|key| key.session)).unwrap_or_default();
            letter.group = Some(GroupKeyId { group: group(of), session });
        }
        Change::NoGroup => letter.group = None,
        Change::Device => (letter.account, letter.device) = (eve.certificate.account, eve.device.id()),
        Change::Introduction(bytes) => letter.introduction = Some(ByteBuf::from(bytes)),
    }
}

struct Scene {
    mei: Party,
    tom: Party,
    eve: Party,
    said: Vec<Vec<u8>>,
    last: Vec<u8>,
}

impl Scene {
    fn take(&mut self, item: Vec<u8>, known: bool) {
        let opened = self.tom.open(&item, &self.mei, known);
        if let Opened::Record { account, device, bytes, .. } = &opened {
            assert_eq!((*account, *device), (self.mei.certificate.account, self.mei.device.id()), "who sealed it");
            let inside = codec::decode::<Keyed>(bytes, usize::MAX).map(|keyed| keyed.record.into_vec());
            let is_said = |text: &[u8]| self.said.iter().any(|said| said == text);
            assert!(is_said(bytes) || inside.is_ok_and(|text| is_said(&text)), "nobody said that: {bytes:?}");
            assert!(matches!(self.tom.open(&item, &self.mei, known), Opened::Repeated), "the same item twice");
        }
        self.last = item;
    }

    fn envelope(&mut self, letter: &Letter, known: bool) {
        let to = self.tom.recipient();
        if let Some(item) = self.eve.seal.whisper(&mut self.eve.random, START, &to, letter) {
            let read = self.tom.seal.open_whisper(&item).expect("a proper envelope opens");
            assert_eq!(&read, letter);
            self.take(item, known);
        }
    }

    fn step(&mut self, step: Step) {
        let to = self.tom.recipient();
        match step {
            Step::Raw { mut bytes, size } => {
                if let Some(size) = size {
                    bytes.resize(ITEM_BYTES[usize::from(size) % ITEM_BYTES.len()], 0);
                    bytes[0] = SUITE;
                }
                let opened = self.tom.open(&bytes, &self.mei, true);
                assert!(matches!(opened, Opened::Garbage), "{opened:?}");
            }
            Step::Letter { from_mei, first, receipt, keyed, group: of, text, introduction } => {
                let from = if from_mei { &self.mei } else { &self.eve };
                let letter = Letter {
                    account: from.certificate.account,
                    device: from.device.id(),
                    id: RecordId::of(&text),
                    receipt,
                    first,
                    text: ByteBuf::from(text),
                    keyed,
                    group: of.map(|of| GroupKeyId { group: group(of), session: [of; 32] }),
                    introduction: introduction.map(ByteBuf::from),
                };
                self.envelope(&letter, from_mei);
            }
            Step::Said { text, group: of, change: how, lost } => {
                self.said.push(text.clone());
                let Some(item) = self.mei.close(&to, &text, of.map(group)) else { return };
                match how {
                    _ if lost => {}
                    None => self.take(item, true),
                    Some(how) => {
                        let mut letter = self.tom.seal.open_whisper(&item).expect("it is for Tom");
                        change(&mut letter, how, &self.eve);
                        self.envelope(&letter, true);
                    }
                }
            }
            Step::Keyed { group: of, key, record, real } => {
                let key = if real { keyed_example() } else { key };
                let keyed = Keyed { group: group(of), key: ByteBuf::from(key), record: ByteBuf::from(record.clone()) };
                let Ok(text) = codec::encode(&keyed) else { return };
                self.said.extend([record, text.clone()]);
                let Some(item) = self.mei.close(&to, &text, None) else { return };
                let mut letter = self.tom.seal.open_whisper(&item).expect("it is for Tom");
                letter.keyed = true;
                self.envelope(&letter, true);
            }
            Step::Answer { text } => {
                let to_mei = self.mei.recipient();
                let Some(item) = self.tom.close(&to_mei, &text, None) else { return };
                match self.mei.open(&item, &self.tom, true) {
                    Opened::Record { bytes, .. } => assert_eq!(*bytes, *text),
                    other => panic!("Tom's answer does not open: {other:?}"),
                }
                let ids: Vec<_> = self.said.iter().map(|said| RecordId::of(said)).collect();
                let mut txn = Txn::new(&*self.mei.store);
                self.mei.seal.arrived(&mut txn, &self.tom.device.id(), &ids);
                self.mei.store.commit(txn.into_batch()).expect("memory");
            }
            Step::Again => {
                let item = self.last.clone();
                self.take(item, true);
            }
        }
    }
}

/// A group key that is one, of another's making.
fn keyed_example() -> Vec<u8> {
    GroupSession::new(SessionConfig::version_1()).session_key().to_bytes()
}

fuzz_target!(|steps: Vec<Step>| {
    let (mei, tom, eve) = (Party::new(1), Party::new(2), Party::new(3));
    let mut scene = Scene { mei, tom, eve, said: Vec::new(), last: Vec::new() };
    for step in steps.into_iter().take(STEPS_MAX) {
        scene.step(step);
    }
});
