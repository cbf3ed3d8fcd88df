//! Seals between two devices, stepped by hand; and what becomes of them when something went wrong.

use std::sync::Arc;

use hutong_protocol::{AccountKey, Certificate, DeviceKey, Draft, RecordId, TimestampMs, Topic, account::SealKeys};
use proptest::prelude::*;

use super::*;
use crate::store::{MemoryStore, Store as _};

const NOW: TimestampMs = TimestampMs(1_760_000_000_000);

/// One device: its store, its keys, its seal.
struct Party {
    store: Arc<MemoryStore>,
    seal: Seal,
    device: DeviceKey,
    certificate: Certificate,
    steps: u8,
    now: TimestampMs,
}

impl Party {
    fn new(seed: u8) -> Self {
        let store = Arc::new(MemoryStore::new());
        let (account, device) = (AccountKey::from_seed(&[seed; 32]), DeviceKey::from_seed(&[seed ^ 0x80; 32]));
        let certificate = Certificate::issue(&account, device.id(), TimestampMs(0));
        let seal = Self::load(&store, &device);
        Self { store, seal, device, certificate, steps: 0, now: NOW }
    }

    fn load(store: &Arc<MemoryStore>, device: &DeviceKey) -> Seal {
        let mut txn = Txn::new(&**store);
        let seal = Seal::load(&mut txn, &device.to_seed()).unwrap();
        store.commit(txn.into_batch()).unwrap();
        seal
    }

    fn restart(&mut self) {
        self.seal = Self::load(&self.store, &self.device);
    }

    fn recipient(&self) -> Recipient {
        Recipient { device: self.device.id(), keys: self.seal.public().unwrap() }
    }

    fn introduction(&self) -> Arc<[u8]> {
        let body = Device { name: "test".into(), seal: Some(self.seal.public().unwrap()), ..Device::default() };
        let draft = Draft::new(Topic::Profile(self.certificate.account), Kind::Device, &body).unwrap();
        draft.in_slot(self.device.id().to_string(), 1).sign(&self.device, &self.certificate, NOW).unwrap().into()
    }

    fn seal_for(&mut self, to: &Recipient, text: &[u8]) -> Vec<u8> {
        self.steps += 1;
        let (mut random, introduction) = (Random::new(&[self.steps; 32]), self.introduction());
        let introduce = |_: &dyn Read| Ok(Some(introduction.clone()));
        let from = Sender { certificate: &self.certificate, introduction: &introduce };
        let plain = Plain { id: RecordId::of(text), receipt: false, bytes: text, group: None };
        let mut txn = Txn::new(&*self.store);
        let item = self.seal.seal(&mut txn, &mut random, self.now, &from, to, &plain).unwrap().unwrap();
        self.seal.write(&mut txn).unwrap();
        self.store.commit(txn.into_batch()).unwrap();
        item
    }

    fn open(&mut self, item: &[u8], known: Option<SealKeys>) -> Opened {
        let mut txn = Txn::new(&*self.store);
        let opened = self
            .seal
            .open(&mut txn, self.now, item, &Known { keys_of: &|_, _| Ok(known), is_group: &|_, _| Ok(true) })
            .unwrap();
        self.seal.write(&mut txn).unwrap();
        self.store.commit(txn.into_batch()).unwrap();
        opened
    }

    fn read(&mut self, item: &[u8], from: &Self) -> Option<Vec<u8>> {
        match self.open(item, Some(from.seal.public().unwrap())) {
            Opened::Record { bytes, .. } => Some(bytes.to_vec()),
            _ => None,
        }
    }
}

fn pair() -> (Party, Party) {
    (Party::new(1), Party::new(2))
}

#[test]
fn two_talk_and_after_the_first_answer_nobody_is_introduced_any_more() {
    let (mut mei, mut tom) = pair();
    let item = mei.seal_for(&tom.recipient(), b"one");
    assert_eq!(item.len(), 4096, "a first message brings an introduction");
    assert_eq!(tom.read(&item, &mei).as_deref(), Some(&b"one"[..]));
    let item = tom.seal_for(&mei.recipient(), b"two");
    assert_eq!(item.len(), 1024);
    assert_eq!(mei.read(&item, &tom).as_deref(), Some(&b"two"[..]));
    let item = mei.seal_for(&tom.recipient(), b"three");
    assert_eq!((item.len(), tom.read(&item, &mei)), (1024, Some(b"three".to_vec())));
}

