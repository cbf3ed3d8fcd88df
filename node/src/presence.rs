//! Who is here, and who is writing: told only by those who chose to, only to whom they are connected, and kept nowhere.
//!
//! Off (the default), this node tells nobody, and shows nobody. That two nodes are connected they know in any case; what is
//! here governs what a person is shown.

use std::collections::{BTreeMap, BTreeSet};

use hutong_protocol::{AccountId, DeviceId, RecordId, TimestampMs, codec, presence::Live, seal::Letter};
use serde_bytes::ByteBuf;

use crate::{
    account, chat, contact,
    engine::{ChatId, CommandError, Cx, EngineError, Event},
    group,
};

/// How often at most it is told that somebody is writing in one conversation.
const TYPING_EVERY_MS: u64 = 3_000;
/// How often at most one device is heard saying so; a little less, for clocks and ways differ.
const HEARD_EVERY_MS: u64 = 1_000;
/// Members of a group who are told; more would be as many packets for every few letters.
const TOLD_MAX: usize = 64;
/// Conversations, and devices, whose last word is remembered. When full, the memory starts anew.
const REMEMBERED_MAX: usize = 256;
/// Largest word in bytes.
const WORD_BYTES_MAX: usize = 256;

/// What is known only while the process runs.
#[derive(Default)]
pub struct Session {
    /// Connected devices that say that they are here.
    here: BTreeSet<DeviceId>,
    typed: BTreeMap<ChatId, TimestampMs>,
    heard: BTreeMap<DeviceId, TimestampMs>,
}

fn shares(cx: &Cx<'_>) -> Result<bool, EngineError> {
    Ok(account::view::settings(cx.read())?.share_presence)
}

/// Says a word to the connected devices of an account.
fn tell(cx: &mut Cx<'_>, to: &AccountId, only: Option<&DeviceId>, word: Live) -> Result<(), EngineError> {
    let Ok((certificate, _)) = cx.signer() else { return Ok(()) };
    let (account, device) = (certificate.account, certificate.device);
    let text = ByteBuf::from(codec::encode(&word)?);
    let id = RecordId([0; 32]);
    let letter = Letter {
        account,
        device,
        id,
        receipt: false,
        first: false,
        text,
        keyed: false,
        group: None,
        introduction: None,
    };
    cx.whisper(to, only, &letter)
}

/// A device is connected.
///
/// # Errors
/// The store's.
pub(crate) fn connected(cx: &mut Cx<'_>, device: &DeviceId) -> Result<(), EngineError> {
    let found = cx.connected_accounts().into_iter().find(|(other, _)| other == device);
    let Some((_, account)) = found else { return Ok(()) };
    if shares(cx)? && contact::view::get(cx.read(), &account)?.is_contact() {
        tell(cx, &account, Some(device), Live::Here)?;
    }
    Ok(())
}

/// The last connection to a device is gone.
///
/// # Errors
/// The store's.
pub(crate) fn gone(cx: &mut Cx<'_>, device: &DeviceId, account: &AccountId) -> Result<(), EngineError> {
    cx.presence().heard.remove(device);
    if cx.presence().here.remove(device) {
        show(cx, account)?;
    }
    Ok(())
}

/// Whether somebody is seen to be here.
fn is_here(cx: &mut Cx<'_>, account: &AccountId) -> bool {
    let devices = cx.connected_accounts().into_iter().filter(|(_, other)| other == account);
    devices.collect::<Vec<_>>().iter().any(|(device, _)| cx.presence().here.contains(device))
}

fn show(cx: &mut Cx<'_>, account: &AccountId) -> Result<(), EngineError> {
    let online = shares(cx)? && is_here(cx, account);
    cx.notify(Event::Presence { account: *account, online });
    Ok(())
}

