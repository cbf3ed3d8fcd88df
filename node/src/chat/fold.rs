//! What was done with messages, folded so that the order of arrival does not matter: an action may come before the message
//! it is about, twice, or long after a newer one. Only the actions that count are kept as records; every other is dropped
//! by every node, so that topics stay small and two nodes that reconcile agree.
//!
//! | action | counts | of others |
//! |---|---|---|
//! | reaction | of each account and emoji the highest `(at, id)`; of each account the 20 newest emoji; the 1,000 smallest accounts | dropped |
//! | edit | the author's highest `(at, id)` | dropped once the message is here |
//! | move | the author's highest `(at, id)` | dropped once the message is here |
//! | recall, deletion | the author's lowest `(at, id)` | dropped once the message is here |
//!
//! What is taken back is dropped as a record, with its edits and reactions. What remains is a gap: who, when, and which id.

use std::collections::BTreeMap;

use hutong_protocol::{
    AccountId, Header, Kind, RecordId, TimestampMs, Topic,
    chat::{Action, Mention, Message, Position},
    group::GroupMessage,
    limits::{REACTIONS_PER_ACCOUNT_MAX, REACTORS_MAX, RECALL_MS_MAX},
};
use serde::{Deserialize, Serialize};

use super::{
    keys,
    view::{self, Reaction},
};
use crate::{
    engine::{ChatId, Cx, DomainEvent, EngineError, Event, Indexed, Keep, get_record, get_value, outbox},
    store::{Direction, KeyRange, Read},
};

/// One emoji of one account: the newest word on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    pub(super) at: TimestampMs,
    pub(super) id: RecordId,
    pub(super) on: bool,
}

/// The reactions of one account to one message.
pub(super) type Marks = BTreeMap<String, Mark>;

/// The newest edit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EditRow {
    pub(super) at: TimestampMs,
    pub(super) id: RecordId,
    pub(super) text: String,
    #[serde(default)]
    pub(super) mentions: Vec<Mention>,
}

/// The newest place of a message that tells it live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MoveRow {
    pub(super) at: TimestampMs,
    pub(super) id: RecordId,
    pub(super) position: Position,
    pub(super) ended: bool,
}

/// How a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// Its author took it back within two minutes.
    Recalled,
    /// Its author deleted it for everyone.
    Deleted,
    /// An admin of the group took it away.
    Removed,
}

/// A message that was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GoneRow {
    /// The action.
    pub(super) at: TimestampMs,
    pub(super) id: RecordId,
    pub(super) how: How,
    /// The message's time: as the action claims, until the message was here.
    pub(super) target_at: TimestampMs,
    /// The message was here, and was the account's.
    pub(super) confirmed: bool,
}

/// An action on its way into the state.
pub(super) struct Act<'a> {
    pub(super) chat: ChatId,
    pub(super) id: RecordId,
    pub(super) header: &'a Header,
    pub(super) target: RecordId,
    pub(super) target_at: TimestampMs,
    pub(super) action: Action,
}

/// The message itself, where it is here.
struct Known {
    author: AccountId,
    at: TimestampMs,
    mentions: Vec<Mention>,
}

fn known(read: &dyn Read, topic: &Topic, target: &RecordId) -> Result<Option<Known>, EngineError> {
    let Some(record) = get_record(read, target)?.filter(|record| record.header.topic == *topic) else {
        return Ok(None);
    };
    let content = match record.header.kind {
        Kind::Message => record.body::<Message>()?.content,
        Kind::GroupMessage => record.body::<GroupMessage>()?.content,
        _ => return Ok(None),
    };
    Ok(Some(Known { author: record.header.account, at: record.header.at, mentions: content.mentions }))
}

/// The one who took the message back, if the message was here and is gone.
pub(super) fn confirmed(
    read: &dyn Read,
    topic: &Topic,
    target: &RecordId,
) -> Result<Option<(AccountId, GoneRow)>, EngineError> {
    Ok(gone_by(read, topic, target)?.into_iter().find(|(_, row)| row.confirmed))
}

/// Everybody who says to have taken the message back; only its author counts, who is not known until it is here.
pub(super) fn gone_by(
    read: &dyn Read,
    topic: &Topic,
    target: &RecordId,
) -> Result<Vec<(AccountId, GoneRow)>, EngineError> {
    let prefix = keys::acts(topic, target).u8(b'd');
    let rows = read.collect(KeyRange::prefix(&prefix), Direction::Ascending, REACTORS_MAX)?;
    let row = |(key, value): crate::store::Entry| {
        let (_, account) = keys::parse_act(&key).ok_or_else(|| EngineError::Damaged("a row of an action".into()))?;
        Ok((account, hutong_protocol::codec::decode_checked(&value)?))
    };
    rows.into_iter().map(row).collect()
}

