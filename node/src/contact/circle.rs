//! Contacts in common: this account's circle secret, and the tags that prove that one knows somebody else's.

use hutong_protocol::{
    AccountId, TimestampMs,
    circle::{CircleSecret, TAG_BYTES, tags_in},
    limits::CIRCLE_TAGS_MAX,
    own::Own,
};
use serde::{Deserialize, Serialize};

use super::{keys, view};
use crate::{
    engine::{Cx, EngineError, get_value},
    mailbox,
};

/// Tags are filled up to a multiple of this with some that mean nothing, so that their number does not tell how many
/// contacts there are.
const PAD: usize = 16;

#[derive(Clone, Serialize, Deserialize)]
struct Row {
    secret: CircleSecret,
    since: TimestampMs,
}

/// This account's circle secret; made when it is asked for the first time.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn own(cx: &mut Cx<'_>) -> Result<CircleSecret, EngineError> {
    match get_value::<Row>(cx.read(), keys::circle())? {
        Some(row) => Ok(row.secret),
        None => renew(cx),
    }
}

/// Makes another one: somebody who knew the old one is no contact any more.
pub(super) fn renew(cx: &mut Cx<'_>) -> Result<CircleSecret, EngineError> {
    let row = Row { secret: CircleSecret(cx.random()), since: cx.now() };
    cx.put_value(keys::circle(), &row)?;
    tell(cx)?;
    Ok(row.secret)
}

/// Tells the other devices of this account.
pub(super) fn tell(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    match get_value::<Row>(cx.read(), keys::circle())? {
        Some(Row { secret, since }) => cx.publish_own(&Own::Circle { secret, since }),
        None => Ok(()),
    }
}

/// Another device of this account made one. Of two the later counts; contacts are told.
pub(super) fn heard(cx: &mut Cx<'_>, secret: CircleSecret, since: TimestampMs) -> Result<(), EngineError> {
    let before: Option<Row> = get_value(cx.read(), keys::circle())?;
    if before.is_some_and(|row| (row.since, row.secret) >= (since, secret)) {
        return Ok(());
    }
    cx.put_value(keys::circle(), &Row { secret, since })?;
    mailbox::tell_again(cx);
    Ok(())
}

/// The circle secrets of this account's contacts, as far as they told theirs.
fn known(cx: &mut Cx<'_>) -> Result<std::sync::Arc<[(AccountId, CircleSecret)]>, EngineError> {
    if let Some(known) = &cx.mailboxes().circles {
        return Ok(std::sync::Arc::clone(known));
    }
    let mut known = Vec::new();
    for (account, secret) in mailbox::circles(cx.read())? {
        let contact = view::get(cx.read(), &account)?;
        if contact.is_contact() && !known.contains(&(contact.since, account, secret)) {
            known.push((contact.since, account, secret));
        }
    }
    // The newest first: where there is no room for all, those are told.
    known.sort_by_key(|(since, account, _)| (std::cmp::Reverse(*since), *account));
    let known: std::sync::Arc<[_]> = known.into_iter().map(|(_, account, secret)| (account, secret)).collect();
    cx.mailboxes().circles = Some(std::sync::Arc::clone(&known));
    Ok(known)
}

/// The tags of a request to `to`, at most so many, in no order.
pub(super) fn tags(cx: &mut Cx<'_>, me: &AccountId, to: &AccountId, room: usize) -> Result<Vec<u8>, EngineError> {
    let room = room.min(CIRCLE_TAGS_MAX);
    let known = known(cx)?;
    let known = known.iter().filter(|(account, _)| account != to);
    let mut tags: Vec<[u8; TAG_BYTES]> = known.map(|(_, secret)| secret.tag(me, to)).take(room).collect();
    while tags.len() < room && (tags.is_empty() || !tags.len().is_multiple_of(PAD)) {
        tags.push(cx.random());
    }
    tags.sort_unstable();
    Ok(tags.concat())
}

/// This account's contacts that a request's tags prove to be the asker's too.
pub(super) fn common(
    cx: &mut Cx<'_>,
    asker: &AccountId,
    me: &AccountId,
    tags: &[u8],
) -> Result<Vec<AccountId>, EngineError> {
    let tags = tags_in(tags);
    if tags.is_empty() {
        return Ok(Vec::new());
    }
    let known = known(cx)?;
    let found = known.iter().filter(|(account, secret)| account != asker && tags.contains(&secret.tag(asker, me)));
    let mut common: Vec<_> = found.map(|(account, _)| *account).collect();
    common.sort_unstable();
    common.dedup();
    Ok(common)
}
