//! How records are made: signed as this device, taken in like any other, and handed to whoever is to have them.

use std::sync::Arc;

use hutong_protocol::{
    AccountId, DeviceId, Draft, GroupId, Kind, RecordId, TimestampMs, Topic, Verified,
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
    store::{Direction, KeyRange, Read},
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
            if to != me && outbox::needs_receipt(record.header()) {
                outbox::put(self, &me, &record, stored)?;
            }
        }
        Ok(id)
    }

    /// Signs a record of a private group and takes it in, for every device of these accounts and of this one.
    ///
    /// # Errors
    /// [`Reject`] if the record breaks the rules its readers will apply.
    pub fn publish_among(&mut self, draft: Draft, accounts: &[AccountId]) -> Result<RecordId, Reject> {
        let (record, stored) = self.write(draft)?;
        let me = record.author();
        for to in accounts.iter().filter(|to| **to != me).chain([&me]) {
            outbox::put(self, to, &record, stored)?;
        }
        Ok(record.id())
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
        let Some(me) = self.account() else { return Ok(()) };
        outbox::hand_on(self, topic, (&me, device), wanted)
    }

    /// Hands on to all devices of an account what is here of a private group.
    ///
    /// # Errors
    /// The store's, or damage.
    pub fn hand_to(
        &mut self,
        topic: &Topic,
        account: &AccountId,
        wanted: impl Fn(&Kind, TimestampMs) -> bool,
    ) -> Result<(), EngineError> {
        outbox::hand_to(self, topic, account, wanted)
    }

    /// Hands on these records of a private group, as far as they are here, to all devices of an account.
    ///
    /// # Errors
    /// The store's, or damage.
    pub fn hand_over(&mut self, topic: &Topic, account: &AccountId, ids: &[RecordId]) -> Result<(), EngineError> {
        outbox::hand_over(self, topic, account, ids)
    }

    /// An account is no longer in a private group: what waits for it there is not sent any more.
    ///
    /// # Errors
    /// The store's, or damage.
    pub fn withdraw(&mut self, account: &AccountId, group: &GroupId) -> Result<(), EngineError> {
        outbox::withdraw(self, account, group)
    }

    /// From the next record on this device's records of a private group are sealed with another key.
    ///
    /// # Errors
    /// The store's.
    pub fn renew_group(&mut self, group: &GroupId) -> Result<(), EngineError> {
        self.seal.renew_group(&mut self.txn, group)
    }

    /// Forgets the keys of a private group.
    ///
    /// # Errors
    /// The store's.
    pub fn forget_group(&mut self, group: &GroupId) -> Result<(), EngineError> {
        self.seal.forget_group(&mut self.txn, group)
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

    pub(super) fn next_at(&self, topic: &Topic) -> Result<TimestampMs, EngineError> {
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
        let introduction = &|read: &dyn Read| {
            let own = get_slot(read, &certificate.account, &Kind::Device, &certificate.device.to_string())?;
            Ok(own.map(|(_, record)| record.signed_bytes().clone()))
        };
        let from = Sender { certificate, introduction };
        self.seal.seal(&mut self.txn, self.random, self.now, &from, to, plain)
    }
}
