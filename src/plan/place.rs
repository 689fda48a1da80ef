//! Where a call of a listed model is: at which deployment, and where it may go when that one fails.

use super::fleet::{Group, Seat};
use crate::json::Fields;

/// The place of one call.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) group: Group,
    /// The deployment that the call is made for.
    pub(super) at: usize,
    /// Held while it is asked.
    pub(super) seat: Option<Seat>,
    /// Those that failed in this call.
    pub(super) failed: Vec<usize>,
    /// The request as it came, where there is anywhere else to go.
    pub(super) request: Option<Fields>,
    /// The configuration's fallbacks are among the call's already.
    pub(super) has_fallen: bool,
    /// It is only to be seen how the deployment is: no seat is taken, and nothing else is asked.
    pub(super) is_check: bool,
}

/// Where a call went, for whoever reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Journey<'a> {
    /// The model as the request named it, if the list knows it.
    pub group: Option<&'a str>,
    /// The id of the deployment that was asked last; `None`: none was, as where all rest.
    pub deployment: Option<&'a str>,
    /// Its place in the list.
    pub at: Option<usize>,
    /// Tries after the first one.
    pub retries: u32,
    /// How often another model was asked instead.
    pub fallbacks: u32,
}
