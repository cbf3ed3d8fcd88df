//! Conversations, messages and cards: from the node's views to the API's shapes, and back for cards.

use hutong_node::{
    account, chat,
    chat::view::{CannotWrite, ChatRow, How, MessageState as Known, MessageView, Waiting},
    engine::{ChatId, CommandError, Cx, EngineError, get_slot},
    group,
};
use hutong_protocol::{
    AccountId, Kind, TimestampMs, chat as protocol,
    chat::ReceiptStatus,
    limits::NAME_BYTES_MAX,
    link::{Link, Target},
    market,
    money::{Currency, Money},
    text::{clean_line, truncate},
};

use super::{
    attachment,
    chat::{Chat, ChatDraft, ChatKind, Gone, Mention, Message, MessageState, Reaction, Reply, WaitingFor, WhyNot},
    chat_card::{Card, CardRef},
    group_view::{self, title},
    order,
};
use crate::{
    error::{ApiError, ApiResult},
    state::now_ms,
    views::Views,
};

/// Longest text shown of a message that is answered, in bytes: two lines.
const REPLY_BYTES_MAX: usize = 160;
/// Names shown of those who reacted; more would not be read.
const NAMES_MAX: usize = 20;
/// Members of a group asked whether one is connected; more would not change the dot.
const ONLINE_LOOK_MAX: usize = 100;

/// A conversation's name in the API.
pub(crate) fn name(chat: &ChatId) -> String {
    match chat {
        ChatId::Direct(account) => format!("direct-{account}"),
        ChatId::Group(group) => format!("group-{group}"),
    }
}

/// The conversation of a name.
///
/// # Errors
/// 404 if it is none.
pub(crate) fn parse(name: &str) -> ApiResult<ChatId> {
    let parsed = match name.split_once('-') {
        Some(("direct", id)) => id.parse().ok().map(ChatId::Direct),
        Some(("group", id)) => id.parse().ok().map(ChatId::Group),
        _ => None,
    };
    parsed.ok_or_else(|| ApiError::not_found("There is no such conversation."))
}

/// A conversation as it is shown.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn shape(views: &Views<'_>, id: &ChatId, row: ChatRow) -> Result<Chat, EngineError> {
    let last = match row.last {
        Some(last) => chat::view::message(views.read, id, &last)?.map(|last| message(views, last)).transpose()?,
        None => None,
    };
    let cannot = chat::view::cannot_write(views.read, id, TimestampMs(now_ms()))?;
    let why_not = cannot.map(why_not);
    let why_not_until = match cannot {
        Some(CannotWrite::Muted(until)) => Some(until.into()),
        _ => None,
    };
    let blank = Chat {
        chat: name(id),
        kind: ChatKind::Direct,
        title: String::new(),
        picture: None,
        party: None,
        group: None,
        last,
        unread: row.unread,
        muted: row.muted,
        pinned: row.pinned,
        archived: row.archived,
        marked_unread: row.marked,
        mentions: row.mentions,
        draft: chat::view::draft(views.read, id)?
            .map(|draft| ChatDraft { text: draft.text, reply_to: draft.reply_to.map(Into::into) }),
        disappear_ms: chat::view::timer(views.read, id)?.ms,
        members: 2,
        online: false,
        can_write: why_not.is_none(),
        why_not,
        why_not_until,
        private: matches!(id, ChatId::Group(group) if group.is_private()),
    };
    match id {
        ChatId::Direct(account) => {
            let party = views.party(account)?;
            let (title, picture, online) = (party.name.clone(), party.picture, views.is_seen(account)?);
            Ok(Chat { title, picture, online, party: Some(party), ..blank })
        }
        ChatId::Group(group) => {
            let row = group::view::get(views.read, group)?.unwrap_or_default();
            let members = group::view::members(views.read, group, ONLINE_LOOK_MAX)?;
            let mut online = false;
            for (member, _) in members.iter().filter(|(member, _)| views.me != Some(*member)) {
                online = online || views.is_seen(member)?;
            }
            let (title, picture) = (title(group, &row), row.picture.map(Into::into));
            let kind = ChatKind::Group;
            Ok(Chat { kind, title, picture, online, group: Some((*group).into()), members: row.member_count, ..blank })
        }
    }
}

