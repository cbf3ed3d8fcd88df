//! Stores and listings: every limit at its edge, and the largest catalogue entry fits a record.

#![allow(clippy::unwrap_used, reason = "a test may")]

use hutong_protocol::{
    BlobHash, Certificate, DeviceKey, Draft, Kind, RecordId, TimestampMs, Topic, codec,
    limits::{DESCRIPTION_BYTES_MAX, IMAGES_MAX, QUANTITY_MAX, RECORD_BYTES_MAX, TAGS_MAX, VARIANTS_MAX},
    market::{
        Condition, Image, ItemKind, Listing, ListingStatus, Measure, MeasureUnit, PaymentMethod, PaymentMethodKind,
        PickupPlace, ReturnPolicy, ShippingOption, Stock, Store, Variant, VariantOption,
    },
    money::{BasisPoints, Currency, Money},
    signature::AccountKey,
};

fn variant(sku: &str, options: &[&str]) -> Variant {
    Variant {
        sku: sku.into(),
        options: options.iter().map(|&value| value.into()).collect(),
        price: 1_190,
        compare_at: Some(1_390),
        stock: Stock { tracked: true, qty: 12, allow_backorder: false },
        weight_g: Some(500),
        image: None,
        gtin: Some("06901234567892".into()),
        measure: Some(Measure { quantity: 500, unit: MeasureUnit::G }),
    }
}

fn listing() -> Listing {
    Listing {
        name: "Strawberries, 草莓".into(),
        description: "Picked this morning.\nSweet.".into(),
        language: "en".into(),
        images: vec![Image { hash: BlobHash([7; 32]), alt: "A punnet".into() }],
        brand: String::new(),
        category: "Fruit".into(),
        tags: vec!["fresh".into()],
        condition: Condition::New,
        kind: ItemKind::Physical,
        status: ListingStatus::Active,
        currency: Currency::CNY,
        options: vec![VariantOption { name: "Size".into(), values: vec!["500 g".into(), "1 kg".into()] }],
        variants: vec![variant("STRAW-500", &["500 g"]), variant("STRAW-1000", &["1 kg"])],
        shipping: vec![],
    }
}

fn store() -> Store {
    Store {
        name: "Aunt Wang's greens".into(),
        about: "Around the corner".into(),
        logo: None,
        banner: None,
        currency: Currency::CNY,
        languages: vec!["zh-Hans".into(), "en".into()],
        opening_hours: "Mon-Sat 7-19".into(),
        contact: String::new(),
        payment_methods: vec![PaymentMethod { kind: PaymentMethodKind::PayOnDelivery, instructions: "Cash".into() }],
        shipping: vec![ShippingOption {
            id: "bike".into(),
            name: "By bike".into(),
            zones: vec!["CN-33".into()],
            rate: Money::new(500, Currency::CNY),
            additional_item: None,
            free_from: Some(Money::new(5_000, Currency::CNY)),
            days_min: 0,
            days_max: 1,
        }],
        pickup: vec![PickupPlace {
            id: "stall".into(),
            name: "Stall 4".into(),
            address: "West gate".into(),
            hours: String::new(),
        }],
        returns: ReturnPolicy::default(),
        policies: String::new(),
        cancellation_fee: BasisPoints(0),
        arbiters: vec![],
        vacation: false,
    }
}

#[test]
fn a_listing_and_a_store_are_valid_and_read_back() {
    let (listing, store) = (listing(), store());
    assert_eq!((listing.validate(), store.validate()), (Ok(()), Ok(())));
    let bytes = codec::encode(&listing).unwrap();
    assert_eq!(codec::decode::<Listing>(&bytes, RECORD_BYTES_MAX).unwrap(), listing);
    let bytes = codec::encode(&store).unwrap();
    assert_eq!(codec::decode::<Store>(&bytes, RECORD_BYTES_MAX).unwrap(), store);
    assert_eq!(listing.price_range(), (Money::new(1_190, Currency::CNY), Money::new(1_190, Currency::CNY)));
    assert_eq!(listing.picture(None), Some(BlobHash([7; 32])));
}

