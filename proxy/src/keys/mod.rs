//! Virtual keys: what they are, apart from where they are kept. Pure: time is an argument.

pub mod duration;
pub mod money;
pub mod record;
pub mod scope;
pub mod time;
pub mod token;

pub use duration::Every;
pub use money::Money;
pub use record::{Key, Limits, Member, Team, User};
pub use scope::Scope;
pub use time::Time;
pub use token::Token;
