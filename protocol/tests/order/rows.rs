//! One test for each row of the commerce reference.

use hutong_protocol::{
    BlobHash, Certificate, DeviceKey, RecordId, TimestampMs,
    market::PaymentMethodKind::{BankTransfer, PayOnDelivery},
    order::{
        Action, CaseState, Entry, Guard, Ignored, LineState, ListingSignature, OrderState, PaymentState, RefundFor,
        ReturnState,
        Role::{self, Arbiter, Buyer, Seller},
        allowed_actions, next_actor,
    },
    signature::{AccountKey, Purpose},
    trust::{ContractHash, countersigned_message},
};

use crate::log::{
    ARBITER, BUYER, DAY_MS, EXPIRY, Log, PIN, REVIEW_KEY, SELLER, TOTAL, cancel, claim, cny, decline, hand_over,
    open_case, pin, propose, quote, refund, request, split,
};

const fn refused(guard: Guard) -> Result<u8, Ignored> {
    Err(Ignored::Guard(guard))
}

fn actions(log: &Log, role: Role) -> Vec<Action> {
    allowed_actions(&log.order(), role, TimestampMs(log.now))
}

#[test]
fn row_1_a_request_opens_an_order() {
    let order = Log::requested(BankTransfer).order();
    assert_eq!((order.buyer, order.seller), (BUYER, SELLER));
    assert_eq!(
        (order.state, order.payment, order.case),
        (OrderState::Requested, PaymentState::Unpaid, CaseState::None)
    );
    assert_eq!(order.lines.len(), 2);
    assert_eq!(next_actor(&order), Some(Seller));
    assert_eq!(order.timeline[0].outcome, Ok(1));
}

#[test]
fn row_2_the_seller_quotes() {
    let mut log = Log::requested(BankTransfer);
    assert_eq!(actions(&log, Seller), [Action::Quote, Action::Decline, Action::Cancel]);
    log.did(Seller, Entry::Quote { quote: quote(&request(BankTransfer)) }, 2);
    let order = log.order();
    assert_eq!((order.state, order.total()), (OrderState::Quoted, Some(cny(TOTAL))));
    assert_eq!(actions(&log, Buyer), [Action::AcceptQuote, Action::Cancel]);
    assert_eq!(log.write(Seller, Entry::Quote { quote: quote(&request(BankTransfer)) }), Err(Ignored::WrongState));
}

#[test]
fn row_2_a_quote_that_does_not_fit_the_request_is_no_quote() {
    for (why, change) in [
        ("another quantity", (|q| q.lines[0].quantity = 3) as fn(&mut hutong_protocol::order::Quote)),
        ("another variant", |q| q.lines[0].sku = "other".into()),
        ("a line too few", |q| drop(q.lines.pop())),
        ("a total that does not add up", |q| q.total = cny(TOTAL - 1)),
        ("a line that does not add up", |q| q.lines[0].total = cny(1)),
        ("another currency", |q| q.shipping.currency = "USD".parse().unwrap()),
        ("over before it began", |q| q.valid_until = TimestampMs(0)),
        ("a lease that ends first", |q| q.lease_until = TimestampMs(EXPIRY - 1)),
        ("paid in another way", |q| q.payment_method = PayOnDelivery),
        ("an arbiter nobody offered", |q| q.ruling.as_mut().unwrap().arbiter = SELLER),
    ] {
        let mut log = Log::requested(BankTransfer);
        let mut quote = quote(&request(BankTransfer));
        change(&mut quote);
        assert_eq!(log.write(Seller, Entry::Quote { quote }), refused(Guard::QuoteFits), "{why}");
    }
}

