//! Why a request is refused: what its 429 says.

use super::{Kind, Rate, Standing};
use crate::keys::{Money, Scope, Time};
use std::fmt;
use std::time::Duration;

/// A request that does not fit into a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Whose limit.
    pub scope: Scope,
    /// Which one.
    pub kind: Kind,
    /// How much it is; of a budget in trillionths of a dollar.
    pub limit: i64,
    /// What is used of it.
    pub used: i64,
    /// What the request needed.
    pub need: i64,
    /// When there is more of it.
    pub resets_at: Option<Time>,
    /// When it is worth trying again; `None`: not before somebody raises the limit.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// What is left of it.
    pub fn left(&self) -> i64 {
        (self.limit - self.used).max(0)
    }

    /// What is left of a minute's limit, where it is one.
    pub fn standing(&self) -> Standing {
        let number = |n: i64| u64::try_from(n).unwrap_or(0);
        let rate = Rate {
            limit: number(self.limit),
            remaining: number(self.left()),
            reset: self.retry_after.unwrap_or_default(),
        };
        let (requests, tokens) = match self.kind {
            Kind::Rpm => (Some(rate), None),
            Kind::Tpm => (None, Some(rate)),
            Kind::Budget | Kind::Parallel => (None, None),
        };
        Standing { requests, tokens }
    }
}

/// Like the reference's words.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whose = self.scope.kind();
        if self.kind == Kind::Budget {
            let (used, limit) = (Money(self.used).dollars(), Money(self.limit).dollars());
            write!(
                f,
                "Budget has been exceeded! Current cost: {used}, Max budget: {limit}"
            )?;
            if self.used < self.limit {
                let need = Money(self.need).dollars();
                write!(f, ". This request may cost up to {need}")?;
            }
            return write!(f, ". It is the budget of the {whose} (max_budget)");
        }
        let (name, field) = match self.kind {
            Kind::Rpm => ("requests", "rpm_limit"),
            Kind::Tpm => ("tokens", "tpm_limit"),
            _ => ("max_parallel_requests", "max_parallel_requests"),
        };
        let (limit, left) = (self.limit, self.left());
        write!(
            f,
            "Rate limit exceeded for {whose}. Limit type: {name}. Current limit: {limit}, Remaining: {left}"
        )?;
        if let Some(at) = self.resets_at {
            write!(f, ". Limit resets at: {}", at.text())?;
        }
        if self.need > self.left() && self.kind == Kind::Tpm {
            write!(f, ". This request may take up to {} tokens", self.need)?;
        }
        write!(f, ". It is the limit of the {whose} ({field})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Token;

    #[test]
    fn what_is_left_of_a_minute_is_told_and_of_money_is_not() {
        let refusal = |kind| Refusal {
            scope: Scope::Key(Token::of(b"k")),
            kind,
            limit: 10,
            used: 12,
            need: 1,
            resets_at: None,
            retry_after: Some(Duration::from_secs(5)),
        };
        let rate = Rate {
            limit: 10,
            remaining: 0,
            reset: Duration::from_secs(5),
        };
        let told = |kind| {
            let standing = refusal(kind).standing();
            (standing.requests, standing.tokens)
        };
        assert_eq!(told(Kind::Rpm), (Some(rate), None));
        assert_eq!(told(Kind::Tpm), (None, Some(rate)));
        assert_eq!(told(Kind::Budget), (None, None));
        assert_eq!(told(Kind::Parallel), (None, None));
    }
}
