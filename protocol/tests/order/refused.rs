//! What the machine does not let happen.

use hutong_protocol::{
    AccountId, RecordId, TimestampMs,
    market::PaymentMethodKind::{BankTransfer, PayOnDelivery},
    order::{
        Entry, EntryKind, FoldError, Guard, Ignored, LogEntry, Order, OrderEntry, OrderState, PaymentState, Role,
        Role::{Buyer, Seller},
    },
    trust::ContractHash,
};

use crate::log::{BUYER, EXPIRY, Log, SELLER, TOTAL, account, cancel, claim, cny, quote, request};

#[test]
fn an_entry_by_the_wrong_party_changes_nothing() {
    let mut log = Log::quoted(BankTransfer);
    let before = log.order();
    let accept = || Entry::Accept { quote: before.quote_id.unwrap() };
    assert_eq!(log.write(Seller, accept()), Err(Ignored::WrongRole), "the seller accepts his own quote");
    let (body, prev) = before.next_entry(Buyer, accept());
    assert_eq!(log.push(SELLER, prev.clone(), body.clone()), Err(Ignored::WrongParty), "in the buyer's name");
    assert_eq!(log.push(AccountId([66; 32]), prev, body), Err(Ignored::WrongParty), "a stranger");
    let after = log.order();
    assert_eq!((after.state, after.contract, after.quote), (before.state, before.contract, before.quote));
    assert_eq!(after.timeline.len(), before.timeline.len() + 3, "all are kept");
}

#[test]
fn every_kind_of_entry_by_the_wrong_role_is_refused() {
    for (role, entry) in [
        (Buyer, Entry::Quote { quote: quote(&request(BankTransfer)) }),
        (Buyer, Entry::AcceptPayment { amount: cny(TOTAL) }),
        (Buyer, Entry::Start),
        (Buyer, Entry::Refund { amount: cny(1), of: hutong_protocol::order::RefundFor::Order, reason: String::new() }),
        (Seller, claim(TOTAL)),
        (Seller, Entry::ReleasePayment),
        (Seller, Entry::ConfirmDelivery { lines: vec![] }),
    ] {
        let mut log = Log::paid();
        assert_eq!(log.write(role, entry.clone()), Err(Ignored::WrongRole), "{entry:?}");
    }
}

#[test]
fn an_entry_that_arrives_early_waits() {
    let log = Log::paid();
    let all = log.entries.clone();
    for missing in 1..all.len() {
        let mut some = all.clone();
        let gone = some.remove(missing);
        let order = Order::fold(all[0].id, some).unwrap();
        assert_eq!(order.waiting.len(), all.len() - missing - 1, "all that build on it");
        assert!(order.timeline.iter().all(|event| event.at < gone.at));
    }
    assert_eq!(Order::fold(all[0].id, all[1..].to_vec()), Err(FoldError::NoRequest));
    assert_eq!(log.order().payment, PaymentState::Paid);
    assert!(log.order().waiting.is_empty());
}

#[test]
fn when_a_cancellation_and_an_acceptance_cross_the_sellers_sequence_decides() {
    // The seller cancels while the buyer accepts: neither has seen the other's entry.
    let mut log = Log::quoted(PayOnDelivery);
    let quoted = log.order();
    let (accept, prev) = quoted.next_entry(Buyer, Entry::Accept { quote: quoted.quote_id.unwrap() });
    let (sellers, _) = quoted.next_entry(Seller, cancel());
    assert_eq!(log.push(BUYER, prev.clone(), accept), Ok(3));
    let accepted = log.last();
    assert_eq!(log.push(SELLER, prev, sellers), Ok(6), "the sequence has it first, though it is later");
    assert_eq!(log.outcome(&accepted), Err(Ignored::WrongState));
    assert_eq!(log.order().state, OrderState::Cancelled);
}

#[test]
fn when_a_cancellation_and_a_start_cross_the_loser_becomes_a_request() {
    let mut log = Log::accepted(PayOnDelivery);
    let accepted = log.order();
    let (buyers, prev) = accepted.next_entry(Buyer, cancel());
    let (start, _) = accepted.next_entry(Seller, Entry::Start);
    assert_eq!(log.push(BUYER, prev.clone(), buyers), Ok(6), "on the buyer's node it is cancelled");
    let cancelled = log.last();
    assert_eq!(log.push(SELLER, prev, start), Ok(10), "until the seller's start arrives");
    assert_eq!(log.outcome(&cancelled), Ok(7));
    assert_eq!(log.event(&cancelled).fact, "cancel_requested");
    assert_eq!(log.order().state, OrderState::CancelRequested);
    log.did(Seller, Entry::ApproveCancel { fee: cny(0) }, 7);
}

