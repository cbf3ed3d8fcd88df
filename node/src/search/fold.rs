//! Folding characters so that what looks or means the same is the same token: width, accents, case, and traditional to
//! simplified Chinese.
//!
//! Character by character, without a dictionary of words: every node folds alike, and each folded character knows which
//! bytes it came from, which highlights need.

use std::sync::LazyLock;

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Traditional characters, each followed by its simplified form: the single-character table of OpenCC (`TSCharacters`,
/// Apache-2.0), first choice only. A table of our own instead of a crate, because it is 26 kB of data, needs no code to
/// load it, and must never change without a new schema version of the index: other tables mean other tokens.
const PAIRS: &str = include_str!("simplified.txt");

/// The pairs in order of the traditional character.
static SIMPLIFIED: LazyLock<Vec<(char, char)>> = LazyLock::new(|| {
    let mut characters = PAIRS.chars().filter(|c| !c.is_whitespace());
    let mut pairs = Vec::with_capacity(4200);
    while let (Some(traditional), Some(simplified)) = (characters.next(), characters.next()) {
        pairs.push((traditional, simplified));
    }
    pairs.sort_unstable();
    pairs
});

/// The simplified form of a Chinese character, or the character itself.
fn simplify(c: char) -> char {
    SIMPLIFIED
        .binary_search_by_key(&c, |(traditional, _)| *traditional)
        .ok()
        .and_then(|index| SIMPLIFIED.get(index))
        .map_or(c, |(_, simplified)| *simplified)
}

/// Whether words are not separated by spaces in the script of this character: Han, kana and Hangul, which are indexed
/// as bigrams.
pub(crate) const fn is_cjk(c: char) -> bool {
    matches!(c,
        '\u{3005}' | '\u{3007}'                 // 々 〇
        | '\u{3040}'..='\u{30ff}'               // kana
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' // Han
        | '\u{ac00}'..='\u{d7a3}'               // Hangul syllables
        | '\u{20000}'..='\u{3ffff}') // Han, supplementary planes
}

/// Calls `emit` with each folded character of `c`: none for a combining mark, several for a ligature.
pub(crate) fn fold_char(c: char, mut emit: impl FnMut(char)) {
    if c.is_ascii() {
        emit(c.to_ascii_lowercase());
    } else if matches!(c, '\u{ac00}'..='\u{d7a3}') {
        emit(c); // A Hangul syllable would fall apart into letters.
    } else {
        decompose_compatible(c, |part| {
            if is_combining_mark(part) {
                return;
            }
            if part.is_ascii() {
                emit(part.to_ascii_lowercase());
            } else if is_cjk(part) {
                emit(simplify(part));
            } else {
                part.to_lowercase().filter(|lower| !is_combining_mark(*lower)).for_each(&mut emit);
            }
        });
    }
}

/// `text` folded: narrow, lower case, without accents, simplified.
#[must_use]
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        fold_char(c, |part| folded.push(part));
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn width_case_accents_and_traditional_characters_fold() {
        for (from, to) in [
            ("ＮＩＫＥ　１２", "nike 12"),
            ("Crème Brûlée", "creme brulee"),
            ("e\u{301}", "e"), // an accent as a character of its own
            ("ﬁne", "fine"),
            ("ẞ", "ß"),
            ("運動鞋", "运动鞋"),
            ("乾燥機", "干燥机"),
            ("ﾃﾚﾋﾞ", "テレヒ"), // half-width kana; the voicing mark goes, on both sides alike
            ("한국", "한국"),
            ("İstanbul", "istanbul"),
        ] {
            assert_eq!(fold(from), to, "{from}");
        }
    }

    #[test]
    fn folding_twice_is_folding_once() {
        for (traditional, simplified) in SIMPLIFIED.iter() {
            assert_eq!(simplify(*simplified), *simplified, "{traditional}");
        }
        assert_eq!(SIMPLIFIED.len(), 4105);
    }
}
