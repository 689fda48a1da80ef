//! When to try again.

use crate::error::Error;
use crate::limits;
use std::time::Duration;

/// The first pause, before chance spreads it.
const FIRST: Duration = Duration::from_millis(500);

/// Pauses grow up to this.
const LONGEST: Duration = Duration::from_secs(8);

/// The pause before try number `tried` + 1, or `None` when the error is final.
///
/// `chance` is in 0..1. What the server asks for with `Retry-After` is the least; without it the pause doubles each
/// time and is spread over its upper half, so that callers who failed together do not come back together.
pub fn pause(error: &Error, tried: u32, most: u32, chance: f64) -> Option<Duration> {
    if tried >= most || !error.is_retryable() {
        return None;
    }
    let full = FIRST.saturating_mul(1 << tried.min(10)).min(LONGEST);
    let spread = full.mul_f64(0.5 + 0.5 * chance.clamp(0.0, 1.0));
    match error.retry_after() {
        Some(after) if after > limits::RETRY_WAIT => None,
        Some(after) => Some(after.max(spread)),
        None => Some(spread),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_are_spread() {
        let e = Error::server(503, "x");
        assert_eq!(pause(&e, 0, 3, 0.0), Some(Duration::from_millis(250)));
        assert_eq!(pause(&e, 1, 3, 1.0), Some(Duration::from_secs(1)));
        assert_eq!(pause(&e, 30, 32, 1.0), Some(LONGEST));
        assert_eq!(pause(&e, 3, 3, 0.5), None);
    }

    #[test]
    fn retry_after_is_honoured_within_reason() {
        let e = |s| Error::server(429, "x").with_retry_after(Some(Duration::from_secs(s)));
        assert_eq!(pause(&e(1), 0, 1, 0.0), Some(Duration::from_secs(1)));
        assert_eq!(pause(&e(3600), 0, 1, 0.0), None);
    }

    #[test]
    fn what_will_not_change_is_not_tried_again() {
        assert_eq!(pause(&Error::server(400, "x"), 0, 5, 0.0), None);
        assert_eq!(pause(&Error::deadline("x"), 0, 5, 0.0), None);
        assert_eq!(pause(&Error::argument("a", "x"), 0, 5, 0.0), None);
        assert!(pause(&Error::connect("x"), 0, 5, 0.0).is_some());
    }
}
