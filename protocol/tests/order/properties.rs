//! Properties over random logs, written by two parties who see each other's entries late.

use std::collections::BTreeMap;

use hutong_protocol::{
    RecordId, TimestampMs,
    market::PaymentMethodKind::{BankTransfer, PayOnDelivery},
    order::{
        Action, Entry, EntryKind, LogEntry, Order, OrderState, PaymentState, RefundFor, Role,
        Role::{Arbiter, Buyer, Seller},
        allowed_actions,
    },
};
use proptest::{prelude::*, sample::Index};

use crate::log::{
    DAY_MS, Log, PIN, TOTAL, account, cancel, claim, cny, decline, hand_over, open_case, pin, propose, quote, refund,
    request, split,
};

/// Anything a party could write, sensible or not.
fn any_entry(choice: u8, amount: i64, seen: &Order) -> Entry {
    let quote_id = seen.quote_id.unwrap_or(RecordId([1; 32]));
    let proposal = seen
        .dispute
        .as_ref()
        .and_then(|dispute| dispute.proposals.values().next())
        .map_or(RecordId([2; 32]), |(id, _)| *id);
    let lines = if choice & 1 == 0 { vec![] } else { vec![u16::from(choice >> 1 & 1)] };
    match choice % 34 {
        0 | 1 => Entry::Quote { quote: quote(&request(seen.request.payment_method)) },
        2 | 3 => Entry::Accept { quote: quote_id },
        4 => decline(),
        5 => Entry::Expire,
        6 => cancel(),
        7 => Entry::ApproveCancel { fee: cny(amount) },
        8 => Entry::RefuseCancel { reason: String::new() },
        9 | 10 => claim(amount),
        11 | 12 => Entry::AcceptPayment { amount: cny(TOTAL) },
        13 => Entry::AcceptPayment { amount: cny(amount) },
        14 => Entry::RejectPayment { reason: String::new() },
        15 => Entry::HoldPayment { amount: cny(amount), proof: [0; 32] },
        16 => Entry::ReleasePayment,
        17 | 18 => Entry::Start,
        19 => Entry::Ready { lines, pin_hash: None },
        20 => hand_over(lines),
        21 => Entry::ConfirmDelivery { lines },
        22 => pin(if amount % 2 == 0 { PIN } else { "1" }),
        23 => Entry::FailDelivery { lines, reason: String::new() },
        24 => Entry::Complete,
        25 => refund(amount, RefundFor::Order),
        26 => refund(amount, RefundFor::Line(u16::from(choice & 1))),
        27 => Entry::RequestReturn { lines, reason: String::new() },
        28 => Entry::AuthoriseReturn { text: String::new() },
        29 => open_case(),
        30 => propose(amount),
        31 => Entry::AcceptSettlement { proposal },
        32 => Entry::Rule { split: split(amount), code: "x".into(), text: String::new() },
        _ => Entry::CarrierDelivered { lines, event: "there".into() },
    }
}

/// What happens next: who writes what when, or who gets the other's entries.
#[derive(Clone, Debug)]
struct Turn {
    role: u8,
    choice: u8,
    amount: i64,
    wait_ms: u64,
    sync: u8,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let wait_ms = prop_oneof![5 => 1..10u64, 1 => Just(DAY_MS)];
    let turn = (any::<u8>(), any::<u8>(), 0..TOTAL + 100, wait_ms, any::<u8>())
        .prop_map(|(role, choice, amount, wait_ms, sync)| Turn { role, choice, amount, wait_ms, sync });
    proptest::collection::vec(turn, 0..48)
}

type Replica = BTreeMap<RecordId, LogEntry>;

fn fold(replica: &Replica, id: RecordId) -> Order {
    Order::fold(id, replica.values().cloned()).unwrap()
}

/// Plays the turns. `sensible` turns are allowed actions only.
fn play(on_delivery: bool, turns: &[Turn]) -> (RecordId, [Replica; 2]) {
    let log = Log::requested(if on_delivery { PayOnDelivery } else { BankTransfer });
    let first = log.entries[0].clone();
    let mut now = log.now;
    let mut replicas: [Replica; 2] =
        [BTreeMap::from([(first.id, first.clone())]), BTreeMap::from([(first.id, first.clone())])];
    for (n, turn) in turns.iter().enumerate() {
        now += turn.wait_ms;
        let role = match turn.role % 16 {
            0 => Arbiter,
            odd if odd % 2 == 1 => Buyer,
            _ => Seller,
        };
        let mine = usize::from(role == Seller);
        let seen = fold(&replicas[mine], first.id);
        let (body, prev) = seen.next_entry(role, any_entry(turn.choice, turn.amount, &seen));
        let id = RecordId::of(format!("{n} {:?}", body.entry).as_bytes());
        let at = TimestampMs(now.max(seen.updated_at.0 + 1));
        replicas[mine].insert(id, LogEntry { id, author: account(role), at, prev, body });
        if turn.sync % 3 == 0 {
            let news = replicas[mine].clone();
            replicas[1 - mine].extend(news);
        }
        for replica in &replicas {
            check(&fold(replica, first.id), on_delivery);
        }
    }
    (first.id, replicas)
}

