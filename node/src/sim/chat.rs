//! Scenario `chat`: contacts in a ring with chords, direct messages, and public groups with late members.

use std::collections::{BTreeMap, BTreeSet};

use hutong_protocol::{GroupId, RecordId};

use super::{
    Options, Property, Report, World,
    town::{HOUR_MS, Town},
};
use crate::{
    chat,
    chat::view::MessageState,
    contact,
    engine::{ChatId, outbox},
    group,
};

/// Messages that every node writes in a virtual day.
const MESSAGES_A_DAY: u64 = 12;

/// What the users were told had worked.
#[derive(Default)]
struct Told {
    direct: Vec<(usize, usize, RecordId)>,
    group: Vec<(GroupId, RecordId)>,
    members: BTreeMap<GroupId, BTreeSet<usize>>,
}

struct Scene {
    town: Town,
    pairs: Vec<(usize, usize)>,
    told: Told,
}

pub(super) fn run(seed: u64, options: Options) -> Report {
    let mut scene = Scene::open(seed, options);
    for hour in 0..options.days * 24 {
        scene.hour(hour, options);
        scene.town.world.run(HOUR_MS);
    }
    scene.town.settle();
    let properties = scene.judge();
    scene.town.report(properties)
}

impl Scene {
    fn open(seed: u64, options: Options) -> Self {
        let mut scene = Self { town: Town::open(seed, options), pairs: Vec::new(), told: Told::default() };
        for node in 0..options.nodes {
            for step in [1, 5] {
                let other = (node + step) % options.nodes;
                if other != node && !scene.pairs.contains(&(other, node)) {
                    scene.pairs.push((node, other));
                }
            }
        }
        for (node, other) in scene.pairs.clone() {
            let (account, address) = (scene.town.accounts[other], World::address(other));
            scene.town.insist(node, move |cx| contact::add(cx, account, vec![address.clone()], "hello"));
        }
        scene
    }

    fn hour(&mut self, hour: u64, options: Options) {
        if hour % 24 == 3 {
            self.found_group();
        }
        self.town.trouble(hour);
        self.accept_requests();
        self.join_somewhere();
        let writes = MESSAGES_A_DAY * options.nodes as u64 / 24;
        for _ in 0..writes.max(1) {
            self.write();
        }
    }

    fn accept_requests(&mut self) {
        for (_, node) in self.pairs.clone() {
            for (account, contact) in contact::view::list(self.town.world.read(node)).unwrap_or_default() {
                if contact.state == contact::view::ContactState::Incoming {
                    self.town.world.call(node, move |cx| contact::accept(cx, account));
                }
            }
        }
    }

    fn found_group(&mut self) {
        let owner = self.town.any_node();
        if let Some(Ok(group)) = self.town.world.call(owner, |cx| group::create(cx, group::New::public("Alley"))) {
            self.told.members.entry(group).or_default().insert(owner);
        }
    }

    fn join_somewhere(&mut self) {
        let node = self.town.any_node();
        let groups: Vec<GroupId> = self.told.members.keys().copied().collect();
        let Some(group) = self.town.world.rng().pick(&groups).copied() else { return };
        let members = &self.told.members[&group];
        let addresses: Vec<String> = members.iter().take(3).map(|member| World::address(*member)).collect();
        if members.contains(&node) {
            return;
        }
        if let Some(Ok(())) = self.town.world.call(node, move |cx| group::join(cx, group, None, addresses)) {
            self.told.members.entry(group).or_default().insert(node);
        }
    }

    fn write(&mut self) {
        let groups: Vec<GroupId> = self.told.members.keys().copied().collect();
        if self.town.world.rng().chance(40)
            && let Some(group) = self.town.world.rng().pick(&groups).copied()
        {
            let members: Vec<usize> = self.told.members[&group].iter().copied().collect();
            let Some(node) = self.town.world.rng().pick(&members).copied() else { return };
            if let Some(Ok(id)) = self.say(node, ChatId::Group(group)) {
                self.told.group.push((group, id));
            }
            return;
        }
        let Some((a, b)) = self.town.world.rng().pick(&self.pairs.clone()).copied() else { return };
        let (from, to) = if self.town.world.rng().chance(50) { (a, b) } else { (b, a) };
        if let Some(Ok(id)) = self.say(from, ChatId::Direct(self.town.accounts[to])) {
            self.told.direct.push((from, to, id));
        }
        let reader = self.town.any_node();
        self.read_something(reader);
    }

