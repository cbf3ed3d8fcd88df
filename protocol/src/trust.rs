//! Bodies of reviews and recommendations, and the proof that a review comes out of a real order.
//!
//! In each order the buyer makes a fresh **review key**. Once the order is accepted, a device of the seller signs, for
//! each listing in it, "the holder of this key, who is this buyer, bought this listing from me under this contract"
//! ([`Countersignature`], [`Purpose::ReviewKey`]). It is a device that signs and not the account, because the account's
//! key may be offline; the device's certificate goes with it. A review carries that, and a signature by the review key
//! ([`Purpose::Review`]). So anybody who has the public review alone can check that the seller once sold this listing to
//! this author, and nobody learns what else was in the order.
//!
//! What this does not show: a seller can sell to himself. Reviews are therefore shown with the number of different
//! buyers and of one's own contacts among them.

use serde::{Deserialize, Serialize};

use crate::{
    certificate::Certificate,
    codec,
    ids::{AccountId, BlobHash, RecordId, to_base32},
    limits::{REVIEW_PHOTOS_MAX, REVIEW_TEXT_BYTES_MAX},
    market::check_handle,
    record::RecordError,
    signature::{Claim, DeviceKey, Purpose, Signature, verify},
    text::check_text,
};

/// What binds the parties: the hash of a quote and its acceptance. See [`ContractHash::of`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContractHash(#[serde(with = "serde_bytes")] pub [u8; 32]);

impl ContractHash {
    /// The contract of these two records: BLAKE3 in key-derivation mode, context `hutong v1 order contract`, over the
    /// two ids.
    #[must_use]
    pub fn of(quote: &RecordId, acceptance: &RecordId) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("hutong v1 order contract");
        hasher.update(&quote.0).update(&acceptance.0);
        Self(*hasher.finalize().as_bytes())
    }
}

impl std::fmt::Debug for ContractHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ContractHash({})", to_base32(&self.0).get(..10).unwrap_or_default())
    }
}

/// The public half of a key that a buyer makes for one order's reviews.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReviewKeyId(#[serde(with = "serde_bytes")] pub [u8; 32]);

/// A buyer's secret key for one order's reviews. Never log it.
#[derive(Clone, Debug)]
pub struct ReviewKey(DeviceKey);

impl ReviewKey {
    /// The key of this 32-byte secret seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(DeviceKey::from_seed(seed))
    }

    /// The public half.
    #[must_use]
    pub fn id(&self) -> ReviewKeyId {
        ReviewKeyId(self.0.id().0)
    }
}

/// A device of the seller says that the holder of a review key bought a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Countersignature {
    /// Over [`countersigned_message`], [`Purpose::ReviewKey`].
    pub signature: Signature,
    /// Why the device may speak for the seller.
    pub certificate: Certificate,
}

/// What a seller's device countersigns: contract (32 bytes), review key (32), buyer (32), the listing's handle (the
/// rest, UTF-8).
#[must_use]
pub fn countersigned_message(contract: &ContractHash, key: &ReviewKeyId, buyer: &AccountId, listing: &str) -> Vec<u8> {
    [&contract.0[..], &key.0, &buyer.0, listing.as_bytes()].concat()
}

impl Countersignature {
    /// Signs as a device of the seller.
    #[must_use]
    pub fn issue(
        device: &DeviceKey,
        certificate: &Certificate,
        contract: &ContractHash,
        key: &ReviewKeyId,
        buyer: &AccountId,
        listing: &str,
    ) -> Self {
        let message = countersigned_message(contract, key, buyer, listing);
        Self { signature: device.sign(Purpose::ReviewKey, &message), certificate: certificate.clone() }
    }

    /// Whether a device of `seller` really said so.
    #[must_use]
    pub fn is_valid(
        &self,
        seller: &AccountId,
        contract: &ContractHash,
        key: &ReviewKeyId,
        buyer: &AccountId,
        listing: &str,
    ) -> bool {
        let message = countersigned_message(contract, key, buyer, listing);
        let claim = Claim {
            key: &self.certificate.device.0,
            purpose: Purpose::ReviewKey,
            message: &message,
            signature: &self.signature,
        };
        self.certificate.account == *seller && self.certificate.is_valid() && verify(&claim).is_ok()
    }
}

