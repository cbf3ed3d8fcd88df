//! Goods as they travel: in any order, in great number, and no more than a node keeps.

use std::sync::Arc;

use hutong_protocol::{AccountId, market::Listing};
use proptest::{prelude::*, sample::Index};

use super::{
    LISTINGS_OF_A_STORE_MAX, VISITED_MAX, cart,
    own::{self, Publication},
    stock, view, visit,
};
use crate::{
    engine::{Input, Source},
    order::tests::{cny, store, strawberries},
    testing::TestNode,
};

/// A shop with a store, and whatever it publishes from then on.
fn shop() -> (TestNode, Vec<Arc<[u8]>>) {
    let mut shop = TestNode::named("Aunt Wang", 1);
    let (answer, given) = shop.call_given(|cx| own::put_store(cx, &store()));
    answer.unwrap();
    (shop, given.public.into_iter().map(|(_, bytes)| bytes).collect())
}

fn put(shop: &mut TestNode, handle: &str, listing: Listing, as_: Publication) -> Vec<Arc<[u8]>> {
    let handle = handle.to_owned();
    let (answer, given) = shop.call_given(move |cx| own::put_listing(cx, &handle, listing, as_));
    answer.unwrap();
    given.public.into_iter().map(|(_, bytes)| bytes).collect()
}

fn visitor(shop: &TestNode) -> TestNode {
    let (mut mei, account) = (TestNode::named("Mei", 2), shop.account());
    mei.call(move |cx| Ok(visit(cx, &account, &[])?)).unwrap();
    mei
}

#[test]
fn a_store_that_is_full_says_so() {
    let (mut shop, _) = shop();
    put(&mut shop, "berries", strawberries(5), Publication::Active);
    let me = shop.account();
    shop.call(move |cx| {
        let row = view::row(cx.read(), &me)?.unwrap();
        Ok(cx.put_value(super::keys::store(&me), &view::StoreRow { listings: LISTINGS_OF_A_STORE_MAX, ..row })?)
    })
    .unwrap();
    let error = shop.call(|cx| own::put_listing(cx, "more", strawberries(5), Publication::Active)).unwrap_err();
    assert!(error.to_string().contains("at most 10000 products"), "{error}");
    put(&mut shop, "later", strawberries(5), Publication::Draft);
    let mut dearer = strawberries(5);
    dearer.variants[0].price += 1;
    put(&mut shop, "berries", dearer, Publication::Active);
}

/// What a node shows of a store, but for when it first saw things.
fn shown(node: &TestNode, account: &AccountId) -> (Option<String>, Vec<(String, u64, Listing)>, usize) {
    let page = view::shelf(node.read(), account, None, None, 200).unwrap();
    let mut goods: Vec<_> = page.listings.into_iter().map(|view| (view.handle, view.version, view.listing)).collect();
    goods.sort_by(|a, b| a.0.cmp(&b.0));
    let store = view::store(node.read(), account).unwrap().map(|view| view.store.name);
    (store, goods, page.total)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Invariant: order does not matter. However a store's records arrive, and however often, a node shows the same.
    #[test]
    fn any_permutation_of_a_stores_records_shows_the_same_goods(
        changes in proptest::collection::vec((0u8..4, 0u8..4, any::<u8>()), 1..16),
        picks in proptest::collection::vec(any::<Index>(), 0..40),
    ) {
        let (mut shop, mut records) = shop();
        for (which, what, quantity) in changes {
            let handle = format!("berries-{which}");
            if what == 0 && view::own_row(shop.read(), &handle).unwrap().is_some() {
                let (_, given) = shop.call_given(move |cx| own::delete_listing(cx, &handle));
                records.extend(given.public.into_iter().map(|(_, bytes)| bytes));
            } else {
                let as_ = if what == 1 { Publication::Archived } else { Publication::Active };
                records.extend(put(&mut shop, &handle, strawberries(u32::from(quantity)), as_));
            }
        }
        let (mut straight, mut shuffled) = (visitor(&shop), visitor(&shop));
        straight.receive(Source::Gossip, records.clone());
        for pick in &picks {
            shuffled.receive(Source::Sync, vec![pick.get(&records).clone()]);
        }
        shuffled.receive(Source::Sync, records.iter().rev().cloned().collect());
        let account = shop.account();
        let want = shown(&straight, &account);
        prop_assert_eq!(want.1.len(), want.2, "the count is the number of goods");
        prop_assert_eq!(&shown(&shuffled, &account), &want);
        prop_assert_eq!(shown(&shop, &account), want, "and so does the shop itself");
    }
}

