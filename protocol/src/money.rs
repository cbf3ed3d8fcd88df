//! Money: whole minor units of a named unit, checked arithmetic, one rounding rule, no floats.
//!
//! A unit is an ISO 4217 currency, whose exponent everybody knows, or one of somebody's own (`x-egg.0`), whose exponent
//! is part of its name, so that no table has to travel with it.
//!
//! **The rounding rule:** where a fraction of a minor unit would be left (a percentage, a share), it is rounded to the
//! nearest minor unit, halves away from zero: what a till does. There is no other rounding in Hutong.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::limits::{MONEY_MINOR_MAX, OWN_UNIT_NAME_BYTES_MAX};

/// Why an amount cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Amounts of two units cannot be added or compared.
    #[error("two different currencies cannot be mixed: convert one first")]
    CurrencyMismatch,
    /// Beyond 2^53 - 1 minor units in either direction.
    #[error("the amount is too large")]
    Overflow,
    /// Not an ISO 4217 code in use, and not `x-<name>.<exponent>`.
    #[error("not a currency: use an ISO 4217 code such as CNY, or x-<name>.<exponent> for a unit of your own")]
    UnknownCurrency,
    /// Not a decimal number, or more decimals than the unit has.
    #[error("not an amount: write digits with at most as many decimals as the currency has, such as 9.99")]
    NotAnAmount,
}

/// A unit of money.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    /// The name, padded with zeros.
    text: [u8; TEXT_BYTES],
    exponent: u8,
}

/// `x-` + name + `.` + one digit.
const TEXT_BYTES: usize = OWN_UNIT_NAME_BYTES_MAX + 4;

/// Largest exponent of a unit of one's own: eight decimals (as bitcoin has) leave 90 million whole units below
/// [`MONEY_MINOR_MAX`].
const OWN_UNIT_EXPONENT_MAX: u8 = 8;

/// ISO 4217 codes in use with two decimals (list one, amendment 176; codes without a minor unit, such as gold, and codes
/// for testing are left out).
const EXPONENT_2: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BOV BRL BSD BTN BWP BYN BZD \
    CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD \
    HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU \
    MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK \
    SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD \
    XCG YER ZAR ZMW ZWG";
/// Without decimals.
const EXPONENT_0: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
/// With three decimals.
const EXPONENT_3: &str = "BHD IQD JOD KWD LYD OMR TND";
/// With four decimals.
const EXPONENT_4: &str = "CLF UYW";

fn iso_exponent(code: &str) -> Option<u8> {
    [(EXPONENT_2, 2), (EXPONENT_0, 0), (EXPONENT_3, 3), (EXPONENT_4, 4)]
        .into_iter()
        .find(|(codes, _)| codes.split_ascii_whitespace().any(|known| known == code))
        .map(|(_, exponent)| exponent)
}

fn own_exponent(text: &str) -> Option<u8> {
    let (name, exponent) = text.strip_prefix("x-")?.rsplit_once('.')?;
    let fits = (1..=OWN_UNIT_NAME_BYTES_MAX).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    match exponent.as_bytes() {
        [digit @ b'0'..=b'9'] if fits => Some(digit.saturating_sub(b'0')).filter(|e| *e <= OWN_UNIT_EXPONENT_MAX),
        _ => None,
    }
}

impl Currency {
    /// Renminbi.
    pub const CNY: Self = Self::iso(*b"CNY", 2);
    /// US dollar.
    pub const USD: Self = Self::iso(*b"USD", 2);
    /// Euro.
    pub const EUR: Self = Self::iso(*b"EUR", 2);
    /// Yen.
    pub const JPY: Self = Self::iso(*b"JPY", 0);

    const fn iso(code: [u8; 3], exponent: u8) -> Self {
        let mut text = [0; TEXT_BYTES];
        (text[0], text[1], text[2]) = (code[0], code[1], code[2]);
        Self { text, exponent }
    }

    /// The name: `CNY`, or `x-egg.0`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.text.iter().position(|byte| *byte == 0).unwrap_or(TEXT_BYTES);
        self.text.get(..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }

    /// Decimals of the whole unit: a minor unit is 10^-exponent of it.
    #[must_use]
    pub const fn exponent(&self) -> u8 {
        self.exponent
    }
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(name: &str) -> Result<Self, MoneyError> {
        let exponent = iso_exponent(name).or_else(|| own_exponent(name)).ok_or(MoneyError::UnknownCurrency)?;
        let mut text = [0; TEXT_BYTES];
        text.get_mut(..name.len()).ok_or(MoneyError::UnknownCurrency)?.copy_from_slice(name.as_bytes());
        Ok(Self { text, exponent })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <std::borrow::Cow<'de, str>>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// An amount. On the wire `{ currency, minor }`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units (cents, fen), between -[`MONEY_MINOR_MAX`] and [`MONEY_MINOR_MAX`] wherever a rule has checked it.
    pub minor: i64,
    /// The unit.
    pub currency: Currency,
}

/// Basis points: hundredths of a percent. 10,000 are the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BasisPoints(pub u16);

impl BasisPoints {
    /// All of it.
    pub const WHOLE: Self = Self(10_000);
}

impl Money {
    /// An amount of minor units.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self { minor: 0, currency }
    }

