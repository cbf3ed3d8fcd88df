//! What of a title to mark, and which part of a long text to show.

use std::collections::BTreeSet;

use super::tokenizer::{tokens, unigrams, words};

/// Characters of a snippet: two lines on a phone.
const SNIPPET_CHARS_MAX: usize = 140;
/// Characters shown before the first match.
const SNIPPET_LEAD_CHARS: usize = 30;

/// A half-open range in UTF-16 code units, as the browser counts.
pub type Span = (u32, u32);

/// Knows which tokens a query matched.
#[derive(Clone, Debug, Default)]
pub struct Highlighter {
    /// Tokens of the main fields (stems, bigrams).
    pub(crate) terms: BTreeSet<String>,
    /// Lone characters asked for.
    pub(crate) characters: BTreeSet<String>,
    /// Starts of words, from the word that is being typed.
    pub(crate) prefixes: BTreeSet<String>,
}

impl Highlighter {
    /// Matched byte ranges of `text`, merged, in order.
    fn byte_ranges(&self, text: &str) -> Vec<(usize, usize)> {
        let mut ranges: Vec<(usize, usize)> = Vec::new();
        ranges.extend(tokens(text).iter().filter(|t| self.terms.contains(&t.text)).map(|t| (t.from, t.to)));
        if !self.characters.is_empty() {
            ranges.extend(unigrams(text).iter().filter(|t| self.characters.contains(&t.text)).map(|t| (t.from, t.to)));
        }
        if !self.prefixes.is_empty() {
            let begins = |word: &str| self.prefixes.iter().any(|prefix| word.starts_with(prefix.as_str()));
            ranges.extend(words(text).iter().filter(|t| begins(&t.text)).map(|t| (t.from, t.to)));
        }
        ranges.sort_unstable();
        let mut merged: Vec<(usize, usize)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        merged
    }

    /// Matched ranges of `text` in UTF-16 code units, merged, in order.
    #[must_use]
    pub fn spans(&self, text: &str) -> Vec<Span> {
        let units = |bytes: usize| text.get(..bytes).map_or(0, |part| part.encode_utf16().count()) as u32;
        self.byte_ranges(text).into_iter().map(|(from, to)| (units(from), units(to))).collect()
    }

    /// A piece of `text` around the first match, or its beginning; whitespace is one space, cuts are marked by "…".
    #[must_use]
    pub fn snippet(&self, text: &str) -> String {
        let first = self.byte_ranges(text).first().map_or(0, |range| range.0);
        let lead = text.get(..first).unwrap_or_default();
        let from = lead.char_indices().rev().take(SNIPPET_LEAD_CHARS).last().map_or(first, |(index, _)| index);
        // The whole text if it fits, so that a short message is never cut in front.
        let from = if text.chars().count() <= SNIPPET_CHARS_MAX { 0 } else { from };
        let mut snippet = String::new();
        let mut length = 0;
        let mut cut = false;
        for c in text.get(from..).unwrap_or_default().chars() {
            if length == SNIPPET_CHARS_MAX {
                cut = true;
                break;
            }
            let space = c.is_whitespace();
            if space && (snippet.is_empty() || snippet.ends_with(' ')) {
                continue;
            }
            snippet.push(if space { ' ' } else { c });
            length += 1;
        }
        let snippet = snippet.trim_end();
        match (from > 0, cut) {
            (false, false) => snippet.to_owned(),
            (true, false) => format!("…{snippet}"),
            (false, true) => format!("{snippet}…"),
            (true, true) => format!("…{snippet}…"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(terms: &[&str], characters: &[&str], prefixes: &[&str]) -> Highlighter {
        let set = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Highlighter { terms: set(terms), characters: set(characters), prefixes: set(prefixes) }
    }

    #[test]
    fn ranges_are_in_utf_16_and_merged() {
        // 🍓 is two UTF-16 units; overlapping bigrams become one range.
        assert_eq!(of(&["有机", "机草", "草莓"], &[], &[]).spans("🍓有機草莓 250g"), [(2, 6)]);
        assert_eq!(of(&["shoe"], &[], &["wom"]).spans("Women's Shoes"), [(0, 7), (8, 13)]);
        assert_eq!(of(&[], &["莓"], &[]).spans("草莓"), [(1, 2)]);
        assert!(of(&["x"], &[], &[]).spans("草莓").is_empty());
    }

    #[test]
    fn a_snippet_shows_the_first_match_in_its_surroundings() {
        let long = format!("{} strawberries {}", "word ".repeat(100), "more ".repeat(100));
        let snippet = of(&["strawberri"], &[], &[]).snippet(&long);
        assert!(snippet.starts_with('…') && snippet.ends_with('…') && snippet.contains("strawberries"), "{snippet}");
        assert!(snippet.chars().count() <= SNIPPET_CHARS_MAX + 2);
        assert_eq!(of(&["strawberri"], &[], &[]).snippet("Fresh\n\n  strawberries"), "Fresh strawberries");
        assert_eq!(of(&["none"], &[], &[]).snippet(""), "");
    }
}
