//! What a field means: prices, weights, numbers, yes or no.

use hutong_protocol::{
    limits::{QUANTITY_MAX, WEIGHT_G_MAX},
    market::{Measure, MeasureUnit},
    money::{Currency, Money, MoneyError},
};

/// Signs of currencies that may stand beside a number.
const SIGNS: [char; 6] = ['¥', '￥', '$', '€', '£', '元'];

/// A price in minor units: "39.9", "¥39.90", "1,234.50", "39.90 CNY".
///
/// A comma is only accepted where it can be nothing but a thousands separator; "9,99" is asked about instead of guessed.
pub(super) fn price(text: &str, currency: Currency) -> Result<i64, String> {
    let wrong = || format!("\"{text}\" is not a price: write it like 9.99");
    let bare = text.trim_matches(|c: char| SIGNS.contains(&c) || c.is_whitespace());
    let bare = bare.strip_suffix(currency.as_str()).or_else(|| bare.strip_prefix(currency.as_str())).unwrap_or(bare);
    let plain = ungrouped(bare.trim()).ok_or_else(wrong)?;
    match Money::parse(&plain, currency) {
        Ok(money) if money.minor < 0 => Err("a price is 0 or more".to_owned()),
        Ok(money) => Ok(money.minor),
        Err(MoneyError::Overflow) => Err("the price is too large".to_owned()),
        Err(_) if plain.parse::<f64>().is_ok() => {
            Err(format!("\"{text}\" has more decimals than {currency} has ({})", currency.exponent()))
        }
        Err(_) => Err(wrong()),
    }
}

/// Without thousands separators; `None` if a comma could be a decimal one.
fn ungrouped(text: &str) -> Option<String> {
    if !text.contains(',') {
        return Some(text.to_owned());
    }
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let groups: Vec<&str> = whole.split(',').collect();
    let first = groups.first().map_or(0, |group| group.len());
    let regular = (1..=3).contains(&first) && groups.iter().skip(1).all(|group| group.len() == 3);
    // "1,234" alone may be one and a bit in half of Europe; with a point, or twice, it cannot.
    let certain = text.contains('.') || groups.len() > 2;
    (regular && certain).then(|| {
        let digits = groups.concat();
        if fraction.is_empty() { digits } else { format!("{digits}.{fraction}") }
    })
}

/// A weight in grams, rounded to whole ones; 0 means that nobody weighed it.
pub(super) fn grams(text: &str) -> Result<Option<u32>, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || text.is_empty() || text == "." {
        return Err(format!("\"{text}\" is not a weight in grams: write it like 250"));
    }
    let half = fraction.bytes().next().is_some_and(|digit| digit >= b'5');
    let grams = if whole.is_empty() { Some(0) } else { whole.parse::<u32>().ok() };
    match grams.and_then(|grams| grams.checked_add(u32::from(half))) {
        Some(0) => Ok(None),
        Some(grams) if grams <= WEIGHT_G_MAX => Ok(Some(grams)),
        _ => Err("a weight is at most 1,000 tonnes".to_owned()),
    }
}

/// Pieces. Shops that have sold more than they had export a number below zero: that is none.
pub(super) fn quantity(text: &str) -> Result<u32, String> {
    let wrong = || format!("\"{text}\" is not a number of pieces: write it like 12");
    let number: i64 = text.strip_suffix(".0").unwrap_or(text).parse().map_err(|_| wrong())?;
    match u32::try_from(number.max(0)) {
        Ok(pieces) if pieces <= QUANTITY_MAX => Ok(pieces),
        _ => Err("at most 1,000,000 pieces".to_owned()),
    }
}

/// Yes or no.
pub(super) fn yes(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(format!("\"{text}\" is neither TRUE nor FALSE")),
    }
}

/// Without the apostrophe by which spreadsheets keep `'007` from becoming 7. [`protected`] is the way back.
pub(super) fn unprotected(text: &str) -> &str {
    text.strip_prefix('\'').unwrap_or(text)
}

