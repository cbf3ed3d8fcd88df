//! What the search box promises, on small indexes.

use std::collections::BTreeMap;

use hutong_protocol::{AccountId, RecordId, TimestampMs};
use tempfile::TempDir;

use super::*;

const STORE: AccountId = AccountId([1; 32]);
const MEI: AccountId = AccountId([2; 32]);

fn listing(slot: &str, title: &str) -> Document {
    Document { in_stock: Some(true), ..Document::new(DocumentKey::listing(&STORE, slot), title, STORE, TimestampMs(1)) }
}

fn message(number: u8, text: &str) -> Document {
    Document {
        description: text.to_owned(),
        ..Document::new(DocumentKey::message("direct-x", &RecordId([number; 32])), "Mei", MEI, TimestampMs(1))
    }
}

/// An index that holds these documents.
struct Shelf {
    index: Option<SearchIndex>,
    dir: TempDir,
    social: SocialContext,
}

impl Shelf {
    fn of(documents: impl IntoIterator<Item = Document>) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let index = SearchIndex::open(&dir.path().join("search")).expect("an index");
        index.rebuild(documents, 1, |_| ()).expect("built");
        Self { index: Some(index), dir, social: SocialContext::default() }
    }

    fn titles(titles: &[&str]) -> Self {
        Self::of(titles.iter().enumerate().map(|(number, title)| listing(&number.to_string(), title)))
    }

    fn index(&self) -> &SearchIndex {
        self.index.as_ref().expect("open")
    }

    fn put(&self, changes: Vec<Change>, sequence: u64) {
        self.index().apply(changes, sequence).expect("applied");
        self.index().flush().expect("flushed");
    }

    fn reopen(&mut self) {
        self.index = None;
        self.index = Some(SearchIndex::open(&self.dir.path().join("search")).expect("an index"));
    }

    fn ask(&self, text: &str, typing: bool) -> Results {
        self.index().search(&Query { text, kinds: &[], limit: 10, typing, social: &self.social }).expect("an answer")
    }

    /// Titles of the listings found, best first.
    fn found(&self, text: &str) -> Vec<String> {
        self.ask(text, false).hits(Kind::Listing).iter().map(|hit| hit.document.title.clone()).collect()
    }

    fn typed(&self, text: &str) -> Vec<String> {
        self.ask(text, true).hits(Kind::Listing).iter().map(|hit| hit.document.title.clone()).collect()
    }
}

#[test]
fn chinese_is_found_without_a_dictionary() {
    let shelf = Shelf::titles(&["新鲜 有机草莓 500g", "草莓酱", "运动鞋 男款", "Nike 男鞋 Air", "Nike 女鞋", "莓果茶"]);
    assert_eq!(shelf.found("新鲜草莓").first().map(String::as_str), Some("新鲜 有机草莓 500g"));
    assert!(!shelf.found("新鲜草莓").contains(&"莓果茶".to_owned()), "one shared character is no match");
    assert_eq!(shelf.found("運動鞋"), ["运动鞋 男款"], "traditional finds simplified");
    assert_eq!(shelf.found("nike 男鞋").first().map(String::as_str), Some("Nike 男鞋 Air"));
    assert_eq!(shelf.found("nike男鞋").first().map(String::as_str), Some("Nike 男鞋 Air"), "without a space too");
    assert_eq!(shelf.found("茶"), ["莓果茶"], "a single character");
}

#[test]
fn simplified_finds_traditional_and_full_width_finds_narrow() {
    let shelf = Shelf::titles(&["運動鞋", "ＮＩＫＥ"]);
    assert_eq!(shelf.found("运动鞋"), ["運動鞋"]);
    assert_eq!(shelf.found("nike"), ["ＮＩＫＥ"]);
}

#[test]
fn english_words_match_in_any_form() {
    let shelf = Shelf::titles(&["Fresh strawberries", "Running shoe for men", "Crème brûlée torch"]);
    assert_eq!(shelf.found("strawberry"), ["Fresh strawberries"]);
    assert_eq!(shelf.found("men's run shoes"), ["Running shoe for men"]);
    assert_eq!(shelf.found("creme brulee"), ["Crème brûlée torch"]);
}

