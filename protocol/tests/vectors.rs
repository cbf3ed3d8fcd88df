//! Golden vectors: one signed record per kind, and one per entry of an order, byte for byte. A vector that changes is a
//! change of the wire format, and so a new version of it.
//!
//! Keys: account seed 32 × 0x01, device seed 32 × 0x02, the other account's seed 32 × 0x03; certificate from
//! 1,760,000,000,000; every record at 1,760,000,100,000. `HUTONG_BLESS=1` writes the files anew.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::{collections::BTreeSet, path::PathBuf};

use hutong_protocol::{
    AccountId, BlobHash, Certificate, DeviceKey, Draft, GroupId, Kind, RecordId, RevocationStatement, Signature,
    TimestampMs, Topic, Unverified,
    account::{Device, Profile, Revocation, SealKeys},
    chat::{
        Action, Attachment, AttachmentKind, Card, Content, FileKey, Location, Mention, Message, MessageAction, Receipt,
        ReceiptStatus,
    },
    circle::CircleSecret,
    contact::{ContactAnswer, ContactRequest},
    group::{
        Details, GroupAction, GroupAsk, GroupEntry, GroupKnock, GroupMember, GroupMessage, GroupWelcome, Newcomer, Op,
        Role as GroupRole, Settings, ticket_proof,
    },
    mailbox::{Mailbox, ReadKey, Route},
    market::{
        Condition, Image, ItemKind, Listing, ListingStatus, Measure, MeasureUnit, Payer, PaymentMethod,
        PaymentMethodKind, PickupPlace, ReturnPolicy, ShippingOption, Stock, Store, Variant, VariantOption,
    },
    money::{BasisPoints, Currency, Money},
    order::{
        Address, DeclineReason, Entry, EntryKind, Fulfilment, ListingSignature, OrderEntry, Quote, QuoteLine,
        RefundFor, Request, RequestLine, Role, RulingTerms, Split, pin_hash,
    },
    own::{Adoption, Own},
    postage::{Stamp, Work, day_of},
    record::verify_all,
    signature::{AccountKey, Purpose},
    tombstone::Tombstone,
    trust::{ContractHash, Countersignature, Recommendation, Review, ReviewKey, countersigned_message},
};
use serde::Serialize;
use serde_bytes::ByteBuf;

const NOT_BEFORE: TimestampMs = TimestampMs(1_760_000_000_000);
const AT: TimestampMs = TimestampMs(1_760_000_100_000);

struct Author {
    account: AccountKey,
    device: DeviceKey,
    certificate: Certificate,
    other: AccountId,
}

fn author() -> Author {
    let (account, device) = (AccountKey::from_seed(&[1; 32]), DeviceKey::from_seed(&[2; 32]));
    let certificate = Certificate::issue(&account, device.id(), NOT_BEFORE);
    Author { account, device, certificate, other: AccountKey::from_seed(&[3; 32]).id() }
}

impl Author {
    fn me(&self) -> AccountId {
        self.certificate.account
    }

    fn sign(&self, draft: Draft) -> Vec<u8> {
        draft.sign(&self.device, &self.certificate, AT).unwrap()
    }

    fn public<B: Serialize>(&self, topic: Topic, kind: Kind, slot: Option<&str>, body: &B) -> (String, Vec<u8>) {
        let name = kind.to_string();
        let draft = Draft::new(topic, kind, body).unwrap();
        let draft = match slot {
            Some(slot) => draft.in_slot(slot, 3),
            None => draft,
        };
        (name, self.sign(draft))
    }

    fn private<B: Serialize>(&self, kind: Kind, body: &B) -> (String, Vec<u8>) {
        let name = kind.to_string();
        (name, self.sign(Draft::new(Topic::direct(&self.me(), &self.other), kind, body).unwrap()))
    }
}

fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

fn addresses() -> Vec<String> {
    vec!["/ip4/192.0.2.7/udp/4001/quic-v1/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5".into()]
}