    fn say(&mut self, node: usize, chat: ChatId) -> Option<Result<RecordId, crate::engine::CommandError>> {
        let text = format!("message {}", self.town.world.rng().below(u64::MAX));
        self.town.world.call(node, move |cx| chat::send(cx, chat, chat::content(&text, None, None)?))
    }

    fn read_something(&mut self, node: usize) {
        let chats = chat::view::list(self.town.world.read(node)).unwrap_or_default();
        if let Some((chat, row)) = self.town.world.rng().pick(&chats).cloned()
            && let Some(last) = row.last
        {
            self.town.world.call(node, move |cx| chat::mark_read(cx, chat, last));
        }
    }

    fn history(&self, node: usize, chat: ChatId) -> Vec<chat::view::MessageView> {
        let page = chat::view::page(self.town.world.read(node), &chat, None, usize::MAX / 16);
        page.map(|(messages, _)| messages).unwrap_or_default()
    }

    fn judge(&self) -> Vec<Property> {
        let mut arrived = Property::new("every direct message that was accepted from a user arrived, once");
        let mut honest = Property::new("and its sender knows that it did");
        for (from, to, id) in &self.told.direct {
            let (sender, reader) = (self.town.accounts[*from], self.town.accounts[*to]);
            let copies = self.history(*to, ChatId::Direct(sender)).iter().filter(|message| message.id == *id).count();
            arrived.check(copies == 1, || format!("{id} from {from} to {to}: {copies} copies"));
            let sent = chat::view::message(self.town.world.read(*from), &ChatId::Direct(reader), id).ok().flatten();
            let state = sent.map(|message| message.state);
            honest.check(state >= Some(MessageState::Delivered), || format!("{id} from {from} to {to}: {state:?}"));
        }
        let mut order = Property::new("both sides of a conversation show the same messages in the same order");
        for (a, b) in &self.pairs {
            let ids = |node: usize, other: usize| -> Vec<RecordId> {
                self.history(node, ChatId::Direct(self.town.accounts[other])).iter().map(|message| message.id).collect()
            };
            order.check(ids(*a, *b) == ids(*b, *a), || format!("{a} and {b} differ"));
        }
        let mut groups = Property::new("every member of a group shows the same history, and all of it");
        for (group, members) in &self.told.members {
            let said: BTreeSet<_> = self.told.group.iter().filter(|(g, _)| g == group).map(|(_, id)| *id).collect();
            let ids = |node: &usize| -> Vec<RecordId> {
                self.history(*node, ChatId::Group(*group)).iter().map(|message| message.id).collect()
            };
            let first = members.first().map(&ids).unwrap_or_default();
            for member in members {
                let here = ids(member);
                let complete = said.is_subset(&here.iter().copied().collect());
                groups.check(here == first && complete, || {
                    format!("member {member} of {group} shows {} of {} (said: {})", here.len(), first.len(), said.len())
                });
            }
        }
        let mut empty = Property::new("nothing is left in any outbox");
        for node in 0..self.town.accounts.len() {
            let left = outbox::summary(self.town.world.read(node), 1_000).map_or(usize::MAX, |(count, _)| count);
            empty.check(left == 0, || format!("node {node} still has {left}"));
        }
        let mut contacts = Property::new("every contact request was answered on both sides");
        for (a, b) in &self.pairs {
            let both = [(a, b), (b, a)].iter().all(|(node, other)| {
                contact::view::is_contact(self.town.world.read(**node), &self.town.accounts[**other]).unwrap_or(false)
            });
            contacts.check(both, || format!("{a} and {b}"));
        }
        let mut mailboxes = Property::new("mailboxes were used");
        mailboxes.check(self.town.world.left > 0, || "nothing was left in any".to_owned());
        vec![arrived, honest, order, groups, empty, contacts, mailboxes]
    }
}
