//! Groups and their members, from the node's views to the API's shapes.

use std::collections::{BTreeMap, BTreeSet};

use hutong_node::{
    chat, contact,
    engine::{ChatId, CommandError, Cx, EngineError},
    group::{self, knock, view::GroupRow},
};
use hutong_protocol::{
    AccountId, GroupId, Topic, chat as protocol,
    group::{Door as Entry, Role as Rank, Settings as Rules, State},
    ids::to_base32,
    limits::NAME_BYTES_MAX,
    link::{Link, Target},
    text::truncate,
};

use super::{
    chat_view,
    common::Party,
    group::{Door, Group, GroupOut, GroupPin, GroupSettings, Member, Role},
};
use crate::{state::now_ms, views::Views};

/// Members named in a group's page: those one looks for first. The rest is paged through.
const MEMBERS_SHOWN: usize = 200;
/// Longest text shown of a message on top, in bytes: a line.
const PIN_BYTES_MAX: usize = 120;

/// Connected peers by topic.
pub(crate) type Followers = BTreeMap<Topic, usize>;

impl From<Rank> for Role {
    fn from(role: Rank) -> Self {
        match role {
            Rank::Member => Self::Member,
            Rank::Admin => Self::Admin,
            Rank::Owner => Self::Owner,
        }
    }
}

impl From<Role> for Rank {
    fn from(role: Role) -> Self {
        match role {
            Role::Member => Self::Member,
            Role::Admin => Self::Admin,
            Role::Owner => Self::Owner,
        }
    }
}

impl From<Rules> for GroupSettings {
    fn from(rules: Rules) -> Self {
        Self {
            door: if rules.door == Entry::Open { Door::Open } else { Door::Ask },
            members_invite: rules.members_invite,
            history: rules.history,
            slow_seconds: u32::try_from(rules.slow_ms.div_ceil(1_000)).unwrap_or(u32::MAX),
            questions: rules.questions,
        }
    }
}

impl From<GroupSettings> for Rules {
    fn from(settings: GroupSettings) -> Self {
        Self {
            door: if settings.door == Door::Open { Entry::Open } else { Entry::Ask },
            members_invite: settings.members_invite,
            history: settings.history,
            slow_ms: u64::from(settings.slow_seconds).saturating_mul(1_000),
            questions: settings.questions,
        }
    }
}

/// The name to show for a group: its own, or a short form of its id until the founder's record is here.
pub(crate) fn title(group: &GroupId, row: &GroupRow) -> String {
    if row.name.is_empty() { to_base32(group.0.get(..5).unwrap_or_default()) } else { row.name.clone() }
}

/// Who is named in a group's link as the one who lets in: this account if it may, otherwise the owner.
fn host(me: Option<AccountId>, row: &GroupRow, state: Option<&State>) -> Option<AccountId> {
    let me = me.filter(|me| state.is_some_and(|state| state.may_invite(me)));
    me.or(row.owner).or(row.asked.map(|(host, _)| host))
}

/// A member as it is shown.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn member(
    views: &Views<'_>,
    group: &GroupId,
    account: &AccountId,
    row: &group::view::MemberRow,
) -> Result<Member, EngineError> {
    let party = views.party(account)?;
    let party = Party { picture: party.picture.or(row.picture.map(Into::into)), ..party };
    let right = group::view::right(views.read, group, account)?;
    let muted_until = right.muted.map(|muted| muted.until).filter(|until| until.0 > now_ms()).map(Into::into);
    Ok(Member { party, role: right.role.unwrap_or_default().into(), muted_until })
}

/// The members one looks for first: the owner, the admins, oneself, one's contacts; then others, up to a bound.
fn first_members(views: &Views<'_>, group: &GroupId, state: &State) -> Result<Vec<Member>, EngineError> {
    let contacts = contact::view::list(views.read)?.into_iter().filter(|(_, contact)| contact.is_contact());
    let admins = state.members.iter().filter(|(_, member)| member.role > Rank::Member).map(|(account, _)| *account);
    let first: BTreeSet<AccountId> = admins.chain(views.me).chain(contacts.map(|(account, _)| account)).collect();
    let mut rows = Vec::new();
    for account in &first {
        rows.extend(group::view::member(views.read, group, account)?.map(|row| (*account, row)));
    }
    let others = group::view::members(views.read, group, MEMBERS_SHOWN)?;
    rows.extend(others.into_iter().filter(|(account, _)| !first.contains(account)));
    rows.truncate(MEMBERS_SHOWN);
    let mut members =
        rows.iter().map(|(account, row)| member(views, group, account, row)).collect::<Result<Vec<_>, _>>()?;
    let me = views.me.map(Into::into);
    members.sort_by_cached_key(|member| {
        let party = &member.party;
        let rank = (std::cmp::Reverse(member.role), Some(party.account) != me, !party.is_contact);
        (rank, party.name.to_lowercase(), party.account)
    });
    Ok(members)
}

