//! The table itself: complete, and the same as in the documentation.

use std::collections::BTreeSet;

use hutong_protocol::order::{EntryKind, table};

#[test]
fn every_row_and_every_entry_is_in_the_table() {
    let rows: BTreeSet<u8> = table::TABLE.iter().map(|transition| transition.row).collect();
    assert_eq!(rows, (1..=20).collect());
    let entries: BTreeSet<EntryKind> = table::TABLE.iter().map(|transition| transition.entry).collect();
    assert_eq!(entries, EntryKind::ALL.iter().copied().collect());
    assert!(table::TABLE.windows(2).all(|pair| pair[0].row <= pair[1].row), "in order of the rows");
}

/// `HUTONG_BLESS=1` writes the page anew.
#[test]
fn the_documentation_holds_the_table_as_it_is() {
    const BEGIN: &str = "<!-- table: made by protocol/src/order/table.rs -->\n";
    const END: &str = "<!-- end of table -->\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/order-machine.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    let fresh = format!("\n{}\n", table::to_markdown());
    if std::env::var_os("HUTONG_BLESS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{fresh}{END}{after}")).unwrap();
    } else {
        assert_eq!(written, fresh, "docs/order-machine.md is stale: run this test with HUTONG_BLESS=1");
    }
}
