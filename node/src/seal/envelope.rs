//! The outside of an item: hides who sealed it. See [`hutong_protocol::seal`] for the bytes.
//!
//! The key agreement costs more than everything else together, so an ephemeral key serves a while for one recipient, and
//! the recipient remembers what it agreed on. A carrier sees then that a few items to one recipient are of one author,
//! which it knows anyway if they wait in one queue.

use std::collections::{BTreeMap, HashMap};

use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead as _, KeyInit as _, Payload},
};
use hutong_protocol::{
    DeviceId, TimestampMs, codec,
    seal::{HEAD_BYTES, ITEM_BYTES, ITEM_BYTES_MAX, Letter, OVERHEAD_BYTES, SUITE, item_bytes},
};
use vodozemac::{Curve25519PublicKey, Curve25519SecretKey};
use zeroize::Zeroizing;

use crate::engine::Random;

/// Items under one ephemeral key: one group commit of the recipient.
const USES_MAX: u32 = 256;
/// How long one ephemeral key serves.
const SERVES_MS: u64 = 60 * 60 * 1_000;
/// Ephemeral keys remembered, of recipients and of senders. When full, the memory starts anew.
const REMEMBERED_MAX: usize = 1_024;

type Key = Zeroizing<[u8; 32]>;

/// What a sender uses for one recipient.
struct Ours {
    ephemeral: [u8; 32],
    envelope: [u8; 32],
    key: Key,
    uses: u32,
    since: TimestampMs,
}

/// Closes and opens envelopes.
pub(super) struct Envelopes {
    secret: Curve25519SecretKey,
    public: [u8; 32],
    ours: BTreeMap<DeviceId, Ours>,
    theirs: HashMap<[u8; 32], Key>,
}

impl Envelopes {
    /// The envelope key is derived from the device key's seed: it lives and dies with the device.
    pub(super) fn new(device_seed: &[u8; 32]) -> Self {
        let seed = Zeroizing::new(blake3::derive_key("hutong v1 seal envelope key", device_seed));
        let secret = Curve25519SecretKey::from_slice(&seed);
        let public = Curve25519PublicKey::from(&secret).to_bytes();
        Self { secret, public, ours: BTreeMap::new(), theirs: HashMap::new() }
    }

    /// The public key, for [`hutong_protocol::account::SealKeys`].
    pub(super) const fn public(&self) -> [u8; 32] {
        self.public
    }

    /// Puts a letter into an item. `None` if it is too long, or the recipient's key is none.
    pub(super) fn close(
        &mut self,
        random: &mut Random,
        now: TimestampMs,
        to: &DeviceId,
        envelope: &[u8; 32],
        letter: &Letter,
    ) -> Option<Vec<u8>> {
        let letter = codec::encode(letter).ok()?;
        let size = item_bytes(letter.len())?;
        let ours = self.ours_for(random, now, to, envelope)?;
        let mut padded = Vec::with_capacity(size);
        padded.extend_from_slice(&u32::try_from(letter.len()).ok()?.to_be_bytes());
        padded.extend_from_slice(&letter);
        padded.resize(size.checked_sub(OVERHEAD_BYTES)?, 0);
        let nonce = random.bytes::<24>();
        let aad = head(&ours.ephemeral);
        let cipher = XChaCha20Poly1305::new((&*ours.key).into());
        let text = cipher.encrypt(&XNonce::from(nonce), Payload { msg: &padded, aad: &aad }).ok()?;
        Some([&aad[..], &nonce, &text].concat())
    }

    fn ours_for(
        &mut self,
        random: &mut Random,
        now: TimestampMs,
        to: &DeviceId,
        envelope: &[u8; 32],
    ) -> Option<&mut Ours> {
        let serves =
            |ours: &Ours| ours.envelope == *envelope && ours.uses < USES_MAX && now.since_ms(ours.since) < SERVES_MS;
        if !self.ours.get(to).is_some_and(serves) {
            if self.ours.len() >= REMEMBERED_MAX {
                self.ours.clear();
            }
            let secret = Curve25519SecretKey::from_slice(&random.bytes());
            let ephemeral = Curve25519PublicKey::from(&secret).to_bytes();
            let key = agree(&secret, envelope, &ephemeral, envelope)?;
            self.ours.insert(*to, Ours { ephemeral, envelope: *envelope, key, uses: 0, since: now });
        }
        let ours = self.ours.get_mut(to)?;
        ours.uses = ours.uses.saturating_add(1);
        Some(ours)
    }

    /// Takes the letter out of an item. `None`: it is not for this device, or was changed on its way.
    pub(super) fn open(&mut self, item: &[u8]) -> Option<Letter> {
        if !ITEM_BYTES.contains(&item.len()) || item.first() != Some(&SUITE) {
            return None;
        }
        let (head, text) = item.split_at_checked(HEAD_BYTES)?;
        let (aad, nonce) = head.split_at_checked(33)?;
        let ephemeral = <[u8; 32]>::try_from(aad.get(1..)?).ok()?;
        let nonce = XNonce::from(<[u8; 24]>::try_from(nonce).ok()?);
        let known = self.theirs.get(&ephemeral).cloned();
        let key = match &known {
            Some(key) => key.clone(),
            None => agree(&self.secret, &ephemeral, &ephemeral, &self.public)?,
        };
        let padded = XChaCha20Poly1305::new((&*key).into()).decrypt(&nonce, Payload { msg: text, aad }).ok()?;
        if known.is_none() {
            // Only what really opened something: garbage must not push out what is in use.
            if self.theirs.len() >= REMEMBERED_MAX {
                self.theirs.clear();
            }
            self.theirs.insert(ephemeral, key);
        }
        let (length, rest) = padded.split_first_chunk::<4>()?;
        let letter = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
        codec::decode(letter, ITEM_BYTES_MAX).ok()
    }
}

