//! Scenario `chat`: contacts in a ring with chords, direct messages, and public groups with late members.

use std::collections::{BTreeMap, BTreeSet};

use hutong_protocol::{AccountId, GroupId, RecordId};

use super::{Options, Property, Report, World, faults};
use crate::{
    account, chat,
    chat::view::MessageState,
    contact,
    engine::{ChatId, outbox},
    group,
};

/// Virtual milliseconds in an hour.
const HOUR_MS: u64 = 60 * 60 * 1_000;
/// Calm hours after the faults: several of the longest pause between two attempts.
const CALM_HOURS: u64 = 6;
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
    world: World,
    accounts: Vec<AccountId>,
    pairs: Vec<(usize, usize)>,
    told: Told,
}

pub(super) fn run(seed: u64, options: Options) -> Report {
    let mut scene = Scene::open(seed, options);
    let rounds = options.days * 24;
    for hour in 0..rounds {
        scene.hour(hour, options);
        scene.world.run(HOUR_MS);
    }
    scene.world.calm();
    scene.world.run(CALM_HOURS * HOUR_MS);
    let properties = scene.judge();
    let World { steps, crashes, lost, .. } = scene.world;
    Report { properties, steps, crashes, lost }
}

impl Scene {
    fn open(seed: u64, options: Options) -> Self {
        let world = World::new(seed, options.nodes, faults(options));
        let mut scene = Self {
            world: world.unwrap_or_else(|error| unreachable!("a memory store does not fail: {error}")),
            accounts: Vec::new(),
            pairs: Vec::new(),
            told: Told::default(),
        };
        for node in 0..options.nodes {
            let account = scene.insist(node, |cx| {
                let entropy = cx.random::<16>();
                account::create(cx, &entropy, &format!("node {}", cx.device()), None, "simulated")
            });
            // An account that was made just before a crash is there, though nobody was told.
            scene.accounts.extend(account.or_else(|| scene.world.account(node)));
        }
        for node in 0..options.nodes {
            for step in [1, 5] {
                let other = (node + step) % options.nodes;
                if other != node && !scene.pairs.contains(&(other, node)) {
                    scene.pairs.push((node, other));
                }
            }
        }
        for (node, other) in scene.pairs.clone() {
            let (account, address) = (scene.accounts[other], World::address(other));
            scene.insist(node, move |cx| contact::add(cx, account, vec![address.clone()], "hello"));
        }
        scene
    }

    /// Runs a command until the node is up to answer; `None` if it answered no.
    fn insist<T: Send + 'static>(
        &mut self,
        node: usize,
        order: impl Fn(&mut crate::engine::Cx<'_>) -> Result<T, crate::engine::CommandError> + Clone + Send + 'static,
    ) -> Option<T> {
        loop {
            if let Some(answer) = self.world.call(node, order.clone()) {
                return answer.ok();
            }
            self.world.run(60_000);
        }
    }

    fn hour(&mut self, hour: u64, options: Options) {
        if hour % 24 == 3 {
            self.found_group(options);
        }
        if hour % 12 == 5 {
            let length = (1 + self.world.rng().below(6)) * HOUR_MS;
            self.world.split(length);
        }
        self.accept_requests();
        self.join_somewhere(options);
        let writes = MESSAGES_A_DAY * options.nodes as u64 / 24;
        for _ in 0..writes.max(1) {
            self.write(options);
        }
    }

    fn accept_requests(&mut self) {
        for (_, node) in self.pairs.clone() {
            for (account, contact) in contact::view::list(self.world.read(node)).unwrap_or_default() {
                if contact.state == contact::view::ContactState::Incoming {
                    self.world.call(node, move |cx| contact::accept(cx, account));
                }
            }
        }
    }

    fn found_group(&mut self, options: Options) {
        let owner = self.any_node(options);
        if let Some(Ok(group)) = self.world.call(owner, |cx| group::create(cx, "Alley", "", None)) {
            self.told.members.entry(group).or_default().insert(owner);
        }
    }

    fn any_node(&mut self, options: Options) -> usize {
        usize::try_from(self.world.rng().below(options.nodes as u64)).unwrap_or(0)
    }