/// The entries of a group's log that take a message away, with their authors and the message's time as they say.
pub(super) type RemovedRow = BTreeMap<RecordId, (AccountId, TimestampMs)>;

/// Who is shown to have taken a message away, and the message's time: the same on every node that has the same entries.
pub(super) fn removed(
    read: &dyn Read,
    topic: &Topic,
    target: &RecordId,
) -> Result<Option<(AccountId, TimestampMs)>, EngineError> {
    let row: Option<Vec<(RecordId, (AccountId, TimestampMs))>> = get_value(read, keys::removed(topic, target))?;
    Ok(row.and_then(|row| row.first().map(|(_, shown)| *shown)))
}

/// An admin of a group took a message away (`on`), or had no right to: whether it is here or comes later, it goes, with
/// all that was done with it. Its author is not said, since those to whom it comes later never learn who it was.
pub(super) fn remove(
    cx: &mut Cx<'_>,
    chat: &ChatId,
    topic: &Topic,
    (entry, author): (RecordId, AccountId),
    (target, at): (RecordId, TimestampMs),
    on: bool,
) -> Result<(), EngineError> {
    let key = keys::removed(topic, &target);
    let row: Option<Vec<(RecordId, (AccountId, TimestampMs))>> = get_value(cx.read(), &key)?;
    let mut row: RemovedRow = row.unwrap_or_default().into_iter().collect();
    if let Some((by, at)) = row.values().next() {
        cx.delete(keys::gap(topic, *at, &target, by));
    }
    if on {
        if row.is_empty() {
            if let Some(message) = known(cx.read(), topic, &target)? {
                forget_unread(cx, chat, &message)?;
            }
            cx.drop_record(topic, &target)?;
            clear(cx, topic, &target, |what, _| what != b'h')?;
            cx.delete(keys::state(&target));
            if let Some(group) = topic.group() {
                cx.delete(keys::unsent(&group, &target));
            }
        }
        row.insert(entry, (author, at));
    } else {
        row.remove(&entry);
    }
    match row.values().next() {
        Some((by, at)) => {
            cx.put(keys::gap(topic, *at, &target, by), Vec::new());
            cx.put_value(key, &row.into_iter().collect::<Vec<_>>())?;
        }
        None => cx.delete(key),
    }
    cx.notify(Event::Message { chat: *chat, id: target });
    cx.notify(Event::Chat(*chat));
    cx.index(Indexed::Message(*chat, target));
    Ok(())
}

/// Takes an action in. Whether its record counts, and so is kept.
pub(super) fn accept(cx: &mut Cx<'_>, act: Act<'_>) -> Result<Keep, EngineError> {
    let topic = &act.header.topic;
    if let Some(expires) = act.header.expires {
        if expires <= cx.now() {
            return Ok(Keep::Drop);
        }
        cx.put(keys::due_at(expires, &act.chat, &act.target), Vec::new());
    }
    if removed(cx.read(), topic, &act.target)?.is_some() {
        return Ok(Keep::Drop);
    }
    let taken_back = confirmed(cx.read(), topic, &act.target)?;
    let message = known(cx.read(), topic, &act.target)?;
    let foreign = message.as_ref().is_some_and(|message| message.author != act.header.account);
    let keep = match &act.action {
        Action::Unknown => return Ok(Keep::Store),
        Action::React { emoji, on } if taken_back.is_none() => react(cx, &act, emoji, *on)?,
        Action::Edit { text, mentions } if taken_back.is_none() && !foreign => {
            edit(cx, &act, text.clone(), mentions.clone())?
        }
        Action::Move { lat_e7, lon_e7, accuracy_m, ended } if taken_back.is_none() && !foreign => {
            let position = Position { lat_e7: *lat_e7, lon_e7: *lon_e7, accuracy_m: *accuracy_m };
            relocate(cx, &act, position, *ended)?
        }
        Action::Recall | Action::Delete if !foreign => take_back(cx, &act, message, taken_back)?,
        _ => Keep::Drop,
    };
    if keep == Keep::Store {
        cx.notify(Event::Message { chat: act.chat, id: act.target });
        if !matches!(act.action, Action::React { .. } | Action::Move { .. }) {
            cx.index(Indexed::Message(act.chat, act.target));
        }
    }
    Ok(keep)
}