fn people(author: &Author) -> Vec<(String, Vec<u8>)> {
    let (me, to) = (author.me(), author.other);
    let profile = Profile {
        name: "王小美 Mei".into(),
        about: "Neighbour".into(),
        picture: Some(BlobHash([0x11; 32])),
        postage: None,
    };
    let device = author.device.id();
    let revoked = DeviceKey::from_seed(&[4; 32]).id();
    let statement = RevocationStatement::issue(&author.account, revoked, AT);
    let reply_to = Some(RecordId([0x22; 32]));
    let card = Card::Listing {
        store: to,
        listing: "strawberries".into(),
        title: "Strawberries".into(),
        price_minor: Some(1_190),
        currency: Some("CNY".into()),
        picture: Some(BlobHash([0x33; 32])),
        addresses: addresses(),
    };
    let content = Content { text: "Fresh today\n草莓".into(), reply_to, card: Some(card), ..Content::default() };
    let nonce = [0x44; 16];
    let group = GroupId::derive(&me, &nonce, false);
    let topic = || Topic::Group(group);
    vec![
        author.public(Topic::Profile(me), Kind::Profile, Some("profile"), &profile),
        author.public(
            Topic::Profile(me),
            Kind::Device,
            Some(&device.to_string()),
            &Device { name: "Mei's laptop".into(), ..Device::default() },
        ),
        (
            "device.seal".into(),
            author
                .public(
                    Topic::Profile(me),
                    Kind::Device,
                    Some(&device.to_string()),
                    &Device {
                        name: "Mei's laptop".into(),
                        seal: Some(SealKeys { envelope: [0x51; 32], identity: [0x52; 32], fallback: [0x53; 32] }),
                        mailbox: true,
                        strangers: Vec::new(),
                    },
                )
                .1,
        ),
        author.public(Topic::Profile(me), Kind::Revocation, Some(&revoked.to_string()), &Revocation { statement }),
        author.private(Kind::Own, &Own::Contact { account: to, alias: Some("王小美".into()), blocked: false }),
        author.private(
            Kind::Adoption,
            &Adoption {
                secret: [0x63; 16],
                certificate: Certificate::issue(&author.account, DeviceKey::from_seed(&[0x64; 32]).id(), NOT_BEFORE),
            },
        ),
        author.private(
            Kind::Route,
            &Route {
                to,
                mailboxes: vec![Mailbox {
                    device: DeviceKey::from_seed(&[0x61; 32]).id(),
                    addresses: addresses(),
                    write: ReadKey([0x62; 32]).write_key(),
                }],
                circle: None,
            },
        ),
        author.private(
            Kind::ContactRequest,
            &ContactRequest {
                to,
                profile: profile.clone(),
                text: "Hello!".into(),
                addresses: addresses(),
                mailboxes: Vec::new(),
                stamp: None,
                tags: Vec::new(),
            },
        ),
        author.private(
            Kind::ContactAnswer,
            &ContactAnswer { to, accepted: true, profile: Some(profile), addresses: addresses() },
        ),
        author.private(Kind::Message, &Message { to, content: content.clone() }),
        author.private(
            Kind::Receipt,
            &Receipt { to, status: ReceiptStatus::Delivered, ids: vec![RecordId([0x55; 32]), RecordId([0x66; 32])] },
        ),
        author.public(
            topic(),
            Kind::GroupMember,
            Some("member"),
            &GroupMember { joined: true, name: "Mei".into(), picture: None },
        ),
        author.public(topic(), Kind::GroupMessage, None, &GroupMessage { content, after: Vec::new() }),
        author.public(
            topic(),
            Kind::Tombstone,
            None,
            &Tombstone { id: RecordId([0x77; 32]), kind: Kind::GroupMessage },
        ),
    ]
}