    fn with(self, minor: Option<i64>) -> Result<Self, MoneyError> {
        minor
            .filter(|minor| minor.unsigned_abs() <= MONEY_MINOR_MAX)
            .map(|minor| Self { minor, currency: self.currency })
            .ok_or(MoneyError::Overflow)
    }

    fn same(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency { Ok(()) } else { Err(MoneyError::CurrencyMismatch) }
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        self.with(self.minor.checked_add(other.minor))
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same(other)?;
        self.with(self.minor.checked_sub(other.minor))
    }

    /// So many times.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn times(self, count: u32) -> Result<Self, MoneyError> {
        self.with(self.minor.checked_mul(i64::from(count)))
    }

    /// A part of it, by the rounding rule of this module.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn portion(self, part: BasisPoints) -> Result<Self, MoneyError> {
        let product = i128::from(self.minor).saturating_mul(i128::from(part.0));
        self.with(i64::try_from(round_half_away(product, 10_000)).ok())
    }

    /// `numerator / denominator` of it, by the rounding rule of this module. Nothing of it for a denominator of 0.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn scaled(self, numerator: u32, denominator: u32) -> Result<Self, MoneyError> {
        let product = i128::from(self.minor).saturating_mul(i128::from(numerator));
        self.with(i64::try_from(round_half_away(product, i128::from(denominator))).ok())
    }

    /// Which is larger.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`].
    pub fn compare(self, other: Self) -> Result<Ordering, MoneyError> {
        self.same(other)?;
        Ok(self.minor.cmp(&other.minor))
    }

    /// The sum of amounts in `currency`; nothing for none.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::plus)
    }

    /// Whether it is 0 or more, and within the limit: what a price must be.
    #[must_use]
    pub const fn is_price(&self) -> bool {
        self.minor >= 0 && self.minor.unsigned_abs() <= MONEY_MINOR_MAX
    }

    /// Reads a decimal such as `9.99`, `-3` or `.5`. A dot only; no signs of a currency, no grouping: whoever reads a
    /// foreign format strips those first, because `1.234` means two things.
    ///
    /// # Errors
    /// [`MoneyError::NotAnAmount`] for anything else and for more decimals than the unit has (unless they are zeros);
    /// [`MoneyError::Overflow`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let decimals = usize::from(currency.exponent);
        let kept = fraction.get(..decimals).unwrap_or(fraction);
        let dropped = fraction.get(decimals..).unwrap_or_default();
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
            return Err(MoneyError::NotAnAmount);
        }
        if dropped.bytes().any(|byte| byte != b'0') {
            return Err(MoneyError::NotAnAmount);
        }
        let padding = std::iter::repeat_n(b'0', decimals.saturating_sub(kept.len()));
        let minor = whole
            .bytes()
            .chain(kept.bytes())
            .chain(padding)
            .try_fold(0i64, |sum, digit| sum.checked_mul(10)?.checked_add(i64::from(digit.saturating_sub(b'0'))));
        let signed = minor.map(|minor| if negative { minor.saturating_neg() } else { minor });
        Self::zero(currency).with(signed)
    }

    /// As a decimal without its unit: `9.99`. [`Money::parse`] reads it back.
    #[must_use]
    pub fn to_decimal(self) -> String {
        let decimals = usize::from(self.currency.exponent);
        let digits = format!("{:0>width$}", self.minor.unsigned_abs(), width = decimals.saturating_add(1));
        let (whole, fraction) = digits.split_at_checked(digits.len().saturating_sub(decimals)).unwrap_or((&digits, ""));
        let sign = if self.minor < 0 { "-" } else { "" };
        if decimals == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
    }
}