#[test]
fn row_3_acceptance_makes_the_contract_and_the_seller_countersigns() {
    let mut log = Log::quoted(BankTransfer);
    let quote = log.order().quote_id.unwrap();
    assert_eq!(log.write(Buyer, Entry::Accept { quote: RecordId([1; 32]) }), refused(Guard::QuoteNamed));
    log.did(Buyer, Entry::Accept { quote }, 3);
    let order = log.order();
    let contract = ContractHash::of(&quote, &log.last());
    assert_eq!((order.state, order.contract), (OrderState::Accepted, Some(contract)));
    let (account, device) = (AccountKey::from_seed(&[2; 32]), DeviceKey::from_seed(&[8; 32]));
    let certificate = Certificate::issue(&account, device.id(), TimestampMs(0));
    let message = countersigned_message(&contract, &REVIEW_KEY, &BUYER, "honey");
    let signature = device.sign(Purpose::ReviewKey, &message);
    let signatures = vec![ListingSignature { listing: "honey".into(), signature }];
    log.did(Seller, Entry::Countersign { certificate, signatures }, 3);
    let word = log.order().countersignature("honey").unwrap();
    assert!(word.is_valid(&account.id(), &contract, &REVIEW_KEY, &BUYER, "honey"));
    assert_eq!(log.order().countersignature("strawberries"), None);
}

#[test]
fn row_4_the_seller_declines() {
    let mut log = Log::requested(BankTransfer);
    log.did(Seller, decline(), 4);
    assert_eq!((log.order().state, next_actor(&log.order())), (OrderState::Declined, None));
    assert!(actions(&log, Buyer).is_empty() && actions(&log, Seller).is_empty());
    assert_eq!(log.event(&log.last()).note, "out_of_stock");
}

#[test]
fn row_5_requests_and_quotes_expire_at_their_signed_time_and_not_before() {
    let mut log = Log::requested(BankTransfer);
    assert_eq!(log.at(EXPIRY).write(Seller, Entry::Expire), refused(Guard::RequestEnded));
    assert_eq!(log.at(EXPIRY + 1).write(Buyer, Entry::Expire), Ok(5));
    assert_eq!(log.order().state, OrderState::Expired);
    let mut log = Log::quoted(BankTransfer);
    assert_eq!(log.at(EXPIRY).write(Buyer, Entry::Expire), refused(Guard::QuoteEnded));
    assert_eq!(log.at(EXPIRY + 1).write(Seller, Entry::Expire), Ok(5));
    let quote = log.order().quote_id.unwrap();
    assert_eq!(log.write(Buyer, Entry::Accept { quote }), Err(Ignored::WrongState));
    let mut log = Log::quoted(BankTransfer);
    assert_eq!(log.at(EXPIRY + 1).write(Buyer, Entry::Accept { quote }), refused(Guard::QuoteRuns), "too late");
}

#[test]
fn row_6_either_cancels_what_is_not_paid() {
    for role in [Buyer, Seller] {
        for mut log in [Log::requested(BankTransfer), Log::quoted(BankTransfer), Log::accepted(BankTransfer)] {
            log.did(role, cancel(), 6);
            assert_eq!((log.order().state, next_actor(&log.order())), (OrderState::Cancelled, None));
        }
    }
}

#[test]
fn row_7_what_is_paid_is_cancelled_by_both() {
    let mut log = Log::paid();
    log.did(Buyer, cancel(), 7);
    assert_eq!((log.order().state, log.event(&log.last()).fact), (OrderState::CancelRequested, "cancel_requested"));
    assert_eq!(next_actor(&log.order()), Some(Seller));
    assert_eq!(log.write(Buyer, Entry::ApproveCancel { fee: cny(0) }), refused(Guard::ByTheOther));
    assert_eq!(log.write(Seller, Entry::ApproveCancel { fee: cny(589) }), refused(Guard::FeeAgreed), "over 10 %");
    log.did(Seller, Entry::ApproveCancel { fee: cny(588) }, 7);
    assert_eq!(log.order().state, OrderState::Cancelled);
    assert_eq!(next_actor(&log.order()), Some(Seller), "who owes a refund");
    log.did(Seller, refund(TOTAL - 588, RefundFor::Order), 14);
    assert_eq!(log.order().payment, PaymentState::PartRefunded);

    let mut log = Log::in_progress();
    log.did(Seller, cancel(), 7).did(Buyer, Entry::RefuseCancel { reason: String::new() }, 7);
    assert_eq!(log.order().state, OrderState::InProgress, "back to where it was");
    log.did(Seller, refund(TOTAL, RefundFor::Order), 14).did(Seller, cancel(), 7);
    assert_eq!(log.order().state, OrderState::Cancelled, "all was refunded: nobody has to agree");
    let mut log = Log::delivered();
    assert_eq!(log.write(Buyer, cancel()), refused(Guard::NothingDelivered));
}

