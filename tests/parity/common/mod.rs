//! What the parity tests of the library and of the proxy share: the fake server, the comparison, how vectors are read.

// Each of the two uses a part of it.
#![allow(dead_code)]

pub mod compare;
pub mod failure;
pub mod http;
pub mod placeholders;
pub mod read;
pub mod reply;
pub mod sent;
pub mod server;
