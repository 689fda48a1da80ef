//! The audit: a line of the log for each call that manages keys, teams and users, also for those that were refused.
//!
//! Who only looks is told among what `--debug` tells: a page that is open asks every few seconds, and what was changed would be lost among
//! that. Who looked and was refused is told as those are that change something.

use super::log::{self, masked};
use super::record::HUNG_UP;
use tracing::{debug, info};

/// Who did what. Fields that were changed are told by their names; what they were changed to may be anybody's business.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// Of `x-mishikallm-call-id`.
    pub call: &'a str,
    /// Who asked for it.
    pub by: &'a str,
    /// Its route.
    pub action: &'a str,
    /// It is one that changes something.
    pub changes: bool,
    /// Of what: hashes of keys, ids of teams and users.
    pub object: &'a str,
    /// Names of fields.
    pub fields: &'a str,
    /// How it ended, by HTTP.
    pub status: u16,
}

/// The line, at one of two levels.
macro_rules! line {
    ($level:ident, $deed:expr, $by:expr, $object:expr) => {
        $level!(
            target: "audit",
            call = $deed.call,
            by = $by,
            action = $deed.action,
            object = $object,
            fields = $deed.fields,
            status = $deed.status,
            "audit"
        )
    };
}

/// Tells it.
pub fn audit(deed: &Deed<'_>) {
    let is_refused = deed.status >= 400 && deed.status != HUNG_UP;
    let is_quiet = !deed.changes && !is_refused;
    if is_quiet && !log::tells_requests() {
        return;
    }
    // Ids are a caller's to choose.
    let (by, object) = masked(None, |mask| (mask.line(deed.by), mask.line(deed.object)));
    match is_quiet {
        true => line!(debug, deed, by, object),
        false => line!(info, deed, by, object),
    }
}