/// The log of a private group, a message in it, and what leads into it.
fn groups(author: &Author) -> Vec<(String, Vec<u8>)> {
    let (me, to, nonce) = (author.me(), author.other, [0x44; 16]);
    let group = GroupId::derive(&me, &nonce, true);
    let ticket = AccountKey::from_seed(&[0x71; 32]);
    let newcomer = |account: AccountId, name: &str| Newcomer { account, name: name.into(), picture: None };
    let entry = |op: Op, seen: &[u8]| {
        let entry = GroupEntry { op, devices: Vec::new() };
        let draft = Draft::new(Topic::of_group(group), Kind::GroupEntry, &entry).unwrap();
        author.sign(draft.after(seen.iter().map(|id| RecordId([*id; 32])).collect()))
    };
    let details = Details { name: "王家 Family".into(), about: "Sundays".into(), picture: None };
    let settings = Settings { members_invite: true, history: true, slow_ms: 1_000, ..Settings::default() };
    let founder = newcomer(me, "王小美 Mei");
    let mut vectors: Vec<(String, Vec<u8>)> = [
        ("found", entry(Op::Found { nonce, details: details.clone(), settings: settings.clone(), founder }, &[])),
        ("describe", entry(Op::Describe(details), &[1])),
        ("set", entry(Op::Set(settings), &[1])),
        ("ticket", entry(Op::Ticket { ticket: ticket.id(), account: Some(to), until: AT }, &[1])),
        ("revoke", entry(Op::Revoke { ticket: ticket.id() }, &[1])),
        (
            "admit",
            entry(
                Op::Admit {
                    newcomer: newcomer(to, "Tom"),
                    ticket: ticket.id(),
                    proof: ticket_proof(&ticket, &group, &to),
                },
                &[1, 2],
            ),
        ),
        ("add", entry(Op::Add { newcomers: vec![newcomer(to, "Tom")] }, &[1])),
        ("remove", entry(Op::Remove { account: to, ban: true, since: Some(AT) }, &[1])),
        ("pardon", entry(Op::Pardon { account: to }, &[1])),
        ("role", entry(Op::Role { account: to, role: GroupRole::Admin }, &[1])),
        ("leave", entry(Op::Leave {}, &[1])),
        ("devices", entry(Op::Devices {}, &[1])),
        ("mute", entry(Op::Mute { account: to, until: AT }, &[1])),
        ("pin", entry(Op::Pin { message: RecordId([0x77; 32]), at: AT, pinned: true }, &[1])),
        ("delete", entry(Op::Delete { message: RecordId([0x77; 32]), at: AT }, &[1])),
    ]
    .into_iter()
    .map(|(name, bytes)| (if name == "found" { "group.entry".into() } else { format!("group.entry.{name}") }, bytes))
    .collect();
    let content = Content { text: "Sunday?\n周日".into(), ..Content::default() };
    let message = GroupMessage { content, after: vec![RecordId([0x78; 32])] };
    let draft = Draft::new(Topic::of_group(group), Kind::GroupMessage, &message).unwrap();
    vectors.push(("group.message.private".into(), author.sign(draft.after(vec![RecordId([1; 32])]))));
    let knock = GroupKnock {
        to,
        group,
        newcomer: newcomer(me, "Mei"),
        ticket: Some((ticket.id(), ticket_proof(&ticket, &group, &me))),
        text: "May I?".into(),
        answers: vec!["Number 7".into()],
        devices: Vec::new(),
    };
    let name = "王家 Family".into();
    vectors.push(author.private(Kind::GroupKnock, &knock));
    let welcome = GroupWelcome { to, group, name, accepted: true, addresses: addresses() };
    vectors.push(author.private(Kind::GroupWelcome, &welcome));
    vectors.push(author.private(Kind::GroupAsk, &GroupAsk { to, group, ids: vec![RecordId([0x79; 32])] }));
    vectors
}