#[test]
fn a_stranger_introduces_itself_and_cannot_lie_about_it() {
    let (mut mei, mut tom) = pair();
    let item = mei.seal_for(&tom.recipient(), b"hello");
    let Opened::Record { account, device, introduction: Some(introduction), .. } = tom.open(&item, None) else {
        panic!("not opened");
    };
    assert_eq!((account, device), (mei.certificate.account, mei.device.id()));
    assert_eq!(introduction.keys, mei.seal.public().unwrap());
    // Eve says she is Mei's device, with Olm keys of her own.
    let mut eve = Party::new(3);
    eve.certificate = mei.certificate.clone();
    let item = eve.seal_for(&tom.recipient(), b"it is me");
    assert!(
        matches!(tom.open(&item, None), Opened::Unreadable { .. }),
        "the introduction is not signed by that device"
    );
    let item = eve.seal_for(&tom.recipient(), b"really");
    assert!(matches!(tom.open(&item, Some(mei.seal.public().unwrap())), Opened::Unreadable { .. }));
}

#[test]
fn sessions_survive_restarts_on_both_sides_at_every_message() {
    let (mut mei, mut tom) = pair();
    for round in 0..20u8 {
        let item = mei.seal_for(&tom.recipient(), &[b'm', round]);
        mei.restart();
        assert_eq!(tom.read(&item, &mei), Some(vec![b'm', round]), "{round}");
        tom.restart();
        if round % 3 == 0 {
            let item = tom.seal_for(&mei.recipient(), &[b't', round]);
            tom.restart();
            assert_eq!(mei.read(&item, &tom), Some(vec![b't', round]));
            mei.restart();
        }
    }
}

/// A one-time key lost on a failed decrypt (element-ios #7480): what did not open must not spoil what comes after it.
#[test]
fn a_damaged_first_message_spoils_nothing() {
    let (mut mei, mut tom) = pair();
    let good = mei.seal_for(&tom.recipient(), b"one");
    let mut bad = good.clone();
    bad[2000] ^= 1;
    assert!(matches!(tom.open(&bad, None), Opened::Garbage));
    assert_eq!(tom.read(&good, &mei).as_deref(), Some(&b"one"[..]));
}

/// Exhausted keys (element-web #3187): any number of strangers begin with the same fallback key.
#[test]
fn three_hundred_strangers_begin_while_the_device_is_away() {
    let mut shop = Party::new(9);
    let to = shop.recipient();
    for seed in 10..=250u8 {
        let mut stranger = Party::new(seed);
        let item = stranger.seal_for(&to, &[seed]);
        assert_eq!(shop.read(&item, &stranger), Some(vec![seed]));
    }
}

/// A device gone for a month: what was sealed for the key of two rotations ago opens, what is older is asked for again.
#[test]
fn a_fallback_key_serves_its_week_and_two_more() {
    let (mut mei, mut tom) = pair();
    let rotate = |party: &mut Party| {
        party.now = party.now.plus_ms(FALLBACK_MS);
        let mut txn = Txn::new(&*party.store);
        party.seal.tick(&mut txn, party.now).unwrap();
        party.store.commit(txn.into_batch()).unwrap();
        party.restart();
    };
    rotate(&mut tom);
    let old = tom.recipient();
    let items: Vec<_> = (0..3u8)
        .map(|number| {
            mei.seal.sessions.renew(tom.device.id());
            mei.seal_for(&old, &[number])
        })
        .collect();
    rotate(&mut tom);
    assert_ne!(old.keys.fallback, tom.recipient().keys.fallback);
    assert_eq!(tom.read(&items[0], &mei), Some(vec![0]));
    rotate(&mut tom);
    assert_eq!(tom.read(&items[1], &mei), Some(vec![1]));
    rotate(&mut tom);
    rotate(&mut tom);
    assert_eq!(tom.read(&items[2], &mei), None, "the key is gone, and with it what it protected");
    mei.seal.sessions.renew(tom.device.id());
    let item = mei.seal_for(&tom.recipient(), b"again");
    assert_eq!(tom.read(&item, &mei).as_deref(), Some(&b"again"[..]));
}

/// Wedged sessions (element-meta #1992), a restored older database: the side that lost begins anew, and both go on.
#[test]
fn an_older_copy_of_the_store_does_not_wedge() {
    let (mut mei, mut tom) = pair();
    for (number, answer) in (0..4u8).zip(10..) {
        let item = mei.seal_for(&tom.recipient(), &[number]);
        tom.read(&item, &mei).unwrap();
        let item = tom.seal_for(&mei.recipient(), &[answer]);
        mei.read(&item, &tom).unwrap();
    }
    let old = Arc::new(tom.store.after_crash());
    for number in 20..30u8 {
        let item = mei.seal_for(&tom.recipient(), &[number]);
        tom.read(&item, &mei).unwrap();
        let item = tom.seal_for(&mei.recipient(), &[number, 1]);
        mei.read(&item, &tom).unwrap();
    }
    tom.store = old;
    tom.restart();
    let item = mei.seal_for(&tom.recipient(), b"are you there?");
    let lost = tom.read(&item, &mei).is_none();
    // What the engine does then: begin anew, once, and say so.
    if lost {
        let mut txn = Txn::new(&*tom.store);
        assert!(tom.seal.renew(&mut txn, tom.now, &mei.device.id()).unwrap());
        assert!(!tom.seal.renew(&mut txn, tom.now, &mei.device.id()).unwrap(), "once a minute");
        tom.store.commit(txn.into_batch()).unwrap();
        let complaint = tom.seal_for(&mei.recipient(), b"could not open it");
        assert!(mei.read(&complaint, &tom).is_some(), "a new session");
    }
    let item = mei.seal_for(&tom.recipient(), b"again");
    assert_eq!(tom.read(&item, &mei).as_deref(), Some(&b"again"[..]));
    let item = tom.seal_for(&mei.recipient(), b"yes");
    assert_eq!(mei.read(&item, &tom).as_deref(), Some(&b"yes"[..]));
}

