//! Sets the scene: accounts, contacts, the group and its history, two open shops.

use futures::future::{try_join, try_join_all};
use hutong_web::api::{
    account::{Account, AccountCreate, AccountCreated, PhraseConfirm, PhraseWord},
    address::Address,
    blob::Blob,
    chat::{Message, MessagePage, MessageSend},
    chat_card::CardRef,
    common::{BlobHash, Id, Money},
    contact::{Contact, ContactAdd, ContactState},
    group::{Group, GroupCreate, GroupJoin},
    import::ImportReport,
    market::{
        PaymentMethod, PaymentMethodKind, PickupPlace, ReturnPayer, ReturnPolicy, ShippingOption, Store, StoreFollow,
    },
    store::{MyStore, StoreUpdate},
};
use reqwest::multipart::{Form, Part};
use serde_json::Value;

use super::{
    Actor, DemoError, assets,
    cast::{self, Person, Shop},
};
use crate::output::Output;

/// Somebody with an account.
#[derive(Clone)]
pub(super) struct Somebody {
    pub(super) actor: Actor,
    pub(super) account: Account,
}

/// Somebody with a shop.
#[derive(Clone)]
pub(super) struct Keeper {
    pub(super) actor: Actor,
    pub(super) shop: &'static Shop,
    pub(super) store: Store,
}

impl Keeper {
    /// Whether the shop's catalogue has this listing.
    pub(super) fn sells(&self, listing: &str) -> bool {
        assets::file(self.shop.catalogue)
            .is_ok_and(|csv| String::from_utf8_lossy(&csv).contains(&format!(",{listing},")))
    }
}

/// Everything as it is when you come.
pub(super) struct Scene {
    pub(super) you: Actor,
    pub(super) your_account: Option<Id>,
    pub(super) mei: Somebody,
    pub(super) tom: Somebody,
    pub(super) greens: Keeper,
    pub(super) lane: Keeper,
    pub(super) group: Group,
}

impl Scene {
    /// Sets it. With `fresh` your own node stays as a new node is.
    ///
    /// # Errors
    /// If a node refuses something, or something does not arrive.
    pub(super) async fn set(actors: &[Actor; 5], fresh: bool, output: Output) -> Result<Self, DemoError> {
        let [you, mei, tom, greens, lane] = actors;
        let people = try_join(person(mei, &cast::MEI), person(tom, &cast::TOM));
        let shops = try_join(keeper(greens, &cast::GREENS), keeper(lane, &cast::LANE));
        let ((mei, tom), (greens, lane)) = try_join(people, shops).await?;
        output.say("  two shops are open, their catalogues imported");
        befriend(&tom, &mei).await?;
        let group = found_group(&mei).await?;
        for member in [&tom.actor, &greens.actor, &lane.actor] {
            join(member, &group).await?;
        }
        history(&[&mei.actor, &tom.actor, &greens.actor, &lane.actor], &group).await?;
        for keeper in [&greens, &lane] {
            try_join(follow(&mei.actor, keeper), follow(&tom.actor, keeper)).await?;
        }
        output.say("  李梅 Mei and Tom have met in the group");
        let mut scene = Self { you: you.clone(), your_account: None, mei, tom, greens, lane, group };
        if !fresh {
            scene.move_in().await?;
            output.say("  you have moved in");
        }
        post_deal(&scene.greens, &scene.group, 0).await?;
        Ok(scene)
    }

    /// You get an account, the neighbours as contacts, the group and its history, and the shops in your market.
    async fn move_in(&mut self) -> Result<(), DemoError> {
        let you = person(&self.you, &cast::YOU).await?;
        self.your_account = Some(you.account.account);
        befriend(&self.mei, &you).await?;
        befriend(&self.tom, &you).await?;
        join(&you.actor, &self.group).await?;
        follow(&you.actor, &self.greens).await?;
        follow(&you.actor, &self.lane).await?;
        let address = Address {
            name: "阿狐 Fox".into(),
            phone: "138 0000 1212".into(),
            country: "CN".into(),
            region: "北京 Beijing".into(),
            city: "东城区 Dongcheng".into(),
            street: "胡同12号院3室 · Hutong 12, room 3".into(),
            postal_code: "100007".into(),
        };
        let kept: Vec<Address> = you.actor.api.put("addresses", &[address]).await.map_err(you.actor.failed())?;
        drop(kept);
        for (who, text) in cast::WELCOMES {
            let neighbour = if who == "mei" { &self.mei.actor } else { &self.tom.actor };
            say(neighbour, &format!("direct-{}", you.account.account), text, None).await?;
        }
        Ok(())
    }