fn pins(views: &Views<'_>, group: &GroupId, state: &State) -> Result<Vec<GroupPin>, EngineError> {
    let mut pins = Vec::new();
    for (id, at) in state.pins.iter().rev() {
        let message = chat::view::message(views.read, &ChatId::Group(*group), id)?;
        if message.as_ref().is_some_and(|message| message.gone.is_some()) {
            continue;
        }
        let author = message.as_ref().map(|message| views.party(&message.author)).transpose()?;
        let mut text = message.map(|message| message.content.text).unwrap_or_default();
        truncate(&mut text, PIN_BYTES_MAX);
        pins.push(GroupPin { message: (*id).into(), at: (*at).into(), author, text });
    }
    Ok(pins)
}

/// A group as it is shown; `None` if this node knows nothing of it.
///
/// # Errors
/// The store's, or damage.
pub(crate) fn shape(views: &Views<'_>, group: &GroupId, followers: &Followers) -> Result<Option<Group>, EngineError> {
    let Some(row) = group::view::get(views.read, group)? else { return Ok(None) };
    let known = group::view::state(views.read, group)?;
    let host = host(views.me, &row, known.as_ref());
    let state = known.unwrap_or_default();
    let my_role = match views.me.filter(|_| row.joined) {
        Some(me) => group::view::role(views.read, group, &me)?,
        None => None,
    };
    let may_invite = views.me.is_some_and(|me| state.may_invite(&me));
    let open = !group.is_private() && state.settings.door == Entry::Open;
    let requests = if may_invite { group::view::knocks(views.read, group)?.len() } else { 0 };
    let now = hutong_protocol::TimestampMs(now_ms());
    let muted_until = match views.me {
        Some(me) => group::muted_until(views.read, group, &me, now)?,
        None => None,
    };
    let peers = followers.get(&Topic::of_group(*group)).copied().unwrap_or_default();
    let owner = row.owner.map(Into::into);
    let link = Link::new(Target::Group(*group), Some(row.name.clone()), views.node.addresses());
    Ok(Some(Group {
        group: (*group).into(),
        private: group.is_private(),
        uri: Link { host, ..link }.to_string(),
        members: first_members(views, group, &state)?,
        pins: pins(views, group, &state)?,
        settings: state.settings.into(),
        my_role: my_role.map(Into::into),
        may_invite: row.joined && (may_invite || open),
        asked_at: row.asked.map(|(_, at)| at.into()),
        out: row.out.filter(|_| !row.joined && row.asked.is_none()).map(|out| match out {
            group::view::Out::Left => GroupOut::Left,
            group::view::Out::Removed => GroupOut::Removed,
            group::view::Out::Refused => GroupOut::Refused,
        }),
        requests: u32::try_from(requests).unwrap_or(u32::MAX),
        muted_until: muted_until.map(Into::into),
        name: title(group, &row),
        about: row.about,
        picture: row.picture.map(Into::into),
        mine: my_role == Some(Rank::Owner),
        owner,
        joined: row.joined,
        member_count: row.member_count,
        peers: u32::try_from(peers).unwrap_or(u32::MAX),
        chat: chat_view::name(&ChatId::Group(*group)),
    }))
}

/// A card that invites to a group. To a private one it carries an invitation for the reader alone.
///
/// # Errors
/// `NotFound` if this node does not know the group; refused if the user may not invite.
pub(crate) fn card(cx: &mut Cx<'_>, chat: &ChatId, group: GroupId) -> Result<protocol::Card, CommandError> {
    let row = group::view::get(cx.read(), &group)?.ok_or(CommandError::NotFound("this group"))?;
    let state = group::view::state(cx.read(), &group)?;
    let may_invite = cx.account().is_some_and(|me| state.as_ref().is_some_and(|state| state.may_invite(&me)));
    let asks = group.is_private() || state.as_ref().is_some_and(|state| state.settings.door == Entry::Ask);
    let ticket = match chat {
        ChatId::Direct(reader) if asks && may_invite => {
            Some(knock::invite(cx, group, Some(*reader), knock::TICKET_MS)?)
        }
        _ => None,
    };
    let (host, mut name) = (host(cx.account(), &row, state.as_ref()), row.name);
    truncate(&mut name, NAME_BYTES_MAX);
    Ok(protocol::Card::Group { group, name, host, ticket, addresses: cx.addresses() })
}
