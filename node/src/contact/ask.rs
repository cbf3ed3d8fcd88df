//! Asking a stranger: the postage is worked for first, off the engine's thread, and then the request is written.
//!
//! ```text
//! ask ──► wish (in the store) ──Effect::Stamp──► … ──Input::Stamped──► request ──► outbox
//!            ▲                                                            │
//!            └────────── "that is too little": the work is done again ◄───┘
//! ```
//! A wish outlives the process: after a start its work begins anew.

use hutong_protocol::{
    AccountId, Draft, Kind, RecordId, Topic,
    circle::TAG_BYTES,
    codec,
    contact::ContactRequest,
    limits::{POSTAGE_BITS_MAX, REQUEST_BODY_BYTES_MAX, REQUEST_TEXT_BYTES_MAX, STAMP_DAYS_MAX},
    postage::{Stamp, Work, day_of},
    text::{clean_text, truncate},
};
use serde::{Deserialize, Serialize};

use super::{
    accept, circle, keys, save,
    view::{self, Asked, Contact, ContactState},
};
use crate::{
    account,
    engine::{CommandError, Cx, Effect, EngineError, Reject, get_value},
    mailbox,
    store::{Direction, KeyRange, Read},
};

/// Requests that may wait for their postage at one time: more is no person but a program.
const WISHES_MAX: usize = 32;
/// Requests worked for at one time: one core of a phone is enough to lose.
const WORKING_MAX: usize = 1;
/// "About" in a request in bytes; the rest comes with the profile.
const ABOUT_BYTES: usize = 128;
/// Addresses in a request. The others come with the connection.
const ADDRESSES: usize = 3;

/// Whom to ask, as their link says.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Who.
    pub account: AccountId,
    /// Where they can be reached.
    pub addresses: Vec<String>,
    /// Where a request may be left for them.
    pub mailboxes: Vec<String>,
    /// The postage that they want, in bits. What their profile says counts more.
    pub postage: Option<u8>,
}

/// A request that waits for its postage.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Wish {
    text: String,
    bits: u8,
    #[serde(with = "serde_bytes")]
    salt: [u8; 16],
    day: u32,
}

impl Wish {
    fn work(&self, me: &AccountId, to: &AccountId) -> Work {
        Work::new(me, to, &self.salt, self.day)
    }
}

/// The postage that is being worked for, in bits; `None`: none is.
///
/// # Errors
/// The store's, or damage.
pub fn working(read: &dyn Read, to: &AccountId) -> Result<Option<u8>, EngineError> {
    Ok(get_value::<Wish>(read, keys::wish(to))?.map(|wish| wish.bits))
}

/// Asks an account to be in touch; accepts if it asked first.
///
/// # Errors
/// Refused for oneself or a blocked account, and if too many requests wait.
pub fn ask(cx: &mut Cx<'_>, invite: Invite, text: &str) -> Result<(), CommandError> {
    let (me, account) = (cx.me()?, invite.account);
    if account == me {
        return Err(CommandError::refused("self", "this is your own link: give it to somebody else"));
    }
    let contact = view::get(cx.read(), &account)?;
    if contact.blocked {
        return Err(CommandError::refused("blocked", "you blocked this account: unblock it first"));
    }
    cx.connect(&account, [invite.addresses, invite.mailboxes].concat())?;
    match contact.state {
        ContactState::Incoming => return accept(cx, account),
        ContactState::Accepted => return Ok(()),
        ContactState::None | ContactState::Outgoing | ContactState::Declined => {}
    }
    if cx.read().count(KeyRange::prefix(&keys::wishes()), WISHES_MAX).map_err(EngineError::from)? >= WISHES_MAX {
        return Err(CommandError::refused(
            "too_many_requests",
            "too many requests wait for their postage: let them be sent first, or cancel some",
        ));
    }
    let mut text = clean_text(text);
    truncate(&mut text, REQUEST_TEXT_BYTES_MAX);
    let bits = stated(cx.read(), &account)?.or(invite.postage).unwrap_or(super::POSTAGE_BITS).min(POSTAGE_BITS_MAX);
    cx.follow(&Topic::Profile(account))?;
    let (state, since) = (ContactState::Outgoing, cx.now());
    save(cx, &account, &Contact { state, since, text: text.clone(), ..contact })?;
    wish(cx, &account, text, bits)?;
    Ok(())
}

