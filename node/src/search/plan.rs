//! From a question to a tantivy query.
//!
//! Each word scores as the best of the fields it is found in (a disjunction maximum), the words' scores are added, a
//! constant bonus goes to what has all of them, and the words side by side in a title count once more. Measured in this
//! order on human-judged queries; the figures are in `docs/performance.md`.

use tantivy::{
    Searcher, Term,
    query::{BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, Occur, PhraseQuery, Query, TermQuery},
    schema::{Field, IndexRecordOption},
};

use super::{
    document::Kind,
    expand::{completions, corrections, frequency, splits},
    highlight::Highlighter,
    schema::Fields,
    tokenizer::stem,
    units::Unit,
};

/// What the second best field of a word adds, as a part of its score.
const TIE: f32 = 0.3;
/// What having all the words is worth: more than any difference between good matches.
const ALL_WORDS_BONUS: f32 = 20.0;
/// What the words side by side in the title are worth, as a boost of the phrase's own score.
const PHRASE_BOOST: f32 = 1.0;
/// Weight of a word joined with its neighbour; both words of the pair count it.
const JOINED_BOOST: f32 = 0.5;
/// Weight of a word read as two, side by side in a title.
const SPLIT_BOOST: f32 = 1.0;
/// Weight of single characters under the bigrams.
const CHARACTER_BOOST: f32 = 0.3;
/// Weight of a correction or a completion against the word as typed.
const GUESS_BOOST: f32 = 0.7;

/// A query for tantivy, and what it matches, for highlighting.
pub(super) struct Plan {
    /// The query.
    pub(super) query: Box<dyn Query>,
    /// What it matches.
    pub(super) highlighter: Highlighter,
}

/// Alternatives for one unit of the query: a document that matches any of them has the unit.
struct Alternatives {
    scored: Vec<Box<dyn Query>>,
}

struct Planner<'a> {
    searcher: &'a Searcher,
    fields: Fields,
    highlighter: Highlighter,
}

/// Plans the query of these units; `None` if there is nothing to look for.
pub(super) fn plan(
    searcher: &Searcher,
    fields: Fields,
    units: &[Unit],
    kinds: &[Kind],
) -> tantivy::Result<Option<Plan>> {
    if units.is_empty() {
        return Ok(None);
    }
    let mut planner = Planner { searcher, fields, highlighter: Highlighter::default() };
    let mut score: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    let mut all: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for (index, unit) in units.iter().enumerate() {
        let (scored, present) = planner.unit(units, index, unit)?;
        score.push((Occur::Should, scored));
        all.push((Occur::Must, present));
    }
    let bonus = ConstScoreQuery::new(Box::new(BooleanQuery::new(all)), ALL_WORDS_BONUS);
    score.push((Occur::Should, Box::new(bonus)));
    if let Some(phrase) = planner.title_phrase(units) {
        score.push((Occur::Should, phrase));
    }
    let mut query: Box<dyn Query> = Box::new(BooleanQuery::new(score));
    if !kinds.is_empty() {
        let wanted = kinds.iter().map(|kind| {
            let term = Term::from_field_u64(fields.kind, kind.code());
            let query: Box<dyn Query> = Box::new(TermQuery::new(term, IndexRecordOption::Basic));
            query
        });
        let filter = ConstScoreQuery::new(Box::new(BooleanQuery::union(wanted.collect())), 0.0);
        query = Box::new(BooleanQuery::intersection(vec![query, Box::new(filter)]));
    }
    Ok(Some(Plan { query, highlighter: planner.highlighter }))
}

fn term(field: Field, token: &str, boost: f32) -> Box<dyn Query> {
    let query = TermQuery::new(Term::from_field_text(field, token), IndexRecordOption::WithFreqs);
    if boost == 1.0 { Box::new(query) } else { Box::new(BoostQuery::new(Box::new(query), boost)) }
}

