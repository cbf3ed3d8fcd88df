//! The cipher of files: XChaCha20 over the whole file with a key of its own, so that any range can be decrypted alone.
//! What makes the bytes the right ones is the blob's hash, not the cipher.

use chacha20::{
    XChaCha20,
    cipher::{KeyIvInit as _, StreamCipher as _, StreamCipherSeek as _},
};
use hutong_protocol::chat::FileKey;

/// Encrypts or decrypts a file from some byte on. The two are the same.
pub struct FileCipher(XChaCha20);

impl FileCipher {
    /// At byte `offset` of a file; `None` if no file is that long.
    #[must_use]
    pub fn at(key: &FileKey, offset: u64) -> Option<Self> {
        // A nonce of zeros: a key is used for one file only.
        let mut cipher = XChaCha20::new((&key.0).into(), (&[0; 24]).into());
        cipher.try_seek(offset).ok()?;
        Some(Self(cipher))
    }

    /// The next bytes, in place. `false`: no file is that long, and nothing was done.
    #[must_use]
    pub fn apply(&mut self, bytes: &mut [u8]) -> bool {
        self.0.try_apply_keystream(bytes).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_range_decrypts_by_itself_and_the_ciphertext_shows_nothing() {
        let key = FileKey([7; 32]);
        let plain: Vec<u8> = (0..100_000u32).map(|index| (index % 7) as u8).collect();
        let mut sealed = plain.clone();
        let mut cipher = FileCipher::at(&key, 0).unwrap();
        // Piece by piece, as an upload comes.
        assert!(sealed.chunks_mut(777).all(|piece| cipher.apply(piece)));
        assert!(sealed.windows(16).all(|window| !plain.windows(16).take(7).any(|other| other == window)));
        for (start, end) in [(0, 100_000), (1, 2), (63, 65), (64, 128), (99_999, 100_000), (50_001, 77_777)] {
            let mut range = sealed[start..end].to_vec();
            assert!(FileCipher::at(&key, start as u64).unwrap().apply(&mut range));
            assert_eq!(range, plain[start..end], "{start}..{end}");
        }
        let mut other = sealed[..64].to_vec();
        assert!(FileCipher::at(&FileKey([8; 32]), 0).unwrap().apply(&mut other));
        assert_ne!(other, plain[..64]);
    }

    /// Against the cipher of another library, whose text begins with the keystream's second block.
    #[test]
    fn the_keystream_is_xchacha20_with_a_nonce_of_zeros() {
        use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, aead::Aead as _};
        let key = FileKey(std::array::from_fn(|index| index as u8));
        let sealed = XChaCha20Poly1305::new((&key.0).into()).encrypt((&[0; 24]).into(), &[0; 64][..]).unwrap();
        let mut second = [0; 64];
        assert!(FileCipher::at(&key, 64).unwrap().apply(&mut second));
        assert_eq!(second, sealed[..64]);
    }
}
