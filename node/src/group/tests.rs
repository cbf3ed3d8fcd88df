//! Private groups among real engines: who is in, what reaches whom, and what becomes of it when something goes wrong.

use std::{collections::BTreeMap, sync::Arc};

use hutong_protocol::{
    AccountId, DeviceId, Draft, GroupId, Kind, RecordId, Topic,
    group::{GroupEntry, Op, Role, Settings, TicketSecret},
};

use super::{act, knock, view};
use crate::{
    chat, contact,
    engine::{ChatId, CommandError, Cx, Input},
    testing::{Given, TestNode},
};

/// Several nodes, of which each can be online or not. What they send arrives in order, unless it is lost.
struct Town {
    nodes: Vec<TestNode>,
    online: Vec<bool>,
    /// Items that nodes sent and that have not arrived.
    wires: Vec<(usize, DeviceId, RecordId, Arc<[u8]>)>,
}

impl Town {
    /// `count` nodes that are all contacts of each other and online.
    fn of(count: u8) -> Self {
        let nodes: Vec<_> = (1..=count).map(|seed| TestNode::named(&format!("Person {seed}"), seed)).collect();
        let mut town = Self { online: vec![true; nodes.len()], nodes, wires: Vec::new() };
        for one in 0..town.nodes.len() {
            for two in 0..one {
                let (a, b) = (town.account(one), town.account(two));
                town.nodes[one].call(move |cx| contact::add(cx, b, vec![], "hi")).unwrap();
                town.nodes[two].call(move |cx| contact::add(cx, a, vec![], "hi")).unwrap();
                let (left, right) = town.nodes.split_at_mut(one);
                right[0].meet(&mut left[two]);
            }
        }
        town.rest();
        town
    }

    fn account(&self, node: usize) -> AccountId {
        self.nodes[node].account()
    }

    /// Two nodes that may not know each other are connected, and learn what each publishes.
    fn meet(&mut self, one: usize, two: usize) {
        let (low, high) = (one.min(two), one.max(two));
        let (left, right) = self.nodes.split_at_mut(high);
        left[low].meet(&mut right[0]);
        self.rest();
    }

    fn call<T: Send + 'static>(
        &mut self,
        node: usize,
        order: impl FnOnce(&mut Cx<'_>) -> Result<T, CommandError> + Send + 'static,
    ) -> Result<T, CommandError> {
        let (answer, given) = self.nodes[node].call_given(order);
        self.put(node, given);
        self.rest();
        answer
    }

    fn put(&mut self, from: usize, given: Given) {
        self.wires.extend(given.sent.into_iter().map(|(to, id, bytes)| (from, to, id, bytes)));
    }

    fn node_of(&self, device: &DeviceId) -> Option<usize> {
        self.nodes.iter().position(|node| node.engine.device_key().id() == *device)
    }

    /// Until nothing is on its way.
    fn rest(&mut self) {
        for _ in 0..400 {
            let wires = std::mem::take(&mut self.wires);
            if wires.is_empty() {
                return;
            }
            let mut batches = BTreeMap::<(usize, usize), Vec<(RecordId, Arc<[u8]>)>>::new();
            for (from, to, id, bytes) in wires {
                let Some(node) = self.node_of(&to).filter(|node| self.online[*node] && self.online[from]) else {
                    continue;
                };
                batches.entry((from, node)).or_default().push((id, bytes));
            }
            for ((from, to), items) in batches {
                let (ids, items): (Vec<_>, Vec<_>) = items.into_iter().unzip();
                let given = self.nodes[to].open(items);
                let outcomes = ids.into_iter().zip(given.outcomes.clone()).collect();
                self.put(to, given);
                let device = self.nodes[to].engine.device_key().id();
                let given = self.nodes[from].step(vec![Input::Sent { to: device, outcomes }]).unwrap();
                self.put(from, given);
            }
        }
        panic!("the town never came to rest");
    }