impl Planner<'_> {
    /// A token in whichever field it is found best.
    fn anywhere(&self, token: &str, boost: f32) -> Box<dyn Query> {
        let fields = self.fields.searched();
        let queries = fields.into_iter().map(|(field, weight)| term(field, token, weight * boost)).collect();
        Box::new(DisjunctionMaxQuery::with_tie_breaker(queries, TIE))
    }

    /// The unit's scoring query, and one that only says whether a document has it.
    fn unit(&mut self, units: &[Unit], index: usize, unit: &Unit) -> tantivy::Result<(Box<dyn Query>, Box<dyn Query>)> {
        match unit {
            Unit::Phrase { characters } => Ok(self.phrase(unit, characters)),
            Unit::Word { raw, stem, unfinished } => {
                let alternatives = self.word(units, index, raw, stem, *unfinished)?;
                let present = BooleanQuery::union(alternatives.scored.iter().map(|query| query.box_clone()).collect());
                Ok((Box::new(DisjunctionMaxQuery::new(alternatives.scored)), Box::new(present)))
            }
        }
    }

    /// Chinese: bigrams score, characters below them; a document has the phrase if it has all its characters.
    fn phrase(&mut self, unit: &Unit, characters: &[char]) -> (Box<dyn Query>, Box<dyn Query>) {
        let tokens = unit.tokens();
        let single = |c: &char, boost: f32| term(self.fields.characters, &c.to_string(), boost);
        let boost = if characters.len() == 1 { 1.0 } else { CHARACTER_BOOST };
        let mut scored: Vec<Box<dyn Query>> = tokens.iter().map(|token| self.anywhere(token, 1.0)).collect();
        scored.extend(characters.iter().map(|c| single(c, boost)));
        let present = BooleanQuery::intersection(characters.iter().map(|c| single(c, 1.0)).collect());
        // A single shared character is no match: at least one bigram, or all the characters.
        let enough: Box<dyn Query> = {
            let mut any: Vec<Box<dyn Query>> = tokens.iter().map(|token| self.anywhere(token, 1.0)).collect();
            any.push(Box::new(present.clone()));
            Box::new(ConstScoreQuery::new(Box::new(BooleanQuery::union(any)), 0.0))
        };
        if characters.len() == 1 {
            self.highlighter.characters.extend(tokens.iter().cloned());
        } else {
            self.highlighter.terms.extend(tokens.iter().cloned());
        }
        let scored = BooleanQuery::new(vec![
            (Occur::Must, enough),
            (Occur::Should, Box::new(BooleanQuery::union(scored)) as Box<dyn Query>),
        ]);
        (Box::new(scored), Box::new(present))
    }

    /// A word: as it is; joined with its neighbour; as two words; what it may become; what it was meant to be.
    fn word(
        &mut self,
        units: &[Unit],
        index: usize,
        raw: &str,
        stem: &str,
        unfinished: bool,
    ) -> tantivy::Result<Alternatives> {
        let mut scored = vec![self.anywhere(stem, 1.0)];
        let mut known = frequency(self.searcher, self.fields, stem)? > 0;
        self.highlighter.terms.insert(stem.to_owned());
        for joined in joined(units, index) {
            if frequency(self.searcher, self.fields, &joined)? > 0 {
                known = true;
                scored.push(self.anywhere(&joined, JOINED_BOOST));
                self.highlighter.terms.insert(joined);
            }
        }
        for parts in splits(self.searcher, self.fields, raw)? {
            let terms = parts.iter().map(|part| Term::from_field_text(self.fields.title, part)).collect();
            scored.push(Box::new(BoostQuery::new(Box::new(PhraseQuery::new(terms)), SPLIT_BOOST)));
            self.highlighter.terms.extend(parts);
        }
        if unfinished {
            for word in completions(self.searcher, self.fields, raw)? {
                known = true;
                scored.push(term(self.fields.words, &word, GUESS_BOOST));
            }
            self.highlighter.prefixes.insert(raw.to_owned());
        }
        if !known {
            for token in corrections(self.searcher, self.fields, stem)? {
                scored.push(self.anywhere(&token, GUESS_BOOST));
                self.highlighter.terms.insert(token);
            }
        }
        Ok(Alternatives { scored })
    }

    /// All tokens of the query side by side in the title.
    fn title_phrase(&self, units: &[Unit]) -> Option<Box<dyn Query>> {
        let tokens: Vec<String> = units.iter().flat_map(Unit::tokens).collect();
        if tokens.len() < 2 {
            return None;
        }
        let terms = tokens.iter().map(|token| Term::from_field_text(self.fields.title, token)).collect();
        Some(Box::new(BoostQuery::new(Box::new(PhraseQuery::new(terms)), PHRASE_BOOST)))
    }
}

/// The word joined with the one before and with the one after ("power bank" as "powerbank"), stemmed.
fn joined(units: &[Unit], index: usize) -> Vec<String> {
    let raw = |index: usize| match units.get(index) {
        Some(Unit::Word { raw, .. }) => Some(raw.as_str()),
        _ => None,
    };
    let Some(word) = raw(index) else { return Vec::new() };
    let before = index.checked_sub(1).and_then(raw).map(|other| stem(&format!("{other}{word}")));
    let after = raw(index + 1).map(|other| stem(&format!("{word}{other}")));
    before.into_iter().chain(after).collect()
}
