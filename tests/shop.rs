//! A person with a shop.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::{Options, Person, client::text};

/// The shop's catalogue, in Shopify's current format: six products, one with variants, one with a single piece.
pub const CATALOGUE: &str = include_str!("fixtures/catalogue.csv");

const PICTURES: [(&str, &[u8]); 6] = [
    ("cherry-tomatoes.jpg", include_bytes!("fixtures/pictures/cherry-tomatoes.jpg")),
    ("soy-milk.jpg", include_bytes!("fixtures/pictures/soy-milk.jpg")),
    ("noodles.jpg", include_bytes!("fixtures/pictures/noodles.jpg")),
    ("jasmine-tea.jpg", include_bytes!("fixtures/pictures/jasmine-tea.jpg")),
    ("red-bean-buns.jpg", include_bytes!("fixtures/pictures/red-bean-buns.jpg")),
    ("blue-teapot.jpg", include_bytes!("fixtures/pictures/blue-teapot.jpg")),
];

/// The bytes of one of the catalogue's pictures.
///
/// # Panics
/// If there is none of that name.
#[must_use]
pub fn picture(name: &str) -> &'static [u8] {
    PICTURES.iter().find(|(known, _)| *known == name).expect("a picture of the catalogue").1
}

/// Somebody who sells.
#[derive(Debug)]
pub struct Shop {
    /// Who.
    pub owner: Person,
}

impl Shop {
    /// Starts a node, opens a store on it and imports [`CATALOGUE`] with its pictures.
    ///
    /// # Errors
    /// If any of it fails.
    pub async fn open(name: &str) -> Result<Self> {
        Self::open_with(name, Options::default()).await
    }

    /// As [`Shop::open`], with options for the node.
    ///
    /// # Errors
    /// If any of it fails.
    pub async fn open_with(name: &str, options: Options) -> Result<Self> {
        let owner = Person::with(name, options).await?;
        owner.api().put("/api/store", settings(name)).await?;
        let pictures = PICTURES.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect();
        let report = owner.api().import(CATALOGUE.as_bytes().to_vec(), pictures, false).await?;
        ensure!(report["applied"] == true && report["products"] == 6, "the import failed: {report:#}");
        ensure!(report["pictures"] == 6, "pictures are missing: {report:#}");
        Ok(Self { owner })
    }

    /// The store's id, which is its owner's.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.owner.account
    }

    /// The id of the listing whose title starts with this.
    ///
    /// # Errors
    /// If the store has none such.
    pub async fn listing(&self, title: &str) -> Result<String> {
        let page = self.owner.api().get("/api/store/listings?limit=100").await?;
        let all = page["listings"].as_array().cloned().unwrap_or_default();
        let found = all.iter().find(|one| one["title"].as_str().is_some_and(|have| have.starts_with(title)));
        found.map(|one| text(one, "listing")).ok_or_else(|| anyhow::anyhow!("no listing {title} in {page:#}"))
    }

    /// Lets a person know the store, by its link, and waits until its goods are on their node.
    ///
    /// # Errors
    /// If they do not come.
    pub async fn known_to(&self, person: &mut Person) -> Result<()> {
        let uri = text(&self.owner.api().get("/api/store").await?, "uri");
        let path = format!("/api/stores/{}", self.id());
        person.api().post(&format!("{path}/follow"), json!({ "uri": uri })).await?;
        person.until("the catalogue arrives", &path, |store| store["listing_count"] == 6).await?;
        Ok(())
    }

    /// Does something with an order; the order.
    ///
    /// # Errors
    /// If the node refuses.
    pub async fn act(&self, order: &str, action: &str, with: Value) -> Result<Value> {
        act(&self.owner, order, action, with).await
    }
}

impl Person {
    /// Places an order for one piece; the order's id.
    ///
    /// # Errors
    /// If the node refuses.
    pub async fn order(&self, shop: &Shop, (listing, sku): (&str, &str), rest: Value) -> Result<String> {
        let mut body = json!({
            "store": shop.id(),
            "lines": [{ "listing": listing, "sku": sku, "quantity": 1 }],
            "fulfilment": { "kind": "shipping", "option": "home", "address": address() },
            "payment_method": "pay_on_delivery", "auto_accept": false,
        });
        if let (Some(body), Some(rest)) = (body.as_object_mut(), rest.as_object()) {
            body.extend(rest.clone());
        }
        Ok(text(&self.api().post("/api/orders", body).await?, "order"))
    }

    /// Does something with an order; the order.
    ///
    /// # Errors
    /// If the node refuses.
    pub async fn act(&self, order: &str, action: &str, with: Value) -> Result<Value> {
        act(self, order, action, with).await
    }

    /// Waits until an order looks so on this node.
    ///
    /// # Errors
    /// If it does not in time.
    pub async fn until_order(&mut self, order: &str, what: &str, wanted: impl FnMut(&Value) -> bool) -> Result<Value> {
        self.until(what, &format!("/api/orders/{order}"), wanted).await
    }
}

async fn act(who: &Person, order: &str, action: &str, with: Value) -> Result<Value> {
    let mut body = json!({ "action": action });
    if let (Some(body), Some(with)) = (body.as_object_mut(), with.as_object()) {
        body.extend(with.clone());
    }
    who.api().post(&format!("/api/orders/{order}/actions"), body).await
}

/// Where parcels of the tests go.
#[must_use]
pub fn address() -> Value {
    json!({
        "name": "Mei Chen", "phone": "+86 138 0013 8000", "country": "CN", "region": "上海", "city": "上海市",
        "street": "黄浦区福州路 12 号 3 楼", "postal_code": "200001",
    })
}

fn settings(name: &str) -> Value {
    let yuan = |minor: u64| json!({ "minor": minor, "currency": "CNY", "exponent": 2 });
    json!({
        "name": name, "about": "Vegetables, noodles and tea from the lane", "currency": "CNY", "languages": ["en", "zh"],
        "opening_hours": "07:00–19:00", "contact": "021 5555 0101",
        "payment_methods": [
            { "kind": "pay_on_delivery", "instructions": "" },
            { "kind": "bank_transfer", "instructions": "Bank of the Lane, account 6222 0000 1234, Lan" },
        ],
        "shipping": [{
            "id": "home", "name": "Bicycle courier", "zones": ["CN"], "rate": yuan(600), "additional_item": yuan(100),
            "free_from": yuan(10_000), "days_min": 0, "days_max": 1,
        }],
        "pickup": [{ "id": "lane", "name": "The stall", "address": "Lane 7", "hours": "07:00–19:00" }],
        "returns": { "days": 7, "who_pays": "buyer", "fee_basis_points": 0, "text": "Unopened goods only" },
        "policies": "", "auto_quote": true,
    })
}