#[test]
fn an_entry_of_another_contract_has_no_effect() {
    let mut log = Log::accepted(BankTransfer);
    let order = log.order();
    let (body, prev) = order.next_entry(Buyer, claim(TOTAL));
    let other = ContractHash::of(&RecordId([1; 32]), &RecordId([2; 32]));
    for contract in [None, Some(other)] {
        let entry = OrderEntry { contract, ..body.clone() };
        assert_eq!(log.push(BUYER, prev.clone(), entry), Err(Ignored::WrongContract), "{contract:?}");
    }
    assert_eq!(log.push(BUYER, prev, body), Ok(8));
    // A claim that had not seen the acceptance cannot name the contract.
    let mut log = Log::quoted(BankTransfer);
    let (body, prev) = log.order().next_entry(Buyer, cancel());
    assert_eq!(log.push(BUYER, prev, OrderEntry { contract: Some(other), ..body }), Err(Ignored::WrongContract));
}

#[test]
fn a_price_changed_after_the_order_is_the_quotes_price_and_never_taken_silently() {
    let mut log = Log::requested(BankTransfer);
    let mut dearer = quote(&request(BankTransfer));
    dearer.lines[0].price = cny(2_000);
    dearer.lines[0].total = cny(4_000);
    dearer.items = cny(7_000);
    dearer.total = cny(7_500);
    log.did(Seller, Entry::Quote { quote: dearer }, 2);
    let order = log.order();
    assert_eq!((order.state, order.total()), (OrderState::Quoted, Some(cny(7_500))));
    assert!(order.total().unwrap().minor > order.request.max_total.minor, "so no node accepts it by itself");
    let quote = order.quote_id.unwrap();
    log.did(Buyer, Entry::Accept { quote }, 3);
    assert_eq!(log.order().shortfall(), Some(cny(7_500)));
}

#[test]
fn a_clock_turned_back_does_not_help() {
    let mut log = Log::quoted(BankTransfer);
    let quote = log.order().quote_id.unwrap();
    log.at(EXPIRY + 5);
    assert_eq!(log.write(Seller, Entry::Expire), Ok(5));
    // The buyer has seen the expiry and claims to have accepted before it.
    log.at(EXPIRY - 5);
    assert_eq!(log.write(Buyer, Entry::Accept { quote }), Err(Ignored::ClockBackwards));
    // The buyer hides having seen it: the seller's sequence has it first.
    let body = OrderEntry {
        to: SELLER,
        order: Some(log.entries[0].id),
        role: Buyer,
        contract: None,
        entry: Entry::Accept { quote },
    };
    assert_eq!(log.push(BUYER, vec![quote], body), Err(Ignored::WrongState));
}

#[test]
fn an_entry_of_a_later_version_is_kept_and_skipped() {
    let mut log = Log::quoted(BankTransfer);
    assert_eq!(log.write(Seller, Entry::Unknown), Err(Ignored::Unknown));
    let quote = log.order().quote_id.unwrap();
    log.did(Buyer, Entry::Accept { quote }, 3);
    let bytes = hutong_protocol::codec::encode(&std::collections::BTreeMap::from([("type", "dance"), ("song", "x")]));
    let entry: Entry = hutong_protocol::codec::decode(&bytes.unwrap(), 100).unwrap();
    assert_eq!(entry.kind(), EntryKind::Unknown);
}

#[test]
fn nothing_of_another_order_gets_in() {
    let log = Log::paid();
    let mut stray = log.entries[1].clone();
    (stray.id, stray.body.order) = (RecordId([77; 32]), Some(RecordId([78; 32])));
    let order = Order::fold(log.entries[0].id, log.entries.iter().cloned().chain([stray])).unwrap();
    assert_eq!(order, log.order());
}

#[test]
fn amounts_that_would_overflow_are_refused() {
    let mut log = Log::accepted(BankTransfer);
    for minor in [i64::MAX, i64::MIN, 1 << 53] {
        let got = log.write(Seller, Entry::AcceptPayment { amount: cny(minor) });
        assert!(matches!(got, Err(Ignored::Guard(Guard::AmountPositive))), "{minor}: {got:?}");
    }
    log.did(Seller, Entry::AcceptPayment { amount: cny((1 << 53) - 1) }, 9);
    assert_eq!(log.order().payment, PaymentState::Paid);
}

#[test]
fn a_seller_with_two_devices_that_fork_still_gives_one_state() {
    let mut log = Log::requested(BankTransfer);
    let order = log.order();
    let (decline, prev) = order.next_entry(Seller, crate::log::decline());
    let (offer, _) = order.next_entry(Seller, Entry::Quote { quote: quote(&request(BankTransfer)) });
    assert_eq!(log.push(SELLER, prev.clone(), decline), Ok(4));
    assert_eq!(log.push(SELLER, prev, offer), Err(Ignored::WrongState), "the earlier one counts");
    let mut reversed: Vec<LogEntry> = log.entries.clone();
    reversed.reverse();
    assert_eq!(Order::fold(log.entries[0].id, reversed).unwrap(), log.order());
    assert_eq!(account(Role::Seller), SELLER);
    assert_eq!(log.order().updated_at, TimestampMs(crate::log::START + 1));
}
