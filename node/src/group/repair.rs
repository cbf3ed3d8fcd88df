//! What is missing of a private group is noticed by what refers to it, and asked of the one who referred to it.

use std::collections::BTreeMap;

use hutong_protocol::{
    AccountId, Draft, GroupId, Kind, RecordId, TimestampMs, Topic, Verified, group::GroupAsk, limits::RECEIPT_IDS_MAX,
};

use super::{log, view};
use crate::{
    chat,
    contact::addressed,
    engine::{Cx, EngineError, Keep, Reject, get_record, is_here},
};

/// How long something may still be on its way before it is asked for.
const PATIENCE_MS: u64 = 20_000;
/// How long to wait for an answer before asking again.
const AGAIN_MS: u64 = 10 * 60 * 1_000;
/// How often something is asked for: whoever has it not will not have it later.
const TIMES: u32 = 3;
/// Missing records remembered: a flood of references to nothing must not fill the memory.
const LACKING_MAX: usize = 4_096;

/// What is missing, while the process runs: what is forgotten is noticed again.
#[derive(Default)]
pub(crate) struct Lacking(BTreeMap<(GroupId, RecordId), Lack>);

struct Lack {
    from: AccountId,
    due: TimestampMs,
    times: u32,
}

impl Lacking {
    /// Notes that these are missing, which `from` must have.
    pub(crate) fn note(&mut self, group: GroupId, ids: &[RecordId], from: AccountId, now: TimestampMs) {
        for id in ids {
            if self.0.len() >= LACKING_MAX {
                self.0.clear();
            }
            self.0.entry((group, *id)).or_insert(Lack { from, due: now.plus_ms(PATIENCE_MS), times: 0 });
        }
    }
}

/// Notes which of the messages that came before one are not here. Those that were taken back are not missed.
pub(super) fn notice(cx: &mut Cx<'_>, group: GroupId, from: AccountId, after: &[RecordId]) -> Result<(), EngineError> {
    if cx.account() == Some(from) {
        return Ok(());
    }
    let topic = Topic::of_group(group);
    let mut missing = Vec::new();
    for id in after {
        if !is_here(cx.read(), id)? && !chat::view::is_known_gone(cx.read(), &topic, id)? {
            missing.push(*id);
        }
    }
    cx.lacks(group, &missing, from);
    Ok(())
}

/// Asks for what is still missing.
pub(super) fn tick(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let (now, Some(me)) = (cx.now(), cx.account()) else { return Ok(()) };
    let due: Vec<_> =
        cx.lacking().0.iter().filter(|(_, lack)| lack.due <= now).map(|(key, lack)| (*key, lack.from)).collect();
    let mut to_ask = BTreeMap::<(AccountId, GroupId), Vec<RecordId>>::new();
    for ((group, id), from) in due {
        let here = is_here(cx.read(), &id)?;
        let Some(lack) = cx.lacking().0.get_mut(&(group, id)) else { continue };
        if here || lack.times >= TIMES {
            cx.lacking().0.remove(&(group, id));
            continue;
        }
        (lack.times, lack.due) = (lack.times.saturating_add(1), now.plus_ms(AGAIN_MS));
        to_ask.entry((from, group)).or_default().push(id);
    }
    for ((to, group), ids) in to_ask {
        if to == me || !view::is_member(cx.read(), &group, &to)? {
            continue;
        }
        for ids in ids.chunks(RECEIPT_IDS_MAX) {
            let body = GroupAsk { to, group, ids: ids.to_vec() };
            let draft = Draft::new(Topic::direct(&me, &to), Kind::GroupAsk, &body)?;
            if let Err(Reject::Own(error)) = cx.publish(draft, Some(to)) {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// A member lacks something: it gets what it may have of it.
pub(super) fn asked(cx: &mut Cx<'_>, record: &Verified) -> Result<Keep, Reject> {
    let me = cx.account().ok_or(Reject::Later("this node has no account yet"))?;
    let body: GroupAsk = record.body()?;
    body.validate()?;
    addressed(record, &body.to, &me)?;
    let (from, topic) = (record.author(), Topic::of_group(body.group));
    if from == me {
        return Ok(Keep::Drop);
    }
    let Some(state) = view::state(cx.read(), &body.group)? else { return Ok(Keep::Drop) };
    let since = log::readable_since(&state, &from);
    // Who was put out may still need what led to it.
    let until = state.spans.get(&from).and_then(|spans| spans.last()).map(|span| span.to.unwrap_or(cx.now()));
    let Some(until) = until.filter(|_| body.group.is_private()) else {
        return Err(Reject::Unwanted("only members of a group are given what is said in it"));
    };
    let mut ids = Vec::new();
    for id in body.ids {
        let Some(found) = get_record(cx.read(), &id)? else { continue };
        let header = found.header;
        let may = match since {
            Some(since) => header.kind == Kind::GroupEntry || header.at >= since,
            None => header.kind == Kind::GroupEntry && header.at <= until,
        };
        if header.topic == topic && may {
            ids.push(id);
        }
    }
    cx.hand_over(&topic, &from, &ids)?;
    Ok(Keep::Drop)
}