/// `numerator / denominator`, to the nearest, halves away from zero. `denominator` is positive.
fn round_half_away(numerator: i128, denominator: i128) -> i128 {
    let half = denominator.checked_div(2).unwrap_or(0);
    let shifted = if numerator < 0 { numerator.saturating_sub(half) } else { numerator.saturating_add(half) };
    shifted.checked_div(denominator).unwrap_or(0)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_decimal(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn currency(name: &str) -> Currency {
        name.parse().unwrap()
    }

    #[test]
    fn currencies_have_their_published_exponents() {
        for (name, exponent) in
            [("JPY", 0), ("USD", 2), ("CNY", 2), ("KWD", 3), ("CLF", 4), ("x-egg.0", 0), ("x-hutong-12.2", 2)]
        {
            assert_eq!((currency(name).exponent(), currency(name).as_str()), (exponent, name));
        }
        assert_eq!((Currency::CNY, Currency::JPY), (currency("CNY"), currency("JPY")));
        for wrong in ["", "cny", "XXX", "DEM", "C NY", "x-.0", "x-egg", "x-egg.9", "x-Egg.0", "x-eggseggseggseggse.0"] {
            assert_eq!(wrong.parse::<Currency>(), Err(MoneyError::UnknownCurrency), "{wrong}");
        }
        let all: Vec<&str> =
            [EXPONENT_0, EXPONENT_2, EXPONENT_3, EXPONENT_4].iter().flat_map(|list| list.split(' ')).collect();
        let distinct: std::collections::BTreeSet<_> = all.iter().filter(|code| !code.is_empty()).collect();
        assert!(distinct.iter().all(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase())));
        assert_eq!(distinct.len(), all.iter().filter(|code| !code.is_empty()).count(), "a code is listed twice");
    }

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        for (text, unit, want) in [
            ("9.99", "USD", Ok(999)),
            ("9.9", "USD", Ok(990)),
            ("9.990", "USD", Ok(999)), // no money is dropped
            ("9.999", "USD", Err(MoneyError::NotAnAmount)),
            (".5", "USD", Ok(50)),
            ("5.", "USD", Ok(500)),
            ("-3", "JPY", Ok(-3)),
            ("3.1", "JPY", Err(MoneyError::NotAnAmount)),
            ("1.234", "KWD", Ok(1234)),
            ("1,5", "USD", Err(MoneyError::NotAnAmount)),
            ("1e3", "USD", Err(MoneyError::NotAnAmount)),
            ("+1", "USD", Err(MoneyError::NotAnAmount)),
            ("", "USD", Err(MoneyError::NotAnAmount)),
            (".", "USD", Err(MoneyError::NotAnAmount)),
            ("-", "USD", Err(MoneyError::NotAnAmount)),
            ("９", "USD", Err(MoneyError::NotAnAmount)),
            ("9007199254740991", "JPY", Ok(9_007_199_254_740_991)),
            ("9007199254740992", "JPY", Err(MoneyError::Overflow)), // 2^53: a browser would round it
            ("99999999999999999999", "JPY", Err(MoneyError::Overflow)),
        ] {
            assert_eq!(Money::parse(text, currency(unit)).map(|money| money.minor), want, "{text} {unit}");
        }
    }

    #[test]
    fn halves_round_away_from_zero() {
        for (minor, points, want) in [(1, 5_000, 1), (-1, 5_000, -1), (1, 4_999, 0), (999, 1_000, 100), (5, 10_000, 5)]
        {
            let part = Money::new(minor, Currency::CNY).portion(BasisPoints(points)).unwrap();
            assert_eq!(part.minor, want, "{points} of {minor}");
        }
    }

    #[test]
    fn shares_are_rounded_by_the_same_rule() {
        for (minor, numerator, denominator, want) in
            [(1_190, 1_000, 500, 2_380), (999, 1_000, 330, 3_027), (1, 1, 2, 1), (5, 1, 0, 0)]
        {
            assert_eq!(Money::new(minor, Currency::CNY).scaled(numerator, denominator).unwrap().minor, want);
        }
    }

    #[test]
    fn nothing_overflows_and_units_never_mix() {
        let most = Money::new(MONEY_MINOR_MAX as i64, Currency::CNY);
        let one = Money::new(1, Currency::CNY);
        assert_eq!(most.plus(one), Err(MoneyError::Overflow));
        assert_eq!(most.times(2), Err(MoneyError::Overflow));
        assert_eq!(Money::zero(Currency::CNY).minus(most).unwrap().minus(one), Err(MoneyError::Overflow));
        assert_eq!(one.plus(Money::new(1, Currency::USD)), Err(MoneyError::CurrencyMismatch));
        assert_eq!(one.compare(Money::new(1, Currency::USD)), Err(MoneyError::CurrencyMismatch));
        assert_eq!(most.plus(Money::zero(Currency::CNY)), Ok(most));
    }

    proptest! {
        #[test]
        fn decimals_round_trip(minor in -9_007_199_254_740_991i64..=9_007_199_254_740_991, unit in 0usize..5) {
            let unit = currency(["JPY", "USD", "KWD", "CLF", "x-sat.8"][unit]);
            let money = Money::new(minor, unit);
            prop_assert_eq!(Money::parse(&money.to_decimal(), unit), Ok(money));
        }

        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,24}") {
            if let Ok(money) = Money::parse(&text, Currency::USD) {
                prop_assert!(money.minor.unsigned_abs() <= MONEY_MINOR_MAX);
            }
        }
    }
}