fn head(ephemeral: &[u8; 32]) -> [u8; 33] {
    let mut head = [SUITE; 33];
    if let Some(rest) = head.get_mut(1..) {
        rest.copy_from_slice(ephemeral);
    }
    head
}

/// The key of an item; `None` for a public key of small order, with which everybody would agree on the same.
fn agree(secret: &Curve25519SecretKey, with: &[u8; 32], ephemeral: &[u8; 32], envelope: &[u8; 32]) -> Option<Key> {
    let shared = secret.diffie_hellman(&Curve25519PublicKey::from_bytes(*with))?;
    let material = Zeroizing::new([&shared.as_bytes()[..], ephemeral, envelope].concat());
    Some(Zeroizing::new(blake3::derive_key("hutong v1 seal envelope", &material)))
}

#[cfg(test)]
mod tests {
    use hutong_protocol::{AccountId, RecordId};
    use proptest::prelude::*;

    use super::*;

    const NOW: TimestampMs = TimestampMs(1_760_000_000_000);

    fn letter(bytes: usize) -> Letter {
        Letter {
            account: AccountId([1; 32]),
            device: DeviceId([2; 32]),
            id: RecordId([3; 32]),
            receipt: false,
            first: true,
            text: serde_bytes::ByteBuf::from(vec![7; bytes]),
            keyed: false,
            group: None,
            introduction: None,
        }
    }

    fn close(from: &mut Envelopes, to: &Envelopes, bytes: usize, seed: u8) -> Option<Vec<u8>> {
        from.close(&mut Random::new(&[seed; 32]), NOW, &DeviceId([9; 32]), &to.public(), &letter(bytes))
    }

    #[test]
    fn what_is_closed_opens_for_its_recipient_alone() {
        let (mut mei, mut tom, mut eve) =
            (Envelopes::new(&[1; 32]), Envelopes::new(&[2; 32]), Envelopes::new(&[3; 32]));
        for (bytes, size) in
            [(0, 1024), (600, 1024), (1_000, 4096), (15_000, 16_384), (40_000, 65_536), (66_000, 73_728)]
        {
            let item = close(&mut mei, &tom, bytes, 1).unwrap();
            assert_eq!(item.len(), size, "{bytes} bytes");
            assert_eq!(tom.open(&item), Some(letter(bytes)));
            assert_eq!(eve.open(&item), None);
        }
        assert!(close(&mut mei, &tom, 80_000, 1).is_none(), "nothing larger than the largest");
    }

    #[test]
    fn nothing_of_the_letter_can_be_seen_and_no_two_items_are_alike() {
        let (mut mei, tom) = (Envelopes::new(&[1; 32]), Envelopes::new(&[2; 32]));
        let (one, two) = (close(&mut mei, &tom, 100, 1).unwrap(), close(&mut mei, &tom, 100, 2).unwrap());
        for part in [&[1u8; 32][..], &[2; 32], &[3; 32], &[7; 16]] {
            assert!(!one.windows(part.len()).any(|window| window == part));
        }
        assert_ne!(one[33..], two[33..]);
    }

    #[test]
    fn an_ephemeral_key_serves_only_for_a_while() {
        let (mut mei, tom) = (Envelopes::new(&[1; 32]), Envelopes::new(&[2; 32]));
        let (mut random, to) = (Random::new(&[5; 32]), DeviceId([9; 32]));
        let mut ephemeral = |at: TimestampMs| {
            let item = mei.close(&mut random, at, &to, &tom.public(), &letter(1)).unwrap();
            item[1..33].to_vec()
        };
        let first = ephemeral(NOW);
        assert_eq!(first, ephemeral(NOW.plus_ms(SERVES_MS - 1)));
        assert_ne!(first, ephemeral(NOW.plus_ms(SERVES_MS)));
        let second = ephemeral(NOW.plus_ms(SERVES_MS));
        let last = (0..USES_MAX).map(|_| ephemeral(NOW.plus_ms(SERVES_MS))).last().unwrap();
        assert_ne!(second, last);
    }

    #[test]
    fn a_key_of_small_order_is_refused() {
        let mut mei = Envelopes::new(&[1; 32]);
        let mut random = Random::new(&[5; 32]);
        for bad in [[0; 32], {
            let mut one = [0; 32];
            one[0] = 1;
            one
        }] {
            assert!(mei.close(&mut random, NOW, &DeviceId([9; 32]), &bad, &letter(1)).is_none());
        }
        let mut item = vec![0; 1024];
        item[0] = SUITE;
        assert!(mei.open(&item).is_none());
    }

    proptest! {
        #[test]
        fn a_changed_item_does_not_open(at in 0usize..1024, bit in 0u8..8) {
            let (mut mei, mut tom) = (Envelopes::new(&[1; 32]), Envelopes::new(&[2; 32]));
            let mut item = close(&mut mei, &tom, 100, 1).unwrap();
            // The highest bit of an X25519 key is ignored by definition; it is authenticated all the same.
            item[at] ^= 1 << bit;
            prop_assert!(tom.open(&item).is_none());
        }

        #[test]
        fn garbage_does_not_open(bytes in proptest::collection::vec(any::<u8>(), 1023..1026)) {
            prop_assert!(Envelopes::new(&[1; 32]).open(&bytes).is_none());
        }
    }
}
