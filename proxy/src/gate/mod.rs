//! Who calls, and what they may: a request with a virtual key.

pub mod models;
pub mod routes;