#[test]
fn what_has_all_the_words_comes_first() {
    let shelf = Shelf::titles(&["Red red red red", "Pot pot pot", "A large clay thing of many uses, red, as a pot"]);
    assert_eq!(shelf.found("red pot")[0], "A large clay thing of many uses, red, as a pot");
    assert_eq!(shelf.found("red pot").len(), 3, "the others follow");
}

#[test]
fn the_title_counts_more_than_the_description() {
    let mut other = listing("b", "Garden set");
    other.description = "Comes with a kettle. Kettle, kettle.".to_owned();
    let shelf = Shelf::of([other, listing("a", "Kettle"), listing("c", "Lamp")]);
    assert_eq!(shelf.found("kettle"), ["Kettle", "Garden set"]);
}

#[test]
fn a_word_that_is_being_typed_finds_its_completions() {
    let shelf = Shelf::titles(&["Fresh strawberries", "Straw hat", "Running shoes"]);
    assert_eq!(shelf.typed("strawb"), ["Fresh strawberries"]);
    assert_eq!(shelf.typed("fresh st")[0], "Fresh strawberries");
    assert_eq!(shelf.typed("runnin"), ["Running shoes"], "completion works on words, not on stems");
    assert_eq!(shelf.typed("straw")[0], "Straw hat", "the finished word comes first");
    assert!(shelf.typed("runni ").is_empty(), "a space ends the word");
    assert!(shelf.found("runni").is_empty());
}

#[test]
fn a_typing_error_is_forgiven_only_where_nothing_matches() {
    let shelf = Shelf::titles(&["Fresh strawberries", "Casting", "Coasting", "Tea"]);
    assert_eq!(shelf.found("strawbery"), ["Fresh strawberries"]);
    assert_eq!(shelf.found("frehs"), ["Fresh strawberries"], "two letters swapped");
    assert_eq!(shelf.found("casting"), ["Casting"], "what is there is not second-guessed");
    assert!(shelf.found("tez").is_empty(), "short words are not guessed at");
}

#[test]
fn compounds_are_found_joined_and_split() {
    let shelf = Shelf::titles(&["Power bank 20000", "Notebook stand", "Apple iPhone 13 case", "Wi-Fi router"]);
    assert_eq!(shelf.found("powerbank"), ["Power bank 20000"]);
    assert_eq!(shelf.found("note book"), ["Notebook stand"]);
    assert_eq!(shelf.found("iphone13")[0], "Apple iPhone 13 case");
    assert_eq!(shelf.found("wi fi"), ["Wi-Fi router"]);
}

#[test]
fn sold_out_comes_after_what_can_be_had() {
    let gone = Document { in_stock: Some(false), at: TimestampMs(9), ..listing("gone", "Clay pot") };
    let shelf = Shelf::of([gone, listing("here", "Clay pot")]);
    let results = shelf.ask("pot", false);
    let hits = results.hits(Kind::Listing);
    assert_eq!(hits[0].document.key, DocumentKey::listing(&STORE, "here"));
    assert_eq!((hits[0].why.as_slice(), hits[1].why.as_slice()), ([Why::InStock].as_slice(), [].as_slice()));
}

#[test]
fn what_contacts_recommend_comes_first_and_says_so() {
    let mut shelf = Shelf::titles(&["Clay pot", "Clay pot", "Clay pot"]);
    shelf.social.recommended_by = BTreeMap::from([(format!("{STORE}/1"), vec!["Li".to_owned()])]);
    shelf.social.bought_by = BTreeMap::from([(format!("{STORE}/2"), vec!["Mei".to_owned()])]);
    let results = shelf.ask("pot", false);
    let hits = results.hits(Kind::Listing);
    let ids: Vec<&str> = hits.iter().map(|hit| hit.document.key.as_str().rsplit('/').next().expect("a slot")).collect();
    assert_eq!(ids, ["1", "2", "0"]);
    let why: Vec<String> = hits.iter().flat_map(|hit| hit.why.iter().map(Why::to_string)).collect();
    assert_eq!(why, ["in_stock", "recommended_by:Li", "in_stock", "bought_by:Mei", "in_stock"]);
    assert!(shelf.ask("lamp", false).sections.is_empty(), "friends never add what the text does not match");
}

