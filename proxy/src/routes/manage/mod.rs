//! Keys, users, teams, and what they spent: the reference's routes for those who manage the proxy.

mod fields;
mod models;
mod query;
mod shown;
pub mod table;
