//! The recovery phrase: twelve BIP-39 words behind an account key.

use bip39::{Language, Mnemonic};
use zeroize::Zeroizing;

use crate::signature::AccountKey;

/// Words in a phrase.
pub const PHRASE_WORDS: usize = 12;

/// Why a text is not a recovery phrase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// Not twelve words.
    #[error("a recovery phrase has 12 words, this has {0}")]
    Length(usize),
    /// A word that is not on the list; the place is 1-based.
    #[error("word {0} is not on the word list: check its spelling")]
    UnknownWord(usize),
    /// The words are known, but do not belong together.
    #[error("these words do not belong together: check their order")]
    Checksum,
}

/// A recovery phrase. Its text is secret and appears only where the user asked for it.
pub struct Phrase(Mnemonic);

impl Phrase {
    /// The phrase of 16 bytes of entropy.
    ///
    /// # Panics
    /// Never: 16 bytes are always a valid length.
    #[must_use]
    pub fn from_entropy(entropy: &[u8; 16]) -> Option<Self> {
        Mnemonic::from_entropy_in(Language::English, entropy).ok().map(Self)
    }

    /// Parses twelve words, in English or Simplified Chinese, forgiving case and extra spaces.
    ///
    /// # Errors
    /// [`PhraseError`] says which word is wrong.
    pub fn parse(text: &str) -> Result<Self, PhraseError> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        if words.len() != PHRASE_WORDS {
            return Err(PhraseError::Length(words.len()));
        }
        let language = if text.is_ascii() { Language::English } else { Language::SimplifiedChinese };
        Mnemonic::parse_in(language, words.join(" ")).map(Self).map_err(|error| match error {
            bip39::Error::UnknownWord(index) => PhraseError::UnknownWord(index + 1),
            _ => PhraseError::Checksum,
        })
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> Vec<&'static str> {
        self.0.words().collect()
    }

    /// The 16 bytes of entropy, for the key file.
    #[must_use]
    pub fn to_entropy(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.to_entropy())
    }

    /// The account's key: BLAKE3 key derivation over the BIP-39 seed (empty passphrase).
    #[must_use]
    pub fn account_key(&self) -> AccountKey {
        let seed = Zeroizing::new(self.0.to_seed(""));
        AccountKey::from_seed(&Zeroizing::new(blake3::derive_key("hutong v1 account key", &*seed)))
    }
}

impl std::fmt::Debug for Phrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Phrase(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";

    #[test]
    fn the_same_words_give_the_same_account() {
        let phrase = Phrase::parse(&format!("  {} ", TEXT.to_uppercase().replace(' ', "\n"))).unwrap();
        assert_eq!(phrase.words().join(" "), TEXT);
        assert_eq!(phrase.account_key().id(), Phrase::from_entropy(&[0; 16]).unwrap().account_key().id());
        assert_eq!(format!("{phrase:?}"), "Phrase(..)");
    }

    #[test]
    fn a_wrong_phrase_says_what_is_wrong() {
        for (text, want) in [
            ("abandon about".to_owned(), PhraseError::Length(2)),
            (TEXT.replace("about", "aboutt"), PhraseError::UnknownWord(12)),
            (TEXT.replace("about", "abandon"), PhraseError::Checksum),
        ] {
            assert_eq!(Phrase::parse(&text).unwrap_err(), want);
        }
    }
}
