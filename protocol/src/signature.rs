//! Keys, and the one rule by which a signature is valid.
//!
//! The rule, for a signature `(R, s)` of message `M` under key `A`:
//! 1. `A` and `R` are canonical encodings (`y < p`, and no "negative zero") of points that are not of small order;
//! 2. `s < L`;
//! 3. `8·s·B = 8·R + 8·k·A` with `k = SHA-512(R ‖ A ‖ M)`: the **cofactored** equation.
//!
//! Ed25519 leaves the choice of equation open and libraries differ (Chalkias, Garillot, Nikolaenko: "Taming the many
//! EdDSAs", 2020). The cofactored one is the only equation for which a batch gives the answer of its members: with the
//! other, a batch accepts a crafted signature by chance, and nodes would split on it. Points 1 and 2 are checked here on
//! the bytes; `ed25519-zebra` (ZIP 215) evaluates the equation, singly and in batches.

use std::convert::Infallible;

use ed25519_zebra::{VerificationKeyBytes, batch};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::ZeroizeOnDrop;

use crate::ids::{AccountId, DeviceId};

/// What a signature is for. The tag is hashed in front of the message, so a signature for one purpose is never valid
/// for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A device signs a record.
    Record,
    /// An account certifies a device.
    Certificate,
    /// An account revokes a device.
    Revocation,
    /// A buyer's per-order review key signs a review.
    Review,
    /// A seller countersigns a buyer's review key.
    ReviewKey,
    /// Whoever has an invitation's secret asks to be let into a group.
    GroupTicket,
    /// No tag: only for published test vectors.
    #[cfg(test)]
    Bare,
}

impl Purpose {
    const fn tag(self) -> &'static [u8] {
        match self {
            Self::Record => b"hutong/1/record\0",
            Self::Certificate => b"hutong/1/certificate\0",
            Self::Revocation => b"hutong/1/revocation\0",
            Self::Review => b"hutong/1/review\0",
            Self::ReviewKey => b"hutong/1/review-key\0",
            Self::GroupTicket => b"hutong/1/group-ticket\0",
            #[cfg(test)]
            Self::Bare => b"",
        }
    }

    /// The bytes that are signed: tag, then message.
    #[must_use]
    pub fn message(self, message: &[u8]) -> Vec<u8> {
        [self.tag(), message].concat()
    }
}

/// A signature was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not valid")]
pub struct SignatureError;

/// 64 bytes: `R ‖ s`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl std::fmt::Debug for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signature(..)")
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serde_bytes::Bytes::new(&self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde_bytes::ByteArray::<64>::deserialize(deserializer).map(|bytes| Self(bytes.into_array()))
    }
}

macro_rules! key {
    ($(#[$doc:meta])* $name:ident, $id:ident) => {
        $(#[$doc])*
        #[derive(Clone, ZeroizeOnDrop)]
        pub struct $name(ed25519_dalek::SigningKey);

        impl $name {
            /// The key of this 32-byte secret seed.
            #[must_use]
            pub fn from_seed(seed: &[u8; 32]) -> Self {
                Self(ed25519_dalek::SigningKey::from_bytes(seed))
            }

            /// The secret seed, for the key file and the libp2p key. Never log it.
            #[must_use]
            pub fn to_seed(&self) -> [u8; 32] {
                self.0.to_bytes()
            }

            /// The public key.
            #[must_use]
            pub fn id(&self) -> $id {
                $id(self.0.verifying_key().to_bytes())
            }

            /// Signs `message` for one purpose. Deterministic (RFC 8032).
            #[must_use]
            pub fn sign(&self, purpose: Purpose, message: &[u8]) -> Signature {
                use ed25519_dalek::Signer as _;
                Signature(self.0.sign(&purpose.message(message)).to_bytes())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "{}({})", stringify!($name), self.id())
            }
        }
    };
}

key! {
    /// An account's secret key. Comes from the recovery phrase; signs certificates and revocations only.
    AccountKey, AccountId
}
key! {
    /// A device's secret key. Signs records, and is the node's libp2p key.
    DeviceKey, DeviceId
}

/// One signature to be checked.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The public key, 32 bytes.
    pub key: &'a [u8; 32],
    /// What the signature is for.
    pub purpose: Purpose,
    /// The message, without its tag.
    pub message: &'a [u8],
    /// The signature.
    pub signature: &'a Signature,
}

