//! Vectors that are not understood are refused.

use serde_json::{Value, json};

use super::*;

#[track_caller]
fn not_understood(text: &str, change: fn(&mut Value)) {
    let mut vector = chat();
    change(&mut vector);
    let why = Vector::read(&vector).err().expect("it must be refused");
    assert!(why.contains(text), "{text:?} is not in {why:?}");
}

#[test]
fn vectors_that_are_not_understood_are_refused() {
    not_understood("unknown key mood", |v| v["mood"] = json!(1));
    not_understood("unknown kind", |v| v["kind"] = json!("maybe"));
    not_understood("unknown operation", |v| v["operation"] = json!("images"));
    not_understood("unknown key trailers", |v| {
        v["sent"]["trailers"] = json!({})
    });
    not_understood("unknown key sleep", |v| v["upstream"]["sleep"] = json!(1));
    not_understood("unknown form", |v| v["upstream"] = json!("gone"));
    not_understood("unknown frame", |v| {
        v["upstream"] = json!({"status": 200, "frames": [{"explode": true}]})
    });
    not_understood("body or a list of frames", |v| {
        v["upstream"] = json!({"status": 200})
    });
    not_understood("unknown key labels", |v| {
        v["lookups"] = json!({"llm": {"labels": {}}})
    });
    not_understood("placeholder <secret>", |v| {
        v["request"]["user"] = json!("<secret>")
    });
    not_understood("placeholder http://<proxy>", |v| {
        v["request"]["api_base"] = json!("http://<proxy>/x")
    });
    not_understood("placeholder <float>", |v| {
        v["returned"]["usage"] = json!("<float>")
    });
    not_understood("unknown key retries", |v| {
        v["error"] = json!({"retries": 1})
    });
    not_understood("not both", |v| v["error"] = json!({"status": 400}));
    not_understood("text without stream", |v| v["text"] = json!("x"));
    not_understood("unknown key order", |v| {
        v.as_object_mut().expect("an object").remove("sent");
        v["sent_any"] = json!(true);
        v["sent_includes"] = json!({"order": []});
    });
    not_understood("needs sent", |v| {
        drop(v.as_object_mut().map(|map| map.remove("sent")))
    });
}
