//! What others may read of groups.

use hutong_protocol::{
    AccountId, BlobHash, GroupId, TimestampMs,
    group::{GroupKnock, LogEntry, Right, Role, Rule, State, TicketSecret},
};
use serde::{Deserialize, Serialize};

use super::keys;
use crate::{
    contact,
    engine::{EngineError, get_value},
    store::{Direction, KeyRange, Read},
};

/// A group as this node knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRow {
    /// Whether this node is a member.
    pub joined: bool,
    /// Its name; the link's hint until the log is here.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub about: String,
    /// A picture.
    #[serde(default)]
    pub picture: Option<BlobHash>,
    /// Its owner, once the log is here.
    #[serde(default)]
    pub owner: Option<AccountId>,
    /// Members, counted.
    #[serde(default)]
    pub member_count: u32,
    /// Where members can be reached, from the link that invited this node.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// What holds for messages.
    #[serde(default)]
    pub rule: Rule,
    /// Whom this node asked to be let in, and since when.
    #[serde(default)]
    pub asked: Option<(AccountId, TimestampMs)>,
    /// Why it is not in, or not any more.
    #[serde(default)]
    pub out: Option<Out>,
}

/// Why this node is not in a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Out {
    /// The user left.
    Left,
    /// Somebody put this account out.
    Removed,
    /// Whoever was asked said no, or the invitation is not valid any more.
    Refused,
}

/// A member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberRow {
    /// Their name as they said when joining.
    pub name: String,
    /// Their picture.
    #[serde(default)]
    pub picture: Option<BlobHash>,
}

/// Somebody who wants to come in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KnockRow {
    /// When they asked, as they claim.
    pub at: TimestampMs,
    /// What they said.
    pub knock: GroupKnock,
}

/// An invitation that this node made.
#[derive(Clone, Serialize, Deserialize)]
pub struct TicketRow {
    /// Its secret.
    pub secret: TicketSecret,
    /// When it was made.
    pub at: TimestampMs,
    /// Until when it is valid.
    pub until: TimestampMs,
    /// For this account alone.
    #[serde(default)]
    pub account: Option<AccountId>,
}

/// One group.
///
/// # Errors
/// The store's, or damage.
pub fn get(read: &dyn Read, group: &GroupId) -> Result<Option<GroupRow>, EngineError> {
    get_value(read, keys::group(group))
}

/// What the log of a group amounts to, if any of it is here.
///
/// # Errors
/// The store's, or damage.
pub fn state(read: &dyn Read, group: &GroupId) -> Result<Option<State>, EngineError> {
    get_value(read, keys::state(group))
}

/// What an account may say in a group, and its role.
///
/// # Errors
/// The store's, or damage.
pub fn right(read: &dyn Read, group: &GroupId, account: &AccountId) -> Result<Right, EngineError> {
    Ok(get_value(read, keys::right(group, account))?.unwrap_or_default())
}

/// The role of an account in a group. In a public group every member that the log does not name is one like all.
///
/// # Errors
/// The store's, or damage.
pub fn role(read: &dyn Read, group: &GroupId, account: &AccountId) -> Result<Option<Role>, EngineError> {
    let role = right(read, group, account)?.role;
    if role.is_some() || group.is_private() {
        return Ok(role);
    }
    Ok(read.contains(&keys::member(group, account))?.then_some(Role::Member))
}

/// Whether an account is in a group.
///
/// # Errors
/// The store's, or damage.
pub fn is_member(read: &dyn Read, group: &GroupId, account: &AccountId) -> Result<bool, EngineError> {
    Ok(role(read, group, account)?.is_some())
}

/// Whether an account is in a small private group with this one: the two tell each other where mail may be left.
///
/// # Errors
/// The store's.
pub fn is_mate(read: &dyn Read, account: &AccountId) -> Result<bool, EngineError> {
    Ok(read.first(KeyRange::prefix(&keys::mates(account)), Direction::Ascending)?.is_some())
}

/// All who are in small private groups with this account.
///
/// # Errors
/// The store's.
pub fn all_mates(read: &dyn Read) -> Result<Vec<AccountId>, EngineError> {
    let prefix = keys::all_mates();
    let rows = read.collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX)?;
    let account = |key: &[u8]| AccountId::from_slice(key.get(prefix.len()..prefix.len().checked_add(32)?)?);
    let mut mates: Vec<_> = rows.iter().filter_map(|(key, _)| account(key)).collect();
    mates.dedup();
    Ok(mates)
}