#[test]
fn the_same_item_twice_is_opened_once_and_after_a_restart_it_moves_nothing() {
    let (mut mei, mut tom) = pair();
    let item = mei.seal_for(&tom.recipient(), b"one");
    assert!(tom.read(&item, &mei).is_some());
    assert!(matches!(tom.open(&item, None), Opened::Repeated));
    tom.restart();
    assert!(matches!(tom.open(&item, Some(mei.seal.public().unwrap())), Opened::Unreadable { .. }));
    let next = mei.seal_for(&tom.recipient(), b"two");
    assert_eq!(tom.read(&next, &mei).as_deref(), Some(&b"two"[..]));
}

#[test]
fn no_more_than_four_sessions_are_kept_with_a_device() {
    let (mut mei, mut tom) = pair();
    for number in 0..20u8 {
        mei.seal.sessions.renew(tom.device.id());
        mei.now = mei.now.plus_ms(1_000);
        tom.now = mei.now;
        let item = mei.seal_for(&tom.recipient(), &[number]);
        assert_eq!(tom.read(&item, &mei), Some(vec![number]));
    }
    for party in [&mei, &tom] {
        let rows =
            party.store.collect(crate::store::KeyRange::prefix(b"Zs"), crate::store::Direction::Ascending, usize::MAX);
        assert_eq!(rows.unwrap().len(), 4);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Up to 40 messages of a chain may come in any order, and some not at all.
    #[test]
    fn messages_come_in_any_order(order in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle(), lost in 0usize..40) {
        let (mut mei, mut tom) = pair();
        let first = mei.seal_for(&tom.recipient(), b"first");
        tom.read(&first, &mei).unwrap();
        let to = tom.recipient();
        let items: Vec<_> = (0..40u8).map(|number| mei.seal_for(&to, &[number, 0])).collect();
        for index in order.into_iter().filter(|index| *index != lost) {
            prop_assert_eq!(tom.read(&items[index], &mei), Some(vec![index as u8, 0]));
        }
    }

    #[test]
    fn no_letter_makes_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), first: bool) {
        let (mut mei, mut tom) = pair();
        let letter = Letter {
            account: mei.certificate.account, device: mei.device.id(), id: RecordId([7; 32]), receipt: false, first,
            text: ByteBuf::from(bytes.clone()), keyed: false, group: None, introduction: Some(ByteBuf::from(bytes)),
        };
        let to = tom.recipient();
        let item = mei.seal.envelopes.close(&mut Random::new(&[1; 32]), NOW, &to.device, &to.keys.envelope, &letter);
        let is_unreadable = matches!(tom.open(&item.unwrap(), None), Opened::Unreadable { .. });
        prop_assert!(is_unreadable);
    }
}

#[test]
fn sessions_of_strangers_are_bounded_and_those_of_known_devices_stay() {
    let store = MemoryStore::new();
    let mut txn = Txn::new(&store);
    let mut seal = Seal::load(&mut txn, &[1; 32]).unwrap();
    let device = |number: u64| {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        DeviceId(bytes)
    };
    let many = u64::try_from(session::STRANGERS_MAX).unwrap() + 100;
    for number in 0..many {
        txn.put(keys::session(&device(number), "id"), (1_000 + number).to_be_bytes().to_vec());
        txn.put(keys::renewed(&device(number)), vec![0; 8]);
    }
    // The ten oldest are contacts.
    seal.sweep(&mut txn, |other| *other < device(10)).unwrap();
    let is_here = |number: u64| txn.contains(&keys::session(&device(number), "id")).unwrap();
    let left: Vec<_> = (0..many).filter(|number| is_here(*number)).collect();
    assert_eq!(left.len(), session::STRANGERS_MAX + 10);
    assert!((0..10).all(is_here) && !is_here(10) && !is_here(99) && is_here(100));
    assert!(!txn.contains(&keys::renewed(&device(50))).unwrap());
}