#[test]
fn row_8_the_buyer_claims_to_have_paid() {
    let mut log = Log::accepted(BankTransfer);
    assert_eq!(log.order().shortfall(), Some(cny(TOTAL)));
    assert_eq!(log.write(Buyer, claim(0)), refused(Guard::AmountPositive));
    assert_eq!(log.write(Buyer, claim(-1)), refused(Guard::AmountPositive));
    log.did(Buyer, claim(TOTAL), 8);
    assert_eq!((log.order().payment, log.order().received()), (PaymentState::Claimed, cny(0)));
    assert_eq!(next_actor(&log.order()), Some(Seller));
}

#[test]
fn row_9_the_seller_says_what_arrived() {
    let mut log = Log::accepted(BankTransfer);
    log.did(Buyer, claim(TOTAL), 8).did(Seller, Entry::AcceptPayment { amount: cny(TOTAL - 1) }, 9);
    let order = log.order();
    assert_eq!((order.payment, order.shortfall()), (PaymentState::PartPaid, Some(cny(1))));
    log.did(Buyer, claim(1), 8).did(Seller, Entry::AcceptPayment { amount: cny(1) }, 9);
    assert_eq!((log.order().payment, log.order().shortfall()), (PaymentState::Paid, None));

    let mut log = Log::accepted(BankTransfer);
    log.did(Buyer, claim(TOTAL), 8).did(Seller, Entry::RejectPayment { reason: "nothing came".into() }, 9);
    assert_eq!(log.order().payment, PaymentState::Rejected);
    log.did(Buyer, claim(TOTAL), 8).did(Seller, Entry::AcceptPayment { amount: cny(5) }, 9);
    log.did(Buyer, claim(TOTAL), 8).did(Seller, Entry::RejectPayment { reason: String::new() }, 9);
    assert_eq!(log.order().payment, PaymentState::PartPaid, "what arrived before is not rejected");

    let mut log = Log::accepted(BankTransfer);
    let hold = |minor| Entry::HoldPayment { amount: cny(minor), proof: [1; 32] };
    assert_eq!(log.write(Seller, hold(TOTAL - 1)), refused(Guard::ReachesTotal));
    log.did(Seller, hold(TOTAL), 9).did(Seller, Entry::Start, 10).did(Buyer, Entry::ReleasePayment, 9);
    assert_eq!((log.order().payment, log.order().paid, log.order().held), (PaymentState::Paid, cny(TOTAL), cny(0)));
}

#[test]
fn row_10_work_starts_when_it_is_paid_or_paid_on_delivery() {
    let mut log = Log::accepted(BankTransfer);
    assert_eq!(log.write(Seller, Entry::Start), refused(Guard::PaidOrOnDelivery));
    log.did(Buyer, claim(TOTAL), 8);
    assert_eq!(log.write(Seller, Entry::Start), refused(Guard::PaidOrOnDelivery), "a claim is not money");
    log.did(Seller, Entry::AcceptPayment { amount: cny(TOTAL - 1) }, 9);
    assert_eq!(log.write(Seller, Entry::Start), refused(Guard::PaidOrOnDelivery), "one fen short");
    log.did(Seller, Entry::AcceptPayment { amount: cny(1) }, 9).did(Seller, Entry::Start, 10);
    let mut log = Log::accepted(PayOnDelivery);
    assert_eq!(next_actor(&log.order()), Some(Seller));
    log.did(Seller, Entry::Start, 10);
    assert_eq!((log.order().state, log.order().payment), (OrderState::InProgress, PaymentState::Unpaid));
}