/// What an account's own profile asks for.
fn stated(read: &dyn Read, account: &AccountId) -> Result<Option<u8>, EngineError> {
    Ok(account::view::profile(read, account)?.and_then(|profile| profile.postage))
}

fn wish(cx: &mut Cx<'_>, to: &AccountId, text: String, bits: u8) -> Result<(), Reject> {
    if bits == 0 {
        return send(cx, to, text, None, 0);
    }
    let wish = Wish { text, bits, salt: cx.random(), day: day_of(cx.now()) };
    cx.stamping().remove(to);
    cx.put_value(keys::wish(to), &wish)?;
    Ok(take_up(cx)?)
}

/// Begins the work for what waits, after a start too.
pub(super) fn take_up(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    if cx.stamping().len() >= WORKING_MAX {
        return Ok(());
    }
    for (key, value) in cx.read().collect(KeyRange::prefix(&keys::wishes()), Direction::Ascending, WISHES_MAX)? {
        let Some(to) = keys::parse_wish(&key) else { continue };
        if cx.stamping().len() >= WORKING_MAX {
            break;
        }
        if cx.stamping().insert(to) {
            let wish: Wish = codec::decode_checked(&value)?;
            let (work, from) = (wish.work(&me, &to), u64::from(u32::from_be_bytes(cx.random())));
            cx.effect(Effect::Stamp { to, work, bits: wish.bits, from });
        }
    }
    Ok(())
}

/// No work is needed any more.
pub(super) fn stop_working(cx: &mut Cx<'_>, to: &AccountId) -> Result<(), EngineError> {
    if cx.read().contains(&keys::wish(to))? {
        cx.delete(keys::wish(to));
        cx.stamping().remove(to);
        cx.effect(Effect::StopStamp(*to));
    }
    take_up(cx)
}

/// Nothing is to be asked any more: not what waits for its postage, nor what waits for its recipient.
pub(super) fn stop(cx: &mut Cx<'_>, to: &AccountId, contact: &Contact) -> Result<(), EngineError> {
    if let (Some(asked), Some(me)) = (&contact.asked, cx.account()) {
        cx.take_back(&Topic::direct(&me, to), to, &asked.request)?;
    }
    stop_working(cx, to)
}

/// The work is done.
///
/// # Errors
/// Our own failures only.
pub(crate) fn stamped(cx: &mut Cx<'_>, to: &AccountId, nonce: u64) -> Result<(), EngineError> {
    cx.stamping().remove(to);
    let (Some(me), Some(found)) = (cx.account(), get_value::<Wish>(cx.read(), keys::wish(to))?) else {
        return take_up(cx);
    };
    let contact = view::get(cx.read(), to)?;
    if contact.state != ContactState::Outgoing || contact.blocked {
        cx.delete(keys::wish(to));
        return take_up(cx);
    }
    let Wish { text, bits, salt, day } = found.clone();
    // Work for another wish that was stopped meanwhile, or for a day that is over: it begins anew.
    let is_late = day_of(cx.now()).abs_diff(day) > 1;
    let done = if is_late {
        wish(cx, to, text, bits)
    } else if found.work(&me, to).bits(nonce) < bits {
        Ok(())
    } else {
        cx.delete(keys::wish(to));
        send(cx, to, text, Some(Stamp { salt, day, nonce }), bits)
    };
    match done {
        Err(Reject::Own(error)) => return Err(error),
        Err(reject) => tracing::warn!(%reject, "a request could not be written"),
        Ok(()) => {}
    }
    take_up(cx)
}

/// Writes the request. One that went out before is taken back.
fn send(cx: &mut Cx<'_>, to: &AccountId, text: String, stamp: Option<Stamp>, bits: u8) -> Result<(), Reject> {
    let me = cx.account().ok_or(Reject::Later("this node has no account yet"))?;
    let topic = Topic::direct(&me, to);
    let contact = view::get(cx.read(), to)?;
    if let Some(before) = &contact.asked {
        cx.take_back(&topic, to, &before.request)?;
    }
    let body = body(cx, &me, to, text, stamp)?;
    let draft = Draft::new(topic, Kind::ContactRequest, &body).map_err(EngineError::from)?;
    let request = cx.publish(draft, Some(*to))?;
    let asked = Some(Asked { request, stamp, bits, refused: false });
    save(cx, to, &Contact { asked, ..contact })?;
    // The queues for the answer are opened by asking for what is in them.
    Ok(mailbox::client::fetch_all(cx)?)
}