    fn join_somewhere(&mut self, options: Options) {
        let node = self.any_node(options);
        let groups: Vec<GroupId> = self.told.members.keys().copied().collect();
        let Some(group) = self.world.rng().pick(&groups).copied() else { return };
        let members = &self.told.members[&group];
        let addresses: Vec<String> = members.iter().take(3).map(|member| World::address(*member)).collect();
        if members.contains(&node) {
            return;
        }
        if let Some(Ok(())) = self.world.call(node, move |cx| group::join(cx, group, None, addresses)) {
            self.told.members.entry(group).or_default().insert(node);
        }
    }

    fn write(&mut self, options: Options) {
        let groups: Vec<GroupId> = self.told.members.keys().copied().collect();
        if self.world.rng().chance(40)
            && let Some(group) = self.world.rng().pick(&groups).copied()
        {
            let members: Vec<usize> = self.told.members[&group].iter().copied().collect();
            let Some(node) = self.world.rng().pick(&members).copied() else { return };
            if let Some(Ok(id)) = self.say(node, ChatId::Group(group)) {
                self.told.group.push((group, id));
            }
            return;
        }
        let Some((a, b)) = self.world.rng().pick(&self.pairs.clone()).copied() else { return };
        let (from, to) = if self.world.rng().chance(50) { (a, b) } else { (b, a) };
        if let Some(Ok(id)) = self.say(from, ChatId::Direct(self.accounts[to])) {
            self.told.direct.push((from, to, id));
        }
        let reader = self.any_node(options);
        self.read_something(reader);
    }

    fn say(&mut self, node: usize, chat: ChatId) -> Option<Result<RecordId, crate::engine::CommandError>> {
        let text = format!("message {}", self.world.rng().below(u64::MAX));
        self.world.call(node, move |cx| chat::send(cx, chat, chat::content(&text, None, None)?))
    }

    fn read_something(&mut self, node: usize) {
        let chats = chat::view::list(self.world.read(node)).unwrap_or_default();
        if let Some((chat, row)) = self.world.rng().pick(&chats).cloned()
            && let Some(last) = row.last
        {
            self.world.call(node, move |cx| chat::mark_read(cx, chat, last));
        }
    }

    fn history(&self, node: usize, chat: ChatId) -> Vec<chat::view::MessageView> {
        let page = chat::view::page(self.world.read(node), &chat, None, usize::MAX / 16);
        page.map(|(messages, _)| messages).unwrap_or_default()
    }

    fn judge(&self) -> Vec<Property> {
        let mut arrived = Property::new("every direct message that was accepted from a user arrived, once");
        let mut honest = Property::new("and its sender knows that it did");
        for (from, to, id) in &self.told.direct {
            let (sender, reader) = (self.accounts[*from], self.accounts[*to]);
            let copies = self.history(*to, ChatId::Direct(sender)).iter().filter(|message| message.id == *id).count();
            arrived.check(copies == 1, || format!("{id} from {from} to {to}: {copies} copies"));
            let sent = chat::view::message(self.world.read(*from), &ChatId::Direct(reader), id).ok().flatten();
            let state = sent.map(|message| message.state);
            honest.check(state >= Some(MessageState::Delivered), || format!("{id} from {from} to {to}: {state:?}"));
        }
        let mut order = Property::new("both sides of a conversation show the same messages in the same order");
        for (a, b) in &self.pairs {
            let ids = |node: usize, other: usize| -> Vec<RecordId> {
                self.history(node, ChatId::Direct(self.accounts[other])).iter().map(|message| message.id).collect()
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
        for node in 0..self.accounts.len() {
            let left = outbox::summary(self.world.read(node), 1_000).map_or(usize::MAX, |(count, _)| count);
            empty.check(left == 0, || format!("node {node} still has {left}"));
        }
        let mut contacts = Property::new("every contact request was answered on both sides");
        for (a, b) in &self.pairs {
            let both = [(a, b), (b, a)].iter().all(|(node, other)| {
                contact::view::is_contact(self.world.read(**node), &self.accounts[**other]).unwrap_or(false)
            });
            contacts.check(both, || format!("{a} and {b}"));
        }
        vec![arrived, honest, order, groups, empty, contacts]
    }
}
