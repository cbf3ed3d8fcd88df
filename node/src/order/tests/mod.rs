//! Tests of the order feature, and the goods that they and others sell.

mod alley;
mod by_hand;

use hutong_protocol::{
    BlobHash,
    market::{
        Condition, Image, ItemKind, Listing, ListingStatus, PaymentMethod,
        PaymentMethodKind::{BankTransfer, PayOnDelivery},
        PickupPlace, ReturnPolicy, ShippingOption, Stock, Store, Variant,
    },
    money::{BasisPoints, Currency, Money},
    order::Address,
};

pub(crate) const fn cny(minor: i64) -> Money {
    Money::new(minor, Currency::CNY)
}

pub(crate) fn store() -> Store {
    Store {
        name: "Aunt Wang's greens".into(),
        about: "Around the corner".into(),
        logo: None,
        banner: None,
        currency: Currency::CNY,
        languages: vec!["zh-Hans".into()],
        opening_hours: String::new(),
        contact: String::new(),
        payment_methods: vec![
            PaymentMethod { kind: PayOnDelivery, instructions: "Cash".into() },
            PaymentMethod { kind: BankTransfer, instructions: "Bank of the alley, 6222".into() },
        ],
        shipping: vec![ShippingOption {
            id: "bike".into(),
            name: "By bike".into(),
            zones: vec!["CN".into()],
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
            hours: String::new(),
        }],
        returns: ReturnPolicy::default(),
        policies: String::new(),
        cancellation_fee: BasisPoints(1_000),
        arbiters: vec![],
        vacation: false,
    }
}

pub(crate) fn strawberries(qty: u32) -> Listing {
    Listing {
        name: "Strawberries".into(),
        description: "Picked this morning".into(),
        language: "en".into(),
        images: vec![Image { hash: BlobHash([7; 32]), alt: String::new() }],
        brand: String::new(),
        category: "Fruit".into(),
        tags: vec![],
        condition: Condition::New,
        kind: ItemKind::Physical,
        status: ListingStatus::Active,
        currency: Currency::CNY,
        options: vec![],
        variants: vec![Variant {
            sku: "STRAW-500".into(),
            options: vec![],
            price: 1_190,
            compare_at: None,
            stock: Stock { tracked: true, qty, allow_backorder: false },
            weight_g: Some(500),
            image: None,
            gtin: None,
            measure: None,
        }],
        shipping: vec![],
    }
}

pub(crate) fn home() -> Address {
    Address { name: "Mei".into(), country: "CN".into(), street: "4 Hutong".into(), ..Address::default() }
}
