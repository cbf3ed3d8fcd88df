//! What is indexed.

use hutong_protocol::{AccountId, BlobHash, GroupId, RecordId, TimestampMs, money::Money};
use serde::{Deserialize, Serialize};

/// What a document is about; also the section it is shown in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something for sale.
    Listing,
    /// A store.
    Store,
    /// A person.
    Person,
    /// A group.
    Group,
    /// A message of a chat; always private.
    Message,
}

impl Kind {
    /// Every kind, in the order sections are shown.
    pub const ALL: [Self; 5] = [Self::Listing, Self::Store, Self::Person, Self::Group, Self::Message];

    /// The name in keys and in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listing => "listing",
            Self::Store => "store",
            Self::Person => "person",
            Self::Group => "group",
            Self::Message => "message",
        }
    }

    /// The inverse of [`Kind::as_str`].
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Its place in [`Kind::ALL`]; stored in the index.
    #[must_use]
    pub const fn code(self) -> u64 {
        self as u64
    }

    /// The inverse of [`Kind::code`].
    #[must_use]
    pub fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The stable name of a document: `<kind>/<id>`, where the id is what the API shows. A later document with the same key
/// takes the place of the earlier one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DocumentKey(String);

impl DocumentKey {
    /// `listing/<store>/<slot>`.
    #[must_use]
    pub fn listing(store: &AccountId, slot: &str) -> Self {
        Self(format!("listing/{store}/{slot}"))
    }

    /// From a listing's id as the API shows it, `<store>/<slot>`; `None` if it is not one.
    #[must_use]
    pub fn of_listing_id(id: &str) -> Option<Self> {
        let (store, slot) = id.split_once('/')?;
        store.parse::<AccountId>().ok().filter(|_| !slot.is_empty()).map(|store| Self::listing(&store, slot))
    }

    /// `store/<account>`.
    #[must_use]
    pub fn store(account: &AccountId) -> Self {
        Self(format!("store/{account}"))
    }

    /// `person/<account>`.
    #[must_use]
    pub fn person(account: &AccountId) -> Self {
        Self(format!("person/{account}"))
    }

    /// `group/<id>`.
    #[must_use]
    pub fn group(group: &GroupId) -> Self {
        Self(format!("group/{group}"))
    }

    /// `message/<chat>/<record>`; `chat` as the API names it (`direct-<account>`, `group-<id>`).
    #[must_use]
    pub fn message(chat: &str, record: &RecordId) -> Self {
        Self(format!("message/{chat}/{record}"))
    }

    /// The whole key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind, its first part. Keys are only made by the functions above, so there always is one.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.split('/').next().and_then(Kind::from_name).unwrap_or(Kind::Message)
    }

    /// What follows the kind: the id in the API.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, id)| id)
    }
}

/// One thing that can be found, and what a result shows of it.
///
/// Text is plain (never HTML). It may be as long as a record allows; the index keeps all of it, a result shows a snippet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// Its name; says the kind too.
    pub key: DocumentKey,
    /// Name of the thing, person, group, or of a message's author.
    pub title: String,
    /// Brand or vendor of a listing; empty otherwise.
    #[serde(default)]
    pub brand: String,
    /// Category and product type of a listing; empty otherwise.
    #[serde(default)]
    pub category: String,
    /// Description, "about" text, or the text of a message.
    #[serde(default)]
    pub description: String,
    /// Anything else to be found by: tags, variants' options, SKUs, the names of pickup places.
    #[serde(default)]
    pub extra: String,
    /// Lowest price of a listing.
    pub price: Option<Money>,
    /// Whether a listing can be had now; `None` where that has no meaning.
    pub in_stock: Option<bool>,
    /// The store of a listing, the author of a message, the owner of a group, or the account itself.
    pub account: AccountId,
    /// When it was last changed or said.
    pub at: TimestampMs,
    /// Its picture.
    pub picture: Option<BlobHash>,
    /// Belongs to the private index: a contact's private text. Messages always do.
    #[serde(default)]
    pub private: bool,
}

impl Document {
    /// A document with these names and nothing else yet.
    #[must_use]
    pub fn new(key: DocumentKey, title: impl Into<String>, account: AccountId, at: TimestampMs) -> Self {
        Self {
            key,
            title: title.into(),
            brand: String::new(),
            category: String::new(),
            description: String::new(),
            extra: String::new(),
            price: None,
            in_stock: None,
            account,
            at,
            picture: None,
            private: false,
        }
    }

    /// Whether it lives in the index that never answers anybody else.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.private || self.key.kind() == Kind::Message
    }
}

/// A change of what can be found; the engine returns these as an effect, after the commit that made them true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds the document or replaces the one with the same key.
    Put(Box<Document>),
    /// Forgets the document with this key, if there is one.
    Remove(DocumentKey),
}

impl Change {
    /// The key it is about.
    #[must_use]
    pub fn key(&self) -> &DocumentKey {
        match self {
            Self::Put(document) => &document.key,
            Self::Remove(key) => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_their_kind_and_their_id_in_the_api() {
        let account = AccountId([7; 32]);
        let record = RecordId([8; 32]);
        for (key, kind, id) in [
            (DocumentKey::listing(&account, "red/pot"), Kind::Listing, format!("{account}/red/pot")),
            (DocumentKey::store(&account), Kind::Store, account.to_string()),
            (DocumentKey::person(&account), Kind::Person, account.to_string()),
            (DocumentKey::group(&GroupId([7; 32])), Kind::Group, account.to_string()),
            (DocumentKey::message("direct-x", &record), Kind::Message, format!("direct-x/{record}")),
        ] {
            assert_eq!((key.kind(), key.id()), (kind, id.as_str()));
            assert_eq!(Kind::from_code(kind.code()), Some(kind));
        }
    }

    #[test]
    fn messages_are_private_whatever_the_flag_says() {
        let author = AccountId([1; 32]);
        let message = DocumentKey::message("group-x", &RecordId([2; 32]));
        assert!(Document::new(message, "Mei", author, TimestampMs(0)).is_private());
        assert!(!Document::new(DocumentKey::person(&author), "Mei", author, TimestampMs(0)).is_private());
    }
}
