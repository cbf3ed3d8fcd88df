//! Several devices of one account, in a world without faults.

use hutong_protocol::{AccountId, RecordId, own::DeviceLink, phrase::Phrase};

use super::{link, view};
use crate::{
    account, chat,
    chat::view::MessageState,
    contact,
    engine::{ChatId, CommandError, outbox, peers},
    group,
    sim::{Faults, World},
};

const MINUTE: u64 = 60_000;
const NO_FAULTS: Faults = Faults { loss: 0, duplicate: 0, crash_permille: 0, delay_ms: 1, skew_ms: 0 };

const PHONE: usize = 0;
const LAPTOP: usize = 1;
const TOM: usize = 2;

/// Mei with a phone, a laptop that is nobody's yet, and Tom, who is her contact.
struct Home {
    world: World,
    mei: AccountId,
    tom: AccountId,
}

impl Home {
    fn new() -> Self {
        let mut world = World::new(3, 3, NO_FAULTS).unwrap();
        let mut found = |node: usize, name: &'static str| {
            let create = move |cx: &mut crate::engine::Cx<'_>| {
                let entropy = cx.random::<16>();
                account::create(cx, &entropy, name, None, "test")
            };
            world.call(node, create).unwrap().unwrap()
        };
        let (mei, tom) = (found(PHONE, "Mei"), found(TOM, "Tom"));
        let mut home = Self { world, mei, tom };
        home.call(PHONE, move |cx| contact::add(cx, tom, vec![World::address(TOM)], "hello")).unwrap();
        home.wait();
        home.call(TOM, move |cx| contact::accept(cx, mei)).unwrap();
        home.wait();
        home
    }

    fn call<T: Send + 'static>(
        &mut self,
        node: usize,
        order: impl FnOnce(&mut crate::engine::Cx<'_>) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        self.world.call(node, order).unwrap()
    }

    fn wait(&mut self) {
        self.world.run(15 * MINUTE);
    }

    fn link(&mut self, history: bool) {
        let code = self.call(LAPTOP, |cx| link::show(cx, "Laptop")).unwrap().to_string();
        let code: DeviceLink = code.parse().unwrap();
        self.call(PHONE, move |cx| link::add(cx, &code, history, None)).unwrap();
        self.wait();
        assert_eq!(self.world.account(LAPTOP), Some(self.mei), "the laptop is Mei's");
    }

    fn say(&mut self, from: usize, to: AccountId, text: &'static str) -> RecordId {
        self.call(from, move |cx| chat::send(cx, ChatId::Direct(to), chat::content(text, None, None)?)).unwrap()
    }

    fn texts(&self, node: usize, with: AccountId) -> Vec<String> {
        let page = chat::view::page(self.world.read(node), &ChatId::Direct(with), None, 500).unwrap();
        page.0.into_iter().map(|message| message.content.text).collect()
    }

    fn unread(&self, node: usize) -> u32 {
        chat::view::row(self.world.read(node), &ChatId::Direct(self.tom)).unwrap().unread
    }

    fn waiting(&self, node: usize) -> usize {
        outbox::summary(self.world.read(node), 1_000).unwrap().0
    }
}

#[test]
fn a_second_device_gets_contacts_groups_settings_and_history() {
    let mut home = Home::new();
    let (mei, tom) = (home.mei, home.tom);
    home.say(PHONE, tom, "one");
    home.wait();
    home.say(TOM, mei, "two");
    let alley = home.call(PHONE, |cx| group::create(cx, group::New::public("Alley"))).unwrap();
    home.call(PHONE, move |cx| contact::set_alias(cx, tom, "Old Tom")).unwrap();
    let settings = view::Settings { theme: "dark".into(), ..view::Settings::default() };
    home.call(PHONE, move |cx| account::set_settings(cx, &settings)).unwrap();
    home.wait();
    home.link(true);
    let read = home.world.read(LAPTOP);
    assert_eq!(view::profile(read, &mei).unwrap().unwrap().name, "Mei");
    let contact = contact::view::get(read, &tom).unwrap();
    assert!(contact.is_contact() && contact.alias.as_deref() == Some("Old Tom"), "{contact:?}");
    assert_eq!(home.texts(LAPTOP, tom), ["one", "two"]);
    assert!(group::view::get(read, &alley).unwrap().is_some_and(|row| row.joined && row.name == "Alley"));
    assert_eq!(view::settings(read).unwrap().theme, "dark");
    assert_eq!((home.waiting(PHONE), home.waiting(LAPTOP)), (0, 0), "everything was confirmed");
}