/// What is for strangers.
fn strangers(author: &Author) -> Vec<(String, Vec<u8>)> {
    let (me, to, device) = (author.me(), author.other, author.device.id().to_string());
    let profile = Profile { name: "Mei".into(), postage: Some(22), ..Profile::default() };
    let mailbox = Mailbox {
        device: DeviceKey::from_seed(&[0x61; 32]).id(),
        addresses: addresses(),
        write: ReadKey([0x65; 32]).write_key(),
    };
    let secret = CircleSecret([0x66; 32]);
    let (salt, day) = ([0x67; 16], day_of(AT));
    let nonce = Work::new(&me, &to, &salt, day).search(12, 0, u64::MAX).unwrap();
    let request = ContactRequest {
        to,
        profile: profile.clone(),
        text: "Hello!".into(),
        addresses: addresses(),
        mailboxes: vec![mailbox.clone()],
        stamp: Some(Stamp { salt, day, nonce }),
        tags: secret.tag(&me, &to).to_vec(),
    };
    let device_body = Device { name: "Mei's laptop".into(), strangers: vec![mailbox], ..Device::default() };
    let named = |name: &str, (_, bytes): (String, Vec<u8>)| (name.to_owned(), bytes);
    vec![
        named("profile.postage", author.public(Topic::Profile(me), Kind::Profile, Some("profile"), &profile)),
        named("device.strangers", author.public(Topic::Profile(me), Kind::Device, Some(&device), &device_body)),
        named("contact.request.stamp", author.private(Kind::ContactRequest, &request)),
        named("route.circle", author.private(Kind::Route, &Route { to, mailboxes: vec![], circle: Some(secret) })),
        named("own.circle", author.private(Kind::Own, &Own::Circle { secret, since: NOT_BEFORE })),
    ]
}

/// One of each action, with the name of its vector; the kind's own name holds a reaction.
fn actions(author: &Author) -> Vec<(String, Vec<u8>)> {
    let (target, target_at, to) = (RecordId([0x77; 32]), TimestampMs(1_760_000_050_000), author.other);
    let topic = Topic::Group(GroupId::derive(&author.me(), &[0x44; 16], false));
    let mut vectors = Vec::new();
    for (name, action) in [
        ("", Action::React { emoji: "👍".into(), on: true }),
        (".edit", Action::Edit { text: "Fresh tomorrow\n草莓".into(), mentions: Vec::new() }),
        (".recall", Action::Recall),
        (".delete", Action::Delete),
    ] {
        let direct = MessageAction { to, target, target_at, action: action.clone() };
        let group = GroupAction { target, target_at, action };
        let made = [
            author.private(Kind::MessageAction, &direct),
            author.public(topic.clone(), Kind::GroupAction, None, &group),
        ];
        vectors.extend(made.map(|(kind, bytes)| (format!("{kind}{name}"), bytes)));
    }
    // What a message may also carry.
    let mentions = vec![Mention { account: to, name: "Tom".into() }];
    let content = Content { text: "For @Tom".into(), mentions, forwarded: Some(true), ..Content::default() };
    let (_, bytes) = author.public(topic, Kind::GroupMessage, None, &GroupMessage { content, after: Vec::new() });
    vectors.push(("group.message.mention".into(), bytes));
    let content = Content { disappear_ms: Some(86_400_000), ..Content::default() };
    let draft = Draft::new(Topic::direct(&author.me(), &to), Kind::Message, &Message { to, content }).unwrap();
    let draft = Draft { expires: Some(TimestampMs(1_760_086_500_000)), ..draft };
    vectors.push(("message.disappear".into(), author.sign(draft)));
    vectors.extend(carried(author));
    vectors
}

