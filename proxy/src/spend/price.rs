//! What a call costs, by its deployment's prices: exact, and rounded once.

use crate::keys::Money;
use mishikallm::openai::response::Usage;
use serde_json::{Map, Value};
use std::time::Duration;

/// What tokens, or seconds, of a deployment cost. Of a prompt and of an answer each: by the token where that has a price, else by the second
/// of the whole call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prices {
    input: Price,
    output: Price,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Price {
    token: Parts,
    second: Parts,
}

/// Of a dollar, 10²⁴ of it: a price may be less than [`Money`]'s least part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parts(i128);

/// Of a dollar.
const DIGITS: i32 = 24;

/// Microseconds of a second.
const MICROSECONDS: i128 = 1_000_000;

/// Of a trillionth of a dollar, so many of [`Parts`] for each microsecond of a second.
const OF_MONEY: i128 = 1_000_000_000_000 * MICROSECONDS;

impl Prices {
    /// Out of [`mishikallm::config::Deployment::costs`]. What is not there costs nothing.
    pub fn of(costs: &Map<String, Value>) -> Prices {
        let price = |key: &str| {
            let dollars = costs.get(key).and_then(Value::as_f64);
            dollars.map_or(Parts::default(), Parts::from_dollars)
        };
        Prices {
            input: Price {
                token: price("input_cost_per_token"),
                second: price("input_cost_per_second"),
            },
            output: Price {
                token: price("output_cost_per_token"),
                second: price("output_cost_per_second"),
            },
        }
    }

    /// Whether nothing costs anything.
    pub fn is_free(&self) -> bool {
        *self == Prices::default()
    }

    /// What a call cost that took so many tokens, and so long.
    pub fn cost(&self, usage: &Usage, took: Duration) -> Money {
        self.worst(
            usage.prompt_tokens,
            usage.completion_tokens.unwrap_or(0),
            took,
        )
    }

    /// What it costs at most, if it takes no more than that.
    pub fn worst(&self, prompt_tokens: u64, completion_tokens: u64, longest: Duration) -> Money {
        let input = self.input.of(prompt_tokens, longest);
        let output = self.output.of(completion_tokens, longest);
        let parts = input.saturating_add(output).saturating_add(OF_MONEY / 2) / OF_MONEY;
        Money(i64::try_from(parts).unwrap_or(i64::MAX))
    }
}

impl Price {
    /// In parts of a dollar, for each microsecond of a second.
    fn of(&self, tokens: u64, took: Duration) -> i128 {
        match self.token.0 {
            0 => {
                let microseconds = i128::try_from(took.as_micros()).unwrap_or(i128::MAX);
                self.second.0.saturating_mul(microseconds)
            }
            price => price
                .saturating_mul(i128::from(tokens))
                .saturating_mul(MICROSECONDS),
        }
    }
}

impl Parts {
    /// The decimal number that was written, not the binary one that is nearest to it.
    fn from_dollars(dollars: f64) -> Parts {
        let text = format!("{dollars:e}");
        let number = || {
            let (number, exponent) = text.split_once('e')?;
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            let digits: i128 = [whole, fraction].concat().parse().ok()?;
            let exponent = exponent.parse::<i32>().ok()? + DIGITS - fraction.len() as i32;
            let scale = 10_i128.checked_pow(exponent.unsigned_abs());
            Some(match (exponent >= 0, scale) {
                (true, scale) => digits.saturating_mul(scale.unwrap_or(i128::MAX)),
                (false, Some(scale)) => (digits + scale / 2) / scale,
                (false, None) => 0,
            })
        };
        Parts(number().unwrap_or(0).max(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn prices(costs: Value) -> Prices {
        Prices::of(costs.as_object().unwrap())
    }

    fn dollars(dollars: f64) -> Money {
        Money::from_dollars(dollars).unwrap()
    }

    #[test]
    fn tokens_of_a_prompt_and_of_an_answer_have_a_price_each() {
        let p = prices(json!({"input_cost_per_token": 1.5e-7, "output_cost_per_token": 0.0000006}));
        let spent = Usage::completion(1_000, 100, false);
        assert_eq!(p.cost(&spent, Duration::from_secs(9)), dollars(0.00021));
        let embedding = Usage::embedding(3, false);
        assert_eq!(p.cost(&embedding, Duration::ZERO), Money(450_000));
    }

    #[test]
    fn a_price_below_the_least_part_adds_up_and_is_rounded_once() {
        let p = prices(json!({"input_cost_per_token": 3e-13, "output_cost_per_token": 3e-13}));
        let cost = |prompt, answer| p.worst(prompt, answer, Duration::ZERO);
        assert_eq!(cost(1, 0), Money(0));
        // Each alone would be nothing.
        assert_eq!(cost(1, 1), Money(1));
        assert_eq!(cost(10, 0), Money(3));
        assert_eq!(cost(1_000_000, 0), Money(300_000));
    }

    #[test]
    fn the_price_is_the_decimal_number_that_was_written() {
        let p = prices(json!({"input_cost_per_token": 0.1}));
        assert_eq!(p.worst(30, 0, Duration::ZERO), dollars(3.0));
        assert_eq!(Parts::from_dollars(0.1).0, 10_i128.pow(23));
        assert_eq!(Parts::from_dollars(1e-24).0, 1);
        assert_eq!(Parts::from_dollars(1e-60).0, 0);
        assert_eq!(Parts::from_dollars(12.5).0, 125 * 10_i128.pow(23));
    }

    #[test]
    fn seconds_count_where_a_token_has_no_price() {
        let p = prices(json!({"output_cost_per_second": 0.002}));
        let spent = Usage::completion(1_000, 100, false);
        assert_eq!(p.cost(&spent, Duration::from_millis(1_500)), dollars(0.003));
        // Both sides of a call take as long.
        let p = prices(json!({"input_cost_per_second": 0.001, "output_cost_per_second": 0.002}));
        assert_eq!(p.cost(&spent, Duration::from_secs(1)), dollars(0.003));
        let p = prices(
            json!({"input_cost_per_token": 1e-6, "input_cost_per_second": 1, "output_cost_per_second": 0.002}),
        );
        assert_eq!(p.cost(&spent, Duration::from_secs(1)), dollars(0.003));
    }

    #[test]
    fn without_prices_it_costs_nothing_and_too_much_stays_at_the_most() {
        let spent = Usage::completion(u64::MAX, u64::MAX, false);
        let free = prices(json!({"input_cost_per_token": 0}));
        assert!(free.is_free());
        assert_eq!(free.cost(&spent, Duration::MAX), Money::ZERO);
        for costs in [
            json!({"input_cost_per_token": 1, "output_cost_per_token": 1e9}),
            json!({"input_cost_per_second": 1e300}),
        ] {
            assert_eq!(prices(costs).cost(&spent, Duration::MAX), Money(i64::MAX));
        }
    }
}
