//! How fast records are sealed and opened in an established session, against Olm alone.

use std::sync::Arc;

use hutong_protocol::{
    AccountKey, Certificate, DeviceId, DeviceKey, Draft, Kind, RecordId, TimestampMs, Topic,
    account::SealKeys,
    chat::{Content, Message},
    limits::VERIFY_BATCH_MAX,
};
use vodozemac::olm::{self, OlmMessage, SessionConfig};

use super::{Cost, cost_of};
use crate::{
    engine::{EngineError, Random},
    seal::{Known, Opened, Plain, Recipient, Seal, Sender},
    store::{MemoryStore, Store as _, Txn},
};

const NOW: TimestampMs = TimestampMs(1_760_000_000_000);
/// Messages in a turn: a fraction of a second.
const TURN: usize = 8 * VERIFY_BATCH_MAX;

/// The result.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Messages.
    pub messages: usize,
    /// Olm alone: encrypt and decrypt.
    pub olm: Cost,
    /// Sealing and opening, sessions written once for each group commit.
    pub seal: Cost,
}

struct Party {
    store: Arc<MemoryStore>,
    seal: Seal,
    device: DeviceKey,
    certificate: Certificate,
    random: Random,
}

impl Party {
    fn new(seed: u8) -> Result<Self, EngineError> {
        let store = Arc::new(MemoryStore::new());
        let device = DeviceKey::from_seed(&[seed; 32]);
        let certificate = Certificate::issue(&AccountKey::from_seed(&[seed ^ 0x55; 32]), device.id(), TimestampMs(0));
        let mut txn = Txn::new(&*store);
        let seal = Seal::load(&mut txn, &device.to_seed())?;
        let batch = txn.into_batch();
        store.commit(batch)?;
        Ok(Self { store, seal, device, certificate, random: Random::new(&[seed; 32]) })
    }

    fn recipient(&self) -> Result<Recipient, EngineError> {
        Ok(Recipient { device: self.device.id(), keys: self.seal.public()? })
    }

    fn close(&mut self, to: &Recipient, texts: &[(RecordId, Vec<u8>)]) -> Result<Vec<Vec<u8>>, EngineError> {
        let mut txn = Txn::new(&*self.store);
        let from = Sender { certificate: &self.certificate, introduction: &|_| Ok(None) };
        let mut items = Vec::with_capacity(texts.len());
        for (id, bytes) in texts {
            let plain = Plain { id: *id, receipt: false, bytes, group: None };
            items.extend(self.seal.seal(&mut txn, &mut self.random, NOW, &from, to, &plain)?);
        }
        self.seal.write(&mut txn)?;
        let batch = txn.into_batch();
        self.store.commit(batch)?;
        Ok(items)
    }

    fn open(&mut self, items: &[Vec<u8>], keys: SealKeys) -> Result<usize, EngineError> {
        let mut txn = Txn::new(&*self.store);
        let keys_of = |_: &hutong_protocol::AccountId, _: &DeviceId| Ok(Some(keys));
        let mut opened = 0usize;
        for item in items {
            let result =
                self.seal.open(&mut txn, NOW, item, &Known { keys_of: &keys_of, is_group: &|_, _| Ok(false) })?;
            opened = opened.saturating_add(usize::from(matches!(result, Opened::Record { .. })));
        }
        self.seal.write(&mut txn)?;
        let batch = txn.into_batch();
        self.store.commit(batch)?;
        Ok(opened)
    }
}

/// Measures with `messages` short chat messages, in turns with Olm alone.
///
/// # Errors
/// A memory store's: none; [`EngineError::Damaged`] if something did not open.
pub fn run(messages: usize) -> Result<Report, EngineError> {
    let (mut mei, mut tom) = (Party::new(1)?, Party::new(2)?);
    let (to_tom, to_mei) = (tom.recipient()?, mei.recipient()?);
    let texts = write(&mei, messages)?;
    // An answer makes the session an established one.
    let hello = mei.close(&to_tom, texts.get(..1).unwrap_or_default())?;
    tom.open(&hello, to_mei.keys)?;
    let answer = tom.close(&to_mei, texts.get(..1).unwrap_or_default())?;
    mei.open(&answer, to_tom.keys)?;
    let (mut one, mut two) = bare().ok_or_else(|| EngineError::Damaged("Olm's own session".into()))?;
    let (mut olm, mut seal, mut count) = (Cost::default(), Cost::default(), 0usize);
    for turn in texts.chunks(TURN) {
        let (read, cost) = cost_of(|| turn.iter().filter(|(_, text)| olm_alone(&mut one, &mut two, text)).count());
        olm += cost;
        let (opened, cost) = cost_of(|| -> Result<usize, EngineError> {
            let mut opened = 0usize;
            for batch in turn.chunks(VERIFY_BATCH_MAX) {
                let items = mei.close(&to_tom, batch)?;
                opened = opened.saturating_add(tom.open(&items, to_mei.keys)?);
            }
            Ok(opened)
        });
        seal += cost;
        count = count.saturating_add(opened?.min(read));
    }
    if count == messages {
        Ok(Report { messages, olm, seal })
    } else {
        Err(EngineError::Damaged(format!("only {count} of {messages} messages opened")))
    }
}

fn olm_alone(from: &mut olm::Session, to: &mut olm::Session, text: &[u8]) -> bool {
    let message = from.encrypt(text).ok();
    message
        .and_then(|message| to.decrypt(&message).ok())
        .is_some_and(|read| std::hint::black_box(read).len() == text.len())
}

/// An established session of two accounts, without anything of ours.
fn bare() -> Option<(olm::Session, olm::Session)> {
    let (alice, mut bob) = (olm::Account::new(), olm::Account::new());
    bob.generate_fallback_key();
    let key = bob.fallback_key().into_values().next()?;
    let mut one = alice.create_outbound_session(SessionConfig::version_1(), bob.curve25519_key(), key).ok()?;
    let OlmMessage::PreKey(first) = one.encrypt(b"hello").ok()? else { return None };
    let created = bob.create_inbound_session(SessionConfig::version_1(), alice.curve25519_key(), &first).ok()?;
    let mut two = created.session;
    let answer = two.encrypt(b"hello").ok()?;
    one.decrypt(&answer).ok()?;
    Some((one, two))
}

fn write(from: &Party, messages: usize) -> Result<Vec<(RecordId, Vec<u8>)>, EngineError> {
    let to = AccountKey::from_seed(&[9; 32]).id();
    let topic = Topic::direct(&from.certificate.account, &to);
    (0u64..)
        .take(messages)
        .map(|number| {
            let text = format!("今天的草莓真新鲜！Shall we order together? {number}");
            let body = Message { to, content: Content { text, ..Content::default() } };
            let draft = Draft::new(topic.clone(), Kind::Message, &body)?;
            let bytes = draft.sign(&from.device, &from.certificate, NOW.plus_ms(number))?;
            Ok((RecordId::of(&bytes), bytes))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_measures_what_it_says() {
        let report = super::run(600).unwrap();
        assert!(report.messages == 600 && report.olm.wall_us > 0 && report.seal.wall_us > 0);
    }
}
