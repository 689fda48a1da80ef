//! What arrived at the server, against what had to.

use serde_json::{Map, Value, json};

use super::compare::{SENT, differs, flat, short, values};
use super::http::Request;
use super::read::known_keys;

/// What the requests have to look like.
pub enum Sent {
    /// These, in this order, and no more.
    Exactly(Vec<Value>),
    /// Any; the last one has to include this.
    Free(Option<Value>),
}

impl Sent {
    /// What a vector says of it.
    pub fn read(map: &Map<String, Value>) -> Result<Sent, String> {
        match (
            map.get("sent"),
            map.get("sent_any"),
            map.get("sent_includes"),
        ) {
            (None, Some(Value::Bool(true)), includes) => {
                if let Some(includes) = includes {
                    let includes = includes
                        .as_object()
                        .ok_or("sent_includes must be an object")?;
                    known_keys(
                        "sent_includes",
                        includes,
                        &["path", "inputs", "values", "without"],
                    )?;
                }
                Ok(Sent::Free(includes.cloned()))
            }
            (Some(sent), None, None) => {
                let posts = match sent {
                    Value::Null => Vec::new(),
                    Value::Array(posts) => posts.clone(),
                    post => vec![post.clone()],
                };
                for post in &posts {
                    let post = post.as_object().ok_or("what is sent must be an object")?;
                    known_keys("sent", post, &["method", "path", "headers", "body"])?;
                    for key in ["method", "path", "body"] {
                        post.get(key).ok_or(format!("sent has no {key}"))?;
                    }
                    if post["method"] != "POST" {
                        return Err(format!("sent.method {} is not recorded", post["method"]));
                    }
                }
                Ok(Sent::Exactly(posts))
            }
            _ => Err("needs sent, or sent_any: true with or without sent_includes".to_string()),
        }
    }
}

pub fn check(want: &Sent, posts: &[Request], problems: &mut Vec<String>) {
    match want {
        Sent::Exactly(want) => exactly(want, posts, problems),
        Sent::Free(None) => {}
        Sent::Free(Some(includes)) => match posts.last() {
            Some(last) => included(includes, last, problems),
            None => problems.push("sent: no POST arrived".to_string()),
        },
    }
}

fn exactly(want: &[Value], posts: &[Request], problems: &mut Vec<String>) {
    if want.len() != posts.len() {
        let paths: Vec<&str> = posts.iter().map(|post| post.path.as_str()).collect();
        problems.push(format!(
            "sent: expected {} POST, got {} {paths:?}",
            want.len(),
            posts.len()
        ));
    }
    for (index, (want, got)) in want.iter().zip(posts).enumerate() {
        let at = if posts.len() == 1 {
            "sent".to_string()
        } else {
            format!("sent[{index}]")
        };
        values(
            &format!("{at}.method"),
            &want["method"],
            &json!(got.method),
            SENT,
            problems,
        );
        values(
            &format!("{at}.path"),
            &want["path"],
            &json!(got.path),
            SENT,
            problems,
        );
        for (name, want) in want["headers"].as_object().into_iter().flatten() {
            let got = got.headers.get(&name.to_ascii_lowercase());
            values(
                &format!("{at}.headers.{name}"),
                want,
                &json!(got),
                SENT,
                problems,
            );
        }
        match body(got) {
            Ok(body) => values(&format!("{at}.body"), &want["body"], &body, SENT, problems),
            Err(problem) => problems.push(format!("{at}.{problem}")),
        }
    }
}

fn included(want: &Value, post: &Request, problems: &mut Vec<String>) {
    let body = body(post).unwrap_or_else(|problem| {
        problems.push(format!("sent.{problem}"));
        Value::Null
    });
    if let Some(path) = want.get("path") {
        values("sent.path", path, &json!(post.path), SENT, problems);
    }
    for want in want["inputs"].as_array().into_iter().flatten() {
        input(want, &body, problems);
    }
    for (key, want) in want["values"].as_object().into_iter().flatten() {
        match [&body["parameters"][key], &body[key]]
            .into_iter()
            .find(|value| !value.is_null())
        {
            Some(got) => values(&format!("sent.body.{key}"), want, got, SENT, problems),
            None => problems.push(format!(
                "sent.body.{key}: missing, expected {}",
                short(want)
            )),
        }
    }
    let names = names(&body);
    for without in want["without"].as_array().into_iter().flatten() {
        if names.iter().any(|name| without == name) {
            problems.push(format!("sent.body: {without} must be nowhere"));
        }
    }
}

/// One tensor that has to be there, its data compared flat.
fn input(want: &Value, body: &Value, problems: &mut Vec<String>) {
    let at = format!(
        "sent.body.inputs.{}",
        want["name"].as_str().unwrap_or("(no name)")
    );
    let all = body["inputs"].as_array().map_or(&[][..], Vec::as_slice);
    let named: Vec<&Value> = all
        .iter()
        .filter(|tensor| tensor["name"] == want["name"])
        .collect();
    let [got] = named[..] else {
        return problems.push(format!("{at}: expected once, there {} times", named.len()));
    };
    let flattened = |tensor: &Value| {
        let mut tensor = tensor.clone();
        tensor["data"] = flat(&tensor["data"]);
        tensor
    };
    values(&at, &flattened(want), &flattened(got), SENT, problems);
}

pub fn body(post: &Request) -> Result<Value, String> {
    let text = || Value::from(String::from_utf8_lossy(&post.body).into_owned());
    serde_json::from_slice(&post.body).map_err(|_| differs("body", &json!("JSON"), &text()))
}

/// Every name of a body: the keys of its objects at any depth, and the names of its tensors.
pub fn names(body: &Value) -> Vec<String> {
    fn keys(value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Array(list) => list.iter().for_each(|item| keys(item, into)),
            Value::Object(map) => {
                into.extend(map.keys().cloned());
                map.values().for_each(|item| keys(item, into));
            }
            _ => {}
        }
    }
    let mut names = Vec::new();
    keys(body, &mut names);
    let tensors = body["inputs"].as_array().into_iter().flatten();
    names.extend(
        tensors
            .filter_map(|tensor| tensor["name"].as_str())
            .map(str::to_string),
    );
    names
}
