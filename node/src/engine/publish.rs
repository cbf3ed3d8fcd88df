//! How records are made: signed as this device, taken in like any other, and handed to whoever is to have them.

use std::sync::Arc;

use hutong_protocol::{
    AccountId, DeviceId, Draft, Kind, RecordId, TimestampMs, Topic, Verified,
    own::Own,
    record::{Unverified, verify_all},
};

use super::{
    cx::{Cx, get_slot},
    error::{EngineError, Reject},
    event::{Effect, Source},
    ingest, keys, outbox,
};
use crate::{
    seal::{Plain, Recipient, Sender},
    store::{Direction, KeyRange, Read as _},
};

impl Cx<'_> {
    /// Signs a record as this device and takes it in, like any other, in this transaction.
    ///
    /// Its `at` is the hybrid logical clock: now, or just after the newest record of the topic that this node has seen.
    /// A public one is gossiped after the commit; a private one goes to the outbox, for every device of `to`, and, but for
    /// receipts, of this account.
    ///
    /// # Errors
    /// [`Reject`] if the record breaks the rules its readers will apply.
    pub fn publish(&mut self, draft: Draft, to: Option<AccountId>) -> Result<RecordId, Reject> {
        let (record, stored) = self.write(draft)?;
        let (id, me) = (record.id(), record.author());
        if let Some(to) = to.filter(|_| !record.header().topic.is_public()) {
            outbox::put(self, &to, &record, stored)?;
            if to != me && outbox::needs_receipt(&record.header().kind) {
                outbox::put(self, &me, &record, stored)?;
            }
        }
        Ok(id)
    }

    /// Signs a private record and takes it in, for one device of this account alone.
    ///
    /// # Errors
    /// [`Reject`] if the record breaks the rules its readers will apply.
    pub fn publish_for(&mut self, draft: Draft, device: &DeviceId) -> Result<RecordId, Reject> {
        let (record, stored) = self.write(draft)?;
        outbox::put_for(self, &record.author(), device, &record, stored)?;
        Ok(record.id())
    }

    /// Tells the other devices of this account what the user decided here, if there are any.
    ///
    /// # Errors
    /// The store's.
    pub fn publish_own(&mut self, own: &Own) -> Result<(), EngineError> {
        let Some(me) = self.account() else { return Ok(()) };
        if super::peers::recipients(self, &me)?.is_empty() {
            return Ok(());
        }
        let slot = own.slot();
        let version = self.next_version(&me, &Kind::Own, &slot)?;
        let draft = Draft::new(Topic::direct(&me, &me), Kind::Own, own)?.in_slot(slot, version);
        match self.publish(draft, Some(me)) {
            Err(Reject::Own(error)) => Err(error),
            Err(reject) => {
                tracing::warn!(%reject, "the other devices could not be told");
                Ok(())
            }
            Ok(_) => Ok(()),
        }
    }

    /// Hands on to another device of this account what is here of a private topic.
    ///
    /// # Errors
    /// The store's, or damage.
    pub fn hand_on(
        &mut self,
        topic: &Topic,
        device: &DeviceId,
        wanted: impl Fn(&Kind) -> bool,
    ) -> Result<(), EngineError> {
        outbox::hand_on(self, topic, device, wanted)
    }

    fn write(&mut self, draft: Draft) -> Result<(Verified, bool), Reject> {
        let Some(identity) = self.identity.clone() else {
            return Err(Reject::Rule("create or restore an account first"));
        };
        let topic = draft.topic.clone();
        let at = self.next_at(&topic)?;
        let bytes: Arc<[u8]> = draft.sign(&identity.key, &identity.certificate, at).map_err(EngineError::from)?.into();
        let record = Unverified::decode(bytes)?;
        let id = record.id();
        let verified = verify_all(vec![record], |known| *known == identity.certificate).pop();
        let record = verified.ok_or(Reject::Rule("nothing to verify"))?.map_err(Reject::Fault)?;
        let stored = ingest::take_in(self, &record, Source::Own, None)?;
        if topic.is_public() {
            let bytes = record.signed_bytes().clone();
            self.effects.push(Effect::Publish { topic, id, bytes });
        }
        Ok((record, stored))
    }

    fn next_at(&self, topic: &Topic) -> Result<TimestampMs, EngineError> {
        let prefix = keys::set(topic);
        let newest = self.txn.first(KeyRange::prefix(prefix.as_ref()), Direction::Descending)?;
        let newest = newest.and_then(|(key, _)| keys::Place::parse(&key)).map_or(0, |place| place.at.0);
        Ok(TimestampMs(self.now.0.max(newest.saturating_add(1))))
    }

    /// The version to give the next record of an own slot: higher than the one in it.
    ///
    /// # Errors
    /// The store's.
    pub fn next_version(&self, account: &AccountId, kind: &Kind, slot: &str) -> Result<u64, EngineError> {
        Ok(ingest::slot_holder(&self.txn, account, kind, slot)?.map_or(1, |holder| holder.version.saturating_add(1)))
    }

    /// Seals a record for one device, as this device. `None`: it cannot be.
    pub(super) fn seal(&mut self, to: &Recipient, plain: &Plain<'_>) -> Result<Option<Vec<u8>>, EngineError> {
        let Some(identity) = self.identity.as_ref() else { return Ok(None) };
        let certificate = &identity.certificate;
        let txn = &self.txn;
        let introduction = &|| {
            let own = get_slot(txn, &certificate.account, &Kind::Device, &certificate.device.to_string())?;
            Ok(own.map(|(_, record)| record.signed_bytes().clone()))
        };
        let from = Sender { certificate, introduction };
        self.seal.seal(&self.txn, self.random, self.now, &from, to, plain)
    }
}