#[test]
fn what_breaks_a_rule_is_refused() {
    for (why, break_it) in [
        ("no name", (|l| l.name.clear()) as fn(&mut Listing)),
        ("a bidi override in the name", |l| l.name = "a\u{202e}b".into()),
        ("a description one byte too long", |l| l.description = "x".repeat(DESCRIPTION_BYTES_MAX + 1)),
        ("no variant", |l| l.variants.clear()),
        ("two variants with one sku", |l| l.variants[1].sku = l.variants[0].sku.clone()),
        ("two variants with the same options", |l| l.variants[1].options = l.variants[0].options.clone()),
        ("a value that no option lists", |l| l.variants[0].options = vec!["2 kg".into()]),
        ("too few values", |l| l.variants[0].options.clear()),
        ("a negative price", |l| l.variants[0].price = -1),
        ("a price of 2^53", |l| l.variants[0].price = 1 << 53),
        ("a negative former price", |l| l.variants[0].compare_at = Some(-1)),
        ("too many pieces", |l| l.variants[0].stock.qty = QUANTITY_MAX + 1),
        ("a GTIN of 5 digits", |l| l.variants[0].gtin = Some("12345".into())),
        ("a GTIN with letters", |l| l.variants[0].gtin = Some("1234567a".into())),
        ("a measure of nothing", |l| l.variants[0].measure = Some(Measure { quantity: 0, unit: MeasureUnit::Ml })),
        ("one picture too many", |l| l.images = vec![l.images[0].clone(); IMAGES_MAX + 1]),
        ("one tag too many", |l| l.tags = (0..=TAGS_MAX).map(|n| n.to_string()).collect()),
        ("five options", |l| l.options = vec![l.options[0].clone(); 5]),
        ("101 variants", |l| {
            l.options.clear();
            l.variants = (0..=VARIANTS_MAX).map(|n| variant(&n.to_string(), &[])).collect();
        }),
        ("a language that is none", |l| l.language = "<script>".into()),
    ] {
        let mut listing = listing();
        break_it(&mut listing);
        assert!(listing.validate().is_err(), "{why}");
    }
    for (why, break_it) in [
        ("no way to pay", (|s| s.payment_methods.clear()) as fn(&mut Store)),
        ("shipping in another currency", |s| s.shipping[0].rate.currency = Currency::USD),
        ("negative shipping", |s| s.shipping[0].rate.minor = -1),
        ("a zone that is none", |s| s.shipping[0].zones = vec!["China".into()]),
        ("no zone", |s| s.shipping[0].zones.clear()),
        ("longest before shortest", |s| s.shipping[0].days_min = 9),
        ("one id for two options", |s| s.shipping = vec![s.shipping[0].clone(); 2]),
        ("a fee above the price", |s| s.returns.fee = BasisPoints(10_001)),
    ] {
        let mut store = store();
        break_it(&mut store);
        assert!(store.validate().is_err(), "{why}");
    }
}

#[test]
fn shipping_zones_match_countries_and_their_parts() {
    let ships = |zone: &str, country: &str, region: &str| {
        let mut option = store().shipping.remove(0);
        option.zones = vec![zone.into()];
        option.ships_to(country, region)
    };
    assert!(ships("*", "DE", "") && ships("CN", "CN", "Zhejiang") && ships("CN-33", "CN", "33"));
    assert!(ships("CN-33", "CN", "CN-33"));
    assert!(!ships("CN-33", "CN", "11") && !ships("CN", "TW", "") && !ships("CN-33", "DE", "33"));
}

#[test]
fn a_hundred_full_variants_fit_one_record() {
    let mut listing = listing();
    let sizes: Vec<String> = (0..10).map(|n| format!("Size number {n}, 中号")).collect();
    let colours: Vec<String> = (0..10).map(|n| format!("A rather long colour {n}")).collect();
    listing.options = vec![
        VariantOption { name: "Size".into(), values: sizes.clone() },
        VariantOption { name: "Colour".into(), values: colours.clone() },
    ];
    listing.variants = sizes
        .iter()
        .flat_map(|size| colours.iter().map(move |colour| (size, colour)))
        .enumerate()
        .map(|(n, (size, colour))| Variant {
            image: Some(BlobHash([n as u8; 32])),
            ..variant(&format!("MANUFACTURER-SERIES-{n:04}"), &[size, colour])
        })
        .collect();
    listing.description = "字".repeat(DESCRIPTION_BYTES_MAX / 3);
    listing.images = (0..IMAGES_MAX).map(|n| Image { hash: BlobHash([n as u8; 32]), alt: "x".repeat(100) }).collect();
    assert_eq!((listing.variants.len(), listing.validate()), (VARIANTS_MAX, Ok(())));
    let account = AccountKey::from_seed(&[1; 32]);
    let device = DeviceKey::from_seed(&[2; 32]);
    let certificate = Certificate::issue(&account, device.id(), TimestampMs(0));
    let draft = Draft::new(Topic::Store(account.id()), Kind::Listing, &listing).unwrap().in_slot("shirt", 1);
    let bytes = draft.sign(&device, &certificate, TimestampMs(1)).unwrap();
    let record = hutong_protocol::Unverified::decode(bytes).unwrap();
    assert_ne!(record.id(), RecordId([0; 32]));
}

#[test]
fn words_of_a_later_version_do_not_make_a_store_unreadable() {
    let mut bytes = codec::encode(&store()).unwrap();
    let at = bytes.windows(15).position(|part| part == b"pay_on_delivery").unwrap();
    bytes[at..at + 15].copy_from_slice(b"pay_by_handsign");
    let read: Store = codec::decode(&bytes, RECORD_BYTES_MAX).unwrap();
    assert_eq!(read.payment_methods[0].kind, PaymentMethodKind::Unknown);
}