/// What must hold of every state whatsoever.
fn check(order: &Order, on_delivery: bool) {
    let received = order.received();
    assert!(order.refunded.minor >= 0 && order.refunded.minor <= received.minor, "refunds above what was received");
    let lines: i64 = order.lines.iter().map(|line| line.refunded.minor).sum();
    assert!(lines + order.shipping_refunded.minor <= order.refunded.minor, "parts add up to no more than the whole");
    if matches!(order.state, OrderState::InProgress | OrderState::Completed) {
        assert!(on_delivery || received.minor >= order.total().unwrap().minor, "in progress and not paid");
    }
    if order.payment == PaymentState::Paid {
        assert!(received.minor >= order.total().unwrap().minor);
    }
    if order.payment == PaymentState::Refunded {
        assert_eq!(order.refunded, received);
    }
    if matches!(order.state, OrderState::Accepted | OrderState::InProgress | OrderState::CancelRequested) {
        assert!(order.contract.is_some());
    }
    assert_eq!(order.cancel.is_some(), order.state == OrderState::CancelRequested);
    assert!(order.pin_tries <= 3);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever order entries arrive in, and however often: the same state on both sides.
    #[test]
    fn any_permutation_gives_the_same_order(on_delivery: bool, turns in turns(), picks in proptest::collection::vec(any::<Index>(), 0..200)) {
        let (id, [mut buyer, seller]) = play(on_delivery, &turns);
        buyer.extend(seller.clone());
        let want = fold(&buyer, id);
        let all: Vec<LogEntry> = buyer.into_values().collect();
        let mut shuffled: Vec<LogEntry> = picks.iter().map(|pick| pick.get(&all).clone()).collect();
        shuffled.extend(all.iter().rev().cloned());
        prop_assert_eq!(Order::fold(id, shuffled).unwrap(), want.clone());
        // Entry by entry: the incremental way a node takes.
        let mut grown = vec![];
        for entry in &all {
            grown.push(entry.clone());
            if grown.iter().any(|entry| entry.id == id) {
                check(&Order::fold(id, grown.clone()).unwrap(), on_delivery);
            }
        }
        prop_assert!(want.waiting.is_empty());
    }

    /// What the UI offers has the effect it promises.
    #[test]
    fn an_offered_action_without_a_choice_is_never_refused(on_delivery: bool, turns in turns()) {
        let (id, [buyer, seller]) = play(on_delivery, &turns);
        for (role, replica) in [(Buyer, buyer), (Seller, seller)] {
            let order = fold(&replica, id);
            let at = order.updated_at.plus_ms(1);
            for action in allowed_actions(&order, role, at) {
                let Some(entry) = plain(action, role, &order) else { continue };
                let (body, prev) = order.next_entry(role, entry);
                let newest = replica.values().map(|entry| entry.at).max().unwrap();
                let next = RecordId([0xee; 32]);
                let one_more = LogEntry { id: next, author: account(role), at: newest.max(at).plus_ms(1), prev, body };
                let after = Order::fold_with(id, replica.values().cloned(), one_more).unwrap();
                let event = after.timeline.iter().find(|event| event.id == next).unwrap();
                let timed = matches!(event.kind, EntryKind::Accept | EntryKind::Quote);
                prop_assert!(event.outcome.is_ok() || timed, "{:?} by {:?}: {:?}", action, role, event.outcome);
            }
        }
    }
}

/// The entry of an action that leaves nothing to choose.
fn plain(action: Action, role: Role, order: &Order) -> Option<Entry> {
    Some(match action {
        Action::Decline => decline(),
        Action::Start => Entry::Start,
        Action::Ready => Entry::Ready { lines: vec![], pin_hash: None },
        Action::HandOver => hand_over(vec![]),
        Action::ConfirmDelivery if role == Buyer => Entry::ConfirmDelivery { lines: vec![] },
        Action::Complete => Entry::Complete,
        Action::Cancel => cancel(),
        Action::RefuseCancel => Entry::RefuseCancel { reason: String::new() },
        Action::RejectPayment => Entry::RejectPayment { reason: String::new() },
        Action::ClaimPayment => claim(1),
        Action::AcceptPayment => Entry::AcceptPayment { amount: cny(1) },
        Action::Refund => refund(1, RefundFor::Order),
        Action::OpenCase => open_case(),
        Action::AcceptSettlement => {
            Entry::AcceptSettlement { proposal: order.dispute.as_ref()?.proposals.get(&role.other())?.0 }
        }
        _ => return None,
    })
}