/// Body of [`Kind::Review`](crate::Kind::Review), topic `store/<seller>`, slot [`Review::slot`]. A later version of the
/// record replaces the review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The contract of the order.
    #[serde(rename = "order_hash")]
    pub contract: ContractHash,
    /// The key that the seller countersigned.
    pub review_key: ReviewKeyId,
    /// The countersignature.
    pub seller_countersig: Countersignature,
    /// By the review key over [`Review::signed_message`], [`Purpose::Review`].
    pub review_sig: Signature,
    /// The handle of the listing that was bought (schema.org `itemReviewed`).
    #[serde(rename = "itemReviewed")]
    pub item: String,
    /// 1 to 5.
    pub overall: u8,
    /// 1 to 5: the goods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<u8>,
    /// 1 to 5: as described.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<u8>,
    /// 1 to 5: how it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<u8>,
    /// 1 to 5: how one was treated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<u8>,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Photos.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub photos: Vec<BlobHash>,
    /// 1 for the first, one more for each change; equal to the record's version.
    pub revision: u64,
}

/// Why a review is not valid. Each is a provable fault of its author.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// A field breaks a limit.
    #[error(transparent)]
    Field(#[from] RecordError),
    /// The seller did not countersign the review key for this author and listing.
    #[error("the store did not confirm that this person bought this")]
    NotCountersigned,
    /// The review key did not sign the review.
    #[error("the review is not signed by the key that the store confirmed")]
    NotSigned,
}

impl Review {
    /// The slot: one review per author, order and listing. `r-` and the base32 of BLAKE3 in key-derivation mode
    /// (context `hutong v1 review slot`) over review key and handle.
    #[must_use]
    pub fn slot(key: &ReviewKeyId, listing: &str) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("hutong v1 review slot");
        hasher.update(&key.0).update(listing.as_bytes());
        format!("r-{}", to_base32(hasher.finalize().as_bytes()))
    }

    /// What the review key signs: the BLAKE3 hash of the DAG-CBOR array `[order_hash, review_key, author, itemReviewed,
    /// overall, [quality, description, delivery, service] (null where absent), text, photos, revision]`.
    ///
    /// # Errors
    /// Never in practice: every field can be encoded.
    pub fn signed_message(&self, author: &AccountId) -> Result<[u8; 32], RecordError> {
        let stars = (self.quality, self.description, self.delivery, self.service);
        let bytes = codec::encode(&(
            self.contract,
            self.review_key,
            author,
            &self.item,
            self.overall,
            stars,
            &self.text,
            &self.photos,
            self.revision,
        ))?;
        Ok(*blake3::hash(&bytes).as_bytes())
    }

    /// Signs with the review key; `review_sig` is replaced.
    ///
    /// # Errors
    /// As [`Review::signed_message`].
    pub fn sign(mut self, key: &ReviewKey, author: &AccountId) -> Result<Self, RecordError> {
        self.review_sig = key.0.sign(Purpose::Review, &self.signed_message(author)?);
        Ok(self)
    }

    /// Whether it is a review of something that `author` bought from `seller`.
    ///
    /// # Errors
    /// [`ReviewError`] with the first rule that is broken.
    pub fn verify(&self, author: &AccountId, seller: &AccountId) -> Result<(), ReviewError> {
        self.validate()?;
        if !self.seller_countersig.is_valid(seller, &self.contract, &self.review_key, author, &self.item) {
            return Err(ReviewError::NotCountersigned);
        }
        let message = self.signed_message(author)?;
        let claim =
            Claim { key: &self.review_key.0, purpose: Purpose::Review, message: &message, signature: &self.review_sig };
        verify(&claim).map_err(|_| ReviewError::NotSigned)
    }

    fn validate(&self) -> Result<(), RecordError> {
        check_handle(&self.item)?;
        check_text(&self.text, REVIEW_TEXT_BYTES_MAX)?;
        let parts = [self.quality, self.description, self.delivery, self.service];
        if !parts.into_iter().flatten().chain([self.overall]).all(|stars| (1..=5).contains(&stars)) {
            return Err(RecordError::Field("stars are 1 to 5"));
        }
        if self.photos.len() > REVIEW_PHOTOS_MAX {
            return Err(RecordError::Field("a review has at most 8 photos"));
        }
        Ok(())
    }
}

