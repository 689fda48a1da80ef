//! Limits of keys, teams and users: they hold under concurrency, and across replicas.
//!
//! ```text
//! reserve(accounts, need) ─► Account: Ledger ── has enough ──────────────────────────► Reservation ─► settle, or drop
//!                              │ (pure)                                                     ▲
//!                              ├─ has too little ─► Bank: borrows a portion, in one transaction
//!                              ├─ others have reserved it ─► waits for them, first come first served
//!                              └─ it is used up ─► Refusal
//! ```
//!
//! A replica **borrows** portions of a limit from the database (`quotas.held` and, so that what a dead one holds is found, `holds`), and
//! spends them without asking for each request. A portion is a sixteenth of what is left at most, and never less than what is needed: near
//! the limit it is exactly that, however many replicas there are. What lies idle is given back after a moment.
//!
//! # Money, and who counts it
//!
//! What a request cost is brought into `quotas.used` by the journal (`spend`), not from here. For each scope and batch of rows, in one
//! transaction:
//!
//! ```text
//! quotas.used += cost;  n = min(cost, holds.amount of this replica);  quotas.held -= n;  holds.amount -= n
//! ```
//!
//! and after the commit it says so: [`Accounts::applied`]. With `lent` = borrowed − given back − settled, and `unapplied` = settled and
//! not in the database yet, there holds at any time
//!
//! ```text
//! holds.amount = lent + unapplied,   left in the database = max_budget − used − held,   free here = lent − reserved
//! ```
//!
//! so what is free here is covered by what is held there, whenever the journal comes. Two things follow for those who call: what is settled
//! is journaled afterwards, with the same cost and by the same replica, and of an account with limits nothing else is. Only a request whose cost nobody could know goes over; then
//! `lent` is negative, a debt, until the journal has brought it in.
//!
//! Whoever locks several rows of `quotas` in a transaction does so in the order of (scope, kind), and rows of `holds` after their own.
//!
//! # The kinds
//!
//! - `budget`: money in a period, or for ever. Periods begin at the record's `created_at`; whoever first borrows in a new one starts it
//!   (`used` = 0). Where `resets_at` is past, nothing was used in the new period yet.
//! - `rpm`, `tpm`: in windows of a minute by the wall clock; `period` is its beginning. A portion counts as used when it is borrowed.
//! - `parallel`: a permit is held as long as its request is under way; `used` stays 0.
//!
//! # With Redis
//!
//! Where the configuration names one, `rpm`, `tpm` and `parallel` are borrowed there (`counter`), by the same deals, and money from the
//! database as ever. Each of both may be away or void without the other.
//!
//! # While the database is away
//!
//! Known keys go on. Of a budget each replica believes in what was left when it last heard of it, less what it spent since; minutes and
//! requests at once count here alone. When the database is back, what was used meanwhile is a debt that the next portion pays first.

mod account;
mod accounts;
mod bank;
mod counter;
mod desk;
mod keep;
mod lease;
mod ledger;
mod lenders;
mod refusal;
mod replica;
mod reserve;
mod watch;
mod window;

#[cfg(test)]
mod tests;

pub use account::Account;
pub use accounts::Accounts;
pub use counter::Counter;
pub use desk::Desk;
pub use keep::keep;
pub use ledger::{Rate, Standing};
pub use lenders::Lenders;
pub use refusal::Refusal;
pub use replica::Replica;
pub use reserve::{Reservation, reserve};

use crate::keys::Money;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Money.
    Budget,
    /// Requests at once.
    Parallel,
    /// Requests in a minute.
    Rpm,
    /// Tokens in a minute.
    Tpm,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Budget, Kind::Parallel, Kind::Rpm, Kind::Tpm];

    /// As the database has it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Budget => "budget",
            Kind::Parallel => "parallel",
            Kind::Rpm => "rpm",
            Kind::Tpm => "tpm",
        }
    }

    /// What is borrowed of it is held until it is given back, or spent; else it is used when it is borrowed.
    pub fn is_held(self) -> bool {
        matches!(self, Kind::Budget | Kind::Parallel)
    }
}

/// What a request may come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Tokens of prompt and answer.
    pub tokens: u64,
    /// What they cost.
    pub cost: Money,
    /// It cannot become more than that: how long the answer may be is known.
    pub is_bound: bool,
}

/// What a request came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Tokens of prompt and answer.
    pub tokens: u64,
    /// What they cost, to the journal as well.
    pub cost: Money,
}
