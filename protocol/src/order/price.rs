//! What an order costs.

use crate::{
    market::ShippingOption,
    money::{Currency, Money, MoneyError},
};

/// The sums of a quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Sum of the lines.
    pub items: Money,
    /// Shipping.
    pub shipping: Money,
    /// Tax on top: 0, since prices include it until stores can state taxes.
    pub tax: Money,
    /// Taken off: 0 until stores can offer discounts.
    pub discount: Money,
    /// items + shipping + tax - discount.
    pub total: Money,
}

/// Prices lines of (price of one, quantity), shipped by `option`; none: picked up.
///
/// Shipping is the option's rate for the first piece plus `additional_item` for each further one, and nothing from
/// `free_from` of goods on.
///
/// # Errors
/// [`MoneyError`] if a sum is too large or a price is in another currency.
pub fn price(
    currency: Currency,
    lines: impl IntoIterator<Item = (Money, u32)>,
    option: Option<&ShippingOption>,
) -> Result<Price, MoneyError> {
    let mut items = Money::zero(currency);
    let mut pieces = 0u32;
    for (price, quantity) in lines {
        items = items.plus(price.times(quantity)?)?;
        pieces = pieces.checked_add(quantity).ok_or(MoneyError::Overflow)?;
    }
    let shipping = option.map_or(Ok(Money::zero(currency)), |option| shipping(option, items, pieces))?;
    let (tax, discount) = (Money::zero(currency), Money::zero(currency));
    let total = items.plus(shipping)?.plus(tax)?.minus(discount)?;
    Ok(Price { items, shipping, tax, discount, total })
}

fn shipping(option: &ShippingOption, items: Money, pieces: u32) -> Result<Money, MoneyError> {
    if let Some(free_from) = option.free_from
        && items.compare(free_from)?.is_ge()
    {
        return Ok(Money::zero(items.currency));
    }
    let further = pieces.saturating_sub(1);
    let rest = option.additional_item.map_or(Ok(Money::zero(items.currency)), |each| each.times(further))?;
    option.rate.plus(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipping_counts_pieces_and_may_be_free() {
        let cny = |minor| Money::new(minor, Currency::CNY);
        let option = |additional: Option<i64>, free: Option<i64>| ShippingOption {
            id: "a".into(),
            name: "A".into(),
            zones: vec!["*".into()],
            rate: cny(500),
            additional_item: additional.map(cny),
            free_from: free.map(cny),
            days_min: 0,
            days_max: 1,
        };
        for (lines, option, want, why) in [
            (vec![(1_190, 2), (300, 1)], None, (2_680, 0), "picked up"),
            (vec![(1_190, 2), (300, 1)], Some(option(None, None)), (2_680, 500), "flat"),
            (vec![(1_190, 2), (300, 1)], Some(option(Some(100), None)), (2_680, 700), "two further pieces"),
            (vec![(1_000, 1)], Some(option(Some(100), None)), (1_000, 500), "no further piece"),
            (vec![(1_000, 1)], Some(option(None, Some(1_000))), (1_000, 0), "exactly at the free sum"),
            (vec![(999, 1)], Some(option(None, Some(1_000))), (999, 500), "one below the free sum"),
        ] {
            let lines = lines.into_iter().map(|(price, quantity)| (cny(price), quantity));
            let priced = price(Currency::CNY, lines, option.as_ref()).unwrap();
            assert_eq!((priced.items.minor, priced.shipping.minor), want, "{why}");
            assert_eq!(priced.total.minor, want.0 + want.1, "{why}");
        }
    }

    #[test]
    fn an_order_too_dear_to_count_is_refused() {
        let most = Money::new((1 << 53) - 1, Currency::CNY);
        assert_eq!(price(Currency::CNY, [(most, 1), (most, 1)], None), Err(MoneyError::Overflow));
        assert_eq!(price(Currency::CNY, [(most, 2)], None), Err(MoneyError::Overflow));
        assert_eq!(price(Currency::USD, [(most, 1)], None), Err(MoneyError::CurrencyMismatch));
    }
}
