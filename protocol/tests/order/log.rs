//! A log to write on, for tests.

use hutong_protocol::{
    AccountId, RecordId, TimestampMs,
    market::{PaymentMethodKind, ReturnPolicy},
    money::{BasisPoints, Currency, Money},
    order::{
        Address, DeclineReason, Entry, Event, Fulfilment, Ignored, LogEntry, Order, OrderEntry, Quote, QuoteLine,
        RefundFor, Request, RequestLine, Role, RulingTerms, Split, pin_hash,
    },
    trust::ReviewKeyId,
};

pub(crate) const BUYER: AccountId = AccountId([1; 32]);
pub(crate) const SELLER: AccountId = AccountId([2; 32]);
pub(crate) const ARBITER: AccountId = AccountId([3; 32]);
pub(crate) const REVIEW_KEY: ReviewKeyId = ReviewKeyId([9; 32]);
pub(crate) const PIN: &str = "204060";
pub(crate) const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// When requests are written.
pub(crate) const START: u64 = 1_000_000;
/// When requests and quotes expire.
pub(crate) const EXPIRY: u64 = START + DAY_MS;

pub(crate) fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

pub(crate) const fn account(role: Role) -> AccountId {
    match role {
        Role::Buyer => BUYER,
        Role::Seller => SELLER,
        Role::Arbiter => ARBITER,
    }
}

/// Two punnets at 11.90 and a jar at 30.00: 53.80, and 5.00 of shipping.
pub(crate) const TOTAL: i64 = 5_880;

pub(crate) fn request(payment_method: PaymentMethodKind) -> Request {
    let line = |listing: &str, quantity: u32, price: i64| RequestLine {
        listing: listing.into(),
        record: RecordId([7; 32]),
        version: 3,
        sku: format!("{listing}-1"),
        quantity,
        title: listing.into(),
        options: vec![],
        price: cny(price),
        picture: None,
    };
    let address = Address { name: "Mei".into(), country: "CN".into(), street: "4 Hutong".into(), ..Address::default() };
    Request {
        lines: vec![line("strawberries", 2, 1_190), line("honey", 1, 3_000)],
        fulfilment: Fulfilment::Shipping { option: "bike".into(), address },
        payment_method,
        max_total: cny(TOTAL),
        expires: TimestampMs(EXPIRY),
        review_key: REVIEW_KEY,
        pin_hash: Some(pin_hash(&REVIEW_KEY, PIN)),
        arbiters: vec![ARBITER],
        note: "Ripe ones, please".into(),
    }
}

pub(crate) fn quote(request: &Request) -> Quote {
    let lines: Vec<QuoteLine> = request
        .lines
        .iter()
        .map(|line| QuoteLine {
            listing: line.listing.clone(),
            record: line.record,
            version: line.version,
            sku: line.sku.clone(),
            quantity: line.quantity,
            title: line.title.clone(),
            options: vec![],
            price: line.price,
            total: line.price.times(line.quantity).unwrap(),
            picture: None,
        })
        .collect();
    let items = Money::sum(Currency::CNY, lines.iter().map(|line| line.total)).unwrap();
    Quote {
        lines,
        items,
        shipping: cny(500),
        tax: cny(0),
        discount: cny(0),
        total: items.plus(cny(500)).unwrap(),
        valid_until: TimestampMs(EXPIRY),
        lease_id: [5; 16],
        lease_until: TimestampMs(EXPIRY + DAY_MS),
        payment_method: request.payment_method,
        payment_instructions: "Bank of the alley, 6222".into(),
        cancellation_fee: BasisPoints(1_000),
        returns: ReturnPolicy::default(),
        pickup: None,
        completion_ms: 14 * DAY_MS,
        ruling: Some(RulingTerms { arbiter: ARBITER, deadline_ms: 7 * DAY_MS, fallback_to_buyer: BasisPoints(2_500) }),
        terms: String::new(),
    }
}

/// The entries of one order, in the order in which they were written.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    pub(crate) entries: Vec<LogEntry>,
    /// The next entry's time.
    pub(crate) now: u64,
}

impl Log {
    pub(crate) fn requested(method: PaymentMethodKind) -> Self {
        let body = OrderEntry {
            to: SELLER,
            order: None,
            role: Role::Buyer,
            contract: None,
            entry: Entry::Request { request: request(method) },
        };
        let first = LogEntry { id: RecordId([0xaa; 32]), author: BUYER, at: TimestampMs(START), prev: vec![], body };
        Self { entries: vec![first], now: START + 1 }
    }

