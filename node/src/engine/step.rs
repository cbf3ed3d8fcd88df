//! One step: verify in one batch, apply in one transaction, commit once.

use std::{collections::BTreeMap, sync::Arc};

use hutong_protocol::{
    AccountId, DeviceId, Draft, GroupId, Header, Kind, RecordId, TimestampMs, Topic, Unverified, Verified,
    chat::{Receipt, ReceiptStatus},
    limits::{RECEIPT_IDS_MAX, VERIFY_BATCH_MAX},
    mailbox::{MailboxAnswer, MailboxRequest},
    record::verify_all,
};

use super::{
    CERTIFICATES_MAX, Engine,
    cx::{Cx, Random},
    error::{EngineError, Reject},
    event::{Answer, Call, DomainEvent, Effect, Input, Source, Verdicts},
    identity, indexing, ingest, outbox, peers,
    receive::{Checked, Debts, Owed, receive, take_in},
};
use crate::{
    attachment, contact, group, mailbox, presence,
    seal::{Known, Opened},
    store::Txn,
};

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
        let store = Arc::clone(&self.store);
        let mut txn = Txn::new(&*store);
        let opened = self.open_sealed(&mut txn, &inputs, now)?;
        let mut checked = self.check(&inputs, opened)?.into_iter();
        // A public message has three: the screen, the search index, the topic's set.
        let (mut random, mut effects) = (Random::new(seed), Vec::with_capacity(4 * checked.len()));
        let mut cx = Cx {
            txn,
            registry: self.registry,
            now,
            random: &mut random,
            identity: &mut self.identity,
            device_key: &self.device_key,
            session: &mut self.session,
            seal: &mut self.seal,
            effects: &mut effects,
            depth: 0,
        };
        let mut debts = Debts::default();
        let result = inputs
            .into_iter()
            .try_for_each(|input| apply(&mut cx, input, &mut checked, &mut debts, verdicts))
            .and_then(|()| acknowledge(&mut cx, ReceiptStatus::Delivered, debts.owed))
            .and_then(|()| acknowledge(&mut cx, ReceiptStatus::Unreadable, debts.later))
            .and_then(|()| complain(&mut cx, debts.unreadable))
            .and_then(|()| outbox::flush(&mut cx))
            .and_then(|()| cx.seal.write(&mut cx.txn))
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

    /// Opens what came sealed, before everything else: a session that moved stays moved, whatever becomes of the record.
    fn open_sealed(
        &mut self,
        txn: &mut Txn<'_>,
        inputs: &[Input],
        now: TimestampMs,
    ) -> Result<Vec<Opened>, EngineError> {
        let mut all = Vec::new();
        for input in inputs {
            for item in sealed_in(input) {
                let (store, session) = (&self.store, &self.session);
                let keys_of =
                    |account: &AccountId, device: &DeviceId| peers::seal_keys(&**store, session, account, device);
                let is_group = |group: &GroupId, by: &AccountId| group::view::may_key(&**store, group, by);
                let known = Known { keys_of: &keys_of, is_group: &is_group };
                let mut opened = self.seal.open(txn, now, item, &known)?;
                if let Opened::Record { introduction, .. } = &mut opened
                    && let Some(introduction) = introduction.take()
                {
                    self.session.introduce(*introduction);
                }
                all.push(opened);
            }
        }
        Ok(all)
    }

    /// Decodes, drops what is already here, and verifies the rest in batches: no signature is checked twice, and none
    /// for a record that would be thrown away.
    fn check(&mut self, inputs: &[Input], opened: Vec<Opened>) -> Result<Vec<Checked>, EngineError> {
        let count = inputs.iter().map(Input::record_count).sum();
        let mut checked = Vec::with_capacity(count);
        let (mut waiting, mut unverified) = (Vec::with_capacity(count), Vec::with_capacity(count));
        let mut places = ingest::Places::default();
        let mut opened = opened.into_iter();
        for input in inputs {
            for item in 0..input.record_count() {
                let record = match input {
                    Input::Records { records, .. } => {
                        let record = decode(records.get(item).map(Arc::clone).unwrap_or_default());
                        record.map(|record| (record.header().account, record))
                    }
                    _ => self.unsealed(opened.next().unwrap_or(Opened::Garbage))?,
                };
                let (waits, record) = match record {
                    Ok(record) => record,
                    Err(result) => {
                        checked.push(Some(result));
                        continue;
                    }
                };
                // A look at its place in the set is cheaper than one at its id: what comes together lies together.
                let (header, place) = (record.header(), places.of(record.header(), record.id()));
                if self.store.contains(&place.key())? {
                    let receipt = outbox::needs_receipt(header);
                    checked.push(Some(Checked::Known(waits, record.id(), receipt)));
                } else {
                    waiting.push((checked.len(), place, waits));
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
            for ((index, place, waits), result) in waiting.iter().zip(results) {
                let outcome = match result {
                    Ok(record) => {
                        self.remember(&record);
                        Checked::Verified(Box::new(record), *place, *waits)
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

    /// Who waits for a receipt: whoever wrote it, or the own other device, or the member of the group, that handed it on.
    fn owed_to(&self, sealed_by: AccountId, header: &Header) -> AccountId {
        let me = self.identity.as_ref().map(|identity| identity.certificate.account);
        if me == Some(sealed_by) || header.topic.group().is_some() { sealed_by } else { header.account }
    }

    /// What came out of an item, as a record to be verified.
    fn unsealed(&self, opened: Opened) -> Result<Result<(AccountId, Unverified), Checked>, EngineError> {
        let (account, device, bytes) = match opened {
            Opened::Record { account, device, bytes, .. } => (account, device, bytes),
            Opened::Known(account, id) => {
                let header = super::get_record(&*self.store, &id)?.map(|record| record.header);
                return Ok(Err(match header {
                    Some(header) => {
                        let waits = self.owed_to(account, &header);
                        Checked::Known(waits, id, outbox::needs_receipt(&header))
                    }
                    None => Checked::Rejected(Reject::Unwanted("already here")),
                }));
            }
            Opened::Repeated => return Ok(Err(Checked::Rejected(Reject::Unwanted("already here")))),
            Opened::Unreadable { account, device, id } => return Ok(Err(Checked::Unreadable(account, device, id))),
            Opened::Garbage => return Ok(Err(Checked::Rejected(Reject::Rule("not sealed for this device")))),
        };
        let record = match decode(bytes) {
            Ok(record) => record,
            Err(result) => return Ok(Err(result)),
        };
        let (header, me) = (record.header(), self.identity.as_ref().map(|identity| identity.certificate.account));
        if peers::is_revoked(&*self.store, &account, &device)? {
            return Ok(Err(Checked::Rejected(Reject::Barred("the account revoked the device that sealed it"))));
        }
        // A device may hand on what another of its account signed; within an account, what others wrote; and within a
        // group, what other members did.
        if header.account != account && me != Some(account) && header.topic.group().is_none() {
            return Ok(Err(Checked::Rejected(Reject::Rule("sealed by another account than signed it"))));
        }
        if header.topic.is_public() {
            return Ok(Err(Checked::Rejected(Reject::Rule("a public record does not come sealed"))));
        }
        Ok(Ok((self.owed_to(account, header), record)))
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

/// The sealed items that an input brings.
fn sealed_in(input: &Input) -> Vec<&[u8]> {
    match input {
        Input::Sealed { items, .. } => items.iter().map(|item| &**item).collect(),
        Input::MailboxAnswer { answer: Some(MailboxAnswer::Fetched { queues, .. }), .. } => {
            queues.iter().flat_map(|queue| queue.items.iter().map(|item| &**item.item)).collect()
        }
        _ => Vec::new(),
    }
}

fn decode(bytes: Arc<[u8]>) -> Result<Unverified, Checked> {
    Unverified::decode(bytes).map_err(|error| Checked::Rejected(Reject::Fault(error)))
}

fn apply(
    cx: &mut Cx<'_>,
    input: Input,
    checked: &mut impl Iterator<Item = Checked>,
    debts: &mut Debts,
    verdicts: &mut Verdicts<'_>,
) -> Result<(), EngineError> {
    match input {
        Input::Records { source, records, token } => {
            let batch: Vec<_> = checked.take(records.len()).collect();
            receive(cx, batch, source, token, debts, verdicts)
        }
        Input::Sealed { items, token } => {
            let batch: Vec<_> = checked.take(items.len()).collect();
            receive(cx, batch, Source::Mail, token, debts, verdicts)
        }
        Input::Mailbox { from, request: MailboxRequest::Ring, token } => {
            mailbox::client::rung(cx, from)?;
            cx.effects.push(Effect::MailboxAnswer(token, MailboxAnswer::Done));
            Ok(())
        }
        Input::Mailbox { from, request: MailboxRequest::Live { item }, token } => {
            presence::heard(cx, &from, &item)?;
            cx.effects.push(Effect::MailboxAnswer(token, MailboxAnswer::Done));
            Ok(())
        }
        Input::Mailbox { from, request, token } => {
            let account = cx.session.account_of(&from);
            let serves = match &account {
                Some(account) => peers::serves(cx, account)?,
                None => false,
            };
            let answer = mailbox::host::answer(cx, from, account, serves, request)?;
            cx.effects.push(Effect::MailboxAnswer(token, answer));
            Ok(())
        }
        Input::MailboxAnswer { from, number, answer } => {
            let batch = match &answer {
                Some(MailboxAnswer::Fetched { queues, .. }) => queues.iter().map(|queue| queue.items.len()).sum(),
                _ => 0,
            };
            let batch: Vec<_> = checked.take(batch).collect();
            debts.from_mailbox = true;
            receive(cx, batch, Source::Mail, None, debts, verdicts)?;
            debts.from_mailbox = false;
            mailbox::client::answered(cx, from, number, answer)
        }
        Input::Call(call) => run(cx, call),
        Input::Stamped { to, nonce } => contact::ask::stamped(cx, &to, nonce),
        Input::PeerUp { device, certificate, addresses } => {
            peers::up(cx, device, certificate.as_ref(), &addresses)?;
            attachment::connected(cx);
            presence::connected(cx, &device)?;
            mailbox::client::connected(cx, device)
        }
        Input::PeerDown(device) => peers::down(cx, device),
        Input::Sent { to, outcomes } => match cx.session.flight_to.get(&to).copied() {
            Some(account) => outbox::sent(cx, &account, &to, &outcomes),
            None => Ok(()),
        },
        Input::Published { id, peers } => cx.emit(&DomainEvent::Published(id, peers)),
        Input::Reconciled(topic) => cx.emit(&DomainEvent::Reconciled(topic)),
        Input::Reachable(addresses) => {
            cx.session.addresses = addresses;
            Ok(())
        }
        Input::IndexedTo(sequence) => indexing::done(cx, sequence),
        Input::Fetched { blob, end } => attachment::fetched(cx, &blob, end),
        Input::Tick => tick(cx, &mut debts.owed),
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
        if let Err(Reject::Own(error)) = take_in(cx, &record, source, None, (record.author(), owed)) {
            return Err(error);
        }
    }
    cx.seal.tick(&mut cx.txn, cx.now)?;
    cx.registry.iter().try_for_each(|feature| feature.tick(cx))?;
    outbox::tick(cx)?;
    peers::tick(cx)
}

/// Tells each author, in one signed receipt, that their records are here. It leaves after the commit, like everything.
fn acknowledge(cx: &mut Cx<'_>, status: ReceiptStatus, owed: Owed) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    for (author, ids) in owed {
        for ids in ids.chunks(RECEIPT_IDS_MAX) {
            write_receipt(cx, &me, author, status, ids)?;
        }
    }
    Ok(())
}

fn write_receipt(
    cx: &mut Cx<'_>,
    me: &AccountId,
    to: AccountId,
    status: ReceiptStatus,
    ids: &[RecordId],
) -> Result<(), EngineError> {
    let receipt = Receipt { to, status, ids: ids.to_vec() };
    let draft = Draft::new(Topic::direct(me, &to), Kind::Receipt, &receipt)?;
    match cx.publish(draft, Some(to)) {
        Err(Reject::Own(error)) => return Err(error),
        Err(reject) => tracing::warn!(%reject, "a receipt could not be written"),
        Ok(_) => {}
    }
    Ok(())
}

/// Asks a device to seal anew what could not be opened, and begins a session with it that this word travels by. Never
/// asks anybody else, and no device more than once a minute: a letter may lie about who wrote it.
fn complain(cx: &mut Cx<'_>, unreadable: BTreeMap<(AccountId, DeviceId), Vec<RecordId>>) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    for ((account, device), ids) in unreadable {
        let known = peers::recipients(cx, &account)?.iter().any(|recipient| recipient.device == device);
        if !known || !cx.seal.renew(&mut cx.txn, cx.now, &device)? {
            continue;
        }
        tracing::info!(%device, records = ids.len(), "a seal could not be opened: a new session begins");
        for ids in ids.chunks(RECEIPT_IDS_MAX) {
            write_receipt(cx, &me, account, ReceiptStatus::Unreadable, ids)?;
        }
    }
    Ok(())
}