/// What [`unprotected`] gives back as it was.
pub(super) fn protected(text: &str) -> String {
    if text.starts_with('\'') { format!("'{text}") } else { text.to_owned() }
}

/// A barcode. Spreadsheets protect leading zeros by an apostrophe.
pub(super) fn gtin(text: &str) -> Result<String, String> {
    let digits: String = text.trim_start_matches('\'').chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if matches!(digits.len(), 8 | 12 | 13 | 14) && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(digits)
    } else {
        Err(format!("\"{text}\" is not a GTIN of 8, 12, 13 or 14 digits and is left out"))
    }
}

/// How much is in one piece, for the unit price.
pub(super) fn measure(quantity: &str, unit: &str) -> Result<Measure, String> {
    let wrong =
        || format!("\"{quantity} {unit}\" is not a measure: write a whole number of g, kg, ml, l, mm, cm, m or ct");
    let number: u32 = quantity.strip_suffix(".0").unwrap_or(quantity).parse().map_err(|_| wrong())?;
    let (factor, unit) = match unit.to_ascii_lowercase().as_str() {
        "g" => (1, MeasureUnit::G),
        "kg" => (1000, MeasureUnit::G),
        "ml" => (1, MeasureUnit::Ml),
        "cl" => (10, MeasureUnit::Ml),
        "l" => (1000, MeasureUnit::Ml),
        "mm" => (1, MeasureUnit::Mm),
        "cm" => (10, MeasureUnit::Mm),
        "m" => (1000, MeasureUnit::Mm),
        "ct" | "item" | "piece" => (1, MeasureUnit::Piece),
        _ => return Err(wrong()),
    };
    let quantity = number.checked_mul(factor).filter(|quantity| (1..=WEIGHT_G_MAX).contains(quantity));
    Ok(Measure { quantity: quantity.ok_or_else(wrong)?, unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_are_exact_or_refused() {
        for (text, want) in [
            ("9.99", Some(999)),
            ("39.9", Some(3990)),
            ("500", Some(50_000)),
            ("¥39.90", Some(3990)),
            ("39.90 CNY", Some(3990)),
            ("12元", Some(1200)),
            ("1,234.50", Some(123_450)),
            ("1,234,567", Some(123_456_700)),
            ("0", Some(0)),
            ("9,99", None),
            ("1,234", None),
            ("9.999", None),
            ("-1", None),
            ("free", None),
            ("99999999999999999", None),
            ("1e3", None),
        ] {
            assert_eq!(price(text, Currency::CNY).ok(), want, "{text}");
        }
        assert_eq!(price("500", Currency::JPY), Ok(500));
        assert!(price("9.999", Currency::CNY).unwrap_err().contains("decimals"));
    }

    #[test]
    fn weights_round_and_zero_is_unknown() {
        for (text, want) in
            [("250", Ok(Some(250))), ("249.5", Ok(Some(250))), ("0", Ok(None)), ("0.0", Ok(None)), ("0.5", Ok(Some(1)))]
        {
            assert_eq!(grams(text), want, "{text}");
        }
        for text in ["", ".", "-1", "1 kg", "1e9", "99999999999"] {
            assert!(grams(text).is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_flags_barcodes_and_measures() {
        assert_eq!((quantity("12"), quantity("-3"), quantity("5.0")), (Ok(12), Ok(0), Ok(5)));
        assert!(quantity("1.5").is_err() && quantity("many").is_err() && quantity("1000001").is_err());
        assert_eq!((yes("TRUE"), yes("no"), yes("perhaps").is_err()), (Ok(true), Ok(false), true));
        assert_eq!(gtin("'0012345678905"), Ok("0012345678905".to_owned()));
        assert!(gtin("123").is_err());
        assert_eq!(measure("2", "kg"), Ok(Measure { quantity: 2000, unit: MeasureUnit::G }));
        assert!(measure("1.5", "kg").is_err() && measure("1", "pound").is_err() && measure("0", "g").is_err());
    }
}
