//! Cards in messages: what is asked for, and what is shown.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    common::{BlobHash, Id, Money, Party},
    order::OrderState,
};

/// What a card shall show; the node fills in the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CardRef {
    /// A listing.
    Listing {
        /// The store's account.
        store: Id,
        /// The listing's name within the store.
        listing: String,
    },
    /// A person.
    Contact {
        /// Whose card.
        account: Id,
    },
    /// An invitation.
    Group {
        /// To which group.
        group: Id,
    },
    /// An order between the two.
    Order {
        /// Which.
        order: Id,
    },
}

/// A card in a message: what this node knows, else what its author claimed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Card {
    /// A listing.
    Listing {
        /// The store.
        store: Party,
        /// The listing's name within the store.
        listing: String,
        /// Its title.
        title: String,
        /// Its lowest price.
        #[schema(required)]
        price: Option<Money>,
        /// Its first picture.
        #[schema(required)]
        picture: Option<BlobHash>,
        /// Whether it can be bought now, as far as this node knows.
        available: bool,
    },
    /// A person.
    Contact {
        /// Who.
        party: Party,
        /// Their link.
        uri: String,
    },
    /// An invitation.
    Group {
        /// To which group.
        group: Id,
        /// Its name.
        name: String,
        /// Its picture.
        #[schema(required)]
        picture: Option<BlobHash>,
        /// Whether only its members know what is said.
        private: bool,
        /// Its link; with the invitation, if the card carries one.
        uri: String,
    },
    /// An order between the two.
    Order {
        /// Which.
        order: Id,
        /// Its title.
        title: String,
        /// Its state.
        state: OrderState,
        /// Its total, once quoted.
        #[schema(required)]
        total: Option<Money>,
    },
}