#[test]
fn row_11_lines_are_made_ready_and_handed_over_one_by_one() {
    let mut log = Log::paid();
    assert_eq!(log.write(Seller, hand_over(vec![])), Err(Ignored::WrongState), "not started");
    log.did(Seller, Entry::Start, 10);
    let ready = |hash| Entry::Ready { lines: vec![0], pin_hash: hash };
    assert_eq!(log.write(Seller, ready(Some([1; 32]))), refused(Guard::PinAsRequested));
    let asked = log.order().request.pin_hash;
    log.did(Seller, ready(asked), 11).did(Seller, hand_over(vec![1]), 11);
    let states: Vec<_> = log.order().lines.iter().map(|line| line.state).collect();
    assert_eq!(states, [LineState::Ready, LineState::HandedOver]);
    assert_eq!(log.order().lines[1].tracking, "SF1");
    assert_eq!(log.write(Seller, hand_over(vec![0, 1])), Err(Ignored::WrongState), "one of them is already");
    assert_eq!(log.write(Seller, hand_over(vec![7])), Err(Ignored::WrongState), "there is no line 7");
    let content = Some(BlobHash([1; 32]));
    let digital =
        Entry::HandOver { lines: vec![0], carrier: String::new(), tracking: String::new(), pin_hash: None, content };
    log.did(Seller, digital, 11);
    assert_eq!(log.order().lines[0].content, content);
}

#[test]
fn row_12_delivery_is_confirmed_by_the_buyer_a_pin_or_the_carrier() {
    let mut log = Log::handed_over();
    log.did(Buyer, Entry::ConfirmDelivery { lines: vec![1] }, 12);
    assert_eq!(log.order().lines[0].state, LineState::HandedOver);
    let event = |lines| Entry::CarrierDelivered { lines, event: "left with a neighbour".into() };
    log.did(Seller, event(vec![0]), 12);
    assert!(log.order().lines.iter().all(|line| line.state == LineState::Delivered));
    let mut log = Log::in_progress();
    log.did(Seller, Entry::Ready { lines: vec![], pin_hash: None }, 11);
    assert_eq!(log.write(Seller, event(vec![])), Err(Ignored::WrongState), "no carrier has it");
    log.did(Seller, pin("000000"), 12);
    assert_eq!((log.event(&log.last()).fact, log.order().pin_tries), ("pin_wrong", 1));
    log.did(Seller, pin(PIN), 12);
    assert!(log.order().lines.iter().all(|line| line.state == LineState::Delivered));
    assert_eq!((log.event(&log.last()).fact, log.event(&log.last()).note), ("delivered", String::new()));
    let mut log = Log::handed_over();
    log.did(Buyer, Entry::FailDelivery { lines: vec![0], reason: "nobody came".into() }, 12);
    assert_eq!(log.order().lines[0].state, LineState::Failed);
    log.did(Seller, hand_over(vec![0]), 11);
}

#[test]
fn row_12_a_pin_has_three_tries() {
    let mut log = Log::handed_over();
    for wrong in ["111111", "222222", "333333"] {
        log.did(Seller, pin(wrong), 12);
    }
    assert_eq!(log.write(Seller, pin(PIN)), refused(Guard::PinTriesLeft), "even the right one");
    assert!(!actions(&log, Seller).contains(&Action::EnterPin));
    log.did(Buyer, Entry::ConfirmDelivery { lines: vec![] }, 12);
}

#[test]
fn row_13_an_order_completes_by_the_buyer_or_by_its_timer() {
    let mut log = Log::delivered();
    assert_eq!(log.write(Seller, Entry::Complete), refused(Guard::TimerEnded));
    log.did(Buyer, Entry::Complete, 13);
    assert_eq!((log.order().state, next_actor(&log.order())), (OrderState::Completed, None));

    let mut log = Log::delivered();
    let due = log.order().completes_at().unwrap();
    assert_eq!(log.at(due.0 - 1).write(Seller, Entry::Complete), refused(Guard::TimerEnded));
    assert_eq!(log.at(due.0).write(Seller, Entry::Complete), Ok(13), "the due time itself is in time");

    let mut log = Log::handed_over();
    log.did(Buyer, Entry::ConfirmDelivery { lines: vec![0] }, 12);
    assert_eq!(log.write(Buyer, Entry::Complete), refused(Guard::AllDelivered));
    log.did(Seller, Entry::FailDelivery { lines: vec![1], reason: "lost".into() }, 12);
    assert_eq!(log.write(Buyer, Entry::Complete), refused(Guard::AllDelivered));
    log.did(Seller, refund(3_000, RefundFor::Line(1)), 14).did(Buyer, Entry::Complete, 13);
}

