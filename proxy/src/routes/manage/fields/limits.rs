//! Limits, which keys, teams and users have alike.

use super::change::{Change, number, raw, told, whole, wrong};
use crate::keys::{Every, Limits, Money, duration};
use mishikallm::Result;
use mishikallm::json::Fields;
use serde_json::Value;

/// The names of their fields.
pub const NAMES: [&str; 5] = [
    "max_budget",
    "budget_duration",
    "rpm_limit",
    "tpm_limit",
    "max_parallel_requests",
];

/// More in a minute, or at once, is no limit.
const MOST: u64 = 1_000_000_000_000;

const DOLLARS: &str = "dollars from 0 to 9000000";

/// What a request says of limits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LimitsChange {
    max_budget: Change<Money>,
    budget_duration: Change<Every>,
    rpm_limit: Change<u64>,
    tpm_limit: Change<u64>,
    max_parallel_requests: Change<u64>,
}

impl LimitsChange {
    /// Errors: a field is of another kind, or out of range.
    pub fn take(fields: &mut Fields) -> Result<LimitsChange> {
        Ok(LimitsChange {
            max_budget: dollars(fields, "max_budget")?,
            budget_duration: every(fields, "budget_duration")?,
            rpm_limit: whole(fields, "rpm_limit", MOST)?,
            tpm_limit: whole(fields, "tpm_limit", MOST)?,
            max_parallel_requests: whole(fields, "max_parallel_requests", MOST)?,
        })
    }

    /// Changes what is there.
    pub fn apply(self, limits: &mut Limits) {
        self.max_budget.apply(&mut limits.max_budget);
        self.budget_duration.apply(&mut limits.budget_duration);
        self.rpm_limit.apply(&mut limits.rpm_limit);
        self.tpm_limit.apply(&mut limits.tpm_limit);
        self.max_parallel_requests
            .apply(&mut limits.max_parallel_requests);
    }
}

/// Takes an amount of money.
pub fn dollars(fields: &mut Fields, field: &str) -> Result<Change<Money>> {
    Ok(match number(fields, field, DOLLARS)? {
        Change::Keep => Change::Keep,
        Change::Clear => Change::Clear,
        Change::Set(dollars) => {
            let money = Money::from_dollars(dollars).filter(|_| dollars >= 0.0);
            let got = format!("the number {dollars}");
            Change::Set(money.ok_or_else(|| told(field, DOLLARS, &got))?)
        }
    })
}

/// Takes a duration.
pub fn every(fields: &mut Fields, field: &str) -> Result<Change<Every>> {
    Ok(match raw(fields, field) {
        Change::Keep => Change::Keep,
        Change::Clear => Change::Clear,
        Change::Set(Value::String(text)) => {
            let every = Every::parse(&text);
            let got = "another string";
            Change::Set(every.ok_or_else(|| told(field, duration::EXPECTED, got))?)
        }
        Change::Set(other) => return Err(wrong(field, duration::EXPECTED, &other)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn taken(body: Value) -> Result<LimitsChange> {
        LimitsChange::take(&mut Fields::new(body.as_object().unwrap().clone()))
    }

    #[test]
    fn limits_are_set_cleared_and_kept() {
        let mut limits = Limits {
            rpm_limit: Some(5),
            tpm_limit: Some(6),
            ..Limits::default()
        };
        let change = taken(json!({"max_budget": 0.5, "budget_duration": "30d", "rpm_limit": null}));
        change.unwrap().apply(&mut limits);
        assert_eq!(limits.max_budget, Money::from_dollars(0.5));
        assert_eq!(limits.budget_duration, Every::parse("30d"));
        assert_eq!((limits.rpm_limit, limits.tpm_limit), (None, Some(6)));
    }

    #[test]
    fn ranges() {
        for (field, value) in [
            ("max_budget", json!(-0.01)),
            ("max_budget", json!(9_000_000.5)),
            ("max_budget", json!("much")),
            ("max_budget", json!(true)),
            ("budget_duration", json!("monthly")),
            ("budget_duration", json!(30)),
            ("rpm_limit", json!(-1)),
            ("tpm_limit", json!(0.5)),
            ("max_parallel_requests", json!({})),
        ] {
            let e = taken(json!({ field: value })).unwrap_err();
            assert_eq!((e.http_status(), e.param()), (400, Some(field)), "{e}");
        }
        for (field, value) in [
            ("max_budget", json!(0)),
            ("max_budget", json!("10")),
            ("max_budget", json!(9_000_000)),
            ("rpm_limit", json!(0)),
            ("budget_duration", json!("1mo")),
        ] {
            taken(json!({ field: value })).unwrap();
        }
    }
}