    fn go(&mut self, node: usize, online: bool) {
        self.online[node] = online;
        let (device, certificate) =
            (self.nodes[node].engine.device_key().id(), self.nodes[node].engine.certificate().cloned());
        for other in (0..self.nodes.len()).filter(|other| *other != node) {
            let (theirs, theirs_too) =
                (self.nodes[other].engine.device_key().id(), self.nodes[other].engine.certificate().cloned());
            let addresses = vec!["/memory/1".to_owned()];
            let (to_other, to_node) = if online && self.online[other] {
                (
                    Input::PeerUp { device, certificate: certificate.clone(), addresses: addresses.clone() },
                    Input::PeerUp { device: theirs, certificate: theirs_too, addresses },
                )
            } else {
                (Input::PeerDown(device), Input::PeerDown(theirs))
            };
            let given = self.nodes[other].step(vec![to_other]).unwrap();
            self.put(other, given);
            let given = self.nodes[node].step(vec![to_node]).unwrap();
            self.put(node, given);
        }
        self.rest();
    }

    /// Time passes for all, in steps of a minute.
    fn pass(&mut self, minutes: u64) {
        for _ in 0..minutes {
            for node in 0..self.nodes.len() {
                self.nodes[node].now = self.nodes[node].now.plus_ms(60_000);
                let given = self.nodes[node].step(vec![Input::Tick]).unwrap();
                self.put(node, given);
            }
            self.rest();
        }
    }

    fn found(&mut self, settings: Settings, members: &[usize]) -> GroupId {
        let new = act::New { settings, ..act::New::private("Family") };
        let group = self.call(0, move |cx| act::create(cx, new)).unwrap();
        let accounts: Vec<_> = members.iter().map(|member| self.account(*member)).collect();
        self.call(0, move |cx| act::add(cx, group, &accounts)).unwrap();
        self.pass(1);
        group
    }

    fn say(&mut self, node: usize, group: GroupId, text: &str) -> RecordId {
        let text = text.to_owned();
        let chat = ChatId::Group(group);
        self.call(node, move |cx| chat::send(cx, chat, chat::content(&text, None, None)?)).unwrap()
    }

    fn texts(&self, node: usize, group: GroupId) -> Vec<String> {
        let (page, _) = chat::view::page(self.nodes[node].read(), &ChatId::Group(group), None, 1_000).unwrap();
        page.into_iter().map(|message| message.content.text).collect()
    }

    fn members(&self, node: usize, group: GroupId) -> Vec<AccountId> {
        let members = view::members(self.nodes[node].read(), &group, 1_000).unwrap();
        members.into_iter().map(|(account, _)| account).collect()
    }

    fn is_in(&self, node: usize, group: GroupId) -> bool {
        view::get(self.nodes[node].read(), &group).unwrap().is_some_and(|row| row.joined)
    }

    fn remove(&mut self, by: usize, group: GroupId, whom: usize) {
        let account = self.account(whom);
        self.call(by, move |cx| act::remove(cx, group, account, false, None)).unwrap();
    }

    fn appoint(&mut self, group: GroupId, whom: usize, role: Role) {
        let account = self.account(whom);
        self.call(0, move |cx| act::appoint(cx, group, account, role)).unwrap();
    }
}

