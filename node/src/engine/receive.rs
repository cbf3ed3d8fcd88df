//! What became of the records that came: taken in, known, refused, or too early; and what is owed for them.

use std::collections::BTreeMap;

use hutong_protocol::{AccountId, DeviceId, RecordId, Verified};

use super::{
    cx::Cx,
    error::{EngineError, Reject, Verdict},
    event::{Effect, Outcome, Source, Token, Verdicts},
    ingest,
    keys::{self, Place},
    outbox,
};

/// What a received record turned out to be before any rule was asked.
pub(super) enum Checked {
    /// New, where it belongs, and who waits for a receipt.
    Verified(Box<Verified>, Place, AccountId),
    /// Already here; who waits for a receipt and whether it asks for a receipt.
    Known(AccountId, RecordId, bool),
    /// Its seal did not open: from which device it claims to be, and which record it claims to hold.
    Unreadable(AccountId, DeviceId, RecordId),
    Rejected(Reject),
}

/// What this step owes to others.
#[derive(Default)]
pub(super) struct Debts {
    pub(super) owed: Owed,
    /// What could not be opened, by the device that sealed it.
    pub(super) unreadable: BTreeMap<(AccountId, DeviceId), Vec<RecordId>>,
    /// What came by way of a mailbox and could not be taken in yet: nobody sends it again unless asked.
    pub(super) later: BTreeMap<AccountId, Vec<RecordId>>,
    pub(super) from_mailbox: bool,
}

/// Private records that this step took from others, by author: they are owed a receipt.
pub(super) type Owed = BTreeMap<AccountId, Vec<RecordId>>;

/// Takes records in, in their order, and says what became of each.
pub(super) fn receive(
    cx: &mut Cx<'_>,
    batch: Vec<Checked>,
    source: Source,
    token: Option<Token>,
    debts: &mut Debts,
    verdicts: &mut Verdicts<'_>,
) -> Result<(), EngineError> {
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut early = Vec::new();
    for (index, checked) in batch.into_iter().enumerate() {
        let result = match checked {
            Checked::Verified(record, place, waits) => {
                let result = take_in(cx, &record, source, Some(place), (waits, &mut debts.owed));
                if source == Source::Mail && matches!(result, Err(Reject::Later(_))) {
                    early.push((index, record, place, waits));
                }
                result
            }
            Checked::Unreadable(account, device, id) => {
                debts.unreadable.entry((account, device)).or_default().push(id);
                Err(Reject::Later("its seal could not be opened"))
            }
            Checked::Known(author, id, receipt) => {
                if receipt && source == Source::Mail {
                    debts.owed.entry(author).or_default().push(id);
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
    once_more(cx, early, debts, &mut outcomes)?;
    if let Some(token) = token {
        cx.effects.push(Effect::Outcomes(token, outcomes));
    }
    Ok(())
}

/// What came before the record that it needs, by the same delivery: a welcome is younger than the log that comes with it.
fn once_more(
    cx: &mut Cx<'_>,
    early: Vec<(usize, Box<Verified>, Place, AccountId)>,
    debts: &mut Debts,
    outcomes: &mut [Outcome],
) -> Result<(), EngineError> {
    let something_came = outcomes.contains(&Outcome::Stored);
    for (index, record, place, waits) in early {
        let held = ingest::is_held(cx.now, record.header());
        let result = if something_came && !held {
            take_in(cx, &record, Source::Mail, Some(place), (waits, &mut debts.owed))
        } else {
            Err(Reject::Later("what it needs is not here"))
        };
        let outcome = match result {
            Ok(()) | Err(Reject::Unwanted(_)) => Outcome::Stored,
            Err(Reject::Own(error)) => return Err(error),
            Err(Reject::Later(_)) => {
                if debts.from_mailbox {
                    debts.later.entry(waits).or_default().push(record.id());
                }
                continue;
            }
            Err(_) => Outcome::Refused,
        };
        if let Some(place) = outcomes.get_mut(index) {
            *place = outcome;
        }
    }
    Ok(())
}

/// Takes one record in, or undoes what it did.
pub(super) fn take_in(
    cx: &mut Cx<'_>,
    record: &Verified,
    source: Source,
    place: Option<Place>,
    (waits, owed): (AccountId, &mut Owed),
) -> Result<(), Reject> {
    // What was here before this step was sorted out before its signature was checked; this is the same record twice in
    // one step.
    let known = cx.txn.has_put(keys::index(&record.id()));
    let (savepoint, effects) = (cx.txn.savepoint(), cx.effects.len());
    let result = if known { Err(Reject::Unwanted("already here")) } else { ingest::take_in(cx, record, source, place) };
    // What is of no use any more (a newer version is here) has arrived all the same.
    let arrived = matches!(result, Ok(_) | Err(Reject::Unwanted(_)));
    if arrived && source == Source::Mail && outbox::needs_receipt(record.header()) {
        owed.entry(waits).or_default().push(record.id());
    }
    match result {
        Ok(_) => Ok(()),
        // A held record was written by the very call that says "later": that one row stays.
        Err(reject @ Reject::Later(_)) if ingest::is_held(cx.now, record.header()) => {
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