/// Files and places.
fn carried(author: &Author) -> Vec<(String, Vec<u8>)> {
    let to = author.other;
    let size = [8u32.to_be_bytes(), 6u32.to_be_bytes()].concat();
    let thumbnail = [b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(), &size].concat();
    let picture = Attachment {
        blob: BlobHash([0x71; 32]),
        key: Some(FileKey([0x72; 32])),
        size: 123_456,
        media_type: "image/jpeg".into(),
        name: "草莓.jpg".into(),
        kind: AttachmentKind::Image,
        width: Some(1_600),
        height: Some(1_200),
        duration_ms: None,
        waveform: None,
        thumbnail: Some(ByteBuf::from(thumbnail)),
    };
    let voice = Attachment {
        blob: BlobHash([0x73; 32]),
        key: None,
        size: 9_000,
        media_type: "audio/webm".into(),
        name: "voice.webm".into(),
        kind: AttachmentKind::Voice,
        width: None,
        height: None,
        duration_ms: Some(3_500),
        waveform: Some(ByteBuf::from(vec![0, 128, 255])),
        thumbnail: None,
    };
    let location = Location {
        lat_e7: 399_042_110,
        lon_e7: -1_164_073_950,
        accuracy_m: Some(12),
        label: Some("东门".into()),
        live_until: Some(TimestampMs(AT.0 + 900_000)),
    };
    let files = Content { attachments: vec![picture, voice], ..Content::default() };
    let place = Content { location: Some(location), ..Content::default() };
    assert_eq!((files.validate(), place.validate()), (Ok(()), Ok(())));
    let action = Action::Move { lat_e7: 399_042_111, lon_e7: -1_164_073_951, accuracy_m: Some(5), ended: true };
    let moved = MessageAction { to, target: RecordId([0x61; 32]), target_at: AT, action };
    vec![
        ("message.attachments".into(), author.private(Kind::Message, &Message { to, content: files }).1),
        ("message.location".into(), author.private(Kind::Message, &Message { to, content: place }).1),
        ("message.action.move".into(), author.private(Kind::MessageAction, &moved).1),
    ]
}

