//! What this node keeps for others: queues of sealed items. It knows neither what is in them nor who wrote them, and its
//! store names owners only by a hash that means nothing elsewhere.

use hutong_protocol::{
    AccountId, DeviceId, TimestampMs, codec,
    limits::{
        QUEUE_BYTES_MAX, QUEUE_ITEMS_MAX, QUEUE_MS_MAX, QUEUES_FETCHED_MAX, STAMP_DAYS_MAX, STAMPS_REMEMBERED_MAX,
        STRANGER_ITEM_BYTES_MAX, STRANGER_ITEMS_MAX,
    },
    mailbox::{Fetched, MailboxAnswer, MailboxRequest, QueueId, QueueItem, ReadKey, StrangerQueue},
    postage::{Postmark, day_of},
    seal::ITEM_BYTES,
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::keys;
use crate::{
    engine::{Cx, EngineError, get_value},
    store::{Direction, KeyRange, Read},
};

/// Bytes kept for one owner (256 MiB).
pub const OWNER_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Queues kept for one owner: twice what one device asks for, since an account has several.
const OWNER_QUEUES_MAX: u64 = 4_096;
/// How exactly it is remembered when an owner last asked: a day. Writing more often would be for nothing.
const ASKED_MS: u64 = 24 * 60 * 60 * 1_000;
/// After so long (60 days) without being asked for, an empty queue is closed. It opens again when it is asked for.
const CLOSED_MS: u64 = 60 * 24 * 60 * 60 * 1_000;
/// Bytes of items in one answer: one frame with room for the rest.
const ANSWER_BYTES_MAX: usize = 768 * 1024;
/// Items in one answer: one signature batch of the owner.
const ANSWER_ITEMS_MAX: usize = 256;

/// A queue.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct QueueRow {
    /// Whose, by a hash.
    #[serde(with = "serde_bytes")]
    owner: [u8; 16],
    /// The number of the next item.
    next: u64,
    /// Items in it.
    items: u32,
    /// Their bytes.
    bytes: u64,
    /// When its owner last asked, to the day.
    asked: TimestampMs,
    /// Anybody may write into it who pays so much, in bits; absent: whoever has the write key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    postage: Option<u8>,
}

/// How much this node keeps for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Owners.
    pub owners: usize,
    /// Items.
    pub items: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What this node keeps for others.
///
/// # Errors
/// The store's, or damage.
pub fn kept(read: &dyn Read) -> Result<Kept, EngineError> {
    let (mut kept, mut owners) = (Kept::default(), std::collections::BTreeSet::new());
    for (_, value) in read.collect(KeyRange::prefix(&keys::queues()), Direction::Ascending, usize::MAX)? {
        let row: QueueRow = codec::decode_checked(&value)?;
        owners.insert(row.owner);
        kept.items = kept.items.saturating_add(row.items.into());
        kept.bytes = kept.bytes.saturating_add(row.bytes);
    }
    kept.owners = owners.len();
    Ok(kept)
}

/// Answers a request of a connected device. `serves`: whether this node keeps mail for that device's account.
///
/// # Errors
/// Our own failures only.
pub(crate) fn answer(
    cx: &mut Cx<'_>,
    from: DeviceId,
    account: Option<AccountId>,
    serves: bool,
    request: MailboxRequest,
) -> Result<MailboxAnswer, EngineError> {
    match (request, account.filter(|_| serves)) {
        (MailboxRequest::Deposit { write, items }, _) => deposit(cx, &write.queue(), &items),
        (MailboxRequest::Ask { write, item, postmark }, _) => ask(cx, &write.queue(), &item, &postmark),
        (MailboxRequest::Fetch { reads, strangers }, Some(account)) if reads.len() <= QUEUES_FETCHED_MAX => {
            fetch(cx, from, &account, &reads, strangers)
        }
        (MailboxRequest::Acknowledge { read, up_to }, _) => acknowledge(cx, &read.write_key().queue(), up_to),
        _ => Ok(MailboxAnswer::Refused),
    }
}

