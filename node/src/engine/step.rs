//! One step: verify in one batch, apply in one transaction, commit once.

use std::{collections::BTreeMap, sync::Arc};

use hutong_protocol::{
    AccountId, Draft, Kind, RecordId, TimestampMs, Topic, Unverified, Verified,
    chat::{Receipt, ReceiptStatus},
    limits::{RECEIPT_IDS_MAX, VERIFY_BATCH_MAX},
    record::verify_all,
};

use super::{
    CERTIFICATES_MAX, Engine,
    cx::{Cx, Random},
    error::{EngineError, Reject, Verdict},
    event::{Answer, Call, DomainEvent, Effect, Input, Outcome, Source, Token, Verdicts},
    identity, indexing, ingest,
    keys::{self, Place},
    outbox, peers,
};
use crate::store::Txn;

/// What a received record turned out to be before any rule was asked.
enum Checked {
    /// New, and where it belongs.
    Verified(Box<Verified>, Place),
    /// Already here; its author and whether it asks for a receipt.
    Known(AccountId, RecordId, bool),
    Rejected(Reject),
}

/// Private records that this step took from others, by author: they are owed a receipt.
type Owed = BTreeMap<AccountId, Vec<RecordId>>;

impl Engine {
    /// Takes in `inputs` at the time `now` and returns what to do. `seed` is 32 fresh random bytes.
    ///
    /// # Errors
    /// If the commit failed: then nothing of the step happened, callers have been told, and the shell should stop.
    pub fn step(
        &mut self,
        inputs: Vec<Input>,
        now: TimestampMs,
        seed: &[u8; 32],
        verdicts: &mut Verdicts<'_>,
    ) -> Result<Vec<Effect>, EngineError> {
        let mut checked = self.check(&inputs)?.into_iter();
        let store = Arc::clone(&self.store);
        // A public message has three: the screen, the search index, the topic's set.
        let (mut random, mut effects) = (Random::new(seed), Vec::with_capacity(4 * checked.len()));
        let mut cx = Cx {
            txn: Txn::new(&*store),
            registry: self.registry,
            now,
            random: &mut random,
            identity: &mut self.identity,
            device_key: &self.device_key,
            session: &mut self.session,
            effects: &mut effects,
            depth: 0,
        };
        let mut owed = Owed::new();
        let result = inputs
            .into_iter()
            .try_for_each(|input| apply(&mut cx, input, &mut checked, &mut owed, verdicts))
            .and_then(|()| acknowledge(&mut cx, owed))
            .and_then(|()| outbox::flush(&mut cx))
            .and_then(|()| indexing::note(&mut cx));
        let batch = cx.txn.into_batch();
        let result = result.and_then(|()| if batch.is_empty() { Ok(()) } else { Ok(store.commit(batch)?) });
        let Err(error) = result else { return Ok(effects) };
        for effect in effects {
            if let Effect::Answer(finish) = effect {
                finish(Err(error.clone()));
            }
        }
        self.identity = identity::load(&*self.store, &self.device_key)?;
        Err(error)
    }

    /// Decodes, drops what is already here, and verifies the rest in batches: no signature is checked twice, and none
    /// for a record that would be thrown away.
    fn check(&mut self, inputs: &[Input]) -> Result<Vec<Checked>, EngineError> {
        let count = inputs.iter().map(Input::record_count).sum();
        let mut checked = Vec::with_capacity(count);
        let (mut waiting, mut unverified) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut places = ingest::Places::default();
        for input in inputs {
            let Input::Records { records, .. } = input else { continue };
            for bytes in records {
                let record = match Unverified::decode(Arc::clone(bytes)) {
                    Ok(record) => record,
                    Err(error) => {
                        checked.push(Some(Checked::Rejected(Reject::Fault(error))));
                        continue;
                    }
                };
                // A look at its place in the set is cheaper than one at its id: what comes together lies together.
                let (header, place) = (record.header(), places.of(record.header(), record.id()));
                if self.store.contains(&place.key())? {
                    let receipt = outbox::needs_receipt(&header.kind);
                    checked.push(Some(Checked::Known(header.account, record.id(), receipt)));
                } else {
                    waiting.push((checked.len(), place));
                    unverified.push(record);
                    checked.push(None);
                }
            }
        }
        for waiting in waiting.chunks(VERIFY_BATCH_MAX) {
            let rest = unverified.split_off(waiting.len());
            let results = verify_all(std::mem::replace(&mut unverified, rest), |certificate| {
                self.certificates.get(&certificate.device).is_some_and(|known| known == certificate)
            });
            for ((index, place), result) in waiting.iter().zip(results) {
                let outcome = match result {
                    Ok(record) => {
                        self.remember(&record);
                        Checked::Verified(Box::new(record), *place)
                    }
                    Err(error) => Checked::Rejected(Reject::Fault(error)),
                };
                if let Some(slot) = checked.get_mut(*index) {
                    *slot = Some(outcome);
                }
            }
        }
        Ok(checked.into_iter().flatten().collect())
    }

    fn remember(&mut self, record: &Verified) {
        let certificate = record.certificate();
        if self.certificates.get(&certificate.device) == Some(certificate) {
            return;
        }
        if self.certificates.len() >= CERTIFICATES_MAX {
            self.certificates.clear();
        }
        self.certificates.insert(certificate.device, certificate.clone());
    }
}