fn goods(author: &Author) -> Vec<(String, Vec<u8>)> {
    let me = author.me();
    let store = Store {
        name: "Aunt Wang's greens".into(),
        about: "Around the corner".into(),
        logo: Some(BlobHash([0x88; 32])),
        banner: None,
        currency: Currency::CNY,
        languages: vec!["zh-Hans".into(), "en".into()],
        opening_hours: "Mon-Sat 7-19".into(),
        contact: "+86 10 0000 0000".into(),
        payment_methods: vec![
            PaymentMethod { kind: PaymentMethodKind::PayOnDelivery, instructions: "Cash".into() },
            PaymentMethod { kind: PaymentMethodKind::BankTransfer, instructions: "6222 0000".into() },
        ],
        shipping: vec![ShippingOption {
            id: "bike".into(),
            name: "By bike".into(),
            zones: vec!["CN-11".into()],
            rate: cny(500),
            additional_item: Some(cny(100)),
            free_from: Some(cny(10_000)),
            days_min: 0,
            days_max: 1,
        }],
        pickup: vec![PickupPlace {
            id: "stall".into(),
            name: "Stall 4".into(),
            address: "West gate".into(),
            hours: "7-19".into(),
        }],
        returns: ReturnPolicy { days: 7, who_pays: Payer::Seller, fee: BasisPoints(500), text: "Unopened".into() },
        policies: "Be kind".into(),
        cancellation_fee: BasisPoints(1_000),
        arbiters: vec![author.other],
        vacation: false,
    };
    let listing = Listing {
        name: "Strawberries 草莓".into(),
        description: "Picked this morning.\nSweet.".into(),
        language: "en".into(),
        images: vec![Image { hash: BlobHash([0x33; 32]), alt: "A punnet".into() }],
        brand: "Wang".into(),
        category: "Fruit".into(),
        tags: vec!["fresh".into()],
        condition: Condition::New,
        kind: ItemKind::Physical,
        status: ListingStatus::Active,
        currency: Currency::CNY,
        options: vec![VariantOption { name: "Size".into(), values: vec!["500 g".into()] }],
        variants: vec![Variant {
            sku: "STRAW-500".into(),
            options: vec!["500 g".into()],
            price: 1_190,
            compare_at: Some(1_390),
            stock: Stock { tracked: true, qty: 12, allow_backorder: false },
            weight_g: Some(500),
            image: Some(BlobHash([0x99; 32])),
            gtin: Some("06901234567892".into()),
            measure: Some(Measure { quantity: 500, unit: MeasureUnit::G }),
        }],
        shipping: vec!["bike".into()],
    };
    let key = ReviewKey::from_seed(&[5; 32]);
    let (contract, seller) = (contract(), AccountKey::from_seed(&[3; 32]));
    let seller_device = DeviceKey::from_seed(&[6; 32]);
    let certificate = Certificate::issue(&seller, seller_device.id(), NOT_BEFORE);
    let review = Review {
        contract,
        review_key: key.id(),
        seller_countersig: Countersignature::issue(
            &seller_device,
            &certificate,
            &contract,
            &key.id(),
            &me,
            "strawberries",
        ),
        review_sig: Signature([0; 64]),
        item: "strawberries".into(),
        overall: 5,
        quality: Some(5),
        description: None,
        delivery: Some(4),
        service: None,
        text: "Sweet!".into(),
        photos: vec![BlobHash([0xaa; 32])],
        revision: 3,
    };
    let review = review.sign(&key, &me).unwrap();
    assert_eq!(review.verify(&me, &author.other), Ok(()));
    let recommendation = Recommendation {
        store: author.other,
        listing: "strawberries".into(),
        title: "Strawberries".into(),
        text: "Try these".into(),
        recommended: true,
    };
    let (review_slot, slot) =
        (Review::slot(&key.id(), "strawberries"), Recommendation::slot(&author.other, "strawberries"));
    vec![
        author.public(Topic::Store(me), Kind::Store, Some("store"), &store),
        author.public(Topic::Store(me), Kind::Listing, Some("strawberries"), &listing),
        author.public(Topic::Store(author.other), Kind::Review, Some(&review_slot), &review),
        author.public(Topic::Profile(me), Kind::Recommendation, Some(&slot), &recommendation),
    ]
}

fn contract() -> ContractHash {
    ContractHash::of(&RecordId([0xb1; 32]), &RecordId([0xb2; 32]))
}

fn request() -> Request {
    let key = ReviewKey::from_seed(&[5; 32]).id();
    Request {
        lines: vec![RequestLine {
            listing: "strawberries".into(),
            record: RecordId([0xc1; 32]),
            version: 3,
            sku: "STRAW-500".into(),
            quantity: 2,
            title: "Strawberries".into(),
            options: vec!["500 g".into()],
            price: cny(1_190),
            picture: Some(BlobHash([0x33; 32])),
        }],
        fulfilment: Fulfilment::Shipping {
            option: "bike".into(),
            address: Address {
                name: "Mei".into(),
                phone: "+86 10 1111 1111".into(),
                country: "CN".into(),
                region: "11".into(),
                city: "Beijing".into(),
                street: "4 Hutong".into(),
                postal_code: "100000".into(),
            },
        },
        payment_method: PaymentMethodKind::BankTransfer,
        max_total: cny(2_980),
        expires: TimestampMs(1_760_086_500_000),
        review_key: key,
        pin_hash: Some(pin_hash(&key, "204060")),
        arbiters: vec![AccountId([0xd1; 32])],
        note: "Ripe ones".into(),
    }
}