fn deposit(cx: &mut Cx<'_>, queue: &QueueId, items: &[ByteBuf]) -> Result<MailboxAnswer, EngineError> {
    let Some(mut row) = get_value::<QueueRow>(cx.read(), keys::queue(queue))?.filter(|row| row.postage.is_none())
    else {
        return Ok(MailboxAnswer::Refused);
    };
    let (mut stored, mut full, mut news) = (0u32, false, false);
    for item in items {
        if !ITEM_BYTES.contains(&item.len()) {
            return Ok(MailboxAnswer::Refused);
        }
        if !cx.read().contains(&keys::hash(queue, item))? {
            if !put(cx, queue, &mut row, item, (QUEUE_ITEMS_MAX, QUEUE_BYTES_MAX))? {
                full = true;
                break;
            }
            news = true;
        }
        stored = stored.saturating_add(1);
    }
    cx.put_value(keys::queue(queue), &row)?;
    if news {
        cx.ring(queue);
    }
    Ok(MailboxAnswer::Deposited { stored, full })
}

/// Puts an item into a queue. Returns whether there is room.
fn put(
    cx: &mut Cx<'_>,
    queue: &QueueId,
    row: &mut QueueRow,
    item: &ByteBuf,
    (items_max, bytes_max): (usize, u64),
) -> Result<bool, EngineError> {
    let owned_key = keys::owner(&row.owner);
    let owned = number_at(cx.read(), &owned_key)?;
    let bytes = u64::try_from(item.len()).unwrap_or(u64::MAX);
    let no_room = usize::try_from(row.items).unwrap_or(usize::MAX) >= items_max
        || row.bytes.saturating_add(bytes) > bytes_max
        || owned.saturating_add(bytes) > OWNER_BYTES_MAX;
    if no_room {
        tracing::info!("a queue of the mailbox is full");
        return Ok(false);
    }
    cx.put(keys::hash(queue, item), row.next.to_be_bytes().to_vec());
    cx.put(keys::item(queue, row.next), [&cx.now().0.to_be_bytes()[..], item].concat());
    row.next = row.next.saturating_add(1);
    row.items = row.items.saturating_add(1);
    row.bytes = row.bytes.saturating_add(bytes);
    cx.put(owned_key, owned.saturating_add(bytes).to_be_bytes().to_vec());
    Ok(true)
}

/// Somebody asks an owner something, and pays for it. A stamp is good for one item.
fn ask(cx: &mut Cx<'_>, queue: &QueueId, item: &ByteBuf, postmark: &Postmark) -> Result<MailboxAnswer, EngineError> {
    let Some(mut row) = get_value::<QueueRow>(cx.read(), keys::queue(queue))? else {
        return Ok(MailboxAnswer::Refused);
    };
    let Some(bits) = row.postage.filter(|_| ITEM_BYTES.contains(&item.len()) && item.len() <= STRANGER_ITEM_BYTES_MAX)
    else {
        return Ok(MailboxAnswer::Refused);
    };
    let today = day_of(cx.now());
    // A day ahead: clocks differ.
    let fresh = postmark.day <= today.saturating_add(1) && today.saturating_sub(postmark.day) < STAMP_DAYS_MAX;
    if !fresh || postmark.bits() < bits {
        return Ok(MailboxAnswer::Postage { bits });
    }
    let stamp = keys::stamp(queue, &postmark.commitment);
    if cx.read().contains(&stamp)? {
        // Sealed anew after a lost answer: the first one is here, or was fetched.
        return Ok(MailboxAnswer::Deposited { stored: 1, full: false });
    }
    let used = cx.read().count(KeyRange::prefix(&keys::stamps(queue)), STAMPS_REMEMBERED_MAX)?;
    let limits = (STRANGER_ITEMS_MAX, QUEUE_BYTES_MAX);
    if used >= STAMPS_REMEMBERED_MAX || !put(cx, queue, &mut row, item, limits)? {
        return Ok(MailboxAnswer::Deposited { stored: 0, full: true });
    }
    cx.put(stamp, postmark.day.to_be_bytes().to_vec());
    cx.put_value(keys::queue(queue), &row)?;
    cx.ring(queue);
    Ok(MailboxAnswer::Deposited { stored: 1, full: false })
}