/// Checks one signature by the rule of this module.
///
/// # Errors
/// [`SignatureError`] if the rule is not met.
pub fn verify(claim: &Claim<'_>) -> Result<(), SignatureError> {
    let admitted = Admitted::new(0, claim).ok_or(SignatureError)?;
    admitted.item.verify_single().map_err(|_| SignatureError)
}

/// Checks many signatures at once, by the same rule: the answer for each is what [`verify`] says.
///
/// One batch equation first (about a third of the cost per signature at 256); only if it fails is the batch halved to
/// find the culprits, so `f` bad ones among `n` cost about `f · log2(n)` smaller batches.
#[must_use]
pub fn verify_batch(claims: &[Claim<'_>]) -> Vec<bool> {
    let mut valid = vec![false; claims.len()];
    let admitted: Vec<_> = claims.iter().enumerate().filter_map(|(index, claim)| Admitted::new(index, claim)).collect();
    bisect(&admitted, &mut valid);
    valid
}

fn bisect(items: &[Admitted], valid: &mut [bool]) {
    let all_valid = match items {
        [] => return,
        [only] => only.item.clone().verify_single().is_ok(),
        _ => batch_valid(items),
    };
    if all_valid {
        for admitted in items {
            if let Some(slot) = valid.get_mut(admitted.index) {
                *slot = true;
            }
        }
    } else if items.len() > 1 {
        let (left, right) = items.split_at(items.len() / 2);
        bisect(left, valid);
        bisect(right, valid);
    }
}

fn batch_valid(items: &[Admitted]) -> bool {
    let mut verifier = batch::Verifier::new();
    let mut transcript = blake3::Hasher::new_derive_key("hutong v1 signature batch coefficients");
    for admitted in items {
        transcript.update(&admitted.digest);
        verifier.queue(admitted.item.clone());
    }
    verifier.verify(Coefficients(transcript.finalize_xof())).is_ok()
}

/// A claim that passed steps 1 and 2 of the rule, which look at the bytes only.
struct Admitted {
    /// Its place among the claims.
    index: usize,
    item: batch::Item,
    /// Commits to key, signature and message, for the batch's coefficients.
    digest: [u8; 32],
}

impl Admitted {
    fn new(index: usize, claim: &Claim<'_>) -> Option<Self> {
        let (r, s) = claim.signature.0.split_first_chunk::<32>()?;
        if !is_sound_point(claim.key) || !is_sound_point(r) || !is_reduced(s.try_into().ok()?) {
            return None;
        }
        let message = claim.purpose.message(claim.message);
        let digest =
            *blake3::Hasher::new().update(claim.key).update(&claim.signature.0).update(&message).finalize().as_bytes();
        let signature = ed25519_zebra::Signature::from(claim.signature.0);
        Some(Self {
            index,
            item: batch::Item::from((VerificationKeyBytes::from(*claim.key), signature, &message)),
            digest,
        })
    }
}

/// p = 2^255 - 19, little endian.
const P: [u8; 32] = {
    let mut p = [0xff; 32];
    p[0] = 0xed;
    p[31] = 0x7f;
    p
};

/// L, the order of the base point, little endian.
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The y coordinates (little endian, canonical) of the eight points of small order; either sign of x is refused.
const SMALL_ORDER_Y: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
        0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    {
        let mut minus_one = P;
        minus_one[0] = 0xec;
        minus_one
    },
];

fn less_than(a: &[u8; 32], b: &[u8; 32]) -> bool {
    a.iter().rev().lt(b.iter().rev())
}

fn is_reduced(s: &[u8; 32]) -> bool {
    less_than(s, &L)
}