#[test]
fn sections_have_totals_and_only_the_kinds_asked_for() {
    let mut documents: Vec<Document> = (0..20).map(|n| listing(&n.to_string(), "Tea")).collect();
    documents.push(Document::new(DocumentKey::store(&STORE), "Tea house", STORE, TimestampMs(1)));
    documents.push(Document::new(DocumentKey::person(&MEI), "Mei Tea", MEI, TimestampMs(1)));
    documents.push(message(1, "tea at four?"));
    let shelf = Shelf::of(documents);
    let all: Vec<(Kind, usize, usize)> =
        shelf.ask("tea", false).sections.iter().map(|s| (s.kind, s.total, s.hits.len())).collect();
    assert_eq!(all, [(Kind::Listing, 20, 10), (Kind::Store, 1, 1), (Kind::Person, 1, 1), (Kind::Message, 1, 1)]);
    let kinds = [Kind::Person, Kind::Message];
    let query = Query { text: "tea", kinds: &kinds, limit: 1, typing: false, social: &shelf.social };
    let some: Vec<Kind> = shelf.index().search(&query).expect("an answer").sections.iter().map(|s| s.kind).collect();
    assert_eq!(some, kinds);
}

#[test]
fn results_show_what_matched() {
    let mut strawberries = listing("a", "🍓 Organic strawberries 有机草莓");
    strawberries.description = "Picked this morning".to_owned();
    let shelf = Shelf::of([strawberries, message(3, &format!("{} see you at the market", "hello ".repeat(60)))]);
    let results = shelf.ask("strawberry 草莓", false);
    let hit = &results.hits(Kind::Listing)[0];
    assert_eq!(hit.highlights, [(11, 23), (26, 28)]);
    assert_eq!(hit.snippet, "Picked this morning");
    let results = shelf.ask("market", false);
    assert!(results.hits(Kind::Message)[0].snippet.contains("the market"));
}

#[test]
fn private_text_never_answers_anybody_else() {
    let secret =
        Document { private: true, ..Document::new(DocumentKey::person(&MEI), "Mei Xiaohong", MEI, TimestampMs(1)) };
    let shelf = Shelf::of([secret.clone(), message(1, "xiaohong says hello"), listing("a", "Tea")]);
    let query = |text| Query { text, kinds: &[], limit: 10, typing: true, social: &shelf.social };
    let outside = |text| shelf.index().search_public(&query(text)).expect("an answer");
    assert!(outside("xiaohong").sections.is_empty() && outside("hello").sections.is_empty());
    assert_eq!(outside("tea").sections.len(), 1);
    assert_eq!(shelf.ask("xiaohong", false).sections.len(), 2, "the owner finds both");

    // What becomes public or private moves: it is never in both.
    shelf.put(vec![Change::Put(Box::new(Document { private: false, ..secret.clone() }))], 2);
    assert_eq!(outside("xiaohong").sections.len(), 1);
    assert_eq!(shelf.ask("xiaohong", false).hits(Kind::Person).len(), 1);
    shelf.put(vec![Change::Put(Box::new(secret))], 3);
    assert!(outside("xiaohong").sections.is_empty());
}

#[test]
fn putting_again_replaces_and_removing_forgets() {
    let shelf = Shelf::titles(&["Old name"]);
    shelf.put(vec![Change::Put(Box::new(listing("0", "New name")))], 2);
    assert_eq!(shelf.found("name"), ["New name"]);
    shelf.put(vec![Change::Remove(DocumentKey::listing(&STORE, "0"))], 3);
    assert!(shelf.found("name").is_empty());
    shelf.put(vec![Change::Remove(DocumentKey::listing(&STORE, "0"))], 3);
    assert_eq!(shelf.index().len(), 0);
}