const fn why_not(why: CannotWrite) -> WhyNot {
    match why {
        CannotWrite::NotAccepted => WhyNot::NotAccepted,
        CannotWrite::NotContact => WhyNot::NotContact,
        CannotWrite::Blocked => WhyNot::Blocked,
        CannotWrite::NotMember => WhyNot::NotMember,
        CannotWrite::Asked => WhyNot::Asked,
        CannotWrite::Removed => WhyNot::Removed,
        CannotWrite::Muted(_) => WhyNot::Muted,
    }
}

/// A message as it is shown.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn message(views: &Views<'_>, row: MessageView) -> Result<Message, EngineError> {
    let reply_to = match row.content.reply_to {
        // One that is not here (not yet, or of another conversation) is not quoted.
        Some(id) => {
            chat::view::message(views.read, &row.chat, &id)?.map(|answered| reply(views, answered)).transpose()?
        }
        None => None,
    };
    Ok(Message {
        id: row.id.into(),
        chat: name(&row.chat),
        author: views.party(&row.author)?,
        mine: row.mine,
        at: row.at.into(),
        text: row.content.text,
        reply_to,
        card: row.content.card.map(|shown| card(views, shown)).transpose()?,
        state: match row.state {
            Known::Received => MessageState::Received,
            Known::Queued => MessageState::Queued,
            Known::AtMailbox => MessageState::AtMailbox,
            Known::Sent => MessageState::Sent,
            Known::Delivered => MessageState::Delivered,
            Known::Read => MessageState::Read,
        },
        waiting_for: row.waiting.map(|waiting| match waiting {
            Waiting::Offline => WaitingFor::Recipient,
            Waiting::NotYet => WaitingFor::Acceptance,
            Waiting::Refused => WaitingFor::Refused,
            Waiting::NoPeers => WaitingFor::Members,
        }),
        reactions: row.reactions.into_iter().map(|one| reaction(views, one)).collect::<Result<_, _>>()?,
        edited_at: row.edited.map(Into::into),
        gone: row.gone.map(|how| match how {
            How::Recalled => Gone::Recalled,
            How::Deleted => Gone::Deleted,
            How::Removed => Gone::Removed,
        }),
        mentions: row.content.mentions.into_iter().map(Into::into).collect(),
        forwarded: row.content.forwarded.unwrap_or_default(),
        expires_at: row.expires.map(Into::into),
        disappear_ms: row.content.disappear_ms,
        attachments: attachment::shape(views, &row.chat, &row.id, row.content.attachments)?,
        location: row.place.map(attachment::place),
    })
}

impl From<protocol::Mention> for Mention {
    fn from(mention: protocol::Mention) -> Self {
        Self { account: mention.account.into(), name: mention.name }
    }
}

impl From<Mention> for protocol::Mention {
    fn from(mention: Mention) -> Self {
        Self { account: mention.account.into(), name: clean_line(&mention.name, NAME_BYTES_MAX) }
    }
}

fn reaction(views: &Views<'_>, reaction: chat::view::Reaction) -> Result<Reaction, EngineError> {
    let others = reaction.accounts.iter().filter(|account| views.me != Some(**account));
    let names = others.take(NAMES_MAX).map(|account| Ok(views.party(account)?.name));
    Ok(Reaction {
        names: names.collect::<Result<_, EngineError>>()?,
        count: u32::try_from(reaction.accounts.len()).unwrap_or(u32::MAX),
        mine: views.me.is_some_and(|me| reaction.accounts.contains(&me)),
        emoji: reaction.emoji,
    })
}

fn reply(views: &Views<'_>, answered: MessageView) -> Result<Reply, EngineError> {
    let mut text = answered.content.text;
    truncate(&mut text, REPLY_BYTES_MAX);
    let (id, gone) = (answered.id.into(), answered.gone.is_some());
    let attachment = answered.content.attachments.first().map(|file| file.kind.into());
    Ok(Reply { id, author: views.party(&answered.author)?.name, text, gone, attachment })
}

/// How far messages came, for an event; `None` is "handed to the network".
pub(crate) const fn moved_to(status: Option<ReceiptStatus>) -> MessageState {
    match status {
        // Waits to be sealed anew, which is nothing to a person.
        Some(ReceiptStatus::Unreadable) | None => MessageState::Sent,
        Some(ReceiptStatus::Delivered) => MessageState::Delivered,
        Some(ReceiptStatus::Read) => MessageState::Read,
    }
}

