//! What a person does with a message after it was said: reactions, edits, recalls, deletions.

use hutong_protocol::{
    AccountId, Draft, Kind, RecordId, TimestampMs, Verified,
    chat::{Action, Card, Content, Location, Mention, MessageAction, Position, is_emoji},
    group::GroupAction,
    limits::{EMOJI_BYTES_MAX, REACTIONS_PER_ACCOUNT_MAX, REACTORS_MAX, RECALL_MS_MAX},
};

use super::{
    content,
    fold::{self, Act},
    send,
    view::{self, MessageView, Place},
    writable,
};
use crate::{
    contact::addressed,
    engine::{ChatId, CommandError, Cx, Keep, Reject},
    group,
};

/// Conversations that a message is forwarded to in one go; more is a flood.
pub const FORWARD_MAX: usize = 20;

/// Judges an action between two.
pub(super) fn between_two(cx: &mut Cx<'_>, record: &Verified, me: &AccountId) -> Result<Keep, Reject> {
    let body: MessageAction = record.body()?;
    let header = record.header();
    body.action.validate(header, body.target_at)?;
    addressed(record, &body.to, me)?;
    let author = record.author();
    super::may_come(cx, me, &author)?;
    let chat = ChatId::Direct(if author == *me { body.to } else { author });
    let (target, target_at, action) = (body.target, body.target_at, body.action);
    Ok(fold::accept(cx, Act { chat, id: record.id(), header, target, target_at, action })?)
}

/// Judges an action in a group.
pub(super) fn in_group(cx: &mut Cx<'_>, record: &Verified) -> Result<Keep, Reject> {
    let header = record.header();
    let group = header.topic.group().ok_or(Reject::Rule("not in a group's topic"))?;
    let body: GroupAction = record.body()?;
    body.action.validate(header, body.target_at)?;
    group::judge(cx, group, record)?;
    let (target, target_at, action) = (body.target, body.target_at, body.action);
    Ok(fold::accept(cx, Act { chat: ChatId::Group(group), id: record.id(), header, target, target_at, action })?)
}

fn publish(cx: &mut Cx<'_>, chat: &ChatId, message: &MessageView, action: Action) -> Result<(), CommandError> {
    let me = cx.me()?;
    let topic = view::topic(&me, chat);
    // It goes with its message.
    let (target, target_at, expires) = (message.id, message.at, message.expires);
    match chat {
        ChatId::Group(group) => {
            group::act_on(cx, *group, (target, target_at), action, expires)?;
        }
        ChatId::Direct(to) => {
            let body = MessageAction { to: *to, target, target_at, action };
            cx.publish(Draft { expires, ..Draft::new(topic, Kind::MessageAction, &body)? }, Some(*to))?;
        }
    }
    Ok(())
}

/// A message that something can still be done with, in a conversation where the user may write.
fn found(cx: &Cx<'_>, chat: &ChatId, id: &RecordId) -> Result<MessageView, CommandError> {
    writable(cx, chat)?;
    let message = view::message(cx.read(), chat, id)?.ok_or(CommandError::NotFound("this message"))?;
    if message.gone.is_some() {
        return Err(CommandError::refused("message_gone", "this message was taken back"));
    }
    Ok(message)
}

fn own(cx: &Cx<'_>, chat: &ChatId, id: &RecordId) -> Result<MessageView, CommandError> {
    let message = found(cx, chat, id)?;
    if message.mine {
        return Ok(message);
    }
    Err(CommandError::refused("not_author", "only who wrote a message can change it or take it back"))
}

/// Puts an emoji under a message, or takes it away. Twice is as good as once.
///
/// # Errors
/// Refused if it is no emoji, or one too many; `NotFound` if the message is not in the conversation.
pub fn react(cx: &mut Cx<'_>, chat: ChatId, id: RecordId, emoji: &str, on: bool) -> Result<(), CommandError> {
    let me = cx.me()?;
    if emoji.len() > EMOJI_BYTES_MAX || !is_emoji(emoji) {
        return Err(CommandError::refused("not_emoji", "a reaction is one emoji"));
    }
    let message = found(cx, &chat, &id)?;
    let mine = |reaction: &&view::Reaction| reaction.accounts.contains(&me);
    if message.reactions.iter().filter(mine).any(|reaction| reaction.emoji == emoji) == on {
        return Ok(());
    }
    let many = message.reactions.iter().filter(mine).count() >= REACTIONS_PER_ACCOUNT_MAX;
    let people = message.reactions.iter().flat_map(|reaction| &reaction.accounts);
    let full = !people.clone().any(|account| *account == me)
        && people.collect::<std::collections::BTreeSet<_>>().len() >= REACTORS_MAX;
    if on && (many || full) {
        return Err(CommandError::refused("too_many_reactions", "there are as many reactions here as there can be"));
    }
    publish(cx, &chat, &message, Action::React { emoji: emoji.to_owned(), on })
}