#[test]
fn five_thousand_goods_are_paged_without_gaps_or_repeats() {
    let (mut shop, _) = shop();
    for batch in 0..50u32 {
        shop.now = shop.now.plus_ms(1_000);
        let many = (0..100u32).map(|n| {
            let number = batch * 100 + n;
            let mut listing = strawberries(number);
            listing.name = format!("Product {number}");
            listing.category = if number % 10 == 0 { "Tenth".into() } else { "Other".into() };
            (format!("product-{number}"), listing)
        });
        let many: Vec<_> = many.collect();
        shop.call(move |cx| own::put_all(cx, many)).unwrap();
    }
    let account = shop.account();
    type Pages<'a> = &'a dyn Fn(Option<&str>) -> view::Page;
    let walk = |pages: Pages<'_>| -> (Vec<String>, usize) {
        let (mut handles, mut after) = (Vec::new(), None);
        loop {
            let page = pages(after.as_deref());
            handles.extend(page.listings.into_iter().map(|view| view.handle));
            match page.after {
                Some(next) => after = Some(next),
                None => return (handles, page.total),
            }
        }
    };
    let distinct = |handles: &[String]| handles.iter().collect::<std::collections::BTreeSet<_>>().len();
    let (all, total) = walk(&|after| view::market(shop.read(), after, 48).unwrap());
    assert_eq!((all.len(), distinct(&all), total), (5_000, 5_000, 5_000));
    assert!(all[0].starts_with("product-49"), "newest first: {}", all[0]);
    let (tenth, total) = walk(&|after| view::shelf(shop.read(), &account, Some("Tenth"), after, 48).unwrap());
    assert_eq!((tenth.len(), distinct(&tenth), total), (500, 500, 500));
    let (own, total) = walk(&|after| view::own_listings(shop.read(), |_, _| true, after, 200).unwrap());
    assert_eq!((own.len(), total), (5_000, 5_000));
    let one = view::own_listings(shop.read(), |_, own| own.listing.name == "Product 4321", None, 10).unwrap();
    assert_eq!((one.total, one.listings[0].handle.as_str()), (1, "product-4321"));
    assert_eq!(
        view::market(shop.read(), Some("garbage!"), 48).unwrap().listings.len(),
        48,
        "a bad cursor is the start"
    );
}

#[test]
fn a_draft_is_seen_by_nobody_else_until_it_is_published() {
    let (mut shop, records) = shop();
    let mut mei = visitor(&shop);
    let account = shop.account();
    assert!(put(&mut shop, "new", strawberries(1), Publication::Draft).is_empty(), "nothing leaves the node");
    assert_eq!(view::own_listing(shop.read(), "new").unwrap().unwrap().record, None);
    mei.receive(Source::Gossip, records);
    mei.receive(Source::Gossip, put(&mut shop, "new", strawberries(1), Publication::Active));
    assert_eq!(shown(&mei, &account).2, 1);
    mei.receive(Source::Gossip, put(&mut shop, "new", strawberries(1), Publication::Draft));
    assert_eq!(shown(&mei, &account).2, 0, "a listing that becomes a draft again is no longer for sale");
    assert!(view::listing(mei.read(), &account, "new").unwrap().is_some(), "old links still show it");
}