fn react(cx: &mut Cx<'_>, act: &Act<'_>, emoji: &str, on: bool) -> Result<Keep, EngineError> {
    let (topic, account) = (&act.header.topic, act.header.account);
    let key = keys::reaction(topic, &act.target, &account);
    let before: Option<Marks> = get_value(cx.read(), &key)?;
    if before.is_none() && !make_room(cx, topic, &act.target, &account)? {
        return Ok(Keep::Drop);
    }
    let mut marks = before.unwrap_or_default();
    let mark = Mark { at: act.header.at, id: act.id, on };
    if marks.get(emoji).is_some_and(|old| (old.at, old.id) >= (mark.at, mark.id)) {
        return Ok(Keep::Drop);
    }
    let mut dropped = marks.insert(emoji.to_owned(), mark);
    if marks.len() > REACTIONS_PER_ACCOUNT_MAX {
        let oldest = marks.iter().min_by_key(|(_, mark)| (mark.at, mark.id)).map(|(emoji, _)| emoji.clone());
        dropped = oldest.and_then(|emoji| marks.remove(&emoji));
    }
    if let Some(dropped) = &dropped {
        cx.drop_record(topic, &dropped.id)?;
    }
    cx.put_value(key, &marks)?;
    Ok(if dropped.is_some_and(|dropped| dropped.id == act.id) { Keep::Drop } else { Keep::Store })
}

/// Whether one more account may react; the one with the greatest id makes room.
fn make_room(cx: &mut Cx<'_>, topic: &Topic, target: &RecordId, account: &AccountId) -> Result<bool, EngineError> {
    let prefix = keys::reactions(topic, target);
    if cx.read().count(KeyRange::prefix(&prefix), REACTORS_MAX)? < REACTORS_MAX {
        return Ok(true);
    }
    let Some((key, value)) = cx.read().first(KeyRange::prefix(&prefix), Direction::Descending)? else {
        return Ok(true);
    };
    if keys::parse_act(&key).is_none_or(|(_, greatest)| *account > greatest) {
        return Ok(false);
    }
    drop_marks(cx, topic, &value)?;
    cx.delete(&key);
    Ok(true)
}

fn drop_marks(cx: &mut Cx<'_>, topic: &Topic, row: &[u8]) -> Result<(), EngineError> {
    let marks: Marks = hutong_protocol::codec::decode_checked(row)?;
    marks.values().try_for_each(|mark| cx.drop_record(topic, &mark.id))
}

fn edit(cx: &mut Cx<'_>, act: &Act<'_>, text: String, mentions: Vec<Mention>) -> Result<Keep, EngineError> {
    let topic = &act.header.topic;
    let key = keys::edit(topic, &act.target, &act.header.account);
    let row = EditRow { at: act.header.at, id: act.id, text, mentions };
    if let Some(old) = get_value::<EditRow>(cx.read(), &key)? {
        if (old.at, old.id) >= (row.at, row.id) {
            return Ok(Keep::Drop);
        }
        cx.drop_record(topic, &old.id)?;
    }
    cx.put_value(key, &row)?;
    Ok(Keep::Store)
}

fn relocate(cx: &mut Cx<'_>, act: &Act<'_>, position: Position, ended: bool) -> Result<Keep, EngineError> {
    let topic = &act.header.topic;
    let key = keys::place(topic, &act.target, &act.header.account);
    let row = MoveRow { at: act.header.at, id: act.id, position, ended };
    if let Some(old) = get_value::<MoveRow>(cx.read(), &key)? {
        if (old.at, old.id) >= (row.at, row.id) {
            return Ok(Keep::Drop);
        }
        cx.drop_record(topic, &old.id)?;
    }
    cx.put_value(key, &row)?;
    Ok(Keep::Store)
}

