//! A configuration as `config.yaml` would have it: in blocks, with strings in quotes.

use serde_json::Value;

pub fn write(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

fn block(value: &Value, depth: usize, into: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, item) in map {
                *into += &format!("{indent}{key}:");
                below(item, depth, into);
            }
        }
        Value::Array(list) => {
            for item in list {
                *into += &format!("{indent}-");
                below(item, depth, into);
            }
        }
        scalar => *into += &format!("{indent}{scalar}\n"),
    }
}

/// What follows a key or a dash.
fn below(item: &Value, depth: usize, into: &mut String) {
    match item {
        Value::Object(map) if !map.is_empty() => {
            *into += "\n";
            block(item, depth + 1, into);
        }
        Value::Array(list) if !list.is_empty() => {
            *into += "\n";
            block(item, depth + 1, into);
        }
        // JSON's scalars, and its empty lists and maps, are YAML's.
        other => *into += &format!(" {other}\n"),
    }
}