/// Changes the words of an own message.
///
/// # Errors
/// Refused unless this account wrote it, or if the new words are none or too many.
pub fn edit(
    cx: &mut Cx<'_>,
    chat: ChatId,
    id: RecordId,
    text: &str,
    mentions: Vec<Mention>,
) -> Result<(), CommandError> {
    let message = own(cx, &chat, &id)?;
    let text = content(text, None, None)?.text;
    if text == message.content.text && mentions == message.content.mentions {
        return Ok(());
    }
    publish(cx, &chat, &message, Action::Edit { text, mentions })
}

/// Takes an own message back: it and what was done with it are dropped on every node that obeys.
///
/// # Errors
/// Refused unless this account wrote it within the last two minutes.
pub fn recall(cx: &mut Cx<'_>, chat: ChatId, id: RecordId) -> Result<(), CommandError> {
    let message = own(cx, &chat, &id)?;
    if !can_recall(cx.now(), message.at) {
        return Err(CommandError::refused(
            "recall_too_late",
            "a message can be recalled within two minutes: delete it for everyone instead",
        ));
    }
    publish(cx, &chat, &message, Action::Recall)
}

fn can_recall(now: TimestampMs, at: TimestampMs) -> bool {
    now.since_ms(at) <= RECALL_MS_MAX
}

/// Says where the user is now, in a message that tells it live; `None`: that it is told no longer.
///
/// # Errors
/// Refused unless this account wrote it and it is still live.
pub fn relocate(cx: &mut Cx<'_>, chat: ChatId, id: RecordId, position: Option<Position>) -> Result<(), CommandError> {
    let message = own(cx, &chat, &id)?;
    let is_live = |place: &Place| !place.ended && place.location.live_until.is_some_and(|until| cx.now() <= until);
    let Some(place) = message.place.as_ref().filter(|place| is_live(place)) else {
        if position.is_none() && message.place.is_some() {
            return Ok(());
        }
        return Err(CommandError::refused("not_live", "this message does not tell your place any more: send it again"));
    };
    let ended = position.is_none();
    let Position { lat_e7, lon_e7, accuracy_m } = position.unwrap_or(place.location.position());
    Position { lat_e7, lon_e7, accuracy_m }.validate()?;
    publish(cx, &chat, &message, Action::Move { lat_e7, lon_e7, accuracy_m, ended })
}

/// Deletes a message for everyone: an own one, or in a group as its admin.
///
/// # Errors
/// Refused unless this account wrote it, or is an admin of the group.
pub fn delete(cx: &mut Cx<'_>, chat: ChatId, id: RecordId) -> Result<(), CommandError> {
    let message = found(cx, &chat, &id)?;
    if let (false, ChatId::Group(group)) = (message.mine, chat) {
        return group::act::delete(cx, group, (id, message.at));
    }
    let message = own(cx, &chat, &id)?;
    publish(cx, &chat, &message, Action::Delete)
}

/// Deletes a message for the user alone.
///
/// # Errors
/// `NotFound` if it is not in the conversation.
pub fn hide(cx: &mut Cx<'_>, chat: ChatId, id: RecordId) -> Result<(), CommandError> {
    let me = cx.me()?;
    let message = view::message(cx.read(), &chat, &id)?.ok_or(CommandError::NotFound("this message"))?;
    if message.gone.is_some() {
        return Err(CommandError::refused("message_gone", "this message was taken back"));
    }
    Ok(fold::hide(cx, &chat, &view::topic(&me, &chat), &id)?)
}

/// Says a message again elsewhere; all of it or, where one conversation refuses, nothing. Who said it first is not told.
///
/// # Errors
/// Refused for what belongs to its conversation, and where the user may not write.
pub fn forward(
    cx: &mut Cx<'_>,
    chat: ChatId,
    id: RecordId,
    to: &[ChatId],
) -> Result<Vec<(ChatId, RecordId)>, CommandError> {
    if to.is_empty() || to.len() > FORWARD_MAX {
        return Err(CommandError::refused("invalid_forward", "a message is forwarded to 1 to 20 chats at once"));
    }
    let message = view::message(cx.read(), &chat, &id)?.ok_or(CommandError::NotFound("this message"))?;
    if message.gone.is_some() {
        return Err(CommandError::refused("message_gone", "this message was taken back"));
    }
    let said = message.content;
    if matches!(said.card, Some(Card::Order { .. })) || said.disappear_ms.is_some() {
        return Err(CommandError::refused("invalid_forward", "this belongs to its chat and cannot be forwarded"));
    }
    // Where somebody is now is not told on: what is forwarded is where they were.
    let location = message.place.map(|place| Location { live_until: None, ..place.location });
    let (text, card, attachments) = (said.text, said.card, said.attachments);
    let again = Content { text, card, attachments, location, forwarded: Some(true), ..Content::default() };
    to.iter().map(|to| Ok((*to, send(cx, *to, again.clone())?))).collect()
}