/// A canonical encoding of a point that is not of small order. (Whether it is on the curve at all is for the
/// decompression to say. x = 0 happens only at y = ±1, which are of small order, so "negative zero" is covered.)
fn is_sound_point(bytes: &[u8; 32]) -> bool {
    let mut y = *bytes;
    if let Some(last) = y.last_mut() {
        *last &= 0x7f;
    }
    less_than(&y, &P) && !SMALL_ORDER_Y.contains(&y)
}

/// Batch coefficients out of the batch itself (Fiat–Shamir): as good as random against whoever made the signatures, and
/// the same on every run, so that this crate needs no source of randomness.
struct Coefficients(blake3::OutputReader);

impl rand_core::TryRng for Coefficients {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Coefficients {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_for_one_key_one_purpose_and_one_message() {
        let (key, other) = (DeviceKey::from_seed(&[1; 32]), DeviceKey::from_seed(&[2; 32]));
        let signature = key.sign(Purpose::Record, b"strawberries");
        let check = |key: &DeviceKey, purpose, message: &[u8]| {
            verify(&Claim { key: &key.id().0, purpose, message, signature: &signature }).is_ok()
        };
        assert!(check(&key, Purpose::Record, b"strawberries"));
        assert!(!check(&key, Purpose::Record, b"raspberries"));
        assert!(!check(&key, Purpose::Certificate, b"strawberries"));
        assert!(!check(&other, Purpose::Record, b"strawberries"));
    }

    #[test]
    fn a_batch_names_exactly_the_bad_ones() {
        let keys: Vec<_> = (0..40u8).map(|seed| DeviceKey::from_seed(&[seed; 32])).collect();
        let ids: Vec<_> = keys.iter().map(|key| key.id().0).collect();
        let mut signatures: Vec<_> = keys.iter().map(|key| key.sign(Purpose::Record, b"hello")).collect();
        for bad in [0, 17, 39] {
            signatures[bad].0[3] ^= 1;
        }
        let claims: Vec<_> = ids
            .iter()
            .zip(&signatures)
            .map(|(key, signature)| Claim { key, purpose: Purpose::Record, message: b"hello", signature })
            .collect();
        let valid = verify_batch(&claims);
        let bad: Vec<_> = valid.iter().enumerate().filter(|(_, ok)| !**ok).map(|(index, _)| index).collect();
        assert_eq!(bad, [0, 17, 39]);
        assert!(claims.iter().zip(&valid).all(|(claim, ok)| verify(claim).is_ok() == *ok));
        assert!(verify_batch(&[]).is_empty());
    }

