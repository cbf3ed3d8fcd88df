//! What one device tells another only while they are connected: that somebody is here, or is writing. It is never kept,
//! never left in a mailbox, and never said by whoever did not choose to.

use serde::{Deserialize, Serialize};

use crate::ids::GroupId;

/// A word of the moment. Sealed like everything private, without a session: the connection says which device it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "live", rename_all = "snake_case")]
pub enum Live {
    /// "I am here, and you may see it", until the connection ends.
    Here,
    /// "No longer say that I am here."
    Away,
    /// "I am writing", for a few seconds.
    Typing {
        /// In this group; absent: to you.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<GroupId>,
    },
    /// One of a later version: without effect here.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;

    #[test]
    fn words_survive_the_way_and_later_ones_do_no_harm() {
        for live in
            [Live::Here, Live::Away, Live::Typing { group: None }, Live::Typing { group: Some(GroupId([7; 32])) }]
        {
            let bytes = codec::encode(&live).unwrap();
            assert_eq!(codec::decode::<Live>(&bytes, 256).unwrap(), live);
        }
        #[derive(Serialize)]
        struct Later {
            live: &'static str,
            mood: u8,
        }
        let later = codec::encode(&Later { live: "dancing", mood: 7 }).unwrap();
        assert_eq!(codec::decode::<Live>(&later, 256).unwrap(), Live::Unknown);
    }
}