fn quote() -> Quote {
    Quote {
        lines: vec![QuoteLine {
            listing: "strawberries".into(),
            record: RecordId([0xc1; 32]),
            version: 3,
            sku: "STRAW-500".into(),
            quantity: 2,
            title: "Strawberries".into(),
            options: vec!["500 g".into()],
            price: cny(1_190),
            total: cny(2_380),
            picture: Some(BlobHash([0x33; 32])),
        }],
        items: cny(2_380),
        shipping: cny(600),
        tax: cny(0),
        discount: cny(0),
        total: cny(2_980),
        valid_until: TimestampMs(1_760_086_500_000),
        lease_id: [0xe1; 16],
        lease_until: TimestampMs(1_760_345_700_000),
        payment_method: PaymentMethodKind::BankTransfer,
        payment_instructions: "6222 0000".into(),
        cancellation_fee: BasisPoints(1_000),
        returns: ReturnPolicy::default(),
        pickup: None,
        completion_ms: 1_209_600_000,
        ruling: Some(RulingTerms {
            arbiter: AccountId([0xd1; 32]),
            deadline_ms: 604_800_000,
            fallback_to_buyer: BasisPoints(5_000),
        }),
        terms: "Be kind".into(),
    }
}

/// One of each kind of entry, with who writes it.
fn entries(author: &Author) -> Vec<(Role, Entry)> {
    use Role::{Arbiter, Buyer, Seller};
    let (lines, text) = (vec![0u16], || "words".to_owned());
    let split = Split { to_buyer: cny(1_000), to_seller: cny(1_980) };
    let key = ReviewKey::from_seed(&[5; 32]).id();
    let message = countersigned_message(&contract(), &key, &author.other, "strawberries");
    let signature = author.device.sign(Purpose::ReviewKey, &message);
    let signatures = vec![ListingSignature { listing: "strawberries".into(), signature }];
    let (carrier, tracking) = (|| "SF".to_owned(), || "SF1".to_owned());
    vec![
        (Buyer, Entry::Request { request: request() }),
        (Seller, Entry::Quote { quote: quote() }),
        (Buyer, Entry::Accept { quote: RecordId([0xb1; 32]) }),
        (Seller, Entry::Countersign { certificate: author.certificate.clone(), signatures }),
        (Seller, Entry::Decline { reason: DeclineReason::OutOfStock, text: text() }),
        (Buyer, Entry::Expire),
        (Buyer, Entry::Cancel { reason: text() }),
        (Seller, Entry::ApproveCancel { fee: cny(100) }),
        (Seller, Entry::RefuseCancel { reason: text() }),
        (
            Buyer,
            Entry::ClaimPayment { amount: cny(2_980), method: PaymentMethodKind::BankTransfer, reference: "42".into() },
        ),
        (Seller, Entry::AcceptPayment { amount: cny(2_980) }),
        (Seller, Entry::RejectPayment { reason: text() }),
        (Seller, Entry::HoldPayment { amount: cny(2_980), proof: [0xf1; 32] }),
        (Buyer, Entry::ReleasePayment),
        (Seller, Entry::Start),
        (Seller, Entry::Ready { lines: lines.clone(), pin_hash: request().pin_hash }),
        (
            Seller,
            Entry::HandOver {
                lines: lines.clone(),
                carrier: carrier(),
                tracking: tracking(),
                pin_hash: None,
                content: Some(BlobHash([0xf2; 32])),
            },
        ),
        (Buyer, Entry::ConfirmDelivery { lines: lines.clone() }),
        (Seller, Entry::CarrierDelivered { lines: lines.clone(), event: text() }),
        (Seller, Entry::EnterPin { lines: lines.clone(), pin: "204060".into() }),
        (Buyer, Entry::FailDelivery { lines: lines.clone(), reason: text() }),
        (Buyer, Entry::Complete),
        (Seller, Entry::Refund { amount: cny(500), of: RefundFor::Line(0), reason: text() }),
        (Buyer, Entry::RequestReturn { lines, reason: text() }),
        (Seller, Entry::AuthoriseReturn { text: text() }),
        (Seller, Entry::DeclineReturn { reason: text() }),
        (Buyer, Entry::ReturnSent { carrier: carrier(), tracking: tracking() }),
        (Seller, Entry::ReturnReceived),
        (Buyer, Entry::OpenCase { claim: text(), outcome: text(), evidence: vec![BlobHash([0xf3; 32])] }),
        (Seller, Entry::ProposeSettlement { split, text: text() }),
        (Buyer, Entry::AcceptSettlement { proposal: RecordId([0xf4; 32]) }),
        (Arbiter, Entry::Rule { split, code: "damaged".into(), text: text() }),
        (Buyer, Entry::FallBack),
        (Seller, Entry::Execute { receipt: text() }),
        (Buyer, Entry::Review { review: RecordId([0xf5; 32]) }),
    ]
}