/// The user chose to share, or no longer to.
///
/// # Errors
/// The store's.
pub(crate) fn chosen(cx: &mut Cx<'_>, shares: bool) -> Result<(), EngineError> {
    let word = if shares { Live::Here } else { Live::Away };
    let accounts: BTreeSet<_> = cx.connected_accounts().into_iter().map(|(_, account)| account).collect();
    for account in accounts {
        if contact::view::get(cx.read(), &account)?.is_contact() {
            tell(cx, &account, None, word)?;
            show(cx, &account)?;
        }
    }
    Ok(())
}

/// A connected device says a word.
///
/// # Errors
/// The store's; never the word's fault.
pub(crate) fn heard(cx: &mut Cx<'_>, from: &DeviceId, item: &[u8]) -> Result<(), EngineError> {
    let sender = cx.connected_accounts().into_iter().find(|(device, _)| device == from);
    let (Some((_, account)), Some(letter)) = (sender, cx.open_whisper(item)) else { return Ok(()) };
    // The connection proves the device, and its certificate the account; a word of another is none.
    let honest = letter.device == *from && letter.account == account;
    let word = codec::decode::<Live>(&letter.text, WORD_BYTES_MAX).ok().filter(|_| honest);
    let contact = contact::view::get(cx.read(), &account)?;
    if contact.blocked {
        return Ok(());
    }
    match word {
        Some(Live::Here) if contact.is_contact() => {
            if cx.presence().here.insert(*from) {
                show(cx, &account)?;
            }
            Ok(())
        }
        Some(Live::Away) => {
            cx.presence().here.remove(from);
            show(cx, &account)
        }
        Some(Live::Typing { group }) => typing(cx, from, account, group.map_or(ChatId::Direct(account), ChatId::Group)),
        _ => Ok(()),
    }
}

fn typing(cx: &mut Cx<'_>, from: &DeviceId, account: AccountId, chat: ChatId) -> Result<(), EngineError> {
    let may = match chat {
        ChatId::Direct(_) => contact::view::get(cx.read(), &account)?.is_contact(),
        ChatId::Group(group) => {
            let joined = chat::view::cannot_write(cx.read(), &chat, cx.now())?.is_none();
            joined && group::view::is_member(cx.read(), &group, &account)?
        }
    };
    let now = cx.now();
    let session = cx.presence();
    let lately = session.heard.get(from).is_some_and(|at| now.since_ms(*at) < HEARD_EVERY_MS);
    if may && !lately {
        remember(&mut session.heard, *from, now);
        if shares(cx)? {
            cx.notify(Event::Typing { chat, account });
        }
    }
    Ok(())
}

fn remember<K: Ord>(memory: &mut BTreeMap<K, TimestampMs>, key: K, now: TimestampMs) {
    if memory.len() >= REMEMBERED_MAX {
        memory.clear();
    }
    memory.insert(key, now);
}

