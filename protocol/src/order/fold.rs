//! The fold: entries in, an order out.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    entry::{Entry, EntryKind, LogEntry, Role},
    guard::{Step, amount_of, lines_of},
    sequence::Sequence,
    state::{CancelRequest, CaseState, Dispute, Event, Ignored, Line, LineState, Order, OrderState},
    table::{Actor, Change, TABLE, Transition},
    terms::{RefundFor, Split},
};
use crate::{ids::RecordId, money::Money, time::TimestampMs, trust::ContractHash};

/// Why there is no order to speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The first entry is not there (yet).
    #[error("the order's first entry is missing: it may still arrive")]
    NoRequest,
}

impl Order {
    /// Folds the entries of one order. The order and number of times in which they are given does not matter; entries of
    /// other orders are left out.
    ///
    /// # Errors
    /// [`FoldError::NoRequest`] if the first entry, whose id is `id`, is not among them.
    pub fn fold(id: RecordId, entries: impl IntoIterator<Item = LogEntry>) -> Result<Self, FoldError> {
        let entries: BTreeMap<RecordId, LogEntry> = entries
            .into_iter()
            .filter(|entry| entry.body.order.unwrap_or(entry.id) == id)
            .map(|entry| (entry.id, entry))
            .collect();
        let first = entries.get(&id).ok_or(FoldError::NoRequest)?;
        let Entry::Request { request } = &first.body.entry else { return Err(FoldError::NoRequest) };
        let sequence = Sequence::of(&entries, id, &first.body.to);
        let mut order = Self::requested(first, request.clone());
        for entry in sequence.order.iter().filter_map(|id| entries.get(id)) {
            let outcome = if entry.id == id { Ok(None) } else { order.take(entry, &entries, &sequence).map(Some) };
            order.note(entry, outcome);
        }
        order.heads = heads(&entries, &sequence.order);
        order.waiting = sequence.waiting;
        Ok(order)
    }

    /// What the order would be with one more entry.
    ///
    /// # Errors
    /// As [`Order::fold`].
    pub fn fold_with(
        id: RecordId,
        entries: impl IntoIterator<Item = LogEntry>,
        one_more: LogEntry,
    ) -> Result<Self, FoldError> {
        Self::fold(id, entries.into_iter().chain([one_more]))
    }

