//! From a request to its answer: which model, which asks in which order, what is tried again and when.
//!
//! Pure: time and chance come in as arguments, bytes as replies. The blocking client and any other driver own a short
//! loop around [`call::Call`].

pub mod ahead;
mod asking;
pub mod call;
mod choices;
pub mod credentials;
pub mod fallback;
pub mod fleet;
pub mod known;
mod length;
mod place;
mod prompt;
pub mod resources;
pub mod retry;
pub mod span;
mod speaking;
pub mod trace;
mod voice;
mod work;