#[test]
fn both_devices_receive_everything_and_see_what_the_other_wrote_and_read() {
    let mut home = Home::new();
    let (mei, tom) = (home.mei, home.tom);
    home.link(true);
    let sent = home.say(LAPTOP, tom, "from the laptop");
    home.wait();
    assert_eq!(home.texts(TOM, mei), ["from the laptop"]);
    assert_eq!(home.texts(PHONE, tom), ["from the laptop"]);
    for device in [PHONE, LAPTOP] {
        let message = chat::view::message(home.world.read(device), &ChatId::Direct(tom), &sent).unwrap().unwrap();
        assert_eq!((message.mine, message.state), (true, MessageState::Delivered), "{device}");
    }
    let answer = home.say(TOM, mei, "to both");
    home.wait();
    assert_eq!((home.unread(PHONE), home.unread(LAPTOP)), (1, 1));
    home.call(LAPTOP, move |cx| chat::mark_read(cx, ChatId::Direct(tom), answer)).unwrap();
    home.wait();
    assert_eq!((home.unread(PHONE), home.unread(LAPTOP)), (0, 0), "read on one is read on both");
    assert_eq!(home.waiting(PHONE) + home.waiting(LAPTOP) + home.waiting(TOM), 0);
}

#[test]
fn a_device_that_was_away_catches_up_from_the_other_side_or_the_other_device() {
    let mut home = Home::new();
    let (mei, tom) = (home.mei, home.tom);
    home.link(true);
    home.world.stop(LAPTOP);
    home.say(TOM, mei, "while you were away");
    home.wait();
    home.say(PHONE, tom, "the phone answers");
    home.wait();
    home.world.start(LAPTOP);
    home.world.run(60 * MINUTE);
    assert_eq!(home.texts(LAPTOP, tom), ["while you were away", "the phone answers"]);
    assert_eq!(home.waiting(PHONE) + home.waiting(TOM), 0);
}

#[test]
fn without_history_only_contacts_come() {
    let mut home = Home::new();
    let tom = home.tom;
    home.say(PHONE, tom, "before");
    home.wait();
    home.link(false);
    assert!(contact::view::is_contact(home.world.read(LAPTOP), &tom).unwrap());
    assert_eq!(home.texts(LAPTOP, tom), Vec::<String>::new());
    let mei = home.mei;
    home.say(TOM, mei, "after");
    home.wait();
    assert_eq!(home.texts(LAPTOP, tom), ["after"]);
}

#[test]
fn a_revoked_device_can_neither_read_nor_speak_from_then_on() {
    let mut home = Home::new();
    let (mei, tom) = (home.mei, home.tom);
    home.link(true);
    let laptop = home.world.device(LAPTOP);
    home.call(PHONE, move |cx| account::revoke(cx, laptop, None)).unwrap();
    home.wait();
    home.say(TOM, mei, "for the phone alone");
    home.wait();
    assert_eq!(home.texts(PHONE, tom), ["for the phone alone"]);
    assert!(home.texts(LAPTOP, tom).is_empty(), "nothing is sealed for it");
    assert!(peers::is_revoked(home.world.read(TOM), &mei, &laptop).unwrap());
    // The thief's program sends all the same.
    drop(home.call(LAPTOP, move |cx| chat::send(cx, ChatId::Direct(tom), chat::content("send money", None, None)?)));
    home.wait();
    assert_eq!(home.texts(TOM, mei), ["for the phone alone"]);
}

#[test]
fn only_who_saw_the_code_can_adopt_a_node_and_only_for_a_while() {
    let mut home = Home::new();
    let code = home.call(LAPTOP, |cx| link::show(cx, "Laptop")).unwrap();
    let mut guessed = code.clone();
    guessed.secret = [0; 16];
    home.call(TOM, move |cx| link::add(cx, &guessed, true, None)).unwrap();
    home.wait();
    assert_eq!(home.world.account(LAPTOP), None, "a guess is refused");
    home.world.run(20 * MINUTE);
    home.call(PHONE, move |cx| link::add(cx, &code, true, None)).unwrap();
    home.wait();
    assert_eq!(home.world.account(LAPTOP), None, "the code was too old");
    let refused = home.call(PHONE, |cx| link::show(cx, "Phone")).unwrap_err();
    assert!(refused.to_string().contains("account already"));
}

#[test]
fn a_linked_device_keeps_no_phrase_and_asks_for_it_to_revoke_another() {
    let mut home = Home::new();
    home.link(true);
    let phone = home.world.device(PHONE);
    let words = home.call(PHONE, |cx| Ok(cx.phrase()?.words().join(" "))).unwrap();
    let refused = home.call(LAPTOP, move |cx| account::revoke(cx, phone, None)).unwrap_err();
    assert!(refused.to_string().contains("type it in"), "{refused}");
    let strange = Phrase::from_entropy(&[7; 16]).unwrap();
    let refused = home.call(LAPTOP, move |cx| account::revoke(cx, phone, Some(strange))).unwrap_err();
    assert!(refused.to_string().contains("another account"), "{refused}");
    let phrase = Phrase::parse(&words).unwrap();
    home.call(LAPTOP, move |cx| account::revoke(cx, phone, Some(phrase))).unwrap();
    home.wait();
    let mei = home.mei;
    assert!(peers::is_revoked(home.world.read(TOM), &mei, &phone).unwrap());
}
