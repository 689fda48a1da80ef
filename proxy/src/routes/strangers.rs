//! What a request may not set: where requests go, with which headers and keys, and which files are read. That is the
//! configuration's; a stranger who could set it would reach what the proxy reaches.

use mishikallm::json::Fields;
use mishikallm::{Error, Result};
use serde_json::Value;

/// Open to requests by `general_settings.allow_client_side_credentials`.
const CREDENTIALS: [&str; 5] = [
    "api_base",
    "base_url",
    "api_key",
    "extra_headers",
    "headers",
];

/// The configuration's alone.
const NEVER: [&str; 5] = [
    "chat_template",
    "tokenizer",
    "connect_timeout",
    "first_byte_timeout",
    "idle_timeout",
];

/// Of the object `triton`, likewise: they change the path that the configuration's URL says. The rest of it only says what goes to the
/// same model.
const NEVER_OF_TRITON: [&str; 2] = ["endpoint", "version"];

/// Finds the first field that a request may not have, in itself or in one of its fallbacks.
pub fn check(fields: &Fields, may_have_credentials: bool) -> Result<()> {
    check_in("", may_have_credentials, |key| fields.get(key).is_some())?;
    check_triton("triton", fields.get("triton"))?;
    let Some(Value::Array(fallbacks)) = fields.get("fallbacks") else {
        return Ok(());
    };
    for (i, fallback) in fallbacks.iter().enumerate() {
        check_in(&format!("fallbacks[{i}]."), may_have_credentials, |key| {
            fallback.get(key).is_some_and(|value| !value.is_null())
        })?;
        check_triton(&format!("fallbacks[{i}].triton"), fallback.get("triton"))?;
    }
    Ok(())
}

fn check_triton(name: &str, triton: Option<&Value>) -> Result<()> {
    let is_set = |key: &&str| {
        triton
            .and_then(|t| t.get(*key))
            .is_some_and(|v| !v.is_null())
    };
    match NEVER_OF_TRITON.into_iter().find(is_set) {
        None => Ok(()),
        Some(key) => {
            let name = format!("{name}.{key}");
            let why =
                "a request to the proxy may not set it; the configuration's mishikallm_params may";
            Err(Error::argument(&name, format!("{name}: {why}")))
        }
    }
}

fn check_in(place: &str, may_have_credentials: bool, has: impl Fn(&str) -> bool) -> Result<()> {
    let wrong = |key: &str, why: &str| {
        let name = [place, key].concat();
        Err(Error::argument(&name, format!("{name}: {why}")))
    };
    if let Some(key) = NEVER.into_iter().find(|key| has(key)) {
        return wrong(
            key,
            "a request to the proxy may not set it; the configuration's mishikallm_params may",
        );
    }
    match CREDENTIALS.into_iter().find(|key| has(key)) {
        Some(key) if !may_have_credentials => wrong(
            key,
            "a request to the proxy may not set it, unless general_settings.allow_client_side_credentials is true",
        ),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mishikallm::json;

    fn refused(text: &str, may: bool) -> Option<String> {
        let fields = json::object("body", text).unwrap();
        let error = check(&fields, may).err()?;
        assert_eq!(error.http_status(), 400);
        error.param().map(str::to_owned)
    }

    #[test]
    fn where_requests_go_is_not_the_callers_to_say() {
        for key in CREDENTIALS.iter().chain(&NEVER) {
            let text = format!(r#"{{"model":"m","{key}":"x"}}"#);
            assert_eq!(refused(&text, false).as_deref(), Some(*key));
        }
        let text = r#"{"fallbacks":["a",{"model":"b","api_base":"http://x"}]}"#;
        assert_eq!(
            refused(text, false).as_deref(),
            Some("fallbacks[1].api_base")
        );
    }

    #[test]
    fn credentials_are_where_the_configuration_says_so() {
        assert_eq!(
            refused(r#"{"api_base":"http://x","api_key":"k"}"#, true),
            None
        );
        let text = r#"{"chat_template":"/etc/passwd"}"#;
        assert_eq!(refused(text, true).as_deref(), Some("chat_template"));
    }

    #[test]
    fn the_path_on_the_server_is_the_configurations() {
        for (text, at) in [
            (r#"{"triton":{"endpoint":"infer"}}"#, "triton.endpoint"),
            (r#"{"triton":{"version":"2"}}"#, "triton.version"),
            (
                r#"{"fallbacks":[{"triton":{"version":"2"}}]}"#,
                "fallbacks[0].triton.version",
            ),
        ] {
            assert_eq!(refused(text, true).as_deref(), Some(at));
        }
        assert_eq!(refused(r#"{"triton":{"input":"text"}}"#, false), None);
    }

    #[test]
    fn null_is_as_good_as_absent() {
        assert_eq!(
            refused(r#"{"api_base":null,"fallbacks":[{"api_key":null}]}"#, false),
            None
        );
    }
}
