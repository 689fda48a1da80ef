//! What is left of a key's limits, in the headers that OpenAI's API has for it.

use crate::quota::{Rate, Standing};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::{self, Write};

const LIMIT_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
const REMAINING_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
const RESET_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");
const LIMIT_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-limit-tokens");
const REMAINING_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-tokens");
const RESET_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-reset-tokens");

/// Tells it: of whichever account has the least left. Nothing of limits that are not there.
pub fn tell(headers: &mut HeaderMap, standing: &Standing) {
    let requests = (LIMIT_REQUESTS, REMAINING_REQUESTS, RESET_REQUESTS);
    let tokens = (LIMIT_TOKENS, REMAINING_TOKENS, RESET_TOKENS);
    for (names, rate) in [(requests, &standing.requests), (tokens, &standing.tokens)] {
        let Some(Rate {
            limit,
            remaining,
            reset,
        }) = rate
        else {
            continue;
        };
        headers.insert(names.0, (*limit).into());
        headers.insert(names.1, (*remaining).into());
        if let Ok(after) = HeaderValue::from_str(&after(reset.as_millis())) {
            headers.insert(names.2, after);
        }
    }
}

/// As OpenAI writes durations: `1m30s`, `6.5s`, `20ms`.
fn after(milliseconds: u128) -> String {
    let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
    let (seconds, part) = (rest / 1_000, rest % 1_000);
    // In one piece: each answer to a key with a limit has it.
    let mut text = String::with_capacity(16);
    let _ = match (minutes, seconds, part) {
        (0, 0, part) => write!(text, "{part}ms"),
        (0, seconds, 0) => write!(text, "{seconds}s"),
        (0, seconds, part) => write!(text, "{seconds}.{}s", Thousandths(part)),
        (minutes, seconds, 0) => write!(text, "{minutes}m{seconds}s"),
        (minutes, seconds, part) => write!(text, "{minutes}m{seconds}.{}s", Thousandths(part)),
    };
    text
}

/// Behind a point, without zeros at the end.
struct Thousandths(u128);

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            part if part % 100 == 0 => write!(f, "{}", part / 100),
            part if part % 10 == 0 => write!(f, "{:02}", part / 10),
            part => write!(f, "{part:03}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_openai_does() {
        for (milliseconds, text) in [
            (0, "0ms"),
            (20, "20ms"),
            (1_000, "1s"),
            (6_500, "6.5s"),
            (6_050, "6.05s"),
            (10_543, "10.543s"),
            (60_000, "1m0s"),
            (90_000, "1m30s"),
            (90_250, "1m30.25s"),
        ] {
            assert_eq!(after(milliseconds), text);
        }
    }
}
