//! Clients that send nonsense, half of something, too much, or nothing: each gets an answer or a closed connection, and the next good
//! request is answered. No answer says a key or where the upstream is.

mod bytes;
mod json;
mod slow;
mod stage;
mod verbs;