/// A card as it is shown: what this node knows, else what the card's author claimed.
fn card(views: &Views<'_>, card: protocol::Card) -> Result<Card, EngineError> {
    Ok(match card {
        protocol::Card::Listing { store, listing, title, price_minor, currency, picture, .. } => {
            let known = listing_body(views.read, &store, &listing)?;
            let claimed = price_minor.zip(currency.and_then(|code| code.parse::<Currency>().ok()));
            let store = views.party(&store)?;
            match known {
                Some(body) => Card::Listing {
                    store,
                    listing,
                    price: Some(body.price_range().0.into()),
                    picture: body.picture(None).map(Into::into),
                    available: body.is_available(),
                    title: body.name,
                },
                None => Card::Listing {
                    store,
                    listing,
                    title,
                    price: claimed.map(|(minor, currency)| Money::new(minor, currency).into()),
                    picture: picture.map(Into::into),
                    // Not known otherwise; opening the card finds out.
                    available: true,
                },
            }
        }
        protocol::Card::Contact { account, name, addresses } => {
            let mut party = views.party(&account)?;
            if account::view::profile(views.read, &account)?.is_none() && !party.is_contact {
                party.name.clone_from(&name);
            }
            let link = Link::new(Target::Contact(account), Some(name), addresses);
            Card::Contact { party, uri: link.to_string() }
        }
        protocol::Card::Group { group, name, host, ticket, addresses } => {
            let known = group::view::get(views.read, &group)?.filter(|row| !row.name.is_empty());
            let link = Link { host, ticket, ..Link::new(Target::Group(group), Some(name.clone()), addresses) };
            let (name, picture) = known.map_or((name, None), |row| (row.name, row.picture));
            let (private, picture) = (group.is_private(), picture.map(Into::into));
            Card::Group { group: group.into(), name, picture, private, uri: link.to_string() }
        }
        protocol::Card::Order { order: id, title } => order::card(views, id, title)?,
    })
}

fn listing_body(
    read: &dyn hutong_node::store::Read,
    store: &AccountId,
    listing: &str,
) -> Result<Option<market::Listing>, EngineError> {
    let slot = get_slot(read, store, &Kind::Listing, listing)?;
    slot.map(|(_, record)| Ok(record.body()?)).transpose()
}

/// The card to send for what the user picked: a snapshot of what this node knows.
///
/// # Errors
/// `NotFound` if this node does not know it; refused for an order in another conversation.
pub(crate) fn card_of(cx: &mut Cx<'_>, chat: &ChatId, card: CardRef) -> Result<protocol::Card, CommandError> {
    let addresses = cx.addresses();
    Ok(match card {
        CardRef::Listing { store, listing } => {
            let store = AccountId::from(store);
            let body = listing_body(cx.read(), &store, &listing)?.ok_or(CommandError::NotFound("this listing"))?;
            let price = body.price_range().0;
            protocol::Card::Listing {
                addresses: if cx.account() == Some(store) { addresses } else { addresses_of(cx.read(), &store)? },
                store,
                listing,
                price_minor: Some(price.minor),
                currency: Some(price.currency.as_str().to_owned()),
                picture: body.picture(None),
                title: body.name,
            }
        }
        CardRef::Contact { account } => {
            let account = AccountId::from(account);
            let profile = account::view::profile(cx.read(), &account)?.ok_or(CommandError::NotFound("this person"))?;
            let addresses = if cx.account() == Some(account) { addresses } else { addresses_of(cx.read(), &account)? };
            protocol::Card::Contact { account, name: profile.name, addresses }
        }
        CardRef::Group { group } => group_view::card(cx, chat, group.into())?,
        CardRef::Order { order: id } => order::card_of(cx, chat, id.into())?,
    })
}

/// Where an account was last reached: at most four addresses, so that a card stays small.
fn addresses_of(read: &dyn hutong_node::store::Read, account: &AccountId) -> Result<Vec<String>, EngineError> {
    let devices = hutong_node::engine::peers::devices(read, account)?;
    Ok(devices.into_iter().flat_map(|(_, row)| row.addresses).take(4).collect())
}

#[cfg(test)]
mod tests {
    use hutong_protocol::GroupId;

    use super::*;

    #[test]
    fn names_of_conversations_round_trip_and_nothing_else_is_one() {
        for id in [ChatId::Direct(AccountId([1; 32])), ChatId::Group(GroupId([2; 32]))] {
            assert_eq!(parse(&name(&id)), Ok(id));
        }
        let good = name(&ChatId::Direct(AccountId([1; 32])));
        for wrong in ["", "direct", "direct-", "direct-x", "room-aaaa", &good.to_uppercase(), &format!("{good}a")] {
            assert_eq!(parse(wrong).unwrap_err().status(), 404, "{wrong}");
        }
    }
}