fn orders(author: &Author) -> Vec<(String, Vec<u8>)> {
    let entries = entries(author);
    let kinds: BTreeSet<EntryKind> = entries.iter().map(|(_, entry)| entry.kind()).collect();
    assert_eq!(kinds, EntryKind::ALL.iter().copied().collect(), "every kind of entry has a vector");
    let sign = |role: Role, entry: Entry| {
        let kind = entry.kind();
        let first = kind == EntryKind::Request;
        let bound = !matches!(kind, EntryKind::Request | EntryKind::Quote | EntryKind::Accept | EntryKind::Decline);
        let body = OrderEntry {
            to: author.other,
            order: (!first).then_some(RecordId([0xb0; 32])),
            role,
            contract: bound.then(contract),
            entry,
        };
        let draft = Draft::new(Topic::direct(&author.me(), &author.other), Kind::Order, &body).unwrap();
        let refs = if first { vec![] } else { vec![RecordId([0xb0; 32])] };
        let bytes = author.sign(draft.after(refs));
        let record = Unverified::decode(bytes.clone()).unwrap();
        body.validate(record.header()).unwrap();
        (kind, bytes)
    };
    let mut vectors = Vec::new();
    for (role, entry) in entries {
        let (kind, bytes) = sign(role, entry);
        if kind == EntryKind::Request {
            vectors.push(("order".to_owned(), bytes.clone()));
        }
        vectors.push((format!("order.{}", kind.as_str()), bytes));
    }
    vectors
}

fn vectors() -> Vec<(String, Vec<u8>)> {
    let author = author();
    [people(&author), strangers(&author), groups(&author), actions(&author), goods(&author), orders(&author)].concat()
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors")).join(format!("{name}.hex"))
}

/// Lines of 100 digits, so that a difference can be seen.
fn to_hex(bytes: &[u8]) -> String {
    let digits = data_encoding::HEXLOWER.encode(bytes);
    digits.as_bytes().chunks(100).map(|line| format!("{}\n", std::str::from_utf8(line).unwrap())).collect()
}

#[test]
fn every_kind_has_its_golden_vector() {
    let vectors = vectors();
    let names: BTreeSet<&str> = vectors.iter().map(|(name, _)| name.as_str()).collect();
    let kinds: BTreeSet<&str> = Kind::ALL.iter().map(Kind::as_str).collect();
    assert!(names.is_superset(&kinds), "{:?}", kinds.difference(&names));
    for (name, bytes) in &vectors {
        if std::env::var_os("HUTONG_BLESS").is_some() {
            std::fs::write(path(name), to_hex(bytes)).unwrap();
        }
        let golden = std::fs::read_to_string(path(name)).unwrap_or_default();
        assert_eq!(golden, to_hex(bytes), "{name}: the wire format has changed; if that is meant, it is a new version");
    }
    let files = std::fs::read_dir(path("x").parent().unwrap()).unwrap().count();
    assert_eq!(files, names.len(), "a file that is no vector");
}

#[test]
fn every_golden_vector_verifies() {
    let batch = vectors().into_iter().map(|(_, bytes)| Unverified::decode(bytes).unwrap()).collect();
    for result in verify_all(batch, |_| false) {
        let record = result.unwrap();
        assert_eq!((record.header().at, record.header().v), (AT, 1));
    }
}