/// Whether a key of a private group is taken from somebody: the group is known here, or they are a contact, who may be
/// about to say that they let this account in.
///
/// # Errors
/// The store's, or damage.
pub fn may_key(read: &dyn Read, group: &GroupId, by: &AccountId) -> Result<bool, EngineError> {
    Ok(read.contains(&keys::group(group))? || contact::view::is_contact(read, by)?)
}

/// The entries of a group's log.
///
/// # Errors
/// The store's, or damage.
pub(super) fn entries(read: &dyn Read, group: &GroupId) -> Result<Vec<LogEntry>, EngineError> {
    let rows = read.collect(KeyRange::prefix(&keys::entries(group)), Direction::Ascending, usize::MAX)?;
    rows.into_iter().map(|(_, value)| Ok(hutong_protocol::codec::decode_checked(&value)?)).collect()
}

/// Those who want to come into a group, and what they said.
///
/// # Errors
/// The store's, or damage.
pub fn knocks(read: &dyn Read, group: &GroupId) -> Result<Vec<(AccountId, KnockRow)>, EngineError> {
    accounts_in(read, &keys::knocks(group), usize::MAX)
}

/// The invitations to a group that this node made, by their public keys.
///
/// # Errors
/// The store's, or damage.
pub fn tickets(read: &dyn Read, group: &GroupId) -> Result<Vec<(AccountId, TicketRow)>, EngineError> {
    accounts_in(read, &keys::tickets(group), usize::MAX)
}

/// All groups this node knows.
///
/// # Errors
/// The store's, or damage.
pub fn list(read: &dyn Read) -> Result<Vec<(GroupId, GroupRow)>, EngineError> {
    let prefix = keys::groups();
    let rows = read.collect(KeyRange::prefix(&prefix), Direction::Ascending, usize::MAX)?;
    rows.into_iter()
        .map(|(key, value)| {
            let group = key.get(prefix.len()..).and_then(GroupId::from_slice);
            let group = group.ok_or_else(|| EngineError::Damaged("a group row".into()))?;
            Ok((group, hutong_protocol::codec::decode_checked(&value)?))
        })
        .collect()
}

/// The first `limit` members in the order of their keys.
///
/// # Errors
/// The store's, or damage.
pub fn members(read: &dyn Read, group: &GroupId, limit: usize) -> Result<Vec<(AccountId, MemberRow)>, EngineError> {
    accounts_in(read, &keys::members(group), limit)
}

/// One member.
///
/// # Errors
/// The store's, or damage.
pub fn member(read: &dyn Read, group: &GroupId, account: &AccountId) -> Result<Option<MemberRow>, EngineError> {
    get_value(read, keys::member(group, account))
}

/// The `limit` members after one, in the order of their keys.
///
/// # Errors
/// The store's, or damage.
pub fn members_after(
    read: &dyn Read,
    group: &GroupId,
    after: Option<&AccountId>,
    limit: usize,
) -> Result<Vec<(AccountId, MemberRow)>, EngineError> {
    let Some(after) = after else { return members(read, group, limit) };
    let prefix = keys::members(group);
    let range = KeyRange::prefix(&prefix).after(&keys::member(group, after));
    parse_accounts(&prefix, read.collect(range, Direction::Ascending, limit)?)
}

/// Rows whose keys end in an account.
fn accounts_in<T: serde::de::DeserializeOwned>(
    read: &dyn Read,
    prefix: &crate::store::Key,
    limit: usize,
) -> Result<Vec<(AccountId, T)>, EngineError> {
    parse_accounts(prefix, read.collect(KeyRange::prefix(prefix), Direction::Ascending, limit)?)
}

fn parse_accounts<T: serde::de::DeserializeOwned>(
    prefix: &crate::store::Key,
    rows: Vec<crate::store::Entry>,
) -> Result<Vec<(AccountId, T)>, EngineError> {
    rows.into_iter()
        .map(|(key, value)| {
            let account = key.get(prefix.len()..).and_then(AccountId::from_slice);
            let account = account.ok_or_else(|| EngineError::Damaged("a row of a group".into()))?;
            Ok((account, hutong_protocol::codec::decode_checked(&value)?))
        })
        .collect()
}
