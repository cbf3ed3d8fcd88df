//! What others may read of groups.

use hutong_protocol::{AccountId, BlobHash, GroupId};
use serde::{Deserialize, Serialize};

use super::keys;
use crate::{
    engine::{EngineError, get_value},
    store::{Direction, KeyRange, Read},
};

/// A group as this node knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRow {
    /// Whether this node is a member.
    pub joined: bool,
    /// Its name; the link's hint until the founder's record is here.
    pub name: String,
    /// What it is about.
    #[serde(default)]
    pub about: String,
    /// A picture.
    #[serde(default)]
    pub picture: Option<BlobHash>,
    /// Its founder, once the founder's record is here.
    #[serde(default)]
    pub owner: Option<AccountId>,
    /// Members, counted.
    #[serde(default)]
    pub member_count: u32,
    /// Where members can be reached, from the link that invited this node.
    #[serde(default)]
    pub addresses: Vec<String>,
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

/// One group.
///
/// # Errors
/// The store's, or damage.
pub fn get(read: &dyn Read, group: &GroupId) -> Result<Option<GroupRow>, EngineError> {
    get_value(read, keys::group(group))
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
    let prefix = keys::members(group);
    let rows = read.collect(KeyRange::prefix(&prefix), Direction::Ascending, limit)?;
    rows.into_iter()
        .map(|(key, value)| {
            let account = key.get(prefix.len()..).and_then(AccountId::from_slice);
            let account = account.ok_or_else(|| EngineError::Damaged("a member row".into()))?;
            Ok((account, hutong_protocol::codec::decode_checked(&value)?))
        })
        .collect()
}