fn take_back(
    cx: &mut Cx<'_>,
    act: &Act<'_>,
    message: Option<Known>,
    taken_back: Option<(AccountId, GoneRow)>,
) -> Result<Keep, EngineError> {
    let (topic, account) = (&act.header.topic, act.header.account);
    let before = match taken_back {
        Some((author, row)) if author == account => Some(row),
        // The message was another's.
        Some(_) => return Ok(Keep::Drop),
        None => get_value(cx.read(), keys::gone(topic, &act.target, &account))?,
    };
    if let Some(before) = &before {
        if (before.at, before.id) <= (act.header.at, act.id) {
            return Ok(Keep::Drop);
        }
        cx.drop_record(topic, &before.id)?;
        cx.delete(keys::gap(topic, before.target_at, &act.target, &account));
    }
    let here = before.filter(|before| before.confirmed).map(|before| before.target_at);
    let how = if act.action == Action::Recall { How::Recalled } else { How::Deleted };
    let row = GoneRow { at: act.header.at, id: act.id, how, target_at: act.target_at, confirmed: false };
    if let Some(at) = here.or(message.as_ref().map(|message| message.at)) {
        if let Some(message) = &message {
            forget_unread(cx, &act.chat, message)?;
        }
        confirm(cx, topic, &act.target, &account, at, row)?;
    } else {
        cx.put(keys::gap(topic, row.target_at, &act.target, &account), Vec::new());
        cx.put_value(keys::gone(topic, &act.target, &account), &row)?;
    }
    Ok(Keep::Store)
}

/// A message that was counted as unread is so no more.
fn forget_unread(cx: &mut Cx<'_>, chat: &ChatId, message: &Known) -> Result<(), EngineError> {
    let (row, me) = (view::row(cx.read(), chat)?, cx.account());
    if me == Some(message.author) || message.at <= row.read_to {
        return Ok(());
    }
    let unread = row.unread.saturating_sub(1);
    let named = u32::from(message.mentions.iter().any(|mention| Some(mention.account) == me));
    let mentions = row.mentions.saturating_sub(named);
    cx.put_value(keys::chat(chat), &view::ChatRow { unread, mentions, ..row })
}

/// The user deleted a message for themselves: it is not shown again. Between two its record is dropped unless it has yet
/// to be delivered; in a group it stays, for those who ask this node for what they missed.
pub(super) fn hide(cx: &mut Cx<'_>, chat: &ChatId, topic: &Topic, target: &RecordId) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    let message = known(cx.read(), topic, target)?;
    if let (ChatId::Direct(other), Some(message)) = (chat, &message)
        && outbox::row(cx.read(), other, message.at, target)?.is_none()
    {
        clear(cx, topic, target, |_, _| true)?;
        cx.drop_record(topic, target)?;
    }
    cx.put(keys::hidden(topic, target, &me), Vec::new());
    vanished(cx, chat, target, message)
}

/// The time of a message is over: nothing of it stays.
pub(super) fn expire(cx: &mut Cx<'_>, chat: &ChatId, target: &RecordId) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    let topic = view::topic(&me, chat);
    let message = known(cx.read(), &topic, target)?;
    clear(cx, &topic, target, |_, _| true)?;
    cx.drop_record(&topic, target)?;
    cx.delete(keys::state(target));
    vanished(cx, chat, target, message)
}

fn vanished(cx: &mut Cx<'_>, chat: &ChatId, target: &RecordId, message: Option<Known>) -> Result<(), EngineError> {
    if let Some(message) = message {
        forget_unread(cx, chat, &message)?;
    }
    cx.emit(&DomainEvent::MessageGone(*target))?;
    let row = view::row(cx.read(), chat)?;
    if row.last == Some(*target) {
        let last = view::page(cx.read(), chat, None, 1)?.0.pop().map(|message| message.id);
        cx.put_value(keys::chat(chat), &view::ChatRow { last, ..row })?;
    }
    cx.notify(Event::MessageGone { chat: *chat, id: *target });
    cx.notify(Event::Chat(*chat));
    cx.index(Indexed::Message(*chat, *target));
    Ok(())
}

/// The message was here and was the account's: it goes, and everything that was done with it.
fn confirm(
    cx: &mut Cx<'_>,
    topic: &Topic,
    target: &RecordId,
    author: &AccountId,
    at: TimestampMs,
    row: GoneRow,
) -> Result<(), EngineError> {
    cx.drop_record(topic, target)?;
    clear(cx, topic, target, |_, _| true)?;
    let how = if row.at > at.plus_ms(RECALL_MS_MAX) { How::Deleted } else { row.how };
    let row = GoneRow { how, target_at: at, confirmed: true, ..row };
    cx.delete(keys::state(target));
    if let Some(group) = topic.group() {
        cx.delete(keys::unsent(&group, target));
    }
    cx.put(keys::gap(topic, at, target, author), Vec::new());
    cx.put_value(keys::gone(topic, target, author), &row)?;
    cx.emit(&DomainEvent::MessageGone(*target))
}

