//! What calls cost, and that nothing of it is lost: from a deployment's prices over a file of the process into the database.
//!
//! ```text
//! Prices ─► Row ─► Journal (a file: one write a row) ─► database: rows, and sums of keys, teams, users
//! ```
//!
//! What is in the file counts, whatever becomes of the process. Each part of it comes into the database once: in one transaction with how
//! far the file is in there.

pub mod price;
pub mod report;
pub mod row;

pub use price::Prices;
pub use row::Row;