#[test]
fn the_index_knows_how_far_it_is_and_survives_a_restart() {
    let mut shelf = Shelf::titles(&["Clay pot"]);
    assert_eq!(shelf.index().applied(), Some(1));
    shelf.index().apply(vec![Change::Put(Box::new(listing("x", "Lamp")))], 7).expect("applied");
    shelf.reopen();
    assert_eq!(shelf.index().applied(), Some(7), "closing commits");
    assert_eq!((shelf.found("pot"), shelf.found("lamp")), (vec!["Clay pot".to_owned()], vec!["Lamp".to_owned()]));
}

#[test]
fn an_empty_index_asks_to_be_rebuilt_and_a_rebuild_replaces_everything() {
    let mut shelf = Shelf::titles(&[]);
    shelf.index = None;
    std::fs::remove_dir_all(shelf.dir.path().join("search")).expect("removed");
    shelf.reopen();
    assert_eq!(shelf.index().applied(), None);
    let mut heard = Vec::new();
    let documents = (0..600).map(|n| listing(&n.to_string(), "Pot"));
    shelf.index().rebuild(documents, 42, |done| heard.push(done)).expect("rebuilt");
    assert_eq!((shelf.index().len(), shelf.index().applied()), (600, Some(42)));
    assert_eq!(heard, [256, 512, 600]);
    shelf.index().rebuild([listing("only", "Lamp")], 43, |_| ()).expect("rebuilt");
    assert_eq!((shelf.index().len(), shelf.index().applied()), (1, Some(43)));
    shelf.reopen();
    assert_eq!((shelf.found("lamp").len(), shelf.index().applied()), (1, Some(43)));
}

/// Damages a closed index with `damage` and expects that it opens empty and asks to be rebuilt.
fn check_damaged(damage: impl Fn(&std::path::Path)) {
    let mut shelf = Shelf::titles(&["Clay pot", "Lamp"]);
    shelf.index = None;
    let search = shelf.dir.path().join("search");
    damage(&search);
    shelf.reopen();
    assert_eq!((shelf.index().applied(), shelf.index().len()), (None, 0));
    shelf.index().rebuild([listing("0", "Clay pot")], 2, |_| ()).expect("rebuilt");
    assert_eq!(shelf.found("pot"), ["Clay pot"]);
}

#[test]
fn a_damaged_or_older_index_is_made_anew() {
    check_damaged(|search| std::fs::write(search.join("version"), "0").expect("written"));
    check_damaged(|search| std::fs::write(search.join("public/meta.json"), "{").expect("written"));
    check_damaged(|search| std::fs::remove_dir_all(search.join("private")).expect("removed"));
    check_damaged(|search| {
        // As after a power cut: no mark of good order, and files full of zeros.
        std::fs::remove_file(search.join("public/clean")).expect("there is a mark");
        for file in std::fs::read_dir(search.join("public")).expect("listed") {
            let path = file.expect("a file").path();
            if path.extension().is_some_and(|extension| extension == "term") {
                let length = std::fs::metadata(&path).expect("a length").len() as usize;
                std::fs::write(&path, vec![0; length]).expect("written");
            }
        }
    });
}

#[test]
fn changes_become_visible_without_being_asked_to() {
    let shelf = Shelf::titles(&[]);
    shelf.index().apply(vec![Change::Put(Box::new(listing("a", "Lamp")))], 2).expect("applied");
    // No flush. Waits for the claim, not for a time: nextest ends a test that never gets there.
    while shelf.found("lamp").is_empty() {
        std::thread::yield_now();
    }
}

#[test]
fn no_query_breaks_the_search() {
    let shelf = Shelf::titles(&["Clay pot", "草莓"]);
    let long = "pot ".repeat(5000);
    for text in
        ["", " ", "\"", "title:pot AND (", "*", "-pot", "🍓", "\u{0}", "草", "pot\u{202e}", &long, "a b c d e f"]
    {
        shelf.ask(text, true);
        shelf.ask(text, false);
    }
    assert!(shelf.ask("", true).sections.is_empty());
    let none = Query { text: "pot", kinds: &[], limit: 0, typing: false, social: &shelf.social };
    assert!(shelf.index().search(&none).expect("an answer").sections.is_empty());
}