    pub(crate) fn quoted(method: PaymentMethodKind) -> Self {
        let mut log = Self::requested(method);
        log.did(Role::Seller, Entry::Quote { quote: quote(&request(method)) }, 2);
        log
    }

    pub(crate) fn accepted(method: PaymentMethodKind) -> Self {
        let mut log = Self::quoted(method);
        let quote = log.order().quote_id.unwrap();
        log.did(Role::Buyer, Entry::Accept { quote }, 3);
        log
    }

    /// Paid by bank transfer.
    pub(crate) fn paid() -> Self {
        let mut log = Self::accepted(PaymentMethodKind::BankTransfer);
        log.did(Role::Buyer, claim(TOTAL), 8);
        log.did(Role::Seller, Entry::AcceptPayment { amount: cny(TOTAL) }, 9);
        log
    }

    pub(crate) fn in_progress() -> Self {
        let mut log = Self::paid();
        log.did(Role::Seller, Entry::Start, 10);
        log
    }

    pub(crate) fn handed_over() -> Self {
        let mut log = Self::in_progress();
        log.did(Role::Seller, hand_over(vec![]), 11);
        log
    }

    pub(crate) fn delivered() -> Self {
        let mut log = Self::handed_over();
        log.did(Role::Buyer, Entry::ConfirmDelivery { lines: vec![] }, 12);
        log
    }

    pub(crate) fn order(&self) -> Order {
        Order::fold(self.entries[0].id, self.entries.clone()).unwrap()
    }

    /// Writes as somebody who has seen everything; what became of it.
    pub(crate) fn write(&mut self, role: Role, entry: Entry) -> Result<u8, Ignored> {
        let (body, prev) = self.order().next_entry(role, entry);
        self.push(account(role), prev, body)
    }

    /// Writes what must have an effect, by this row.
    #[track_caller]
    pub(crate) fn did(&mut self, role: Role, entry: Entry, row: u8) -> &mut Self {
        let kind = entry.kind();
        assert_eq!(self.write(role, entry), Ok(row), "{kind:?} by {role:?}");
        self
    }

    /// Writes as `author`, who had seen `prev`.
    pub(crate) fn push(&mut self, author: AccountId, prev: Vec<RecordId>, body: OrderEntry) -> Result<u8, Ignored> {
        let id = RecordId::of(format!("{} {:?}", self.entries.len(), body.entry).as_bytes());
        self.entries.push(LogEntry { id, author, at: TimestampMs(self.now), prev, body });
        self.now += 1;
        self.outcome(&id)
    }

    pub(crate) fn event(&self, id: &RecordId) -> Event {
        self.order().timeline.into_iter().find(|event| event.id == *id).unwrap()
    }

    pub(crate) fn outcome(&self, id: &RecordId) -> Result<u8, Ignored> {
        self.event(id).outcome
    }

    pub(crate) fn last(&self) -> RecordId {
        self.entries.last().unwrap().id
    }

    /// Lets time pass.
    pub(crate) fn at(&mut self, now: u64) -> &mut Self {
        self.now = now;
        self
    }
}

pub(crate) fn claim(minor: i64) -> Entry {
    Entry::ClaimPayment { amount: cny(minor), method: PaymentMethodKind::BankTransfer, reference: "42".into() }
}

pub(crate) fn cancel() -> Entry {
    Entry::Cancel { reason: "changed my mind".into() }
}

pub(crate) fn decline() -> Entry {
    Entry::Decline { reason: DeclineReason::OutOfStock, text: String::new() }
}

pub(crate) fn hand_over(lines: Vec<u16>) -> Entry {
    Entry::HandOver { lines, carrier: "SF".into(), tracking: "SF1".into(), pin_hash: None, content: None }
}

pub(crate) fn pin(pin: &str) -> Entry {
    Entry::EnterPin { lines: vec![], pin: pin.into() }
}

pub(crate) fn refund(minor: i64, of: RefundFor) -> Entry {
    Entry::Refund { amount: cny(minor), of, reason: "bruised".into() }
}

pub(crate) fn open_case() -> Entry {
    Entry::OpenCase { claim: "Half of them were bad".into(), outcome: "Half back".into(), evidence: vec![] }
}

pub(crate) fn propose(to_buyer: i64) -> Entry {
    Entry::ProposeSettlement { split: split(to_buyer), text: String::new() }
}

pub(crate) fn split(to_buyer: i64) -> Split {
    Split { to_buyer: cny(to_buyer), to_seller: cny(TOTAL - to_buyer) }
}
