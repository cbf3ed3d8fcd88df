//! Scenario `group`: private groups of 10 to 200, whose members come and go while everybody talks.

use std::collections::{BTreeMap, BTreeSet};

use hutong_protocol::{
    AccountId, GroupId, RecordId,
    group::{Role, Settings},
};

use super::{
    Options, Property, Report, World,
    town::{HOUR_MS, Town},
};
use crate::{
    chat, contact,
    engine::{ChatId, outbox},
    group::{self, act},
};

/// Sizes of the groups, as far as there are nodes.
const SIZES: [usize; 6] = [200, 100, 50, 20, 10, 10];
/// Messages written in each group in a virtual day.
const MESSAGES_A_DAY: u64 = 60;
/// Hours in which nobody is put out yet: the groups come together.
const QUIET_HOURS: u64 = 6;

/// One group, and what its users were told had worked.
struct Alley {
    founder: usize,
    wanted: Vec<usize>,
    group: GroupId,
    /// What was said: by whom, and who was in, as its author saw it.
    said: Vec<(usize, RecordId, BTreeSet<AccountId>)>,
    /// Who was put out at any time, and what was said by those who knew of it.
    out: BTreeMap<usize, BTreeSet<RecordId>>,
}

struct Scene {
    town: Town,
    alleys: Vec<Alley>,
}

pub(super) fn run(seed: u64, options: Options) -> Report {
    let mut scene = Scene::open(seed, options);
    for hour in 0..options.days * 24 {
        scene.hour(hour);
        scene.town.world.run(HOUR_MS);
    }
    scene.town.settle();
    let properties = scene.judge();
    scene.town.report(properties)
}

impl Scene {
    fn open(seed: u64, options: Options) -> Self {
        let mut scene = Self { town: Town::open(seed, options), alleys: Vec::new() };
        for (index, size) in SIZES.into_iter().filter(|size| *size <= options.nodes).enumerate() {
            let founder = index % options.nodes;
            let wanted: Vec<usize> = (1..size).map(|step| (founder + step) % options.nodes).collect();
            for member in wanted.clone() {
                let (account, address) = (scene.town.accounts[member], World::address(member));
                scene.town.insist(founder, move |cx| contact::add(cx, account, vec![address.clone()], "hello"));
            }
            let new = group::New { settings: Settings::default(), ..group::New::private("Alley") };
            let made = scene.town.insist(founder, move |cx| group::create(cx, new.clone()));
            if let Some(group) = made {
                scene.alleys.push(Alley { founder, wanted, group, said: Vec::new(), out: BTreeMap::new() });
            }
        }
        scene
    }

    fn hour(&mut self, hour: u64) {
        self.town.trouble(hour);
        self.accept_requests();
        for alley in 0..self.alleys.len() {
            self.let_in(alley);
            if hour >= QUIET_HOURS {
                self.put_out(alley);
                self.appoint(alley);
            }
            for _ in 0..(MESSAGES_A_DAY / 24).max(1) {
                self.say(alley);
            }
        }
    }

    fn accept_requests(&mut self) {
        for node in 0..self.town.accounts.len() {
            for (account, contact) in contact::view::list(self.town.world.read(node)).unwrap_or_default() {
                if contact.state == contact::view::ContactState::Incoming {
                    self.town.world.call(node, move |cx| contact::accept(cx, account));
                }
            }
        }
    }

    /// Who has become a contact and is not in yet.
    fn let_in(&mut self, alley: usize) {
        let Alley { founder, group, .. } = self.alleys[alley];
        let state = group::view::state(self.town.world.read(founder), &group).ok().flatten().unwrap_or_default();
        let out = &self.alleys[alley].out;
        let fresh = self.alleys[alley].wanted.iter().filter(|node| !out.contains_key(node));
        let accounts: Vec<_> = fresh.map(|node| self.town.accounts[*node]).collect();
        let read = self.town.world.read(founder);
        let ready = accounts.into_iter().filter(|account| {
            !state.members.contains_key(account) && contact::view::is_contact(read, account).unwrap_or(false)
        });
        let ready: Vec<_> = ready.collect();
        if !ready.is_empty() {
            self.town.world.call(founder, move |cx| act::add(cx, group, &ready));
        }
    }

    /// Up to a tenth is put out in the course of time, by the founder or an admin.
    fn put_out(&mut self, alley: usize) {
        let count = self.alleys[alley].wanted.len();
        if !self.town.world.rng().chance(30) || self.alleys[alley].out.len() * 10 > count {
            return;
        }
        let whom = self.member(alley);
        let by = if self.town.world.rng().chance(50) { self.alleys[alley].founder } else { self.member(alley) };
        let (group, account) = (self.alleys[alley].group, self.town.accounts[whom]);
        if let Some(Ok(())) = self.town.world.call(by, move |cx| act::remove(cx, group, account, false, None)) {
            self.alleys[alley].out.entry(whom).or_default();
        }
    }

