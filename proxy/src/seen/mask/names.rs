//! Which names say what.

/// Texts that are words of the protocol.
const SHOWN: [&str; 26] = [
    "backend",
    "code",
    "data_type",
    "datatype",
    "encoding_format",
    "finish_reason",
    "format",
    "id",
    "kind",
    "model",
    "model_name",
    "model_version",
    "object",
    "param",
    "platform",
    "reasoning_effort",
    "role",
    "service_tier",
    "state",
    "status",
    "system_fingerprint",
    "tool_call_id",
    "tool_choice",
    "type",
    "version",
    "versions",
];

/// Lists of numbers, or of words, that say nothing of a text.
const LISTS: [&str; 4] = ["dims", "modalities", "shape", "versions"];

/// Objects, and lists of objects, whose fields are looked at one by one; so is the whole, which has no name.
const OPEN: [&str; 25] = [
    "choices",
    "completion_tokens_details",
    "content",
    "data",
    "delta",
    "error",
    "function",
    "functions",
    "image_url",
    "input",
    "input_audio",
    "inputs",
    "logprobs",
    "message",
    "messages",
    "output",
    "outputs",
    "parameters",
    "prompt_tokens_details",
    "response_format",
    "stream_options",
    "tool_calls",
    "tool_choice",
    "tools",
    "usage",
];

/// Headers that hold no key, and none of the client's words.
const HEADERS: [&str; 16] = [
    "accept",
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "date",
    "expect",
    "host",
    "inference-header-content-length",
    "traceparent",
    "transfer-encoding",
    "user-agent",
    "x-mishikallm-num-retries",
    "x-mishikallm-stream-timeout",
    "x-mishikallm-timeout",
];

/// What a name of these letters holds is a secret.
const SECRETS: [&str; 13] = [
    "accesskey",
    "apikey",
    "authorization",
    "bearer",
    "clientkey",
    "cookie",
    "credential",
    "masterkey",
    "passphrase",
    "passwd",
    "password",
    "privatekey",
    "secret",
];

pub(super) fn is_shown(name: &str) -> bool {
    SHOWN.binary_search(&name).is_ok()
}

pub(super) fn is_list_shown(name: &str) -> bool {
    LISTS.binary_search(&name).is_ok()
}

pub(super) fn is_open(parent: &str, name: &str) -> bool {
    // A tensor's data are no objects, and what is in them has no names.
    let is_data = name == "data" && !parent.is_empty();
    !is_data && (name.is_empty() || OPEN.binary_search(&name).is_ok())
}

/// `name` in these is a tensor's, a function's or a model's; in a message it is a person's.
pub(super) fn names_a_part(parent: &str) -> bool {
    matches!(
        parent,
        "" | "inputs" | "outputs" | "input" | "output" | "function" | "functions"
    )
}

pub(super) fn is_harmless_header(name: &str) -> bool {
    !is_secret(name) && (HEADERS.contains(&name) || name.starts_with("x-stainless-"))
}

/// Whatever stands there is not shown, also where prompts are.
pub(super) fn is_secret(name: &str) -> bool {
    let letters: String = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    letters == "key"
        || letters == "auth"
        || letters.ends_with("token")
        || SECRETS.iter().any(|secret| letters.contains(secret))
}

/// A name, as those of models, types and fields are.
pub(super) fn is_word(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-.:/@+*".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        assert!(SHOWN.is_sorted() && LISTS.is_sorted() && OPEN.is_sorted());
    }

    #[test]
    fn a_secret_is_known_by_its_name() {
        for name in [
            "api_key",
            "apiKey",
            "API-KEY",
            "Authorization",
            "Proxy-Authorization",
            "x-api-key",
            "aws_secret_access_key",
            "token",
            "access_token",
            "Set-Cookie",
            "key",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "max_tokens",
            "keys_of",
            "model",
            "tokenizer",
            "content-length",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