/// The user is writing in a conversation. Told at most every three seconds, and not at all unless they share it.
///
/// # Errors
/// The store's.
pub fn writing(cx: &mut Cx<'_>, chat: ChatId) -> Result<(), CommandError> {
    let me = cx.me()?;
    let now = cx.now();
    let lately = cx.presence().typed.get(&chat).is_some_and(|at| now.since_ms(*at) < TYPING_EVERY_MS);
    if lately || !shares(cx)? || chat::view::cannot_write(cx.read(), &chat, cx.now())?.is_some() {
        return Ok(());
    }
    remember(&mut cx.presence().typed, chat, now);
    match chat {
        ChatId::Direct(account) => tell(cx, &account, None, Live::Typing { group: None })?,
        ChatId::Group(group) => {
            let accounts: BTreeSet<_> = cx.connected_accounts().into_iter().map(|(_, account)| account).collect();
            for account in accounts.into_iter().filter(|account| *account != me).take(TOLD_MAX) {
                if group::view::is_member(cx.read(), &group, &account)? {
                    tell(cx, &account, None, Live::Typing { group: Some(group) })?;
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::Input,
        testing::{Given, TestNode, neighbours},
    };

    /// The words that a step sends, given to the other.
    fn carry(given: Given, from: &TestNode, to: &mut TestNode) -> Vec<Event> {
        let device = from.engine.device_key().id();
        let items = given.whispers.into_iter().map(|(_, request)| Input::Mailbox {
            from: device,
            request,
            token: crate::engine::Token(7),
        });
        to.step(items.collect()).unwrap().events
    }

    fn share(node: &mut TestNode, on: bool) -> Given {
        let settings = account::view::Settings { share_presence: on, ..account::view::Settings::default() };
        let (answer, given) = node.call_given(move |cx| account::set_settings(cx, &settings));
        answer.unwrap();
        given
    }

    #[test]
    fn nobody_is_told_or_shown_anything_unless_both_chose_to() {
        let (mut mei, mut tom) = neighbours();
        let (mei_account, tom_account) = (mei.account(), tom.account());
        let typing = move |cx: &mut Cx<'_>| writing(cx, ChatId::Direct(tom_account));
        let (_, silent) = mei.call_given(typing);
        assert!(silent.whispers.is_empty(), "off by default");

        let here = share(&mut mei, true);
        let sizes: Vec<_> = here.whispers.iter().map(|(_, request)| request.whisper_bytes()).collect();
        assert_eq!(sizes, [1_024], "one word to Tom, as large as the smallest item");
        let shown = carry(here, &mei, &mut tom);
        assert!(!shown.contains(&Event::Presence { account: mei_account, online: true }), "Tom does not share");
        let (_, word) = mei.call_given(typing);
        assert!(
            !carry(word, &mei, &mut tom)
                .contains(&Event::Typing { chat: ChatId::Direct(mei_account), account: mei_account })
        );

        let back = share(&mut tom, true);
        assert!(
            back.events.contains(&Event::Presence { account: mei_account, online: true }),
            "now he sees that she is"
        );
        let shown = carry(back, &tom, &mut mei);
        assert!(shown.contains(&Event::Presence { account: tom_account, online: true }));
        mei.now = mei.now.plus_ms(TYPING_EVERY_MS);
        tom.now = mei.now;
        let (_, word) = mei.call_given(typing);
        assert_eq!(mei.call_given(typing).1.whispers.len(), 0, "not again so soon");
        let heard = carry(word, &mei, &mut tom);
        assert!(heard.contains(&Event::Typing { chat: ChatId::Direct(mei_account), account: mei_account }));

        let away = share(&mut mei, false);
        assert!(carry(away, &mei, &mut tom).contains(&Event::Presence { account: mei_account, online: false }));
    }

    #[test]
    fn a_word_of_another_or_changed_on_its_way_is_none() {
        let (mut mei, mut tom) = neighbours();
        share(&mut tom, true);
        let here = share(&mut mei, true);
        let (to, request) = here.whispers.into_iter().next().unwrap();
        assert_eq!(to, tom.engine.device_key().id());
        let input = |from, request| Input::Mailbox { from, request, token: crate::engine::Token(7) };
        // Somebody else carries Mei's word.
        let mut eve = TestNode::named("Eve", 9);
        eve.meet(&mut tom);
        let heard = tom.step(vec![input(eve.engine.device_key().id(), request.clone())]).unwrap();
        assert!(heard.events.is_empty(), "{:?}", heard.events);
        for place in [0, 40, 500, 1_023] {
            let mut spoiled = request.clone();
            if let hutong_protocol::mailbox::MailboxRequest::Live { item } = &mut spoiled {
                item[place] ^= 1;
            }
            let heard = tom.step(vec![input(mei.engine.device_key().id(), spoiled)]).unwrap();
            assert!(heard.events.is_empty(), "{place}");
        }
        let heard = tom.step(vec![input(mei.engine.device_key().id(), request)]).unwrap();
        assert_eq!(heard.events.len(), 1);
    }
}
