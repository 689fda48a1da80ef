//! What a test puts into a `config.yaml`.

use serde_json::{Value, json};

/// An object with more in it, which beats what was there.
pub fn with(mut object: Value, more: &Value) -> Value {
    let all = object.as_object_mut().expect("an object");
    all.extend(more.as_object().expect("an object").clone());
    object
}

/// A deployment at `base`, as one of the `model_list`.
pub fn entry(name: &str, model: &str, base: &str) -> Value {
    json!({"model_name": name, "mishikallm_params": {"model": model, "api_base": base}})
}

/// The body of a chat with `m`; `more` beats what is there.
pub fn chat(more: &Value) -> Value {
    with(
        json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]}),
        more,
    )
}
