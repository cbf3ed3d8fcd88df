//! Other spellings of a word that the index really holds: unfinished words, typing errors, joined and split compounds.

use std::collections::BTreeMap;

use tantivy::{Searcher, Term, query::FuzzyTermQuery, schema::Field};

use super::{schema::Fields, tokenizer::stem};

/// Most completions of an unfinished word that take part; the most frequent ones.
const COMPLETIONS_MAX: usize = 24;
/// Most words looked at for completions in one segment: bounds the work for a single typed letter.
const COMPLETIONS_SEEN_MAX: usize = 4096;
/// Most corrections of a misspelt word that take part.
const CORRECTIONS_MAX: usize = 8;
/// Shortest word that is corrected: below it, one edit makes another word.
const CORRECTED_CHARS_MIN: usize = 4;
/// Shortest part of a split compound made of letters only.
const PART_CHARS_MIN: usize = 3;

/// In how many documents the token occurs, in the fields a word is looked for in (the greatest of them).
pub(super) fn frequency(searcher: &Searcher, fields: Fields, token: &str) -> tantivy::Result<u64> {
    let mut most = 0;
    for (field, _) in fields.searched() {
        most = most.max(searcher.doc_freq(&Term::from_field_text(field, token))?);
    }
    Ok(most)
}

/// Keeps the `limit` most frequent, ties by the word itself, so that the choice is the same every time.
fn most_frequent(found: BTreeMap<String, u64>, limit: usize) -> Vec<String> {
    let mut list: Vec<(String, u64)> = found.into_iter().collect();
    list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    list.into_iter().take(limit).map(|(word, _)| word).collect()
}

/// Whole words that begin with `prefix`, most frequent first; not `prefix` itself.
pub(super) fn completions(searcher: &Searcher, fields: Fields, prefix: &str) -> tantivy::Result<Vec<String>> {
    let mut found = BTreeMap::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(fields.words)?;
        let mut stream = index.terms().range().gt(prefix).into_stream()?;
        let mut seen = 0;
        while seen < COMPLETIONS_SEEN_MAX && stream.advance() {
            seen += 1;
            let Ok(word) = std::str::from_utf8(stream.key()) else { continue };
            if !word.starts_with(prefix) {
                break;
            }
            *found.entry(word.to_owned()).or_insert(0) += u64::from(stream.value().doc_freq);
        }
    }
    Ok(most_frequent(found, COMPLETIONS_MAX))
}

/// Tokens one edit (or one swap of neighbours) away from `token`, most frequent first. Distance 2 was measured to add
/// nothing.
pub(super) fn corrections(searcher: &Searcher, fields: Fields, token: &str) -> tantivy::Result<Vec<String>> {
    let correctable = token.chars().count() >= CORRECTED_CHARS_MIN && token.chars().any(char::is_alphabetic);
    if !correctable {
        return Ok(Vec::new());
    }
    let mut found = BTreeMap::new();
    for field in [fields.title, fields.brand, fields.category] {
        collect_corrections(searcher, field, token, &mut found)?;
    }
    Ok(most_frequent(found, CORRECTIONS_MAX))
}

fn collect_corrections(
    searcher: &Searcher,
    field: Field,
    token: &str,
    found: &mut BTreeMap<String, u64>,
) -> tantivy::Result<()> {
    let fuzzy = FuzzyTermQuery::new(Term::from_field_text(field, token), 1, true);
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(field)?;
        let mut stream = index.terms().search(fuzzy.automaton()?).into_stream()?;
        while stream.advance() {
            if let Ok(word) = std::str::from_utf8(stream.key()) {
                *found.entry(word.to_owned()).or_insert(0) += u64::from(stream.value().doc_freq);
            }
        }
    }
    Ok(())
}

/// The ways to read `word` as two words that both occur in titles: "powerbank" as "power bank", "iphone13" as
/// "iphone 13".
pub(super) fn splits(searcher: &Searcher, fields: Fields, word: &str) -> tantivy::Result<Vec<[String; 2]>> {
    let mut found = Vec::new();
    let mut before = ' ';
    for (index, c) in word.char_indices() {
        let boundary = before.is_ascii_digit() != c.is_ascii_digit();
        before = c;
        let (left, right) = word.split_at(index);
        let short = left.chars().count().min(right.chars().count());
        if index == 0 || (short < PART_CHARS_MIN && !boundary) {
            continue;
        }
        let parts = [stem(left), stem(right)];
        let mut both = true;
        for part in &parts {
            both = both && searcher.doc_freq(&Term::from_field_text(fields.title, part))? > 0;
        }
        if both {
            found.push(parts);
        }
    }
    Ok(found)
}
