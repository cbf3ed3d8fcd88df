//! Body of a tombstone.

use serde::{Deserialize, Serialize};

use crate::{ids::RecordId, kind::Kind};

/// Body of [`Kind::Tombstone`]: the author takes back one of his records. It is in the same topic as that record and
/// comes from the same account; a node that knows it drops the record's body and does not take it in again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The record that is taken back.
    pub id: RecordId,
    /// What it was.
    pub kind: Kind,
}