#[test]
fn a_lease_takes_all_or_nothing_and_gives_back_exactly_what_it_took() {
    let (mut shop, _) = shop();
    put(&mut shop, "a", strawberries(3), Publication::Active);
    put(&mut shop, "b", strawberries(1), Publication::Active);
    let mut backorder = strawberries(2);
    backorder.variants[0].stock.allow_backorder = true;
    put(&mut shop, "c", backorder, Publication::Active);
    let left = |shop: &TestNode| -> Vec<u32> {
        let qty = |handle| view::own_row(shop.read(), handle).unwrap().unwrap().listing.variants[0].stock.qty;
        ["a", "b", "c"].into_iter().map(qty).collect()
    };
    let take = |shop: &mut TestNode, id: u8, lines: Vec<(&'static str, u32)>| {
        let until = shop.now.plus_ms(1_000);
        let order = hutong_protocol::RecordId([id; 32]);
        shop.call(move |cx| {
            let lines: Vec<_> = lines.iter().map(|(handle, quantity)| (*handle, "STRAW-500", *quantity)).collect();
            Ok(stock::take(cx, &[id; 16], order, &lines, until)?)
        })
        .unwrap()
    };
    assert!(take(&mut shop, 1, vec![("a", 2), ("b", 2)]).is_err(), "one of b is missing");
    assert!(take(&mut shop, 1, vec![("a", 2), ("a", 2)]).is_err(), "two lines of one listing add up");
    assert_eq!(left(&shop), [3, 1, 2], "nothing was taken");
    take(&mut shop, 2, vec![("a", 2), ("b", 1), ("c", 5)]).unwrap();
    assert_eq!(left(&shop), [1, 0, 0]);
    shop.call(|cx| Ok(stock::release(cx, &[2; 16])?)).unwrap();
    assert_eq!(left(&shop), [3, 1, 2], "of what can be ordered beyond the stock, only what there was");
    shop.call(|cx| Ok(stock::release(cx, &[2; 16])?)).unwrap();
    assert_eq!(left(&shop), [3, 1, 2], "once");
    let given = shop.step(vec![Input::Tick]).unwrap();
    assert_eq!(given.public.len(), 3, "the world is told in one go");
    assert!(shop.step(vec![Input::Tick]).unwrap().public.is_empty());
}

#[test]
fn stores_that_were_only_visited_make_room_and_what_is_in_the_cart_stays() {
    let (mut shop, records) = shop();
    let mut mei = visitor(&shop);
    let account = shop.account();
    mei.receive(Source::Gossip, records);
    mei.receive(Source::Gossip, put(&mut shop, "a", strawberries(3), Publication::Active));
    mei.call(move |cx| cart::set(cx, account, "a", "STRAW-500", 1)).unwrap();
    for n in 0..u16::try_from(VISITED_MAX).unwrap() + 10 {
        let mut id = [7; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        mei.now = mei.now.plus_ms(1);
        mei.call(move |cx| Ok(visit(cx, &AccountId(id), &[])?)).unwrap();
    }
    assert_eq!(view::rows(mei.read()).unwrap().len(), VISITED_MAX);
    let cart = cart::cart(mei.read()).unwrap();
    assert_eq!((cart.len(), cart[0].lines[0].problem, cart[0].subtotal), (1, None, cny(1_190)));
    mei.call(|cx| Ok(cart::clear(cx, None)?)).unwrap();
    mei.now = mei.now.plus_ms(1);
    mei.call(move |cx| Ok(visit(cx, &AccountId([8; 32]), &[])?)).unwrap();
    assert!(view::row(mei.read(), &account).unwrap().is_none(), "now the oldest is dropped, goods and all");
    assert!(view::listing(mei.read(), &account, "a").unwrap().is_none());
    assert_eq!(view::market(mei.read(), None, 10).unwrap().total, 0);
}
