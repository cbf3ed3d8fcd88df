//! How good the ranking is, measured on real queries that people judged (`../shared/data/search`, not in this
//! repository). Skipped, saying so, where the data is absent.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead as _, BufReader},
    path::PathBuf,
};

use hutong_protocol::{AccountId, TimestampMs};

use super::*;

const STORE: AccountId = AccountId([1; 32]);

fn data() -> Option<PathBuf> {
    let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/search"));
    dir.exists().then_some(dir)
}

/// The rows of a tab-separated file, without its header.
fn rows(path: PathBuf) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).expect("judged data");
    text.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
}

fn products(path: PathBuf) -> impl Iterator<Item = Document> {
    let file = std::fs::File::open(path).expect("products");
    let lines = BufReader::new(flate2::read::GzDecoder::new(file)).lines();
    lines.map(|line| {
        let product: serde_json::Value = serde_json::from_str(&line.expect("a line")).expect("a product");
        let text = |name: &str| product[name].as_str().unwrap_or_default().to_owned();
        let key = DocumentKey::listing(&STORE, product["id"].as_str().expect("an id"));
        Document {
            brand: text("brand"),
            category: text("category"),
            description: text("description"),
            extra: text("features"),
            in_stock: Some(true),
            ..Document::new(key, text("title"), STORE, TimestampMs(0))
        }
    })
}

/// nDCG@10 with linear gains: what nobody judged counts nothing; the best possible order is over all judged products.
fn ndcg_at_10(ranked: &[String], judged: &BTreeMap<String, f64>) -> f64 {
    let discount = |index: usize| (index as f64 + 2.0).log2();
    let gain = |id: &String| judged.get(id).copied().unwrap_or(0.0);
    let found: f64 = ranked.iter().take(10).enumerate().map(|(index, id)| gain(id) / discount(index)).sum();
    let mut ideal: Vec<f64> = judged.values().copied().collect();
    ideal.sort_by(|a, b| b.total_cmp(a));
    let best: f64 = ideal.iter().take(10).enumerate().map(|(index, gain)| gain / discount(index)).sum();
    found / best
}

/// One typing error in the middle of the longest word: two neighbouring letters swapped.
fn with_typo(query: &str) -> String {
    let longest = query.split(' ').max_by_key(|word| word.len()).unwrap_or_default();
    let mut letters: Vec<char> = longest.chars().collect();
    let middle = letters.len() / 2;
    if letters.len() >= 4 {
        letters.swap(middle - 1, middle);
    }
    query.replacen(longest, &letters.into_iter().collect::<String>(), 1)
}

struct Judged {
    queries: BTreeMap<String, String>,
    gains: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Judged {
    fn mean(&self, index: &SearchIndex, wanted: impl Fn(usize) -> bool, typing: bool, typo: bool) -> (f64, usize) {
        let social = SocialContext::default();
        let mut scores = Vec::new();
        for (number, (id, query)) in self.queries.iter().enumerate() {
            let Some(judged) = self.gains.get(id).filter(|judged| judged.values().any(|gain| *gain > 0.0)) else {
                continue;
            };
            if !wanted(number) {
                continue;
            }
            let text = if typo { with_typo(query) } else { query.clone() };
            let query = Query { text: &text, kinds: &[Kind::Listing], limit: 10, typing, social: &social };
            let found = index.search(&query).expect("an answer");
            let prefix = format!("{STORE}/");
            let ids = found.hits(Kind::Listing).iter().map(|hit| hit.document.key.id().replace(&prefix, ""));
            let ids: Vec<String> = ids.collect();
            let score = ndcg_at_10(&ids, judged);
            if !typo && !typing && std::env::var_os("HUTONG_SEARCH_VERBOSE").is_some() {
                eprintln!("{score:.3} {text}");
            }
            scores.push(score);
        }
        (scores.iter().sum::<f64>() / scores.len() as f64, scores.len())
    }
}

#[test]
fn electronics_queries_are_answered_as_people_judged() {
    let Some(data) = data() else {
        eprintln!("skipped: ../shared/data/search is not there");
        return;
    };
    let dir = tempfile::tempdir().expect("a directory");
    let index = SearchIndex::open(dir.path()).expect("an index");
    index.rebuild(products(data.join("electronics-products.jsonl.gz")), 1, |_| ()).expect("a rebuilt index");
    assert_eq!(index.len(), 19_406);

    let mut judged = Judged { queries: BTreeMap::new(), gains: BTreeMap::new() };
    for row in rows(data.join("electronics-queries.tsv")) {
        judged.queries.insert(row[0].clone(), row[1].clone());
    }
    for row in rows(data.join("electronics-judgements.tsv")) {
        judged.gains.entry(row[0].clone()).or_default().insert(row[1].clone(), row[2].parse().expect("a gain"));
    }
    let every = |_: usize| true;
    let (all, count) = judged.mean(&index, every, false, false);
    let (even, _) = judged.mean(&index, |number| number % 2 == 0, false, false);
    let (odd, _) = judged.mean(&index, |number| number % 2 == 1, false, false);
    let (typing, _) = judged.mean(&index, every, true, false);
    let (typo, _) = judged.mean(&index, every, false, true);
    eprintln!("electronics nDCG@10 over {count} queries: {all:.4} (even {even:.4}, odd {odd:.4})");
    eprintln!("  as typed, last word unfinished: {typing:.4}; with a typing error: {typo:.4}");
    assert!(all >= 0.80, "nDCG@10 fell to {all:.4}");
    assert!(typing >= 0.78, "nDCG@10 while typing fell to {typing:.4}");
    assert!(typo >= 0.60, "nDCG@10 with a typing error fell to {typo:.4}");
}

#[test]
fn the_measure_agrees_with_its_definition() {
    let judged: BTreeMap<String, f64> =
        [("a", 1.0), ("b", 0.5), ("c", 0.0)].into_iter().map(|(id, gain)| (id.to_owned(), gain)).collect();
    let ranking = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    assert!((ndcg_at_10(&ranking(&["a", "b", "c"]), &judged) - 1.0).abs() < 1e-9);
    // (0.5 / log2 2 + 1 / log2 3) / (1 / log2 2 + 0.5 / log2 3)
    assert!((ndcg_at_10(&ranking(&["b", "a"]), &judged) - 0.859_72).abs() < 1e-4);
    assert!(ndcg_at_10(&ranking(&["x"]), &judged).abs() < 1e-9);
    assert_eq!(BTreeSet::from([with_typo("digital camera")]), BTreeSet::from(["diigtal camera".to_owned()]));
}