    /// The twelve cases of Chalkias, Garillot, Nikolaenko, "Taming the many EdDSAs" (table 5): message, key, signature,
    /// and what this module's rule says.
    const EDGE_CASES: [(&str, &str, &str, bool, &str); 12] = [
        (
            "8c93255d71dcab10e8f379c26200f3c7bd5f09d9bc3068d3ef4edeb4853022b6",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a0000000000000000000000000000000000000000000000000000000000000000",
            false,
            "0: small-order A and R, s = 0",
        ),
        (
            "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43a5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
            false,
            "1: small-order A",
        ),
        (
            "aebf3f2601a0c8c5d39cc7d8911642f740b78168218da8471772b35f9d35b9ab",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa8c4bd45aecaca5b24fb97bc10ac27ac8751a7dfe1baff8b953ec9f5833ca260e",
            false,
            "2: small-order R",
        ),
        (
            "9bd9f44f4dcc75bd531b56b2cd280b0bb38fc1cd6d1230e14861d861de092e79",
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "9046a64750444938de19f227bb80485e92b83fdb4b6506c160484c016cc1852f87909e14428a7a1d62e9f22f3d3ad7802db02eb2e688b6c52fcd6648a98bd009",
            true,
            "3: mixed-order A and R, both equations hold",
        ),
        (
            "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "160a1cb0dc9c0258cd0a7d23e94d8fa878bcb1925f2c64246b2dee1796bed5125ec6bc982a269b723e0668e540911a9a6a58921d6925e434ab10aa7940551a09",
            true,
            "4: only the cofactored equation holds",
        ),
        (
            "e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec4011eaccd55b53f56c",
            "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d",
            "21122a84e0b5fca4052f5b1235c80a537878b38f3142356b2c2384ebad4668b7e40bc836dac0f71076f9abe3a53f9c03c1ceeeddb658d0030494ace586687405",
            true,
            "5: cofactored, and wrong if 8h is reduced first",
        ),
        (
            "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
            "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
            "e96f66be976d82e60150baecff9906684aebb1ef181f67a7189ac78ea23b6c0e547f7690a0e2ddcd04d87dbc3490dc19b3b3052f7ff0538cb68afb369ba3a514",
            false,
            "6: s > L",
        ),
        (
            "85e241a07d148b41e47d62c63f830dc7a6851a0b1f33ae4bb2f507fb6cffec40",
            "442aad9f089ad9e14647b1ef9099a1ff4798d78589e66f28eca69c11f582a623",
            "8ce5b96c8f26d0ab6c47958c9e68b937104cd36e13c33566acd2fe8d38aa19427e71f98a473474f2f13f06f97c20d58cc3f54b8bd0d272f42b695dd7e89a8c22",
            false,
            "7: s far above L",
        ),
        (
            "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff03be9678ac102edcd92b0210bb34d7428d12ffc5df5f37e359941266a4e35f0f",
            false,
            "8: non-canonical R",
        ),
        (
            "9bedc267423725d473888631ebf45988bad3db83851ee85c85e241a07d148b41",
            "f7badec5b8abeaf699583992219b7b223f1df3fbbea919844e3f7c554a43dd43",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffca8c5b64cd208982aa38d4936621a4775aa233aa0505711d8fdcfdaa943d4908",
            false,
            "9: non-canonical R, hashed as it stands",
        ),
        (
            "e96b7021eb39c1a163b6da4e3093dcd3f21387da4cc4572be588fafae23c155b",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
            false,
            "10: non-canonical A",
        ),
        (
            "39a591f5321bbe07fd5a23dc2f39d025d74526615746727ceefd6e82ae65c06f",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
            "a9d55260f765261eb9b84e106f665e00b867287a761990d7135963ee0a7d59dca5bb704786be79fc476f91d3f3f89b03984d8068dcf1bb7dfc6637b45450ac04",
            false,
            "11: non-canonical A, hashed as it stands",
        ),
    ];

    fn bytes<const N: usize>(text: &str) -> [u8; N] {
        data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    #[test]
    fn single_and_batch_agree_on_the_published_edge_cases() {
        let honest = DeviceKey::from_seed(&[7; 32]);
        let (honest_id, honest_signature) = (honest.id().0, honest.sign(Purpose::Bare, b"honest"));
        let good = Claim { key: &honest_id, purpose: Purpose::Bare, message: b"honest", signature: &honest_signature };
        let cases =
            EDGE_CASES.map(|(m, k, s, want, why)| (bytes::<32>(m), bytes::<32>(k), Signature(bytes(s)), want, why));
        for (message, key, signature, want, why) in &cases {
            let claim = Claim { key, purpose: Purpose::Bare, message, signature };
            assert_eq!(verify(&claim).is_ok(), *want, "{why}");
            // In every batch size, next to honest ones: the same answer, and the honest ones unharmed. A cofactorless
            // batch would accept case 4 by chance, so many sizes are tried.
            for company in 1..24 {
                let mut claims = vec![good; company];
                claims.insert(company / 2, claim);
                let answers = verify_batch(&claims);
                assert_eq!(answers[company / 2], *want, "{why}, with {company} others");
                assert_eq!(answers.iter().filter(|ok| **ok).count(), company + usize::from(*want), "{why}");
            }
        }
        let claims: Vec<_> = cases
            .iter()
            .map(|(message, key, signature, ..)| Claim { key, purpose: Purpose::Bare, message, signature })
            .collect();
        assert_eq!(verify_batch(&claims), cases.iter().map(|case| case.3).collect::<Vec<_>>());
    }
}
