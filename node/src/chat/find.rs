//! Finding one's way in a conversation: by words, and by date.

use hutong_protocol::{Kind, RecordId, TimestampMs, record::Stored};

use super::view::{self, MessageView};
use crate::{
    engine::{
        ChatId, EngineError, identity,
        keys::{self as rows, Place},
    },
    store::{Direction, KeyRange, Read},
};

/// Messages looked at for one search: a second's work at most.
const SEARCH_LOOK_MAX: usize = 20_000;
/// Messages read at a time.
const SEARCH_PAGE: usize = 500;

/// The newest `limit` messages in which every word of `text` stands (case, width and Chinese variants do not matter),
/// newest first. It reads the conversation itself, so that what is gone is not found.
///
/// # Errors
/// The store's, or damage.
pub fn search(read: &dyn Read, chat: &ChatId, text: &str, limit: usize) -> Result<Vec<MessageView>, EngineError> {
    let folded = crate::search::fold(text);
    let words: Vec<&str> = folded.split_whitespace().collect();
    let (mut found, mut before, mut looked) = (Vec::new(), None, 0usize);
    while !words.is_empty() && looked < SEARCH_LOOK_MAX {
        let (messages, more) = view::page(read, chat, before, SEARCH_PAGE)?;
        looked = looked.saturating_add(messages.len());
        before = messages.first().map(|oldest| (oldest.at, oldest.id));
        for message in messages.into_iter().rev() {
            let said = crate::search::fold(&message.content.text);
            if words.iter().all(|word| said.contains(word)) {
                found.push(message);
                if found.len() == limit {
                    return Ok(found);
                }
            }
        }
        if !more {
            break;
        }
    }
    Ok(found)
}

/// The first message at or after a time: where one lands who jumps to a date. `None` if nothing was said since.
///
/// # Errors
/// The store's, or damage.
pub fn first_since(read: &dyn Read, chat: &ChatId, at: TimestampMs) -> Result<Option<RecordId>, EngineError> {
    let Some(me) = identity::account(read)? else { return Ok(None) };
    let topic = view::topic(&me, chat);
    let end = rows::set(&topic).tail(&[0xff; 41]);
    let mut from = Place { topic: topic.key(), at, id: RecordId([0; 32]) }.key().into_bytes();
    loop {
        let entries = read.collect(KeyRange::between(&from, &end), Direction::Ascending, SEARCH_PAGE)?;
        let Some((last, _)) = entries.last() else { return Ok(None) };
        let next = [last, [0].as_slice()].concat();
        for (key, bytes) in entries {
            let id = Place::parse(&key).map(|place| place.id);
            if let Some(id) = id
                && matches!(Stored::decode(bytes)?.header.kind, Kind::Message | Kind::GroupMessage)
                && view::message(read, chat, &id)?.is_some()
            {
                return Ok(Some(id));
            }
        }
        from = next;
    }
}
