//! Accounts: profile, devices, revocations, and the user's own settings.

mod keys;
pub mod link;
pub(crate) mod replace;
mod rules;
#[cfg(test)]
mod tests;
pub mod view;

use hutong_protocol::{
    AccountId, AccountKey, BlobHash, DeviceId, Draft, Kind, RevocationStatement, Topic, Verified,
    account::{Device, PROFILE_SLOT, Profile, Revocation},
    limits::{NAME_BYTES_MAX, POSTAGE_BITS_MAX},
    order::Address,
    own::Own,
    phrase::Phrase,
    text::{clean_line, clean_text},
};

use self::view::Settings;
use crate::{
    contact::POSTAGE_BITS,
    engine::{CommandError, Cx, DomainEvent, EngineError, Event, Feature, Indexed, Keep, Reject, Source, get_slot},
    mailbox, presence,
    store::Read,
};

/// Postal addresses kept: home, work, family; they are offered as a list at checkout.
const ADDRESSES_MAX: usize = 20;

/// The feature.
pub struct Account;

impl Feature for Account {
    fn name(&self) -> &'static str {
        "account"
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::Profile, Kind::Device, Kind::Revocation, Kind::Own, Kind::Adoption]
    }

    /// A revoked device's records are refused from the time that the revocation names; private ones whatever time they
    /// claim, since nobody else has to agree on those.
    fn admit(&self, read: &dyn Read, record: &Verified) -> Result<(), Reject> {
        let header = record.header();
        match view::revoked_from(read, &header.account, &header.device)? {
            Some(from) if header.at >= from || matches!(header.topic, Topic::Direct(_)) => {
                Err(Reject::Barred("the account revoked this device"))
            }
            _ => Ok(()),
        }
    }

    fn accept(&self, cx: &mut Cx<'_>, record: &Verified, _: Source) -> Result<Keep, Reject> {
        let account = record.author();
        match record.header().kind {
            Kind::Own => return own(cx, record),
            Kind::Adoption => return link::adopted(cx, record),
            _ => rules::own_topic(record)?,
        }
        match record.header().kind {
            Kind::Profile => {
                rules::profile(record)?;
                cx.notify(Event::Profile(account));
                cx.index(Indexed::Person(account));
            }
            Kind::Device => {
                let body = rules::device(record)?;
                if let Some(version) = record.header().version.filter(|_| body.seal.is_some()) {
                    let is_new = cx.learn(record.certificate(), &body, version)?;
                    let device = record.header().device;
                    if is_new && cx.account() == Some(account) && device != cx.device() {
                        device_added(cx, device)?;
                    }
                    cx.notify(Event::Profile(account));
                }
            }
            _ => revoked(cx, account, &rules::revocation(record)?)?,
        }
        Ok(Keep::Store)
    }

    /// Whoever hears of a profile finds it in the store.
    fn applied(&self, cx: &mut Cx<'_>, record: &Verified) -> Result<(), Reject> {
        if record.header().kind == Kind::Profile {
            cx.emit(&DomainEvent::ProfileChanged(record.author()))?;
        }
        Ok(())
    }

    fn tick(&self, cx: &mut Cx<'_>) -> Result<(), EngineError> {
        keep_published(cx)
    }

    fn hear(&self, cx: &mut Cx<'_>, event: &DomainEvent) -> Result<(), EngineError> {
        match event {
            DomainEvent::OwnDeviceAdded(_) => tell_settings(cx)?,
            DomainEvent::StrangerGone(account) => {
                cx.delete(keys::seen(account));
                cx.index(Indexed::Person(*account));
            }
            DomainEvent::Own(Own::Settings { language, theme, read_receipts }) => {
                let (language, theme, read_receipts) = (language.clone(), theme.clone(), *read_receipts);
                let before = view::settings(cx.read())?;
                cx.put_value(keys::settings(), &Settings { language, theme, read_receipts, ..before })?;
            }
            _ => {}
        }
        if let DomainEvent::ProfileSeen(account, profile) = event
            && view::profile(cx.read(), account)?.as_ref() != Some(profile)
            && !view::has_record(cx.read(), account)?
        {
            cx.put_value(keys::seen(account), profile)?;
            cx.notify(Event::Profile(*account));
            cx.index(Indexed::Person(*account));
        }
        Ok(())
    }
}

