//! Stores and listings: from the node's views to the API's shapes.

use hutong_node::{
    engine::EngineError,
    market::{
        own::Publication,
        view::{self, ListingView, StoreView},
    },
    trust,
};
use hutong_protocol::{
    AccountId,
    link::{Link, Target},
    market as protocol,
};

use super::{
    common::Money,
    market::{
        Listing, ListingImage, ListingOption, ListingPage, ListingStatus, ListingSummary, PaymentMethod,
        PaymentMethodKind, PickupPlace, ReturnPayer, ReturnPolicy, ShippingOption, Store, StoreSummary, UnitPrice,
        Variant,
    },
    trust::Rating,
};
use crate::views::Views;

/// A store in a list.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn store_summary(views: &Views<'_>, view: &StoreView) -> Result<StoreSummary, EngineError> {
    let last_seen = views.last_seen(&view.account)?;
    Ok(StoreSummary {
        store: view.account.into(),
        name: view.store.name.clone(),
        about: view.store.about.clone(),
        logo: view.store.logo.map(Into::into),
        followed: view.row.followed,
        online: views.is_online(&view.account),
        last_seen: last_seen.map(Into::into),
        listing_count: view.row.listings,
        rating: rating(trust::view::store_rating(views.read, &view.account)?),
        vacation: view.store.vacation,
    })
}

/// A store whose record is not here: what a cart can still say of it.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn unknown_store(views: &Views<'_>, account: &AccountId) -> Result<StoreSummary, EngineError> {
    Ok(StoreSummary {
        store: (*account).into(),
        name: views.party(account)?.name,
        about: String::new(),
        logo: None,
        followed: false,
        online: views.is_online(account),
        last_seen: views.last_seen(account)?.map(Into::into),
        listing_count: 0,
        rating: Rating::default(),
        vacation: false,
    })
}

/// A store in full.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn store(views: &Views<'_>, view: &StoreView) -> Result<Store, EngineError> {
    let mine = views.me == Some(view.account);
    let body = &view.store;
    Ok(Store {
        summary: store_summary(views, view)?,
        banner: body.banner.map(Into::into),
        currency: body.currency.to_string(),
        languages: body.languages.clone(),
        opening_hours: body.opening_hours.clone(),
        contact: body.contact.clone(),
        payment_methods: payment_methods(body),
        shipping: body.shipping.iter().cloned().map(Into::into).collect(),
        pickup: body.pickup.iter().cloned().map(Into::into).collect(),
        returns: body.returns.clone().into(),
        policies: body.policies.clone(),
        uri: uri(views, Target::Store(view.account), &body.name, &view.row.addresses),
        mine,
    })
}

/// A link to something of a store, with addresses of whoever has it: this node, and the store's own.
fn uri(views: &Views<'_>, target: Target, name: &str, known: &[String]) -> String {
    let mut addresses = known.to_vec();
    addresses.extend(views.node.addresses());
    let mut name = name.to_owned();
    hutong_protocol::text::truncate(&mut name, hutong_protocol::limits::NAME_BYTES_MAX);
    Link::new(target, Some(name.trim().to_owned()), addresses).to_string()
}

/// The ways to pay that this version knows.
pub(crate) fn payment_methods(store: &protocol::Store) -> Vec<PaymentMethod> {
    let known = |method: &protocol::PaymentMethod| {
        let kind = payment_kind(method.kind)?;
        Some(PaymentMethod { kind, instructions: method.instructions.clone() })
    };
    store.payment_methods.iter().filter_map(known).collect()
}

/// A way to pay; none if it is one of a later version.
pub(crate) const fn payment_kind(kind: protocol::PaymentMethodKind) -> Option<PaymentMethodKind> {
    match kind {
        protocol::PaymentMethodKind::PayOnDelivery => Some(PaymentMethodKind::PayOnDelivery),
        protocol::PaymentMethodKind::BankTransfer => Some(PaymentMethodKind::BankTransfer),
        _ => None,
    }
}

impl From<PaymentMethodKind> for protocol::PaymentMethodKind {
    fn from(kind: PaymentMethodKind) -> Self {
        match kind {
            PaymentMethodKind::PayOnDelivery => Self::PayOnDelivery,
            PaymentMethodKind::BankTransfer => Self::BankTransfer,
        }
    }
}

impl From<protocol::ShippingOption> for ShippingOption {
    fn from(option: protocol::ShippingOption) -> Self {
        Self {
            id: option.id,
            name: option.name,
            zones: option.zones,
            rate: option.rate.into(),
            additional_item: option.additional_item.map(Into::into),
            free_from: option.free_from.map(Into::into),
            days_min: option.days_min,
            days_max: option.days_max,
        }
    }
}

impl From<protocol::PickupPlace> for PickupPlace {
    fn from(place: protocol::PickupPlace) -> Self {
        let protocol::PickupPlace { id, name, address, hours } = place;
        Self { id, name, address, hours }
    }
}

impl From<PickupPlace> for protocol::PickupPlace {
    fn from(place: PickupPlace) -> Self {
        let PickupPlace { id, name, address, hours } = place;
        Self { id, name, address, hours }
    }
}

impl From<protocol::ReturnPolicy> for ReturnPolicy {
    fn from(policy: protocol::ReturnPolicy) -> Self {
        let who_pays = match policy.who_pays {
            protocol::Payer::Buyer => ReturnPayer::Buyer,
            protocol::Payer::Seller => ReturnPayer::Seller,
        };
        Self { days: policy.days, who_pays, fee_basis_points: policy.fee.0, text: policy.text }
    }
}

