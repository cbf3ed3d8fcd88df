//! What sort of thing a listing is: the API's words for the protocol's.

use hutong_protocol::market as protocol;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The state of the goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// New.
    New,
    /// Used.
    Used,
    /// Refurbished.
    Refurbished,
}

/// What is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListingKind {
    /// A thing.
    Physical,
    /// A file or code.
    Digital,
    /// Work.
    Service,
}

/// Whether a listing is for sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListingStatus {
    /// For sale.
    Active,
    /// Not yet; kept on the store's node.
    Draft,
    /// No more.
    Archived,
}

impl From<protocol::Condition> for Condition {
    fn from(condition: protocol::Condition) -> Self {
        match condition {
            protocol::Condition::New => Self::New,
            protocol::Condition::Used => Self::Used,
            protocol::Condition::Refurbished => Self::Refurbished,
        }
    }
}

impl From<Condition> for protocol::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::New => Self::New,
            Condition::Used => Self::Used,
            Condition::Refurbished => Self::Refurbished,
        }
    }
}

impl From<protocol::ItemKind> for ListingKind {
    fn from(kind: protocol::ItemKind) -> Self {
        match kind {
            protocol::ItemKind::Digital => Self::Digital,
            protocol::ItemKind::Service => Self::Service,
            // One of a later version is shown as a thing.
            _ => Self::Physical,
        }
    }
}

impl From<ListingKind> for protocol::ItemKind {
    fn from(kind: ListingKind) -> Self {
        match kind {
            ListingKind::Physical => Self::Physical,
            ListingKind::Digital => Self::Digital,
            ListingKind::Service => Self::Service,
        }
    }
}
