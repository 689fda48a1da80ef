//! The audit: a line of the log for each call that manages keys, teams and users, also for those that were refused.

use super::log::masked;
use tracing::info;

/// Who did what. Fields that were changed are told by their names; what they were changed to may be anybody's business.
#[derive(Clone, Copy, Debug)]
pub struct Deed<'a> {
    /// Of `x-mishikallm-call-id`.
    pub call: &'a str,
    /// Who asked for it.
    pub by: &'a str,
    /// Its route.
    pub action: &'a str,
    /// Of what: hashes of keys, ids of teams and users.
    pub object: &'a str,
    /// Names of fields.
    pub fields: &'a str,
    /// How it ended, by HTTP.
    pub status: u16,
}

/// Tells it, whatever else the log tells.
pub fn audit(deed: &Deed<'_>) {
    // Ids are a caller's to choose.
    let (by, object) = masked(None, |mask| (mask.line(deed.by), mask.line(deed.object)));
    info!(
        target: "audit",
        call = deed.call,
        by,
        action = deed.action,
        object,
        fields = deed.fields,
        status = deed.status,
        "audit"
    );
}