impl From<ReturnPolicy> for protocol::ReturnPolicy {
    fn from(policy: ReturnPolicy) -> Self {
        let who_pays = match policy.who_pays {
            ReturnPayer::Buyer => protocol::Payer::Buyer,
            ReturnPayer::Seller => protocol::Payer::Seller,
        };
        let fee = hutong_protocol::money::BasisPoints(policy.fee_basis_points);
        Self { days: policy.days, who_pays, fee, text: policy.text }
    }
}

/// What buyers gave.
pub(crate) fn rating(rating: trust::view::Rating) -> Rating {
    Rating {
        average_tenths: rating.average_tenths.and_then(|tenths| u8::try_from(tenths).ok()),
        count: rating.count,
        buyers: rating.buyers,
        contacts: rating.contacts,
    }
}

/// A page of listings.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn page(views: &Views<'_>, page: view::Page) -> Result<ListingPage, EngineError> {
    let listings = page.listings.iter().map(|view| summary(views, view)).collect::<Result<_, _>>()?;
    let total = u32::try_from(page.total).unwrap_or(u32::MAX);
    Ok(ListingPage { listings, after: page.after, total })
}

/// A listing in a list.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn summary(views: &Views<'_>, view: &ListingView) -> Result<ListingSummary, EngineError> {
    let body = &view.listing;
    let (price_min, price_max) = body.price_range();
    // The struck-through price belongs to the variant whose price is shown.
    let cheapest = body.variants.iter().min_by_key(|variant| variant.price);
    let compare_at = cheapest.and_then(|variant| variant.compare_at.filter(|before| *before > variant.price));
    let unit_price = body.variants.first().and_then(|variant| {
        let (price, unit) = variant.measure?.unit_price(body.money(variant.price))?;
        Some(UnitPrice { price: price.into(), unit: unit.to_owned() })
    });
    let mut recommended_by = Vec::new();
    for account in trust::view::recommended_by(views.read, &view.store, &view.handle)? {
        if views.me != Some(account) {
            recommended_by.push(views.party(&account)?.name);
        }
    }
    Ok(ListingSummary {
        store: views.party(&view.store)?,
        listing: view.handle.clone(),
        title: body.name.clone(),
        price_min: price_min.into(),
        price_max: price_max.into(),
        compare_at: compare_at.map(|minor| body.money(minor).into()),
        picture: body.picture(None).or_else(|| body.variants.iter().find_map(|variant| variant.image)).map(Into::into),
        available: body.is_available() && !view.draft,
        category: body.category.clone(),
        rating: rating(trust::view::rating(views.read, &view.store, &view.handle)?),
        recommended_by,
        unit_price,
    })
}

/// A listing in full.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn listing(views: &Views<'_>, view: &ListingView) -> Result<Listing, EngineError> {
    let store = view::store(views.read, &view.store)?;
    let addresses = store.as_ref().map(|store| store.row.addresses.clone()).unwrap_or_default();
    let terms = store.map(|store| store.store);
    let body = &view.listing;
    let applies = |option: &protocol::ShippingOption| body.shipping.is_empty() || body.shipping.contains(&option.id);
    let offered = terms.iter().flat_map(|store| store.shipping.iter().filter(|option| applies(option)));
    Ok(Listing {
        record: view.record.map(Into::into),
        version: view.version,
        description: body.description.clone(),
        brand: body.brand.clone(),
        tags: body.tags.clone(),
        condition: body.condition.into(),
        kind: body.kind.into(),
        images: body.images.iter().map(|i| ListingImage { hash: i.hash.into(), alt: i.alt.clone() }).collect(),
        options: body
            .options
            .iter()
            .map(|option| ListingOption { name: option.name.clone(), values: option.values.clone() })
            .collect(),
        variants: body.variants.iter().map(|variant| variant_shape(body, variant)).collect(),
        shipping: offered.cloned().map(Into::into).collect(),
        pickup: terms.iter().flat_map(|store| &store.pickup).cloned().map(Into::into).collect(),
        returns: terms.as_ref().map(|store| store.returns.clone()).unwrap_or_default().into(),
        payment_methods: terms.as_ref().map(payment_methods).unwrap_or_default(),
        store_online: views.is_online(&view.store),
        store_last_seen: views.last_seen(&view.store)?.map(Into::into),
        updated_at: view.at.into(),
        uri: uri(views, Target::Listing(view.store, view.handle.clone()), &body.name, &addresses),
        mine: views.me == Some(view.store),
        status: match Publication::of(view.draft, body.status) {
            Publication::Active => ListingStatus::Active,
            Publication::Draft => ListingStatus::Draft,
            Publication::Archived => ListingStatus::Archived,
        },
        recommended: match &views.me {
            Some(me) => trust::view::recommendation(views.read, &view.store, &view.handle, me)?.is_some(),
            None => false,
        },
        summary: summary(views, view)?,
    })
}

fn variant_shape(listing: &protocol::Listing, variant: &protocol::Variant) -> Variant {
    let money = |minor: i64| -> Money { listing.money(minor).into() };
    Variant {
        sku: variant.sku.clone(),
        options: variant.options.clone(),
        price: money(variant.price),
        compare_at: variant.compare_at.filter(|before| *before > variant.price).map(money),
        stock: stock(variant),
        allow_backorder: variant.stock.allow_backorder,
        weight_g: variant.weight_g,
        image: variant.image.map(Into::into),
        gtin: variant.gtin.clone(),
        available: listing.status == protocol::ListingStatus::Active && variant.stock.has(1),
    }
}

/// Pieces there are; none if the store does not count.
pub(crate) fn stock(variant: &protocol::Variant) -> Option<i64> {
    variant.stock.tracked.then(|| i64::from(variant.stock.qty))
}
