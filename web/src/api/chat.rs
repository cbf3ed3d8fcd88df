//! Conversations, direct and in groups. A chat's name is `direct-<account>` or `group-<group>`.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use super::{
    common::{BlobHash, Id, Money, Ms, Party},
    order::OrderState,
};
use crate::state::AppState;

/// Shapes of this file, for the document.
#[derive(OpenApi)]
#[openapi(components(schemas(
    ChatKind,
    Chat,
    MessageState,
    Message,
    Reply,
    MessagePage,
    MessageSend,
    CardRef,
    Card,
    ChatRead,
    ChatUpdate
)))]
struct Shapes;

/// The routes.
pub(crate) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::with_openapi(Shapes::openapi())
}

/// Between two, or in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// With one other account.
    Direct,
    /// In a group.
    Group,
}

/// A conversation in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chat {
    /// Its name: `direct-<account>` or `group-<group>`.
    pub chat: String,
    /// Between two, or in a group.
    pub kind: ChatKind,
    /// The other's or the group's name.
    pub title: String,
    /// The other's or the group's picture.
    #[schema(required)]
    pub picture: Option<BlobHash>,
    /// The other, if direct.
    #[schema(required)]
    pub party: Option<Party>,
    /// The group, if one.
    #[schema(required)]
    pub group: Option<Id>,
    /// The newest message.
    #[schema(required)]
    pub last: Option<Message>,
    /// Messages of others after the last one read.
    pub unread: u32,
    /// Whether new messages stay silent.
    pub muted: bool,
    /// Whether it stays on top.
    pub pinned: bool,
    /// Members known; 2 if direct.
    pub members: u32,
    /// Whether the other, or any other member, is connected now.
    pub online: bool,
    /// Whether I may write here.
    pub can_write: bool,
    /// Why not, in plain words.
    #[schema(required)]
    pub why_not: Option<String>,
}

/// How far a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageState {
    /// Kept here, waiting for the other's node.
    Queued,
    /// Handed to the network (groups).
    Sent,
    /// Stored by a device of the recipient.
    Delivered,
    /// Shown to the recipient.
    Read,
    /// It is another's message.
    Received,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Message {
    /// The record.
    pub id: Id,
    /// The conversation.
    pub chat: String,
    /// Who wrote it.
    pub author: Party,
    /// Whether I did.
    pub mine: bool,
    /// The author's claim of when.
    pub at: Ms,
    /// The text; may be empty when there is a card.
    pub text: String,
    /// What it answers.
    #[schema(required)]
    pub reply_to: Option<Reply>,
    /// A card.
    #[schema(required)]
    pub card: Option<Card>,
    /// How far it came.
    pub state: MessageState,
    /// Why it is still queued, in plain words.
    #[schema(required)]
    pub waiting_for: Option<String>,
}

/// The message that is answered, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reply {
    /// The record.
    pub id: Id,
    /// Its author's name.
    pub author: String,
    /// The beginning of its text.
    pub text: String,
}

/// A page of messages, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessagePage {
    /// The messages.
    pub messages: Vec<Message>,
    /// Pass as `before` for the page of older ones; `null` at the beginning of the conversation.
    #[schema(required)]
    pub before: Option<String>,
}

/// Which messages.
#[derive(Clone, Debug, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MessagesQuery {
    /// Cursor of an earlier page.
    pub before: Option<String>,
    /// How many, at most 200; 50 if absent.
    pub limit: Option<u32>,
}

/// A message to send.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct MessageSend {
    /// The text; may be empty when there is a card.
    pub text: String,
    /// The message it answers.
    #[serde(default)]
    pub reply_to: Option<Id>,
    /// What to show as a card.
    #[serde(default)]
    pub card: Option<CardRef>,
}

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
        /// Its link.
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

/// Says what was read.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ChatRead {
    /// The newest message shown.
    pub up_to: Id,
}

/// Changes how this node treats a conversation; what is absent stays.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct ChatUpdate {
    /// Whether new messages stay silent.
    #[serde(default)]
    pub muted: Option<bool>,
    /// Whether it stays on top.
    #[serde(default)]
    pub pinned: Option<bool>,
}
