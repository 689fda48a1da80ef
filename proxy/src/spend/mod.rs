//! What calls cost, and that nothing of it is lost: from a deployment's prices over a file of the process into the database.
//!
//! ```text
//! Prices ─► Row ─► Journal (a file: one write a row) ─► database: rows, and sums of keys, teams, users
//! ```
//!
//! What is in the file counts, whatever becomes of the process. Each part of it comes into the database once: in one transaction with how
//! far the file is in there.

mod apply;
mod batch;
mod file;
mod flush;
mod insert;
mod journal;
mod part;
pub mod price;
pub mod report;
mod retention;
pub mod row;

pub use flush::{Flusher, Policy};
pub use journal::Journal;
pub use price::Prices;
pub use row::Row;

#[cfg(test)]
mod tests;
