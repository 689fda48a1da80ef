//! What stands behind a path's question mark.

use mishikallm::Error;
use percent_encoding::percent_decode_str;

/// The names for a deployment's id: the reference's, and the one that `/health` tells it under.
pub const MODEL_ID: [&str; 2] = ["mishikallm_model_id", "model_id"];

/// The first value of these names; an empty one is none.
pub fn value(query: Option<&str>, names: &[&str]) -> Option<String> {
    let fields = query?.split('&').filter_map(|field| field.split_once('='));
    let mut values = fields.filter(|(key, value)| names.contains(key) && !value.is_empty());
    let value = values.next()?.1.replace('+', " ");
    Some(percent_decode_str(&value).decode_utf8_lossy().into_owned())
}

/// No deployment has this id.
pub fn unknown_id(id: &str) -> Error {
    Error::unknown_model(format!(
        "model_id: expected the id of a deployment, got \"{id}\""
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_may_name_a_model() {
        for (query, name) in [
            ("model=llm", Some("llm")),
            ("x=1&model=a%2Fb%20c", Some("a/b c")),
            ("model=a+b", Some("a b")),
            ("model=", None),
            ("other=1", None),
            ("model_id=x", None),
        ] {
            assert_eq!(value(Some(query), &["model"]).as_deref(), name, "{query}");
        }
        assert_eq!(value(None, &["model"]), None);
        for query in ["model_id=x", "mishikallm_model_id=x"] {
            assert_eq!(value(Some(query), &MODEL_ID).as_deref(), Some("x"));
        }
    }
}
