//! An order: its three parties (and somebody else) write whatever entries side by side. The order in which they come, and
//! how often, does not matter; no more is refunded than was received; what a party is offered to do, has an effect.
#![no_main]

use arbitrary::Arbitrary;
use hutong_fuzz::author;
use hutong_protocol::{
    AccountId, BlobHash, RecordId, TimestampMs,
    market::PaymentMethodKind,
    order::{DeclineReason, Entry, LogEntry, Order, OrderEntry, RefundFor, Role, Split, allowed_actions},
};
use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "shared with the protocol's own tests")]
#[path = "../../../protocol/tests/order/log.rs"]
mod log;

const STEPS_MAX: usize = 40;

#[derive(Arbitrary, Debug)]
struct Input {
    on_delivery: bool,
    steps: Vec<Step>,
    shuffle: u64,
}

#[derive(Arbitrary, Debug)]
struct Step {
    what: u8,
    author: u8,
    role: u8,
    lines: Vec<u16>,
    amount: Amount,
    /// Milliseconds (0 to 3), minutes or days later than what was there.
    later: (u8, u8),
    /// Which entries the author had seen; none: all.
    seen: Option<(u8, u8)>,
    contract: bool,
    flag: bool,
}

#[derive(Arbitrary, Debug)]
enum Amount {
    Total,
    Small(u16),
    Any(i64),
}

impl Amount {
    fn minor(&self) -> i64 {
        match self {
            Self::Total => log::TOTAL,
            Self::Small(minor) => i64::from(*minor),
            Self::Any(minor) => *minor,
        }
    }
}

fn role(number: u8) -> Role {
    [Role::Buyer, Role::Seller, Role::Arbiter][usize::from(number % 3)]
}

fn entry(step: &Step, order: &Order) -> Entry {
    let (amount, lines) = (log::cny(step.amount.minor()), step.lines.clone());
    let text = || if step.flag { String::new() } else { "text".to_owned() };
    let rest = log::cny(order.received().minor.saturating_sub(amount.minor));
    let split = Split { to_buyer: amount, to_seller: rest };
    let seen = |index: u8| order.timeline.get(usize::from(index) % order.timeline.len().max(1)).map(|event| event.id);
    let pin_hash = step.flag.then_some(order.request.pin_hash).flatten();
    match step.what % 32 {
        0 => Entry::Request { request: order.request.clone() },
        1 => {
            let mut quote = log::quote(&order.request);
            if !step.flag {
                (quote.total, quote.ruling) = (amount, None);
            }
            Entry::Quote { quote }
        }
        2 | 3 => Entry::Accept { quote: order.quote_id.unwrap_or(RecordId([step.later.1; 32])) },
        4 => Entry::Countersign { certificate: author().1, signatures: Vec::new() },
        5 => Entry::Decline { reason: DeclineReason::Other, text: text() },
        6 => Entry::Expire,
        7 => Entry::Cancel { reason: text() },
        8 => Entry::ApproveCancel { fee: amount },
        9 => Entry::RefuseCancel { reason: text() },
        10 => Entry::ClaimPayment { amount, method: order.request.payment_method, reference: text() },
        11 => Entry::AcceptPayment { amount },
        12 => Entry::RejectPayment { reason: text() },
        13 => Entry::HoldPayment { amount, proof: [1; 32] },
        14 => Entry::ReleasePayment,
        15 => Entry::Start,
        16 => Entry::Ready { lines, pin_hash },
        17 => Entry::HandOver { lines, carrier: text(), tracking: text(), pin_hash, content: Some(BlobHash([1; 32])) },
        18 => Entry::ConfirmDelivery { lines },
        19 => Entry::CarrierDelivered { lines, event: text() },
        20 => Entry::EnterPin { lines, pin: if step.flag { log::PIN.to_owned() } else { "000000".to_owned() } },
        21 => Entry::FailDelivery { lines, reason: text() },
        22 => Entry::Complete,
        23 => {
            let of = lines.first().map_or(RefundFor::Order, |line| RefundFor::Line(*line));
            Entry::Refund { amount, of: if step.flag { RefundFor::Shipping } else { of }, reason: text() }
        }
        24 => Entry::RequestReturn { lines, reason: text() },
        25 if step.flag => Entry::AuthoriseReturn { text: text() },
        25 => Entry::DeclineReturn { reason: text() },
        26 if step.flag => Entry::ReturnSent { carrier: text(), tracking: text() },
        26 => Entry::ReturnReceived,
        27 => Entry::OpenCase { claim: "broken".to_owned(), outcome: text(), evidence: Vec::new() },
        28 => Entry::ProposeSettlement { split, text: text() },
        29 => Entry::AcceptSettlement { proposal: seen(step.later.1).unwrap_or(order.id) },
        30 if step.flag => Entry::Rule { split, code: "code".to_owned(), text: text() },
        30 => Entry::FallBack,
        31 if step.flag => Entry::Execute { receipt: text() },
        _ => Entry::Review { review: RecordId([step.later.1; 32]) },
    }
}

fn check(order: &Order) {
    let received = order.received();
    assert!(order.refunded.minor >= 0 && order.paid.minor >= 0 && order.held.minor >= 0, "less than nothing");
    assert!(order.refunded.minor <= received.minor, "{:?} refunded of {received:?}", order.refunded);
    let now = order.updated_at;
    for role in [Role::Buyer, Role::Seller, Role::Arbiter] {
        let _offers = allowed_actions(order, role, now).len();
    }
}

fuzz_target!(|input: Input| {
    let method = if input.on_delivery { PaymentMethodKind::PayOnDelivery } else { PaymentMethodKind::BankTransfer };
    let mut entries = log::Log::requested(method).entries;
    let (id, mut at) = (entries[0].id, entries[0].at);
    for (number, step) in input.steps.iter().take(STEPS_MAX).enumerate() {
        let order = Order::fold(id, entries.clone()).expect("it was requested");
        check(&order);
        let (by, wait) = (role(step.role), [1, 60_000, log::DAY_MS][usize::from(step.later.0 % 3)]);
        at = TimestampMs(at.0 + u64::from(step.later.1 % 32) * wait);
        let (mut body, mut prev): (OrderEntry, _) = order.next_entry(by, entry(step, &order));
        if let Some((one, two)) = step.seen {
            prev = [one, two].map(|index| entries[usize::from(index) % entries.len()].id).to_vec();
        }
        if !step.contract {
            body.contract = None;
        }
        if body.entry.validate().is_err() {
            continue;
        }
        let honest = log::account(by);
        let author = if step.author % 8 == 7 { AccountId([8; 32]) } else { honest };
        let id = RecordId::of(format!("{number} {body:?} {at:?} {prev:?}").as_bytes());
        entries.push(LogEntry { id, author, at, prev, body });
    }
    let order = Order::fold(id, entries.clone()).expect("it was requested");
    check(&order);
    let mut shuffled = entries.clone();
    let mut seed = input.shuffle;
    for index in (1..shuffled.len()).rev() {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        shuffled.swap(index, (seed >> 33) as usize % (index + 1));
    }
    shuffled.extend(entries.into_iter().take(3));
    assert_eq!(Order::fold(id, shuffled), Ok(order), "the order in which they came matters");
});