    fn take(
        &mut self,
        entry: &LogEntry,
        entries: &BTreeMap<RecordId, LogEntry>,
        sequence: &Sequence,
    ) -> Result<&'static Transition, Ignored> {
        if self.role_of(&entry.author) != Some(entry.body.role) {
            return Err(Ignored::WrongParty);
        }
        if entry.prev.iter().filter_map(|prev| entries.get(prev)).any(|prev| prev.at >= entry.at) {
            return Err(Ignored::ClockBackwards);
        }
        let had_seen = self.acceptance.is_some_and(|acceptance| sequence.had_seen(&entry.id, &acceptance));
        if entry.body.contract != self.contract.filter(|_| had_seen) {
            return Err(Ignored::WrongContract);
        }
        let step = Step { role: entry.body.role, at: entry.at, entry: Some(&entry.body.entry) };
        let transition = self.find(entry.body.entry.kind(), step)?;
        self.change(&transition.change, entry);
        self.carry_out(entry, transition);
        Ok(transition)
    }

    /// The transition that applies, or why none does.
    pub(super) fn find(&self, kind: EntryKind, step: Step<'_>) -> Result<&'static Transition, Ignored> {
        let mut reason = if kind == EntryKind::Unknown { Ignored::Unknown } else { Ignored::WrongRole };
        for transition in TABLE.iter().filter(|transition| transition.entry == kind) {
            if !may(transition.actor, step.role) {
                continue;
            }
            if !self.is_possible(transition, step) {
                // The most telling reason: a condition, else the state, else the party.
                if !matches!(reason, Ignored::Guard(_)) {
                    reason = Ignored::WrongState;
                }
                continue;
            }
            match transition.guards.iter().find(|guard| !guard.holds(self, step)) {
                None => return Ok(transition),
                Some(guard) => reason = Ignored::Guard(*guard),
            }
        }
        Err(reason)
    }

    fn is_possible(&self, transition: &Transition, step: Step<'_>) -> bool {
        let payment = transition.payment.is_empty() || transition.payment.contains(&self.payment);
        let axis = match transition.change {
            Change::Order(_) | Change::Nothing => true,
            Change::OrderBack => self.cancel.is_some(),
            Change::Payment(from, _) => from.contains(&self.payment),
            Change::Line(from, _) => !self.affected(step.entry, from).is_empty(),
            Change::Case(from, _) => from.contains(&self.case),
            Change::Return(from, _) => from.contains(&self.returns),
        };
        transition.order.contains(&self.state) && payment && axis
    }

    /// The lines that an entry moves out of `from`: those it names, if all of them can move; all that can, if it names
    /// none.
    fn affected(&self, entry: Option<&Entry>, from: &[LineState]) -> Vec<usize> {
        let can = |index: usize| self.lines.get(index).is_some_and(|line| from.contains(&line.state));
        let named: Vec<usize> = entry.and_then(lines_of).unwrap_or_default().iter().copied().map(usize::from).collect();
        if named.is_empty() {
            (0..self.lines.len()).filter(|index| can(*index)).collect()
        } else if named.iter().all(|index| can(*index)) {
            named
        } else {
            Vec::new()
        }
    }

    fn change(&mut self, change: &Change, entry: &LogEntry) {
        match *change {
            Change::Order(OrderState::CancelRequested) => {
                self.cancel = Some(CancelRequest { by: entry.body.role, back_to: self.state });
                self.state = OrderState::CancelRequested;
            }
            Change::Order(to) => {
                self.state = to;
                self.cancel = None;
            }
            Change::OrderBack => {
                if let Some(cancel) = self.cancel.take() {
                    self.state = cancel.back_to;
                }
            }
            Change::Payment(_, to) => self.payment = to,
            Change::Case(_, to) => self.move_case(to, entry.at),
            Change::Return(_, to) => self.returns = to,
            Change::Line(from, to) => {
                for index in self.affected(Some(&entry.body.entry), from) {
                    if let Some(line) = self.lines.get_mut(index) {
                        move_line(line, to, entry);
                    }
                }
            }
            Change::Nothing => {}
        }
    }

    fn move_case(&mut self, to: CaseState, at: TimestampMs) {
        if to == CaseState::Settled
            && let Some(dispute) = &self.dispute
        {
            self.paused_ms = self.paused_ms.saturating_add(at.since_ms(dispute.opened_at));
        }
        self.case = to;
    }

    /// What an entry brings besides the change of an axis.
    fn carry_out(&mut self, entry: &LogEntry, transition: &Transition) {
        let role = entry.body.role;
        match &entry.body.entry {
            Entry::Quote { quote } => (self.quote, self.quote_id) = (Some(quote.clone()), Some(entry.id)),
            Entry::Accept { quote } => {
                self.contract = Some(ContractHash::of(quote, &entry.id));
                (self.acceptance, self.accepted_at) = (Some(entry.id), Some(entry.at));
            }
            Entry::Countersign { certificate, signatures } => {
                self.countersigned = Some((certificate.clone(), signatures.clone()));
            }
            Entry::AcceptPayment { amount } => add(&mut self.paid, *amount),
            Entry::HoldPayment { amount, .. } => add(&mut self.held, *amount),
            Entry::ReleasePayment => {
                add(&mut self.paid, self.held);
                self.held = Money::zero(self.currency());
            }
            Entry::EnterPin { .. } if matches!(transition.change, Change::Nothing) => {
                self.pin_tries = self.pin_tries.saturating_add(1);
            }
            Entry::Refund { amount, of, .. } => self.refund(*amount, *of),
            Entry::OpenCase { claim, outcome, evidence } => {
                self.dispute = Some(Dispute {
                    by: role,
                    opened_at: entry.at,
                    claim: claim.clone(),
                    outcome: outcome.clone(),
                    evidence: evidence.clone(),
                    proposals: BTreeMap::new(),
                    split: None,
                });
            }
            Entry::Review { review } => {
                self.reviews.insert(role, *review);
            }
            other => self.settle(other, entry.id, role),
        }
    }

    fn refund(&mut self, amount: Money, of: RefundFor) {
        add(&mut self.refunded, amount);
        match of {
            RefundFor::Order => {}
            RefundFor::Shipping => add(&mut self.shipping_refunded, amount),
            RefundFor::Line(index) => {
                if let Some(line) = self.lines.get_mut(usize::from(index)) {
                    add(&mut line.refunded, amount);
                }
            }
        }
    }

    fn settle(&mut self, entry: &Entry, id: RecordId, role: Role) {
        let fallback = self.fallback_split();
        let Some(dispute) = &mut self.dispute else { return };
        match entry {
            Entry::ProposeSettlement { split, .. } => {
                dispute.proposals.insert(role, (id, *split));
            }
            Entry::AcceptSettlement { .. } => {
                dispute.split = dispute.proposals.get(&role.other()).map(|(_, split)| *split);
            }
            Entry::Rule { split, .. } => dispute.split = Some(*split),
            Entry::FallBack => dispute.split = fallback,
            _ => {}
        }
    }

    fn fallback_split(&self) -> Option<Split> {
        let received = self.received();
        let to_buyer = received.portion(self.quote.as_ref()?.ruling?.fallback_to_buyer).ok()?;
        Some(Split { to_buyer, to_seller: received.minus(to_buyer).ok()? })
    }

    /// Writes the timeline. The transition is none for the request itself.
    fn note(&mut self, entry: &LogEntry, outcome: Result<Option<&'static Transition>, Ignored>) {
        let kind = entry.body.entry.kind();
        let change = outcome.ok().flatten().map(|transition| transition.change);
        let fact = match (kind, change) {
            (EntryKind::Cancel, Some(Change::Order(OrderState::CancelRequested))) => "cancel_requested",
            (EntryKind::EnterPin, Some(Change::Nothing)) => "pin_wrong",
            _ => kind.fact(),
        };
        let words = entry.body.entry.texts().into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
        let note = match &entry.body.entry {
            Entry::EnterPin { .. } => String::new(),
            Entry::Decline { reason, .. } if words.is_empty() => reason.as_str().to_owned(),
            _ => words.join(" "),
        };
        if outcome.is_ok() {
            self.updated_at = self.updated_at.max(entry.at);
        }
        self.timeline.push(Event {
            id: entry.id,
            at: entry.at,
            role: entry.body.role,
            kind,
            fact,
            amount: amount_of(&entry.body.entry),
            note,
            outcome: outcome.map(|transition| transition.map_or(1, |transition| transition.row)),
        });
    }
}