    fn appoint(&mut self, alley: usize) {
        if !self.town.world.rng().chance(10) {
            return;
        }
        let (founder, whom) = (self.alleys[alley].founder, self.member(alley));
        let (group, account) = (self.alleys[alley].group, self.town.accounts[whom]);
        let role = if self.town.world.rng().chance(70) { Role::Admin } else { Role::Member };
        self.town.world.call(founder, move |cx| act::appoint(cx, group, account, role));
    }

    fn member(&mut self, alley: usize) -> usize {
        let wanted = self.alleys[alley].wanted.clone();
        self.town.world.rng().pick(&wanted).copied().unwrap_or(self.alleys[alley].founder)
    }

    fn say(&mut self, alley: usize) {
        let (node, group) = (self.member(alley), self.alleys[alley].group);
        let text = format!("message {}", self.town.world.rng().below(u64::MAX));
        let said = self.town.world.call(node, move |cx| {
            let id = chat::send(cx, ChatId::Group(group), chat::content(&text, None, None)?)?;
            let members = group::view::members(cx.read(), &group, usize::MAX)?;
            Ok((id, members.into_iter().map(|(account, _)| account).collect::<BTreeSet<_>>()))
        });
        let Some(Ok((id, members))) = said else { return };
        for (gone, after) in &mut self.alleys[alley].out {
            if !members.contains(&self.town.accounts[*gone]) {
                after.insert(id);
            }
        }
        self.alleys[alley].said.push((node, id, members));
    }

    fn history(&self, node: usize, group: GroupId) -> Vec<RecordId> {
        let page = chat::view::page(self.town.world.read(node), &ChatId::Group(group), None, usize::MAX / 16);
        page.map(|(messages, _)| messages.iter().map(|message| message.id).collect()).unwrap_or_default()
    }

    fn judge(&self) -> Vec<Property> {
        let mut arrived = Property::new("everything said in a private group reached everybody who was in it, once");
        let mut same = Property::new("all members agree on who is in, and who may do what");
        let mut order = Property::new("of what two members both have, the order is the same");
        let mut shut = Property::new("nobody who was put out has anything that was said by those who knew it");
        for alley in &self.alleys {
            let members = self.judge_members(alley, &mut same);
            let histories: BTreeMap<usize, Vec<RecordId>> =
                members.iter().map(|node| (*node, self.history(*node, alley.group))).collect();
            self.judge_messages(alley, &histories, &mut arrived);
            let first = histories.values().max_by_key(|history| history.len()).cloned().unwrap_or_default();
            for (node, history) in &histories {
                let here: BTreeSet<_> = history.iter().collect();
                let common: Vec<_> = first.iter().filter(|id| here.contains(id)).collect();
                order.check(history.iter().filter(|id| first.contains(id)).eq(common), || format!("node {node}"));
            }
            for (node, after) in &alley.out {
                let read: BTreeSet<_> = self.history(*node, alley.group).into_iter().collect();
                shut.check(after.is_disjoint(&read), || format!("node {node} of {}", alley.group));
            }
        }
        let mut empty = Property::new("nothing is left in any outbox");
        for node in 0..self.town.accounts.len() {
            let left = outbox::summary(self.town.world.read(node), 1_000).map_or(usize::MAX, |(count, _)| count);
            empty.check(left == 0, || format!("node {node} still has {left}"));
        }
        vec![arrived, same, order, shut, empty]
    }

    /// Who is in, by the founder's log; and whether all of them see the same.
    fn judge_members(&self, alley: &Alley, same: &mut Property) -> Vec<usize> {
        let state = |node: usize| group::view::state(self.town.world.read(node), &alley.group).ok().flatten();
        let truth = state(alley.founder).unwrap_or_default();
        let nodes: Vec<usize> = (0..self.town.accounts.len())
            .filter(|node| truth.members.contains_key(&self.town.accounts[*node]))
            .collect();
        for node in &nodes {
            let here = state(*node).unwrap_or_default();
            same.check(here == truth, || {
                format!("node {node} of {}: {} members, not {}", alley.group, here.members.len(), truth.members.len())
            });
        }
        nodes
    }

    fn judge_messages(&self, alley: &Alley, histories: &BTreeMap<usize, Vec<RecordId>>, arrived: &mut Property) {
        for (author, id, members) in &alley.said {
            // Whoever was put out takes what they said since with them; a clock may be four minutes off, so that what they
            // said just before counts neither way.
            if alley.out.contains_key(author) {
                continue;
            }
            for (node, history) in histories {
                if node == author || alley.out.contains_key(node) || !members.contains(&self.town.accounts[*node]) {
                    continue;
                }
                let copies = history.iter().filter(|other| *other == id).count();
                arrived.check(copies == 1, || format!("{id} of node {author} at node {node}: {copies} copies"));
            }
        }
    }
}
