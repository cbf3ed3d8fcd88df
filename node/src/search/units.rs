//! A query taken apart.

use super::{
    query::QUERY_BYTES_MAX,
    tokenizer::{Run, runs, stem},
};

/// Most words or Chinese phrases of a query; the rest is ignored.
const UNITS_MAX: usize = 16;
/// Most characters of one Chinese phrase that are looked at.
const PHRASE_CHARS_MAX: usize = 24;

/// A part of a query that a document has or has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A word.
    Word {
        /// Folded, as typed.
        raw: String,
        /// Its stem: the token in the index.
        stem: String,
        /// Whether it may be the beginning of a longer word.
        unfinished: bool,
    },
    /// Characters of a script without spaces.
    Phrase {
        /// The characters, folded.
        characters: Vec<char>,
    },
}

impl Unit {
    /// Its tokens in the main fields.
    pub(crate) fn tokens(&self) -> Vec<String> {
        match self {
            Self::Word { stem, .. } => vec![stem.clone()],
            Self::Phrase { characters } if characters.len() == 1 => characters.iter().map(char::to_string).collect(),
            Self::Phrase { characters } => characters.windows(2).map(|pair| pair.iter().collect()).collect(),
        }
    }
}

/// Takes a query apart.
pub(crate) fn units(text: &str, typing: bool) -> Vec<Unit> {
    let mut cut = text.to_owned();
    hutong_protocol::text::truncate(&mut cut, QUERY_BYTES_MAX);
    // Whoever types a space or punctuation has finished the word before it.
    let unfinished = typing && cut.ends_with(char::is_alphanumeric);
    let runs = runs(&cut);
    let last = runs.len().saturating_sub(1);
    let unit = |(index, run): (usize, Run)| {
        if run.cjk {
            Unit::Phrase { characters: run.chars.iter().map(|c| c.0).take(PHRASE_CHARS_MAX).collect() }
        } else {
            let raw = run.text();
            Unit::Word { stem: stem(&raw), raw, unfinished: unfinished && index == last }
        }
    };
    runs.into_iter().enumerate().map(unit).take(UNITS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_words_and_chinese_phrases() {
        let units = units("Nike 男鞋 runn", true);
        assert_eq!(units.len(), 3);
        assert_eq!(units[0], Unit::Word { raw: "nike".into(), stem: "nike".into(), unfinished: false });
        assert_eq!(units[1].tokens(), ["男鞋"]);
        assert!(matches!(&units[2], Unit::Word { unfinished: true, .. }));
    }

    #[test]
    fn a_finished_word_is_not_completed() {
        assert!(matches!(&units("nike ", true)[0], Unit::Word { unfinished: false, .. }));
        assert!(matches!(&units("nike", false)[0], Unit::Word { unfinished: false, .. }));
    }

    #[test]
    fn an_endless_query_is_cut() {
        assert!(units(&"word ".repeat(10_000), true).len() <= UNITS_MAX);
        assert!(units("", true).is_empty() && units("!?", true).is_empty());
    }
}