/// A record of an account's own that came along with something else, from where its topic is not followed.
///
/// # Errors
/// Why it says nothing.
pub(crate) fn introduced(cx: &mut Cx<'_>, record: &Verified) -> Result<(), Reject> {
    let account = record.author();
    rules::own_topic(record)?;
    match record.header().kind {
        Kind::Device => {
            let body = rules::device(record)?;
            let device = record.header().device;
            if let Some(version) = record.header().version
                && !crate::engine::peers::is_revoked(cx.read(), &account, &device)?
            {
                cx.learn(record.certificate(), &body, version)?;
            }
        }
        Kind::Revocation => {
            let body = rules::revocation(record)?;
            if !crate::engine::peers::is_revoked(cx.read(), &account, &body.statement.device)? {
                revoked(cx, account, &body)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// What another device of this account says that the user decided there.
fn own(cx: &mut Cx<'_>, record: &Verified) -> Result<Keep, Reject> {
    let (header, me) = (record.header(), cx.account().ok_or(Reject::Later("this node has no account yet"))?);
    let body: Own = record.body()?;
    body.validate()?;
    if header.account != me || header.topic != Topic::direct(&me, &me) || header.slot != Some(body.slot()) {
        return Err(Reject::Rule("not in the account's own topic and slot"));
    }
    if header.device != cx.device() {
        cx.emit(&DomainEvent::Own(body))?;
    }
    Ok(Keep::Store)
}

/// Another device of this account is there: it gets what this one has.
fn device_added(cx: &mut Cx<'_>, device: DeviceId) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    cx.emit(&DomainEvent::OwnDeviceAdded(device))?;
    cx.hand_on(&Topic::direct(&me, &me), &device, |_| true)
}

fn tell_settings(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let Settings { language, theme, read_receipts, .. } = view::settings(cx.read())?;
    cx.publish_own(&Own::Settings { language, theme, read_receipts })
}

/// From the named time on, nothing of the device counts: what came before the revocation arrived is dropped, so that
/// every node ends with the same set whatever came first. A later version of the revocation takes the place of an earlier
/// one; what that had dropped comes again by reconciliation.
fn revoked(cx: &mut Cx<'_>, account: AccountId, body: &Revocation) -> Result<(), EngineError> {
    let (device, from) = (body.statement.device, body.statement.not_after);
    cx.put(keys::revoked(&account, &device), from.0.to_be_bytes().to_vec());
    cx.revoke(&account, &device)?;
    for topic in cx.followed()? {
        cx.forget(&topic, |header| header.account == account && header.device == device && header.at >= from)?;
    }
    cx.emit(&DomainEvent::Revoked(account, device))?;
    cx.notify(Event::Profile(account));
    Ok(())
}

/// Makes this node's account out of a recovery phrase's entropy (fresh, or restored) and publishes its profile.
///
/// # Errors
/// Refused if there is one already or the name is empty.
pub fn create(
    cx: &mut Cx<'_>,
    entropy: &[u8; 16],
    name: &str,
    picture: Option<BlobHash>,
    device_name: &str,
) -> Result<AccountId, CommandError> {
    let name = required_name(name)?;
    let account = cx.adopt(entropy)?;
    let topic = Topic::Profile(account);
    cx.follow(&topic)?;
    publish_profile(cx, &Profile { name, picture, postage: Some(POSTAGE_BITS), ..Profile::default() })?;
    publish_device(cx, clean_line(device_name, NAME_BYTES_MAX))?;
    Ok(account)
}

/// Says in the own profile topic what this device is called, and with which keys to seal what is for it.
fn publish_device(cx: &mut Cx<'_>, name: String) -> Result<(), Reject> {
    let me = cx.account().ok_or(Reject::Rule("create or restore an account first"))?;
    let name = if name.is_empty() { "Hutong".into() } else { name };
    let strangers = mailbox::strangers::named(cx)?;
    let device = Device { name, seal: Some(cx.seal_keys()?), mailbox: true, strangers };
    let slot = cx.device().to_string();
    let version = cx.next_version(&me, &Kind::Device, &slot)?;
    let draft = Draft::new(Topic::Profile(me), Kind::Device, &device).map_err(EngineError::from)?;
    cx.publish(draft.in_slot(slot, version), None)?;
    Ok(())
}

/// Publishes this device's sealing keys when they are new (every week, and after an update from before there were any), and
/// where strangers may leave a request when that is another place.
fn keep_published(cx: &mut Cx<'_>) -> Result<(), EngineError> {
    let Some(me) = cx.account() else { return Ok(()) };
    replace::take_over(cx, &me)?;
    let published = get_slot(cx.read(), &me, &Kind::Device, &cx.device().to_string())?;
    let published = published.map(|(_, record)| record.body::<Device>()).transpose()?;
    if let Some(published) = &published
        && published.seal == Some(cx.seal_keys()?)
        && mailbox::strangers::same(&published.strangers, &mailbox::strangers::named(cx)?)
    {
        return Ok(());
    }
    match publish_device(cx, published.map(|device| device.name).unwrap_or_default()) {
        Err(Reject::Own(error)) => Err(error),
        Err(reject) => {
            tracing::warn!(%reject, "the sealing keys could not be published");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn required_name(name: &str) -> Result<String, CommandError> {
    let name = clean_line(name, NAME_BYTES_MAX);
    if name.is_empty() { Err(CommandError::refused("name_empty", "choose a name")) } else { Ok(name) }
}

fn publish_profile(cx: &mut Cx<'_>, profile: &Profile) -> Result<(), CommandError> {
    let me = cx.me()?;
    let version = cx.next_version(&me, &Kind::Profile, PROFILE_SLOT)?;
    cx.publish(Draft::new(Topic::Profile(me), Kind::Profile, profile)?.in_slot(PROFILE_SLOT, version), None)?;
    Ok(())
}

/// Changes parts of the own profile. `picture`: `Some(None)` removes it. `postage`: what a stranger's request costs, in bits.
///
/// # Errors
/// Refused if a text breaks a limit.
pub fn update_profile(
    cx: &mut Cx<'_>,
    name: Option<&str>,
    about: Option<&str>,
    picture: Option<Option<BlobHash>>,
    postage: Option<u8>,
) -> Result<(), CommandError> {
    let mut profile = view::profile(cx.read(), &cx.me()?)?.unwrap_or_default();
    if let Some(name) = name {
        profile.name = required_name(name)?;
    }
    if let Some(about) = about {
        profile.about = clean_text(about);
    }
    if let Some(picture) = picture {
        profile.picture = picture;
    }
    if postage.is_some_and(|bits| bits > POSTAGE_BITS_MAX) {
        return Err(CommandError::refused("invalid", format!("postage is 0 to {POSTAGE_BITS_MAX} bits")));
    }
    profile.postage = postage.or(profile.postage).or(Some(POSTAGE_BITS));
    publish_profile(cx, &profile)
}

/// Checks words of the recovery phrase that the user was asked for: `(index, word)`, 0-based. Remembers that it was done.
///
/// # Errors
/// Refused with `word_wrong`, naming the first wrong one.
pub fn confirm_phrase(cx: &mut Cx<'_>, words: &[(usize, String)]) -> Result<(), CommandError> {
    let phrase = cx.phrase()?;
    let right = phrase.words();
    if words.len() < 2 {
        return Err(CommandError::refused("word_missing", "give both words that were asked for"));
    }
    for (index, word) in words {
        if right.get(*index).is_none_or(|right| *right != word.trim().to_lowercase()) {
            return Err(CommandError::refused("word_wrong", format!("word {} is not right", index.saturating_add(1))));
        }
    }
    cx.put(keys::confirmed(), Vec::new());
    Ok(())
}

/// Revokes another device of this account, from now on. `phrase`: needed where this node does not keep it.
///
/// # Errors
/// Refused for this very device, or without the recovery phrase of this account.
pub fn revoke(cx: &mut Cx<'_>, device: DeviceId, phrase: Option<Phrase>) -> Result<(), CommandError> {
    let me = cx.me()?;
    if device == cx.device() {
        return Err(CommandError::refused("this_device", "a device cannot revoke itself: use another one"));
    }
    let key = account_key(cx, phrase)?;
    let statement = RevocationStatement::issue(&key, device, cx.now());
    let slot = device.to_string();
    let version = cx.next_version(&me, &Kind::Revocation, &slot)?;
    let body = Revocation { statement };
    cx.publish(Draft::new(Topic::Profile(me), Kind::Revocation, &body)?.in_slot(slot, version), None)?;
    Ok(())
}

/// The account's own key, out of the phrase that is given or kept.
fn account_key(cx: &Cx<'_>, phrase: Option<Phrase>) -> Result<AccountKey, CommandError> {
    let phrase = match phrase {
        Some(phrase) => phrase,
        None => cx.phrase().map_err(|_| {
            CommandError::refused("phrase_needed", "this device does not keep the recovery phrase: type it in")
        })?,
    };
    let key = phrase.account_key();
    if Some(key.id()) == cx.account() {
        return Ok(key);
    }
    Err(CommandError::refused("phrase_wrong", "these words belong to another account"))
}

/// Keeps the user's settings.
///
/// # Errors
/// Refused for a language or theme that does not exist.
pub fn set_settings(cx: &mut Cx<'_>, settings: &Settings) -> Result<(), CommandError> {
    let (language, theme) = (settings.language.as_str(), settings.theme.as_str());
    if !["auto", "en", "zh"].contains(&language) || !["auto", "light", "dark"].contains(&theme) {
        return Err(CommandError::refused("invalid", "language is auto, en or zh; theme is auto, light or dark"));
    }
    let before = view::settings(cx.read())?.share_presence;
    cx.put_value(keys::settings(), settings)?;
    if before != settings.share_presence {
        presence::chosen(cx, settings.share_presence)?;
    }
    Ok(tell_settings(cx)?)
}

/// Keeps the user's postal addresses. They never leave this node but inside an order.
///
/// # Errors
/// Refused if there are too many, or one lacks what a courier needs.
pub fn set_addresses(cx: &mut Cx<'_>, addresses: &[Address]) -> Result<(), CommandError> {
    if addresses.len() > ADDRESSES_MAX {
        return Err(CommandError::refused("invalid", format!("keep at most {ADDRESSES_MAX} addresses")));
    }
    addresses.iter().try_for_each(Address::validate)?;
    cx.put_value(keys::addresses(), &addresses)?;
    Ok(())
}