/// Body of [`Kind::Recommendation`](crate::Kind::Recommendation), topic `profile/<author>`, slot
/// [`Recommendation::slot`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Of which store.
    pub store: AccountId,
    /// Which listing.
    pub listing: String,
    /// Its name when it was recommended.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// False: no longer.
    pub recommended: bool,
}

impl Recommendation {
    /// The slot: one per author and listing. `s-` and the base32 of BLAKE3 in key-derivation mode (context `hutong v1
    /// recommendation slot`) over store and handle.
    #[must_use]
    pub fn slot(store: &AccountId, listing: &str) -> String {
        let mut hasher = blake3::Hasher::new_derive_key("hutong v1 recommendation slot");
        hasher.update(&store.0).update(listing.as_bytes());
        format!("s-{}", to_base32(hasher.finalize().as_bytes()))
    }

    /// # Errors
    /// [`RecordError::Field`] if a text breaks a limit.
    pub fn validate(&self) -> Result<(), RecordError> {
        check_handle(&self.listing)?;
        check_text(&self.title, crate::limits::LISTING_NAME_BYTES_MAX)?;
        check_text(&self.text, crate::limits::REQUEST_TEXT_BYTES_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{signature::AccountKey, time::TimestampMs};

    fn review() -> (Review, AccountId, AccountId) {
        let (seller, device) = (AccountKey::from_seed(&[1; 32]), DeviceKey::from_seed(&[2; 32]));
        let buyer = AccountKey::from_seed(&[3; 32]).id();
        let certificate = Certificate::issue(&seller, device.id(), TimestampMs(0));
        let key = ReviewKey::from_seed(&[4; 32]);
        let contract = ContractHash::of(&RecordId([5; 32]), &RecordId([6; 32]));
        let seller_countersig =
            Countersignature::issue(&device, &certificate, &contract, &key.id(), &buyer, "strawberries");
        let review = Review {
            contract,
            review_key: key.id(),
            seller_countersig,
            review_sig: Signature([0; 64]),
            item: "strawberries".into(),
            overall: 5,
            quality: Some(5),
            description: None,
            delivery: None,
            service: None,
            text: "Sweet.".into(),
            photos: vec![],
            revision: 1,
        };
        (review.sign(&key, &buyer).unwrap(), buyer, seller.id())
    }

    #[test]
    fn a_review_holds_only_for_its_buyer_seller_listing_and_words() {
        let (review, buyer, seller) = review();
        assert_eq!(review.verify(&buyer, &seller), Ok(()));
        assert_eq!(review.verify(&seller, &seller), Err(ReviewError::NotCountersigned), "another author");
        assert_eq!(review.verify(&buyer, &buyer), Err(ReviewError::NotCountersigned), "another store");
        let changed = |change: fn(&mut Review)| {
            let mut changed = review.clone();
            change(&mut changed);
            changed.verify(&buyer, &seller).unwrap_err()
        };
        assert_eq!(changed(|r| r.item = "cheese".into()), ReviewError::NotCountersigned);
        assert_eq!(changed(|r| r.contract.0[0] ^= 1), ReviewError::NotCountersigned);
        assert_eq!(changed(|r| r.review_key.0 = [9; 32]), ReviewError::NotCountersigned);
        assert_eq!(
            changed(|r| r.seller_countersig.certificate.not_before = TimestampMs(1)),
            ReviewError::NotCountersigned
        );
        for change in
            [(|r| r.overall = 1) as fn(&mut Review), |r| r.text.push('!'), |r| r.revision = 2, |r| r.quality = None]
        {
            assert_eq!(changed(change), ReviewError::NotSigned);
        }
        for change in [
            (|r| r.overall = 6) as fn(&mut Review),
            |r| r.overall = 0,
            |r| r.text = "x".repeat(REVIEW_TEXT_BYTES_MAX + 1),
        ] {
            assert!(matches!(changed(change), ReviewError::Field(_)));
        }
    }

    #[test]
    fn slots_are_one_per_order_and_listing() {
        let (a, b) = (ReviewKeyId([1; 32]), ReviewKeyId([2; 32]));
        assert_ne!(Review::slot(&a, "x"), Review::slot(&b, "x"));
        assert_ne!(Review::slot(&a, "x"), Review::slot(&a, "y"));
        assert!(Review::slot(&a, "x").len() <= crate::limits::SLOT_BYTES_MAX);
    }
}