#[test]
fn row_13_an_open_case_stops_the_timer() {
    let mut log = Log::delivered();
    let due = log.order().completes_at().unwrap().0;
    let opened = log.now;
    log.did(Buyer, open_case(), 16);
    assert_eq!(log.order().completes_at(), None);
    assert_eq!(log.at(due + 1).write(Seller, Entry::Complete), refused(Guard::TimerEnded));
    log.did(Seller, propose(0), 17);
    let proposal = log.last();
    let settled = log.now;
    log.did(Buyer, Entry::AcceptSettlement { proposal }, 17);
    assert_eq!(log.order().completes_at(), Some(TimestampMs(due + (settled - opened))));
    assert_eq!(log.at(due + 30 * DAY_MS).write(Seller, Entry::Complete), Ok(13));
}

#[test]
fn row_14_refunds_add_up_and_never_pass_what_was_received() {
    let mut log = Log::delivered();
    log.did(Seller, refund(1_000, RefundFor::Line(0)), 14);
    assert_eq!((log.order().payment, log.order().refunded), (PaymentState::PartRefunded, cny(1_000)));
    let over = |log: &mut Log, minor, of| log.write(Seller, refund(minor, of));
    assert_eq!(over(&mut log, 1_381, RefundFor::Line(0)), refused(Guard::WithinReceived), "more than the line cost");
    assert_eq!(over(&mut log, 501, RefundFor::Shipping), refused(Guard::WithinReceived), "more than shipping cost");
    assert_eq!(over(&mut log, TOTAL - 999, RefundFor::Order), refused(Guard::WithinReceived), "more than was paid");
    assert_eq!(over(&mut log, 0, RefundFor::Order), refused(Guard::AmountPositive));
    assert_eq!(over(&mut log, -5, RefundFor::Order), refused(Guard::AmountPositive));
    assert_eq!(over(&mut log, i64::MAX, RefundFor::Order), refused(Guard::AmountPositive));
    log.did(Buyer, Entry::Complete, 13).did(Seller, refund(500, RefundFor::Shipping), 14);
    log.did(Seller, refund(TOTAL - 1_500, RefundFor::Order), 14);
    assert_eq!((log.order().payment, log.order().refunded), (PaymentState::Refunded, cny(TOTAL)));
    assert_eq!(log.write(Seller, refund(1, RefundFor::Order)), Err(Ignored::WrongState));
    let mut unpaid = Log::accepted(BankTransfer);
    assert_eq!(unpaid.write(Seller, refund(1, RefundFor::Order)), Err(Ignored::WrongState));
}

#[test]
fn row_15_goods_are_sent_back_step_by_step() {
    let mut log = Log::handed_over();
    let ask = || Entry::RequestReturn { lines: vec![0], reason: "sour".into() };
    assert_eq!(log.write(Buyer, ask()), refused(Guard::SomethingDelivered));
    log.did(Buyer, Entry::ConfirmDelivery { lines: vec![] }, 12).did(Buyer, ask(), 15);
    assert_eq!(next_actor(&log.order()), Some(Seller));
    log.did(Seller, Entry::DeclineReturn { reason: "eaten".into() }, 15).did(Buyer, ask(), 15);
    let sent = || Entry::ReturnSent { carrier: "SF".into(), tracking: "2".into() };
    assert_eq!(log.write(Buyer, sent()), Err(Ignored::WrongState), "not authorised yet");
    log.did(Seller, Entry::AuthoriseReturn { text: "to the stall".into() }, 15).did(Buyer, sent(), 15);
    log.did(Seller, Entry::ReturnReceived, 15).did(Seller, refund(2_380, RefundFor::Line(0)), 14);
    assert_eq!(log.order().returns, ReturnState::Received);
}

