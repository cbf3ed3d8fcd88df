//! Catalogues: any bytes as a CSV file. What a plan would write breaks no limit, and its export imports again unchanged.
#![no_main]

use std::collections::BTreeMap;

use hutong_node::market::import::{Catalogue, Pictures, export};
use hutong_protocol::money::Currency;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let currency: Currency = "CNY".parse().expect("a currency");
    let catalogue = Catalogue::read(data, currency);
    drop(catalogue.pictures());
    let import = catalogue.plan(&BTreeMap::new(), &Pictures::new(), false);
    if catalogue.has_errors() {
        assert!(import.changes.is_empty(), "all or nothing");
    }
    for (slot, listing) in &import.changes {
        assert!(listing.validate().is_ok(), "{slot}: {:?}", listing.validate());
    }
    let listings: BTreeMap<_, _> = import.changes.into_iter().collect();
    if listings.is_empty() {
        return;
    }
    let file = export(listings.iter().map(|(slot, listing)| (slot.as_str(), listing)));
    let again = Catalogue::read(&file, currency).plan(&listings, &Pictures::new(), false);
    assert!(again.changes.is_empty(), "exported, then changed: {:?}", again.report);
});