fn number_at(read: &dyn Read, key: &[u8]) -> Result<u64, EngineError> {
    Ok(read.get(key)?.and_then(|value| Some(u64::from_be_bytes(value.get(..8)?.try_into().ok()?))).unwrap_or(0))
}

fn fetch(
    cx: &mut Cx<'_>,
    from: DeviceId,
    account: &AccountId,
    reads: &[ReadKey],
    strangers: Option<StrangerQueue>,
) -> Result<MailboxAnswer, EngineError> {
    let owner = pseudonym(cx, account)?;
    let (mut queues, mut more, mut room, mut count) = (Vec::new(), false, ANSWER_BYTES_MAX, ANSWER_ITEMS_MAX);
    let all = reads.iter().map(|read| (*read, None));
    let all = all.chain(strangers.map(|strangers| (strangers.read, Some(strangers.bits))));
    for (place, (read, postage)) in (0u32..).zip(all) {
        let queue = read.write_key().queue();
        cx.reads(queue, from);
        let Some(row) = open(cx, &queue, &owner, postage)? else { continue };
        if row.items == 0 {
            continue;
        }
        let mut items = Vec::new();
        for (key, value) in cx.read().collect(KeyRange::prefix(&keys::items(&queue)), Direction::Ascending, count)? {
            let Some((number, item)) = keys::parse_item(&key).zip(value.get(8..)) else { continue };
            if item.len() > room {
                more = true;
                break;
            }
            (room, count) = (room.saturating_sub(item.len()), count.saturating_sub(1));
            items.push(QueueItem { number, item: ByteBuf::from(item.to_vec()) });
        }
        more |= items.len() < usize::try_from(row.items).unwrap_or(usize::MAX);
        if !items.is_empty() {
            queues.push(Fetched { queue: place, items });
        }
        if room == 0 || count == 0 {
            more = true;
            break;
        }
    }
    Ok(MailboxAnswer::Fetched { queues, more })
}

/// Opens a queue that is not there, as far as its owner may have more. `None`: it may not.
fn open(
    cx: &mut Cx<'_>,
    queue: &QueueId,
    owner: &[u8; 16],
    postage: Option<u8>,
) -> Result<Option<QueueRow>, EngineError> {
    let (key, now) = (keys::queue(queue), cx.now());
    if let Some(row) = get_value::<QueueRow>(cx.read(), &key)? {
        if now.since_ms(row.asked) >= ASKED_MS || row.postage != postage {
            cx.put_value(key, &QueueRow { asked: now, postage, ..row.clone() })?;
        }
        return Ok(Some(row));
    }
    let count_key = keys::queue_count(owner);
    let count = number_at(cx.read(), &count_key)?;
    if count >= OWNER_QUEUES_MAX {
        tracing::info!("somebody wants more queues than this mailbox keeps for one");
        return Ok(None);
    }
    cx.put(count_key, count.saturating_add(1).to_be_bytes().to_vec());
    let row = QueueRow { owner: *owner, next: 1, items: 0, bytes: 0, asked: now, postage };
    cx.put_value(key, &row)?;
    Ok(Some(row))
}

/// Owners by a hash under this device's own secret: the store of a mailbox says nothing about whose it is.
fn pseudonym(cx: &Cx<'_>, account: &AccountId) -> Result<[u8; 16], EngineError> {
    let secret = crate::engine::identity::device_seed(cx.read())?;
    let key = zeroize::Zeroizing::new(blake3::derive_key("hutong v1 mailbox owner", &*secret));
    let mut owner = [0; 16];
    owner.copy_from_slice(blake3::keyed_hash(&key, &account.0).as_bytes().get(..16).unwrap_or(&[0; 16]));
    Ok(owner)
}