#[test]
fn row_16_either_opens_a_case_also_against_a_silent_party() {
    for role in [Buyer, Seller] {
        for mut log in [Log::accepted(BankTransfer), Log::paid(), Log::handed_over(), Log::delivered()] {
            log.did(role, open_case(), 16);
            assert_eq!((log.order().case, next_actor(&log.order())), (CaseState::Open, Some(role.other())));
        }
        assert_eq!(Log::quoted(BankTransfer).write(role, open_case()), Err(Ignored::WrongState), "no contract yet");
    }
}

#[test]
fn row_17_the_two_settle_by_themselves() {
    let mut log = Log::delivered();
    log.did(Buyer, open_case(), 16);
    let wrong = Entry::ProposeSettlement {
        split: hutong_protocol::order::Split { to_buyer: cny(TOTAL), to_seller: cny(1) },
        text: String::new(),
    };
    assert_eq!(log.write(Buyer, wrong), refused(Guard::SplitFits), "more than there is");
    log.did(Buyer, propose(3_000), 17);
    let first = log.last();
    assert_eq!(
        log.write(Buyer, Entry::AcceptSettlement { proposal: first }),
        refused(Guard::OthersProposal),
        "one's own"
    );
    assert!(!actions(&log, Buyer).contains(&Action::AcceptSettlement));
    log.did(Buyer, propose(2_000), 17);
    assert_eq!(
        log.write(Seller, Entry::AcceptSettlement { proposal: first }),
        refused(Guard::OthersProposal),
        "an old one"
    );
    let proposal = log.order().dispute.unwrap().proposals[&Buyer].0;
    log.did(Seller, Entry::AcceptSettlement { proposal }, 17);
    assert_eq!((log.order().case, log.order().dispute.unwrap().split), (CaseState::Settled, Some(split(2_000))));
}

#[test]
fn row_18_the_arbiter_of_the_contract_rules_in_time_or_the_fallback_holds() {
    let rule = || Entry::Rule { split: split(4_000), code: "damaged".into(), text: String::new() };
    let mut log = Log::delivered();
    assert_eq!(log.write(Arbiter, rule()), Err(Ignored::WrongState), "no case");
    log.did(Buyer, open_case(), 16);
    for role in [Buyer, Seller] {
        assert_eq!(log.write(role, rule()), Err(Ignored::WrongRole));
        assert_eq!(log.write(role, Entry::FallBack), refused(Guard::RulingEnded));
    }
    log.did(Arbiter, rule(), 18);
    assert_eq!((log.order().case, log.order().dispute.unwrap().split), (CaseState::Ruled, Some(split(4_000))));
    assert_eq!(log.order().role_of(&ARBITER), Some(Arbiter));

    let mut log = Log::delivered();
    let opened = log.now;
    log.did(Buyer, open_case(), 16);
    assert_eq!(log.at(opened + 7 * DAY_MS + 1).write(Arbiter, rule()), refused(Guard::RulingRuns), "too late");
    log.did(Buyer, Entry::FallBack, 18);
    assert_eq!(log.order().dispute.unwrap().split, Some(split(TOTAL / 4)), "a quarter goes back, as the contract says");
}

#[test]
fn row_19_a_ruling_is_settled_when_it_was_carried_out() {
    let mut log = Log::delivered();
    log.did(Buyer, open_case(), 16);
    log.did(Arbiter, Entry::Rule { split: split(4_000), code: "damaged".into(), text: String::new() }, 18);
    let execute = || Entry::Execute { receipt: "transfer 7".into() };
    assert_eq!(log.write(Seller, execute()), refused(Guard::Executed), "nothing went back yet");
    log.did(Seller, refund(4_000, RefundFor::Order), 14).did(Seller, execute(), 19);
    assert_eq!(log.order().case, CaseState::Settled);
}

#[test]
fn row_20_both_review_when_it_is_over() {
    let mut log = Log::delivered();
    let review = |n| Entry::Review { review: RecordId([n; 32]) };
    assert_eq!(log.write(Buyer, review(1)), Err(Ignored::WrongState));
    log.did(Buyer, Entry::Complete, 13).did(Buyer, review(1), 20).did(Seller, review(2), 20);
    assert_eq!(log.order().reviews.len(), 2);
}