fn code<T: std::fmt::Debug>(result: Result<T, CommandError>) -> &'static str {
    match result.unwrap_err() {
        CommandError::Refused { code, .. } | CommandError::Wait { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_group_is_founded_and_everybody_reads_everybody() {
    let mut town = Town::of(4);
    let group = town.found(Settings::default(), &[1, 2, 3]);
    assert!(group.is_private());
    for node in 0..4 {
        assert!(town.is_in(node, group), "{node}");
        assert_eq!(town.members(node, group).len(), 4);
    }
    for node in 0..4 {
        town.say(node, group, &format!("Hello from {node}"));
    }
    // Again: now the keys are known, and one text serves all.
    for node in 0..4 {
        town.say(node, group, &format!("Again from {node}"));
    }
    let all = town.texts(0, group);
    assert_eq!(all.len(), 8);
    for node in 1..4 {
        assert_eq!(town.texts(node, group), all);
    }
}

#[test]
fn who_is_away_gets_it_later_once_and_in_order() {
    let mut town = Town::of(3);
    let group = town.found(Settings::default(), &[1, 2]);
    town.say(0, group, "before");
    town.go(2, false);
    for number in 0..150 {
        town.say(number % 2, group, &format!("{number}"));
    }
    town.go(2, true);
    town.pass(2);
    let all = town.texts(0, group);
    assert_eq!(all.len(), 151);
    assert_eq!(town.texts(2, group), all);
}

/// A removed member still receives (deltachat-desktop #4599).
#[test]
fn who_was_removed_reads_nothing_more() {
    let mut town = Town::of(4);
    let group = town.found(Settings::default(), &[1, 2, 3]);
    for node in 0..4 {
        town.say(node, group, &format!("Hello from {node}"));
    }
    // 1 has not heard of the removal, and has something for 3 that waits.
    town.go(3, false);
    town.say(1, group, "while 3 is away");
    town.remove(0, group, 3);
    town.go(3, true);
    town.pass(2);
    assert!(!town.is_in(3, group));
    let read = town.texts(3, group);
    for node in 0..3 {
        town.say(node, group, &format!("Without 3, from {node}"));
    }
    town.pass(2);
    assert_eq!(town.texts(3, group), read, "nothing more");
    assert_eq!(town.texts(1, group).len(), 8);
    assert_eq!(
        code(town.call(3, move |cx| chat::send(cx, ChatId::Group(group), chat::content("me?", None, None)?))),
        "cannot_write"
    );
    // Not even with everything that is sealed among the others in its hands.
    let (answer, given) =
        town.nodes[0].call_given(move |cx| chat::send(cx, ChatId::Group(group), chat::content("secret", None, None)?));
    answer.unwrap();
    let items: Vec<_> = given.sent.iter().map(|(_, _, item)| item.clone()).collect();
    assert!(!items.is_empty());
    town.nodes[3].open(items);
    assert_eq!(town.texts(3, group), read);
    // And what it says reaches nobody, whatever it claims.
    let (me, refs) = (town.account(3), view::state(town.nodes[3].read(), &group).unwrap().unwrap().refs());
    let body = hutong_protocol::group::GroupMessage {
        content: chat::content("still here", None, None).unwrap(),
        after: vec![],
    };
    let others = [town.account(0), town.account(1)];
    let sent = town.call(3, move |cx| {
        let draft = Draft::new(Topic::of_group(group), Kind::GroupMessage, &body)?.after(refs);
        Ok(cx.publish_among(draft, &others)?)
    });
    assert!(sent.is_err(), "{me} {sent:?}");
}

#[test]
fn two_admins_remove_each_other_while_apart() {
    let mut town = Town::of(5);
    let group = town.found(Settings::default(), &[1, 2, 3, 4]);
    town.appoint(group, 1, Role::Admin);
    town.appoint(group, 2, Role::Admin);
    town.go(1, false);
    town.go(2, false);
    town.remove(1, group, 3);
    town.remove(1, group, 2);
    let elder = town.account(1);
    let refused = town.call(2, move |cx| act::remove(cx, group, elder, false, None));
    assert_eq!(code(refused), "not_above");
    // The younger lets a friend back in whom the elder put out, and puts out another.
    town.remove(2, group, 4);
    town.go(1, true);
    town.go(2, true);
    town.pass(40);
    for node in [0, 1, 4] {
        let mut members = town.members(node, group);
        members.sort();
        let mut expected = [0, 1, 4].map(|node| town.account(node));
        expected.sort();
        assert_eq!(members, expected, "as {node} sees it");
    }
    assert!(!town.is_in(3, group));
    assert!(!town.is_in(2, group));
    town.say(4, group, "who is left?");
    town.pass(1);
    assert_eq!(town.texts(1, group), town.texts(0, group));
}

#[test]
fn an_invitation_lets_in_until_it_is_revoked() {
    let mut town = Town::of(3);
    let mut lone = Town { nodes: vec![TestNode::named("Lan", 9)], online: vec![true], wires: Vec::new() };
    town.nodes.push(lone.nodes.pop().unwrap());
    town.online.push(true);
    let group = town.found(Settings { history: true, ..Settings::default() }, &[1, 2]);
    town.say(0, group, "what was said before");
    let secret = town.call(0, move |cx| knock::invite(cx, group, None, knock::TICKET_MS)).unwrap();
    town.go(3, true);
    let host = Some(town.account(1));
    let invitation = move |ticket| knock::Invitation { host, ticket, name: Some("Family".into()), addresses: vec![] };
    town.call(3, move |cx| knock::ask(cx, group, invitation(Some(TicketSecret([7; 32]))), "", &[])).unwrap();
    town.meet(3, 1);
    town.pass(1);
    assert_eq!(view::get(town.nodes[3].read(), &group).unwrap().unwrap().out, Some(view::Out::Refused));
    let again = secret.clone();
    town.call(3, move |cx| knock::ask(cx, group, invitation(Some(again)), "", &[])).unwrap();
    town.pass(2);
    assert!(town.is_in(3, group));
    assert_eq!(town.texts(3, group), ["what was said before"]);
    town.say(3, group, "thank you");
    town.say(2, group, "welcome");
    town.pass(2);
    for node in 0..4 {
        assert_eq!(town.texts(node, group).len(), 3, "{node}");
    }
    // Revoked, it is worth nothing, also to somebody who was in.
    let ticket = secret.key().id();
    town.call(0, move |cx| knock::revoke(cx, group, ticket)).unwrap();
    town.call(3, move |cx| super::leave(cx, group)).unwrap();
    assert!(!town.is_in(3, group));
    town.call(3, move |cx| knock::ask(cx, group, invitation(Some(secret)), "", &[])).unwrap();
    town.pass(1);
    assert!(!town.is_in(3, group));
}

#[test]
fn who_has_no_invitation_asks_an_admin() {
    let mut town = Town::of(3);
    let group = town.found(Settings::default(), &[1]);
    town.say(0, group, "before");
    let host = Some(town.account(0));
    let invitation = knock::Invitation { host, ..knock::Invitation::default() };
    town.call(2, move |cx| knock::ask(cx, group, invitation, "I live at number 7", &[])).unwrap();
    let waiting = view::knocks(town.nodes[0].read(), &group).unwrap();
    assert_eq!((waiting.len(), waiting[0].1.knock.text.as_str()), (1, "I live at number 7"));
    let who = town.account(2);
    town.call(0, move |cx| knock::decide(cx, group, who, true)).unwrap();
    town.pass(1);
    assert!(town.is_in(2, group) && view::knocks(town.nodes[0].read(), &group).unwrap().is_empty());
    town.say(0, group, "after");
    town.pass(1);
    assert_eq!(town.texts(2, group), ["after"], "what was said before is not for newcomers here");
}

/// Group messages silently missing (simplex-chat #6487): the author died before all had it.
#[test]
fn what_only_some_have_is_noticed_and_asked_for() {
    let mut town = Town::of(3);
    let group = town.found(Settings::default(), &[1, 2]);
    town.say(0, group, "one");
    town.say(1, group, "two");
    town.go(2, false);
    town.say(0, group, "only 1 has this");
    // Its author is never seen again.
    town.go(0, false);
    town.go(2, true);
    town.pass(2);
    assert_eq!(town.texts(2, group).len(), 2);
    town.say(1, group, "did you read that?");
    town.pass(3);
    assert_eq!(town.texts(2, group), town.texts(1, group));
    assert_eq!(town.texts(2, group).len(), 4);
}

#[test]
fn a_member_cannot_forge_the_log_or_equivocate() {
    let mut town = Town::of(3);
    let group = town.found(Settings::default(), &[1, 2]);
    // A plain member names itself owner; a valid signature is not enough.
    let (me, others) = (town.account(2), [town.account(0), town.account(1)]);
    let refs = view::state(town.nodes[2].read(), &group).unwrap().unwrap().refs();
    let op = Op::Role { account: others[0], role: Role::Member };
    let forged = town.call(2, move |cx| {
        let entry = GroupEntry { op, devices: vec![] };
        Ok(cx.publish_among(Draft::new(Topic::of_group(group), Kind::GroupEntry, &entry)?.after(refs), &others)?)
    });
    assert!(forged.is_err());
    // One who says one thing to 0 and another to 1 ends with both, everywhere.
    town.appoint(group, 2, Role::Admin);
    let (one, two) = (town.account(0), town.account(1));
    town.go(0, false);
    town.call(2, move |cx| act::set(cx, group, Settings { history: true, ..Settings::default() })).unwrap();
    town.go(0, true);
    town.go(1, false);
    town.call(2, move |cx| act::set(cx, group, Settings { members_invite: true, ..Settings::default() })).unwrap();
    town.go(1, true);
    town.pass(2);
    let state = |node: usize| view::state(town.nodes[node].read(), &group).unwrap().unwrap();
    assert_eq!(state(0), state(1));
    assert_eq!(state(0), state(2));
    assert!(one != two && state(0).members.contains_key(&me));
}

/// "Unable to decrypt" (element-web #2996): a key that was withheld or lost is asked of the one who has it.
#[test]
fn a_lost_key_is_given_again_by_its_sender_alone() {
    let mut town = Town::of(3);
    let group = town.found(Settings::default(), &[1, 2]);
    town.say(0, group, "one");
    town.say(0, group, "two");
    // 2 loses all keys of the group, as a restored older database would.
    town.call(2, move |cx| Ok(cx.forget_group(&group)?)).unwrap();
    town.say(0, group, "three");
    town.pass(3);
    assert_eq!(town.texts(2, group), ["one", "two", "three"]);
    town.say(0, group, "four");
    assert_eq!(town.texts(2, group).len(), 4);
}

#[test]
fn keys_are_changed_after_a_hundred_records_and_seven_days() {
    let mut town = Town::of(2);
    let group = town.found(Settings::default(), &[1]);
    let key = |town: &Town| {
        let prefix = [&b"Zg"[..], &group.0].concat();
        let row = town.nodes[0].read().get(&prefix).unwrap().unwrap();
        let pickle: serde_json::Value = serde_json::from_slice(&row[8..]).unwrap();
        pickle["signing_key"].clone()
    };
    town.say(0, group, "first");
    let first = key(&town);
    for number in 0..50 {
        town.say(0, group, &format!("{number}"));
    }
    assert_eq!(key(&town), first);
    for number in 50..110 {
        town.say(0, group, &format!("{number}"));
    }
    let second = key(&town);
    assert_ne!(second, first);
    for node in &mut town.nodes {
        node.now = node.now.plus_ms(8 * 24 * 60 * 60 * 1_000);
    }
    town.say(0, group, "a week later");
    assert_ne!(key(&town), second);
    town.pass(1);
    assert_eq!(town.texts(1, group).len(), 112);
}

#[test]
fn a_restart_at_any_moment_loses_nothing() {
    let mut town = Town::of(3);
    let group = town.found(Settings::default(), &[1, 2]);
    for number in 0..12usize {
        let node = number % 3;
        town.say(node, group, &format!("{number}"));
        let other = (node + 1) % 3;
        town.go(other, false);
        town.nodes[other].restart();
        town.go(other, true);
    }
    town.pass(3);
    let all = town.texts(0, group);
    assert_eq!(all.len(), 12);
    assert_eq!((town.texts(1, group), town.texts(2, group)), (all.clone(), all));
}

#[test]
fn what_an_admin_takes_away_is_gone_everywhere_and_does_not_come_back() {
    let mut town = Town::of(4);
    let group = town.found(Settings::default(), &[1, 2, 3]);
    town.go(3, false);
    let spam = town.say(2, group, "buy now");
    town.say(1, group, "no, thank you");
    let chat = ChatId::Group(group);
    assert_eq!(code(town.call(1, move |cx| chat::act::delete(cx, chat, spam))), "not_allowed");
    town.call(0, move |cx| chat::act::delete(cx, chat, spam)).unwrap();
    // To 3 the entry and the message come at once, in whatever order.
    town.go(3, true);
    town.pass(2);
    for node in 0..4 {
        assert_eq!(town.texts(node, group), ["", "no, thank you"], "{node}");
        let left = chat::view::message(town.nodes[node].read(), &chat, &spam).unwrap().unwrap();
        assert_eq!((left.gone, left.author), (Some(chat::view::How::Removed), town.account(0)));
    }
    assert_eq!(code(town.call(2, move |cx| chat::act::edit(cx, chat, spam, "again", vec![]))), "message_gone");
}

#[test]
fn who_is_muted_or_too_fast_is_told_how_long_to_wait() {
    let mut town = Town::of(2);
    let group = town.found(Settings { slow_ms: 60_000, ..Settings::default() }, &[1]);
    let chat = ChatId::Group(group);
    let say = move |cx: &mut Cx<'_>| chat::send(cx, chat, chat::content("hello", None, None)?);
    town.call(1, say).unwrap();
    let Err(CommandError::Wait { code: "slow_mode", seconds, .. }) = town.call(1, say) else { panic!("not slow") };
    assert!((1..=60).contains(&seconds));
    town.call(0, say).unwrap();
    town.call(0, say).unwrap();
    let (them, until) = (town.account(1), town.nodes[0].now.plus_ms(3_600_000));
    town.call(0, move |cx| act::mute(cx, group, them, until)).unwrap();
    town.pass(2);
    let Err(CommandError::Wait { code: "muted", seconds, .. }) = town.call(1, say) else { panic!("not muted") };
    assert!((3_400..=3_600).contains(&seconds), "{seconds}");
    town.pass(60);
    town.call(1, say).unwrap();
    assert_eq!(town.texts(0, group), town.texts(1, group));
}