    /// The account of a node of the demonstration, as far as it has one.
    pub(super) fn account_of(&self, who: &str) -> Option<Id> {
        match who {
            "mei" => Some(self.mei.account.account),
            "tom" => Some(self.tom.account.account),
            "greens" => Some(self.greens.store.summary.store),
            "lane" => Some(self.lane.store.summary.store),
            _ => self.your_account,
        }
    }
}

async fn upload(actor: &Actor, picture: &str) -> Result<BlobHash, DemoError> {
    let bytes = assets::file(picture)?.into_owned();
    let blob: Blob = actor.api.post_bytes("blobs", "image/webp", bytes).await.map_err(actor.failed())?;
    Ok(blob.hash)
}

/// Makes an account, and shows that its phrase was written down.
async fn found_account(actor: &Actor, name: &str, about: &str, picture: &str) -> Result<Somebody, DemoError> {
    let picture = upload(actor, picture).await?;
    let order = AccountCreate { name: name.to_owned(), picture: Some(picture), phrase: None };
    let created: AccountCreated = actor.api.post("account", &order).await.map_err(actor.failed())?;
    let asked = created.confirm.iter().filter_map(|index| {
        created.words.get(usize::from(*index)).map(|word| PhraseWord { index: *index, word: word.clone() })
    });
    let confirm = PhraseConfirm { words: asked.collect() };
    actor.api.tell("account/phrase/confirm", &confirm).await.map_err(actor.failed())?;
    // Who looks at the demonstration should not wait for neighbours who work for their postage.
    let profile = serde_json::json!({ "about": about, "postage": 0 });
    let account: Account = actor.api.patch("account/profile", &profile).await.map_err(actor.failed())?;
    Ok(Somebody { actor: actor.clone(), account })
}

async fn person(actor: &Actor, person: &Person) -> Result<Somebody, DemoError> {
    found_account(actor, person.name, person.about, person.picture).await
}

/// A shop: an account, an open store, a catalogue.
async fn keeper(actor: &Actor, shop: &'static Shop) -> Result<Keeper, DemoError> {
    let owner = found_account(actor, shop.name, shop.about, shop.logo).await?;
    let update = store_update(shop, owner.account.picture);
    let _: MyStore = actor.api.put("store", &update).await.map_err(actor.failed())?;
    let csv = assets::file(shop.catalogue)?.into_owned();
    let mut form = Form::new().part("csv", Part::bytes(csv).file_name(shop.catalogue));
    for (name, bytes) in assets::pictures_of(shop.catalogue)? {
        form = form.part("pictures", Part::bytes(bytes.into_owned()).file_name(name));
    }
    let report: ImportReport = actor.api.post_form("store/import?dry_run=false", form).await.map_err(actor.failed())?;
    tracing::info!(shop = shop.name, products = report.products, errors = report.errors.len(), "catalogue imported");
    let mine: MyStore = actor.api.get("store").await.map_err(actor.failed())?;
    Ok(Keeper { actor: actor.clone(), shop, store: mine.store })
}

fn yuan(minor: i64) -> Money {
    Money { minor, currency: "CNY".into(), exponent: 2 }
}

fn store_update(shop: &Shop, logo: Option<BlobHash>) -> StoreUpdate {
    let shipping = shop.shipping.iter().map(|option| ShippingOption {
        id: option.id.into(),
        name: option.name.into(),
        zones: vec!["CN".into()],
        rate: yuan(option.rate),
        additional_item: None,
        free_from: option.free_from.map(yuan),
        days_min: option.days.0,
        days_max: option.days.1,
    });
    let (place, address) = shop.pickup;
    let pickup = PickupPlace {
        id: "shop".into(),
        name: place.into(),
        address: address.into(),
        hours: shop.opening_hours.into(),
    };
    let (days, text) = shop.returns;
    StoreUpdate {
        name: shop.name.into(),
        about: shop.about.into(),
        logo,
        banner: None,
        currency: "CNY".into(),
        languages: vec!["zh".into(), "en".into()],
        opening_hours: shop.opening_hours.into(),
        contact: shop.contact.into(),
        payment_methods: vec![
            PaymentMethod { kind: PaymentMethodKind::PayOnDelivery, instructions: String::new() },
            PaymentMethod { kind: PaymentMethodKind::BankTransfer, instructions: shop.bank.into() },
        ],
        shipping: shipping.collect(),
        pickup: vec![pickup],
        returns: ReturnPolicy { days, who_pays: ReturnPayer::Seller, fee_basis_points: 0, text: text.into() },
        policies: shop.policies.into(),
        vacation: false,
        auto_quote: Some(true),
    }
}