fn acknowledge(cx: &mut Cx<'_>, queue: &QueueId, up_to: u64) -> Result<MailboxAnswer, EngineError> {
    drop_items(cx, queue, |number, _| number <= up_to)?;
    Ok(MailboxAnswer::Done)
}

/// Drops the oldest items of a queue while `gone` says so.
fn drop_items(cx: &mut Cx<'_>, queue: &QueueId, gone: impl Fn(u64, TimestampMs) -> bool) -> Result<(), EngineError> {
    let Some(mut row) = get_value::<QueueRow>(cx.read(), keys::queue(queue))? else { return Ok(()) };
    let owned_key = keys::owner(&row.owner);
    let mut owned = number_at(cx.read(), &owned_key)?;
    for (key, value) in cx.read().collect(KeyRange::prefix(&keys::items(queue)), Direction::Ascending, usize::MAX)? {
        let (Some(number), Some((at, item))) = (keys::parse_item(&key), value.split_first_chunk::<8>()) else {
            continue;
        };
        if !gone(number, TimestampMs(u64::from_be_bytes(*at))) {
            break;
        }
        let bytes = u64::try_from(item.len()).unwrap_or(u64::MAX);
        row.items = row.items.saturating_sub(1);
        row.bytes = row.bytes.saturating_sub(bytes);
        owned = owned.saturating_sub(bytes);
        cx.delete(keys::hash(queue, item));
        cx.delete(&key);
    }
    if owned == 0 {
        cx.delete(owned_key);
    } else {
        cx.put(owned_key, owned.to_be_bytes().to_vec());
    }
    cx.put_value(keys::queue(queue), &row)
}

/// Drops what is too old: items, stamps that were used, queues that nobody asks for.
pub(super) fn expire(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let now = cx.now();
    for (key, value) in cx.read().collect(KeyRange::prefix(&keys::queues()), Direction::Ascending, usize::MAX)? {
        let row: QueueRow = codec::decode_checked(&value)?;
        let Some(queue) = keys::parse_queue(&key) else { continue };
        if row.postage.is_some() {
            expire_stamps(cx, &queue)?;
        }
        if row.items == 0 {
            if now.since_ms(row.asked) >= CLOSED_MS {
                close(cx, &queue, &row)?;
            }
            continue;
        }
        let oldest = cx.read().first(KeyRange::prefix(&keys::items(&queue)), Direction::Ascending)?;
        let at = oldest.and_then(|(_, value)| Some(u64::from_be_bytes(value.get(..8)?.try_into().ok()?)));
        if at.is_some_and(|at| now.since_ms(TimestampMs(at)) > QUEUE_MS_MAX) {
            drop_items(cx, &queue, |_, at| now.since_ms(at) > QUEUE_MS_MAX)?;
        }
    }
    Ok(())
}

fn expire_stamps(cx: &mut Cx<'_>, queue: &QueueId) -> Result<(), EngineError> {
    let today = day_of(cx.now());
    for (key, value) in cx.read().collect(KeyRange::prefix(&keys::stamps(queue)), Direction::Ascending, usize::MAX)? {
        let day = value.first_chunk::<4>().map_or(0, |day| u32::from_be_bytes(*day));
        if today.saturating_sub(day) >= STAMP_DAYS_MAX {
            cx.delete(&key);
        }
    }
    Ok(())
}

fn close(cx: &mut Cx<'_>, queue: &QueueId, row: &QueueRow) -> Result<(), EngineError> {
    cx.delete(keys::queue(queue));
    let count_key = keys::queue_count(&row.owner);
    let count = number_at(cx.read(), &count_key)?.saturating_sub(1);
    if count == 0 {
        cx.delete(count_key)
    } else {
        cx.put(count_key, count.to_be_bytes().to_vec())
    }
    Ok(())
}
