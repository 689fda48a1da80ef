//! Money, exact: sums of prices of tokens that are fractions of a millionth of a dollar.

use serde::{Serialize, Serializer};
use std::ops::{Add, AddAssign, Sub, SubAssign};

/// Trillionths of a dollar, up to nine million dollars either way; sums stay at that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(pub i64);

/// Of one dollar.
const PARTS: f64 = 1e12;

/// Dollars, the most that is kept exactly.
pub const MOST_DOLLARS: f64 = 9_000_000.0;

impl Money {
    /// None.
    pub const ZERO: Money = Money(0);

    /// So many dollars, to the nearest trillionth; `None`: more than [`MOST_DOLLARS`], or no number.
    pub fn from_dollars(dollars: f64) -> Option<Money> {
        (dollars.abs() <= MOST_DOLLARS).then(|| Money((dollars * PARTS).round() as i64))
    }

    /// As JSON has it.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / PARTS
    }
}

impl Add for Money {
    type Output = Money;

    fn add(self, other: Money) -> Money {
        Money(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Money;

    fn sub(self, other: Money) -> Money {
        Money(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Money) {
        *self = *self + other;
    }
}

impl SubAssign for Money {
    fn sub_assign(&mut self, other: Money) {
        *self = *self - other;
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(self.dollars())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_of_tokens_add_up_exactly() {
        let price = Money::from_dollars(0.1).unwrap();
        let sum = (0..10).fold(Money::ZERO, |sum, _| sum + price);
        assert_eq!(sum, Money::from_dollars(1.0).unwrap());
        assert_eq!(Money::from_dollars(1.25e-9).unwrap(), Money(1_250));
        assert_eq!(Money(1_500_000_000_000).dollars(), 1.5);
    }

    #[test]
    fn too_much_is_none_and_sums_stay_at_the_most() {
        assert_eq!(Money::from_dollars(9_000_001.0), None);
        assert_eq!(Money::from_dollars(f64::NAN), None);
        assert_eq!(Money(i64::MAX) + Money(1), Money(i64::MAX));
    }
}