fn apply(
    cx: &mut Cx<'_>,
    input: Input,
    checked: &mut impl Iterator<Item = Checked>,
    owed: &mut Owed,
    verdicts: &mut Verdicts<'_>,
) -> Result<(), EngineError> {
    match input {
        Input::Records { source, records, token } => {
            let batch: Vec<_> = checked.take(records.len()).collect();
            receive(cx, batch, source, token, owed, verdicts)
        }
        Input::Call(call) => run(cx, call),
        Input::PeerUp { device, certificate, addresses } => peers::up(cx, device, certificate.as_ref(), &addresses),
        Input::PeerDown(device) => peers::down(cx, device),
        Input::Sent { to, outcomes } => match cx.session.account_of(&to) {
            Some(account) => outbox::sent(cx, &account, &outcomes),
            None => Ok(()),
        },
        Input::Published { id, peers } => cx.emit(&DomainEvent::Published(id, peers)),
        Input::Reconciled(topic) => cx.emit(&DomainEvent::Reconciled(topic)),
        Input::Reachable(addresses) => {
            cx.session.addresses = addresses;
            Ok(())
        }
        Input::IndexedTo(sequence) => indexing::done(cx, sequence),
        Input::Tick => tick(cx, owed),
    }
}

fn receive(
    cx: &mut Cx<'_>,
    batch: Vec<Checked>,
    source: Source,
    token: Option<Token>,
    owed: &mut Owed,
    verdicts: &mut Verdicts<'_>,
) -> Result<(), EngineError> {
    let mut outcomes = Vec::with_capacity(batch.len());
    for (index, checked) in batch.into_iter().enumerate() {
        let result = match checked {
            Checked::Verified(record, place) => take_in(cx, &record, source, Some(place), owed),
            Checked::Known(author, id, receipt) => {
                if receipt && source == Source::Mail {
                    owed.entry(author).or_default().push(id);
                }
                Err(Reject::Unwanted("already here"))
            }
            Checked::Rejected(reject) => Err(reject),
        };
        let (outcome, verdict) = match result {
            Ok(()) => (Outcome::Stored, Verdict::Accept),
            Err(Reject::Own(error)) => return Err(error),
            Err(Reject::Unwanted(_)) => (Outcome::Stored, Verdict::Ignore),
            Err(Reject::Later(_)) => (Outcome::Later, Verdict::Ignore),
            Err(reject) => {
                tracing::debug!(%reject, ?source, "record refused");
                (Outcome::Refused, reject.verdict())
            }
        };
        outcomes.push(outcome);
        if let Some(token) = token {
            verdicts(token, index, verdict);
        }
    }
    if let Some(token) = token {
        cx.effects.push(Effect::Outcomes(token, outcomes));
    }
    Ok(())
}

fn take_in(
    cx: &mut Cx<'_>,
    record: &Verified,
    source: Source,
    place: Option<Place>,
    owed: &mut Owed,
) -> Result<(), Reject> {
    // What was here before this step was sorted out before its signature was checked; this is the same record twice in
    // one step.
    let known = cx.txn.has_put(keys::index(&record.id()));
    let (savepoint, effects) = (cx.txn.savepoint(), cx.effects.len());
    let result = if known { Err(Reject::Unwanted("already here")) } else { ingest::take_in(cx, record, source, place) };
    let kind = &record.header().kind;
    match result {
        Ok(_) => {
            if source == Source::Mail && outbox::needs_receipt(kind) {
                owed.entry(record.author()).or_default().push(record.id());
            }
            Ok(())
        }
        // A held record was written by the very call that says "later": that one row stays.
        Err(reject @ Reject::Later(_)) if record.header().at > cx.now => {
            cx.effects.truncate(effects);
            Err(reject)
        }
        Err(reject) => {
            cx.txn.rollback(savepoint);
            cx.effects.truncate(effects);
            Err(reject)
        }
    }
}

fn run(cx: &mut Cx<'_>, call: Call) -> Result<(), EngineError> {
    let (savepoint, effects, identity) = (cx.txn.savepoint(), cx.effects.len(), cx.identity.clone());
    let Answer { keep, finish } = call(cx);
    if !keep {
        cx.txn.rollback(savepoint);
        cx.effects.truncate(effects);
        *cx.identity = identity;
    }
    cx.effects.push(Effect::Answer(finish));
    Ok(())
}

fn tick(cx: &mut Cx<'_>, owed: &mut Owed) -> Result<(), EngineError> {
    let mut due = ingest::due(cx)?;
    for record in std::mem::take(&mut due) {
        if ingest::place_of(&cx.txn, &record.id())?.is_none() {
            due.push(record);
        }
    }
    for record in verify_all(due, |_| false).into_iter().flatten() {
        let source = if record.header().topic.is_public() { Source::Sync } else { Source::Mail };
        if let Err(Reject::Own(error)) = take_in(cx, &record, source, None, owed) {
            return Err(error);
        }
    }
    cx.registry.iter().try_for_each(|feature| feature.tick(cx))?;
    outbox::tick(cx)?;
    peers::tick(cx)
}

/// Tells each author, in one signed receipt, that their records are here. It leaves after the commit, like everything.
fn acknowledge(cx: &mut Cx<'_>, owed: Owed) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    for (author, ids) in owed {
        for ids in ids.chunks(RECEIPT_IDS_MAX) {
            let receipt = Receipt { to: author, status: ReceiptStatus::Delivered, ids: ids.to_vec() };
            let draft = Draft::new(Topic::direct(&me, &author), Kind::Receipt, &receipt)?;
            match cx.publish(draft, Some(author)) {
                Ok(_) => {}
                Err(Reject::Own(error)) => return Err(error),
                Err(reject) => tracing::warn!(%reject, "a receipt could not be written"),
            }
        }
    }
    Ok(())
}
