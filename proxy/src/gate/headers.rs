//! What is left of a key's limits, in the headers that OpenAI's API has for it.

use crate::quota::{Rate, Standing};
use http::{HeaderMap, HeaderName, HeaderValue};

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
        if let Ok(after) = HeaderValue::from_str(&after(reset.as_millis() as u64)) {
            headers.insert(names.2, after);
        }
    }
}

/// As OpenAI writes durations: `1m30s`, `6.5s`, `20ms`.
fn after(milliseconds: u64) -> String {
    let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
    let (seconds, part) = (rest / 1_000, rest % 1_000);
    // Without `write!`: each answer to a key with a limit has it, twice.
    let mut text = String::with_capacity(16);
    if minutes == 0 && seconds == 0 {
        text.push_str(&part.to_string());
        text.push_str("ms");
        return text;
    }
    if minutes > 0 {
        text.push_str(&minutes.to_string());
        text.push('m');
    }
    text.push_str(&seconds.to_string());
    let mut rest = part;
    if rest > 0 {
        text.push('.');
    }
    while rest > 0 {
        text.push(char::from(b'0' + (rest / 100) as u8));
        rest = rest % 100 * 10;
    }
    text.push('s');
    text
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
