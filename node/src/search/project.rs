//! From what is stored to what can be found: the documents, read through the features' views. Everything in the index
//! comes from here, so a rebuilt index is the same as one that followed along.

use hutong_protocol::{
    AccountId, Kind as RecordKind,
    market::{Listing, ListingStatus, STORE_SLOT, Store},
    record::Stored,
};

use super::document::{Change, Document, DocumentKey};
use crate::{
    account, chat, contact,
    engine::{ChatId, EngineError, Indexed, followed, get_slot, keys},
    group,
    store::{Direction, KeyRange, Read},
};

/// How one thing is to be found now: a document to put, or a key to forget.
///
/// # Errors
/// The store's, or damage.
pub fn change(read: &dyn Read, what: &Indexed) -> Result<Change, EngineError> {
    let (key, document) = match what {
        Indexed::Listing(store, slot) => (DocumentKey::listing(store, slot), listing(read, store, slot)?),
        Indexed::Store(account) => (DocumentKey::store(account), store(read, account)?),
        Indexed::Person(account) => (DocumentKey::person(account), person(read, account)?),
        Indexed::Group(id) => (DocumentKey::group(id), group_document(read, id)?),
        Indexed::Message(chat, id) => (DocumentKey::message(&chat.to_string(), id), message(read, chat, id)?),
    };
    Ok(document.map_or(Change::Remove(key), |document| Change::Put(Box::new(document))))
}

fn listing(read: &dyn Read, store: &AccountId, slot: &str) -> Result<Option<Document>, EngineError> {
    let Some((_, record)) = get_slot(read, store, &RecordKind::Listing, slot)? else { return Ok(None) };
    let body: Listing = record.body()?;
    if body.status != ListingStatus::Active {
        return Ok(None);
    }
    let mut document = Document::new(DocumentKey::listing(store, slot), body.name.clone(), *store, record.header.at);
    document.price = Some(body.price_range().0);
    document.in_stock = Some(body.is_available());
    document.picture = body.images.first().map(|image| image.hash);
    document.extra = body
        .tags
        .iter()
        .chain(body.variants.iter().map(|variant| &variant.sku))
        .chain(body.variants.iter().flat_map(|variant| &variant.options))
        .fold(String::new(), |all, word| all + word + " ");
    (document.brand, document.category, document.description) = (body.brand, body.category, body.description);
    Ok(Some(document))
}

fn store(read: &dyn Read, account: &AccountId) -> Result<Option<Document>, EngineError> {
    let Some((_, record)) = get_slot(read, account, &RecordKind::Store, STORE_SLOT)? else { return Ok(None) };
    let body: Store = record.body()?;
    let mut document = Document::new(DocumentKey::store(account), body.name, *account, record.header.at);
    document.description = body.about;
    document.picture = body.logo;
    document.extra = body.pickup.iter().fold(String::new(), |all, place| all + &place.name + " ");
    Ok(Some(document))
}

fn person(read: &dyn Read, account: &AccountId) -> Result<Option<Document>, EngineError> {
    let contact = contact::view::get(read, account)?;
    let Some(profile) = account::view::profile(read, account)?.filter(|_| !contact.blocked) else { return Ok(None) };
    let mut document = Document::new(DocumentKey::person(account), profile.name, *account, contact.since);
    document.description = profile.about;
    document.picture = profile.picture;
    // What this user calls somebody, and whom they know, is nobody else's business.
    document.private = true;
    document.extra = contact.alias.unwrap_or_default();
    Ok(Some(document))
}

fn group_document(read: &dyn Read, id: &hutong_protocol::GroupId) -> Result<Option<Document>, EngineError> {
    let Some(row) = group::view::get(read, id)? else { return Ok(None) };
    let Some(owner) = row.owner else { return Ok(None) };
    let mut document = Document::new(DocumentKey::group(id), row.name, owner, Default::default());
    (document.description, document.picture) = (row.about, row.picture);
    // That this node is in it is nobody else's business either.
    document.private = true;
    Ok(Some(document))
}

fn message(read: &dyn Read, chat: &ChatId, id: &hutong_protocol::RecordId) -> Result<Option<Document>, EngineError> {
    let message = chat::view::message(read, chat, id)?.filter(|message| message.gone.is_none());
    let Some(message) = message else { return Ok(None) };
    let author = account::view::party(read, &message.author)?;
    let key = DocumentKey::message(&chat.to_string(), id);
    let mut document = Document::new(key, author.name, message.author, message.at);
    (document.description, document.picture) = (message.content.text, author.picture);
    if let Some(hutong_protocol::chat::Card::Listing { title, .. }) = message.content.card {
        document.extra = title;
    }
    Ok(Some(document))
}

/// Everything that can be found, for a rebuild: what the features' records and rows name.
///
/// # Errors
/// The store's, or damage.
pub fn everything(read: &dyn Read) -> Result<Vec<Indexed>, EngineError> {
    let mut all = Vec::new();
    all.extend(contact::view::list(read)?.into_iter().map(|(account, _)| Indexed::Person(account)));
    all.extend(group::view::list(read)?.into_iter().map(|(group, _)| Indexed::Group(group)));
    for (chat, _) in chat::view::list(read)? {
        let (messages, _) = chat::view::page(read, &chat, None, usize::MAX / 16)?;
        all.extend(messages.into_iter().map(|message| Indexed::Message(chat, message.id)));
    }
    for topic in followed(read)? {
        let prefix = keys::set(&topic);
        for (_, bytes) in read.collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX)? {
            let header = Stored::decode(bytes)?.header;
            match (header.kind, header.slot) {
                (RecordKind::Listing, Some(slot)) => all.push(Indexed::Listing(header.account, slot)),
                (RecordKind::Store, _) => all.push(Indexed::Store(header.account)),
                (RecordKind::Profile, _) => all.push(Indexed::Person(header.account)),
                _ => {}
            }
        }
    }
    all.sort();
    all.dedup();
    Ok(all)
}