/// The body, cut so that it fits a queue for strangers when it is sealed.
fn body(
    cx: &mut Cx<'_>,
    me: &AccountId,
    to: &AccountId,
    text: String,
    stamp: Option<Stamp>,
) -> Result<ContactRequest, EngineError> {
    let mut profile = account::view::profile(cx.read(), me)?.unwrap_or_default();
    truncate(&mut profile.about, ABOUT_BYTES);
    let mut addresses = cx.addresses();
    addresses.truncate(ADDRESSES);
    let mailboxes = mailbox::strangers::named_in_request(cx, to)?;
    let mut body = ContactRequest { to: *to, profile, text, addresses, mailboxes, stamp, tags: Vec::new() };
    let room = |body: &ContactRequest| -> Result<usize, EngineError> {
        // A row of tags has a head of at most eight bytes: its name and length.
        Ok(REQUEST_BODY_BYTES_MAX.saturating_sub(codec::encode(body)?.len()).saturating_sub(8) / TAG_BYTES)
    };
    if room(&body)? == 0 {
        body.mailboxes.clear();
    }
    if room(&body)? == 0 {
        body.addresses.truncate(1);
        body.profile.about.clear();
    }
    let room = room(&body)?;
    body.tags = circle::tags(cx, me, to, room)?;
    Ok(body)
}

/// A device of theirs refused the request: for too little postage, unless they said nothing of it.
pub(super) fn refused(cx: &mut Cx<'_>, to: &AccountId, id: &RecordId) -> Result<(), EngineError> {
    let contact = view::get(cx.read(), to)?;
    let Some(asked) = contact.asked.clone().filter(|asked| asked.request == *id) else { return Ok(()) };
    save(cx, to, &Contact { asked: Some(Asked { refused: true, ..asked }), ..contact })?;
    pay_again(cx, to)
}

/// Pays what their profile asks for by now, if the request was refused and that is more.
pub(super) fn pay_again(cx: &mut Cx<'_>, to: &AccountId) -> Result<(), EngineError> {
    let refused = view::get(cx.read(), to)?.asked.is_some_and(|asked| asked.refused);
    match stated(cx.read(), to)?.filter(|_| refused) {
        Some(bits) => raise(cx, to, bits),
        None => Ok(()),
    }
}

/// A mailbox of theirs says what postage its queue wants, or that the stamp is too old.
pub(crate) fn short(cx: &mut Cx<'_>, to: &AccountId, bits: u8) -> Result<(), EngineError> {
    raise(cx, to, bits)
}

/// Does the work again for more postage, or for a stamp of today.
fn raise(cx: &mut Cx<'_>, to: &AccountId, bits: u8) -> Result<(), EngineError> {
    let contact = view::get(cx.read(), to)?;
    let Some(asked) = &contact.asked else { return Ok(()) };
    let old = asked.stamp.is_some_and(|stamp| day_of(cx.now()).saturating_sub(stamp.day) >= STAMP_DAYS_MAX);
    let more = bits > asked.bits || (old && bits > 0);
    if !more || bits > POSTAGE_BITS_MAX || contact.state != ContactState::Outgoing || working(cx.read(), to)?.is_some()
    {
        return Ok(());
    }
    match wish(cx, to, contact.text, bits) {
        Err(Reject::Own(error)) => Err(error),
        _ => Ok(()),
    }
}

/// The request that waits for an account, and its postage, if a mailbox may take it.
pub(crate) fn to_leave(read: &dyn Read, to: &AccountId) -> Result<Option<(RecordId, Stamp)>, EngineError> {
    let contact = view::get(read, to)?;
    let asked = contact.asked.filter(|_| contact.state == ContactState::Outgoing && !contact.blocked);
    Ok(asked.and_then(|asked| Some((asked.request, asked.stamp?))))
}