const fn may(actor: Actor, role: Role) -> bool {
    match actor {
        Actor::Buyer => matches!(role, Role::Buyer),
        Actor::Seller => matches!(role, Role::Seller),
        Actor::Either => matches!(role, Role::Buyer | Role::Seller),
        Actor::Arbiter => matches!(role, Role::Arbiter),
    }
}

fn move_line(line: &mut Line, to: LineState, entry: &LogEntry) {
    line.state = to;
    match &entry.body.entry {
        Entry::HandOver { carrier, tracking, content, .. } => {
            (line.carrier, line.tracking, line.content) = (carrier.clone(), tracking.clone(), *content);
        }
        _ if to == LineState::Delivered => line.delivered_at = Some(entry.at),
        _ => {}
    }
}

/// Adds what a guard has found to fit.
fn add(sum: &mut Money, amount: Money) {
    if let Ok(more) = sum.plus(amount) {
        *sum = more;
    }
}

/// Entries that count and that no other such entry names, oldest first.
fn heads(entries: &BTreeMap<RecordId, LogEntry>, order: &[RecordId]) -> Vec<RecordId> {
    let counting = || order.iter().filter_map(|id| entries.get(id));
    let named: BTreeSet<&RecordId> = counting().flat_map(|entry| &entry.prev).collect();
    let mut heads: Vec<_> =
        counting().filter(|entry| !named.contains(&entry.id)).map(|entry| (entry.at, entry.id)).collect();
    heads.sort_unstable();
    heads.into_iter().map(|(_, id)| id).collect()
}
