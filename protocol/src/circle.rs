//! Contacts in common, told without telling one's contacts.
//!
//! Every account gives each of its contacts the same secret, its **circle secret**. Whoever asks a stranger makes a tag with
//! the secret of each of its own contacts; the recipient makes the same for its own. Where two tags are equal there is a
//! contact in common; the other tags say nothing.

use std::collections::BTreeSet;

use crate::{ids::AccountId, limits::CIRCLE_TAGS_MAX, mailbox::key, record::RecordError};

/// Bytes of a tag: by chance none of 200 is among a thousand contacts' in 10^14 requests.
pub const TAG_BYTES: usize = 8;

key! {
    /// Known to an account and its contacts. Made anew when one of them is removed or blocked.
    CircleSecret
}

impl CircleSecret {
    /// The tag of whoever knows this secret, for one request.
    #[must_use]
    pub fn tag(&self, asker: &AccountId, recipient: &AccountId) -> [u8; TAG_BYTES] {
        let hash = blake3::keyed_hash(&self.0, &[asker.0, recipient.0].concat());
        hash.as_bytes().first_chunk().copied().unwrap_or_default()
    }
}

/// # Errors
/// [`RecordError::Field`] if it is no row of tags, or there are too many.
pub fn check_tags(tags: &[u8]) -> Result<(), RecordError> {
    if tags.len().is_multiple_of(TAG_BYTES) && tags.len() <= CIRCLE_TAGS_MAX * TAG_BYTES {
        Ok(())
    } else {
        Err(RecordError::Field("tags: at most 200 of 8 bytes"))
    }
}

/// The tags of a request.
#[must_use]
pub fn tags_in(tags: &[u8]) -> BTreeSet<[u8; TAG_BYTES]> {
    tags.as_chunks::<TAG_BYTES>().0.iter().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_knows_the_secret_makes_the_tag_and_it_is_for_one_request() {
        let (mei, tom, eve) = (AccountId([1; 32]), AccountId([2; 32]), AccountId([3; 32]));
        let (secret, other) = (CircleSecret([7; 32]), CircleSecret([8; 32]));
        assert_eq!(secret.tag(&mei, &tom), secret.tag(&mei, &tom));
        assert_ne!(secret.tag(&mei, &tom), other.tag(&mei, &tom));
        assert_ne!(secret.tag(&mei, &tom), secret.tag(&eve, &tom), "a tag that was seen is of no use to another");
        assert_ne!(secret.tag(&mei, &tom), secret.tag(&mei, &eve));
        assert_eq!(format!("{secret:?}"), "CircleSecret(..)");
    }

    #[test]
    fn a_row_of_tags_is_whole_and_bounded() {
        assert!(check_tags(&[]).is_ok() && check_tags(&[0; 1_600]).is_ok());
        assert!(check_tags(&[0; 7]).is_err() && check_tags(&[0; 1_608]).is_err());
        assert_eq!(tags_in(&[1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2]).len(), 2);
    }
}