/// One asks by the other's link, the other says yes, and both know it.
async fn befriend(from: &Somebody, to: &Somebody) -> Result<(), DemoError> {
    let ask = ContactAdd {
        uri: Some(to.account.invite.clone()),
        account: None,
        text: Some("你好，邻居！Hello, neighbour!".to_owned()),
    };
    let _: Contact = from.actor.api.post("contacts", &ask).await.map_err(from.actor.failed())?;
    to.actor.until("a contact request", state_of(from, ContactState::Incoming)).await?;
    let accept = format!("contacts/{}/accept", from.account.account);
    let _: Contact = to.actor.api.poke(&accept).await.map_err(to.actor.failed())?;
    from.actor.until("the answer to a contact request", state_of(to, ContactState::Accepted)).await
}

/// Whether a contact has come so far.
fn state_of(
    other: &Somebody,
    wanted: ContactState,
) -> impl AsyncFnMut(&crate::api::Api) -> Result<Option<()>, crate::api::ApiError> {
    let path = format!("contacts/{}", other.account.account);
    async move |api| {
        let contact: Contact = api.get(&path).await?;
        Ok((contact.state == wanted).then_some(()))
    }
}

async fn found_group(founder: &Somebody) -> Result<Group, DemoError> {
    let picture = upload(&founder.actor, "pictures/lantern.webp").await?;
    let (name, about) = (cast::GROUP_NAME.into(), cast::GROUP_ABOUT.into());
    let order = GroupCreate { name, about, picture: Some(picture), ..GroupCreate::default() };
    founder.actor.api.post("groups", &order).await.map_err(founder.actor.failed())
}

/// Joins by the link, and waits until the group is known by its name: then its history is on its way.
async fn join(actor: &Actor, group: &Group) -> Result<(), DemoError> {
    let order = GroupJoin { uri: group.uri.clone(), ..GroupJoin::default() };
    let _: Group = actor.api.post("groups/join", &order).await.map_err(actor.failed())?;
    let path = format!("groups/{}", group.group);
    let name = group.name.clone();
    actor
        .until("the group", async move |api| {
            let joined: Group = api.get(&path).await?;
            Ok((joined.name == name).then_some(()))
        })
        .await
}

/// Everybody says their lines, each after having read the one before: so the order is the same for all.
async fn history(actors: &[&Actor], group: &Group) -> Result<(), DemoError> {
    let mut last: Option<Id> = None;
    for (who, text) in cast::HISTORY {
        let Some(actor) = actors.iter().find(|actor| actor.who == who) else { continue };
        if let Some(last) = last {
            has_message(actor, &group.chat, last).await?;
        }
        last = Some(say(actor, &group.chat, text, None).await?.id);
    }
    if let Some(last) = last {
        try_join_all(actors.iter().map(|actor| has_message(actor, &group.chat, last))).await?;
    }
    Ok(())
}

async fn has_message(actor: &Actor, chat: &str, id: Id) -> Result<(), DemoError> {
    let path = format!("chats/{chat}/messages?limit=50");
    actor
        .until("a message in the group", async move |api| {
            let page: MessagePage = api.get(&path).await?;
            Ok(page.messages.iter().any(|message| message.id == id).then_some(()))
        })
        .await
}

/// Writes a message.
///
/// # Errors
/// If the node refuses.
pub(super) async fn say(actor: &Actor, chat: &str, text: &str, card: Option<CardRef>) -> Result<Message, DemoError> {
    let message = MessageSend { text: text.to_owned(), card, ..MessageSend::default() };
    actor.api.post(&format!("chats/{chat}/messages"), &message).await.map_err(actor.failed())
}

/// Follows a shop by its link, and waits for its goods.
async fn follow(actor: &Actor, keeper: &Keeper) -> Result<(), DemoError> {
    let store = keeper.store.summary.store;
    let order = StoreFollow { uri: Some(keeper.store.uri.clone()) };
    let _: Value = actor.api.post(&format!("stores/{store}/follow"), &order).await.map_err(actor.failed())?;
    let (path, goods) = (format!("stores/{store}"), keeper.store.summary.listing_count);
    actor
        .until("a shop's goods", async move |api| {
            let known: Store = api.get(&path).await?;
            Ok((known.summary.listing_count >= goods).then_some(()))
        })
        .await
}

/// A shop shows something in the group.
///
/// # Errors
/// If the node refuses.
pub(super) async fn post_deal(keeper: &Keeper, group: &Group, turn: usize) -> Result<(), DemoError> {
    let deals = keeper.shop.deals;
    let Some((listing, text)) = deals.get(turn % deals.len().max(1)) else { return Ok(()) };
    let card = CardRef::Listing { store: keeper.store.summary.store, listing: (*listing).to_owned() };
    say(&keeper.actor, &group.chat, text, Some(card)).await.map(drop)
}
