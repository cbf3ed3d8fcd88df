//! A second device: it shows a code, a device of the account scans it, and the new one is certified.
//!
//! ```text
//! new node ── code: device key, sealing keys, a secret ──(seen by the user's other device)──► device of the account
//! new node ◄── adoption: the secret, a certificate; sealed for those keys ────────────────── device of the account
//! ```
//! The code names the new node's keys, so nobody in between can take its place; the secret shows the new node that
//! whoever adopts it has seen the code. The recovery phrase stays where it is.

use hutong_protocol::{
    AccountId, Certificate, Draft, Kind, TimestampMs, Topic, Verified,
    account::Device,
    own::{Adoption, DeviceLink},
    phrase::Phrase,
};

use super::keys;
use crate::{
    contact::addressed,
    engine::{CommandError, Cx, EngineError, Keep, Pairing, Reject},
};

/// How long a code is valid: long enough to fetch the other device.
const VALID_MS: u64 = 15 * 60 * 1_000;
/// A certificate is dated a day back, so that a clock set back a little does not make records older than it.
const BACKDATE_MS: u64 = 24 * 60 * 60 * 1_000;

/// The code of this node, to be shown. A new one replaces the last. `name`: what the device is called once it is one.
///
/// # Errors
/// Refused if this node has an account.
pub fn show(cx: &mut Cx<'_>, name: &str) -> Result<DeviceLink, CommandError> {
    if cx.account().is_some() {
        return Err(CommandError::refused("account_exists", "this node has an account already"));
    }
    let (secret, until) = (cx.random::<16>(), cx.now().plus_ms(VALID_MS));
    *cx.pairing() = Some(Pairing { secret, until, name: name.to_owned() });
    let (device, keys, addresses) = (cx.device(), cx.seal_keys()?, cx.addresses());
    Ok(DeviceLink { device, keys, secret, addresses })
}

/// Makes the node that showed a code a device of this account. `history`: whether it gets messages and orders from before.
/// `phrase`: needed where this node does not keep it.
///
/// # Errors
/// Refused without the phrase, or for this very device.
pub fn add(cx: &mut Cx<'_>, link: &DeviceLink, history: bool, phrase: Option<Phrase>) -> Result<(), CommandError> {
    let me = cx.me()?;
    if link.device == cx.device() {
        return Err(CommandError::refused("this_device", "this is the code of this very device"));
    }
    let key = super::account_key(cx, phrase)?;
    let not_before = TimestampMs(cx.now().0.saturating_sub(BACKDATE_MS));
    let certificate = Certificate::issue(&key, link.device, not_before);
    cx.remember(&certificate, &link.addresses)?;
    let shown = Device { seal: Some(link.keys), ..Device::default() };
    cx.learn(&certificate, &shown, 0)?;
    cx.put(keys::without_history(&link.device), vec![u8::from(!history)]);
    let body = Adoption { secret: link.secret, certificate };
    cx.publish_for(Draft::new(Topic::direct(&me, &me), Kind::Adoption, &body)?, &link.device)?;
    cx.wanted_changed();
    Ok(())
}

/// This node is asked to become a device of an account.
pub(super) fn adopted(cx: &mut Cx<'_>, record: &Verified) -> Result<Keep, Reject> {
    let (account, header) = (record.author(), record.header());
    addressed(record, &account, &account)?;
    let Adoption { secret, certificate } = record.body()?;
    if header.device == cx.device() || certificate.device != cx.device() {
        // This device's own word to another one.
        return Ok(Keep::Drop);
    }
    match cx.account() {
        Some(me) if me == account => return Ok(Keep::Drop),
        Some(_) => return Err(Reject::Rule("this node belongs to another account")),
        None => {}
    }
    let now = cx.now();
    let shown = cx.pairing().clone().filter(|shown| now <= shown.until);
    let shown = shown.filter(|shown| blake3::hash(&shown.secret) == blake3::hash(&secret));
    let shown = shown.filter(|_| certificate.account == account && certificate.is_valid());
    let Some(Pairing { name, .. }) = shown else {
        return Err(Reject::Rule("this node did not show that code, or not lately"));
    };
    join(cx, account, certificate, record, name)?;
    Ok(Keep::Drop)
}

fn join(
    cx: &mut Cx<'_>,
    account: AccountId,
    certificate: Certificate,
    by: &Verified,
    name: String,
) -> Result<(), Reject> {
    cx.join(certificate)?;
    cx.follow(&Topic::Profile(account))?;
    // What the other device introduced itself with is kept, so that it can be answered.
    cx.remember(by.certificate(), &[])?;
    // The phrase is where the account was made; nobody asks for it here.
    cx.put(keys::confirmed(), Vec::new());
    super::publish_device(cx, name)?;
    cx.wanted_changed();
    cx.notify(crate::engine::Event::Profile(account));
    Ok(())
}

/// Whether a device of this account was added without what was said before.
pub(crate) fn is_without_history(cx: &Cx<'_>, device: &hutong_protocol::DeviceId) -> Result<bool, EngineError> {
    Ok(cx.read().get(&keys::without_history(device))?.is_some_and(|value| value.first() == Some(&1)))
}