/// Drops rows of what was done with a message, and their records.
fn clear(
    cx: &mut Cx<'_>,
    topic: &Topic,
    target: &RecordId,
    unwanted: impl Fn(u8, &AccountId) -> bool,
) -> Result<(), EngineError> {
    let rows = cx.read().collect(KeyRange::prefix(&keys::acts(topic, target)), Direction::Ascending, usize::MAX)?;
    for (key, value) in rows {
        let Some((what, account)) = keys::parse_act(&key).filter(|(what, account)| unwanted(*what, account)) else {
            continue;
        };
        match what {
            b'r' => drop_marks(cx, topic, &value)?,
            b'e' => {
                let row: EditRow = hutong_protocol::codec::decode_checked(&value)?;
                cx.drop_record(topic, &row.id)?;
            }
            b'l' => {
                let row: MoveRow = hutong_protocol::codec::decode_checked(&value)?;
                cx.drop_record(topic, &row.id)?;
            }
            b'd' => {
                let row: GoneRow = hutong_protocol::codec::decode_checked(&value)?;
                cx.drop_record(topic, &row.id)?;
                cx.delete(keys::gap(topic, row.target_at, target, &account));
            }
            _ => {}
        }
        cx.delete(&key);
    }
    Ok(())
}

/// A message has come: what others did to it that only its author may do is forgotten. Returns whether its author had
/// taken it back before; then it is not shown and not kept.
pub(super) fn arrived(
    cx: &mut Cx<'_>,
    topic: &Topic,
    target: &RecordId,
    author: &AccountId,
    at: TimestampMs,
) -> Result<bool, EngineError> {
    if cx.read().first(KeyRange::prefix(&keys::acts(topic, target)), Direction::Ascending)?.is_none() {
        return Ok(false);
    }
    if removed(cx.read(), topic, target)?.is_some() {
        return Ok(true);
    }
    match get_value::<GoneRow>(cx.read(), keys::gone(topic, target, author))? {
        Some(row) if !row.confirmed => {
            // Not its record: that is still on its way into the store.
            cx.delete(keys::gap(topic, row.target_at, target, author));
            cx.delete(keys::gone(topic, target, author));
            confirm(cx, topic, target, author, at, row)?;
            Ok(true)
        }
        Some(_) => Ok(true),
        None => clear(cx, topic, target, |what, account| matches!(what, b'e' | b'd' | b'l') && account != author)
            .map(|()| false),
    }
}

/// What was done with a message that is here.
pub(super) struct Done {
    pub(super) reactions: Vec<Reaction>,
    pub(super) edit: Option<EditRow>,
    pub(super) moved: Option<MoveRow>,
    pub(super) hidden: bool,
}

pub(super) fn done_with(
    read: &dyn Read,
    topic: &Topic,
    target: &RecordId,
    author: &AccountId,
) -> Result<Done, EngineError> {
    let mut by_emoji = BTreeMap::<String, Vec<(TimestampMs, AccountId)>>::new();
    let (mut edit, mut moved, mut hidden) = (None, None, false);
    let rows = read.collect(KeyRange::prefix(&keys::acts(topic, target)), Direction::Ascending, usize::MAX)?;
    for (key, value) in rows {
        match keys::parse_act(&key) {
            Some((b'r', account)) if crate::contact::view::is_blocked(read, &account)? => {}
            Some((b'r', account)) => {
                for (emoji, mark) in hutong_protocol::codec::decode_checked::<Marks>(&value)? {
                    if mark.on {
                        by_emoji.entry(emoji).or_default().push((mark.at, account));
                    }
                }
            }
            Some((b'e', account)) if account == *author => {
                edit = Some(hutong_protocol::codec::decode_checked(&value)?);
            }
            Some((b'l', account)) if account == *author => {
                moved = Some(hutong_protocol::codec::decode_checked(&value)?);
            }
            Some((b'h', _)) => hidden = true,
            _ => {}
        }
    }
    let mut ordered: Vec<_> = by_emoji.into_iter().collect();
    for (_, marks) in &mut ordered {
        marks.sort_unstable();
    }
    ordered.sort_by(|(emoji, marks), (other, others)| (marks.first(), emoji).cmp(&(others.first(), other)));
    let reactions = ordered.into_iter().map(|(emoji, marks)| {
        let accounts = marks.into_iter().map(|(_, account)| account).collect();
        Reaction { emoji, accounts }
    });
    Ok(Done { reactions: reactions.collect(), edit, moved, hidden })
}
