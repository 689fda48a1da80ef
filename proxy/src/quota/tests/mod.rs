//! Limits as examples, and under chance: alone, with a bank of memory, with both databases, and with Redis.

mod books;
mod chance;
mod database;
mod ledger;
mod redis;
mod several;
mod waiting;

use super::{Kind, Need, Spent};
use crate::keys::{Limits, Money, Scope};

/// A team: its id is its name.
fn team(id: &str) -> Scope {
    Scope::Team(id.to_owned())
}

fn budget(most: i64) -> Limits {
    Limits {
        max_budget: Some(Money(most)),
        ..Limits::default()
    }
}

fn rpm(most: u64) -> Limits {
    Limits {
        rpm_limit: Some(most),
        ..Limits::default()
    }
}

fn tpm(most: u64) -> Limits {
    Limits {
        tpm_limit: Some(most),
        ..Limits::default()
    }
}

fn parallel(most: u64) -> Limits {
    Limits {
        max_parallel_requests: Some(most),
        ..Limits::default()
    }
}

/// A request that comes to no more than that, in money and in tokens.
fn bound(cost: i64) -> Need {
    Need {
        tokens: cost as u64,
        cost: Money(cost),
        is_bound: true,
    }
}

/// A request of which nobody knows what it comes to.
fn unbound(cost: i64) -> Need {
    Need {
        is_bound: false,
        ..bound(cost)
    }
}

fn spent(cost: i64) -> Spent {
    Spent {
        tokens: cost as u64,
        cost: Money(cost),
    }
}
