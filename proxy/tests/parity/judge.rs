//! The verdict on one vector: what was sent, what came back, and what may be nowhere.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::told;
use crate::vector::{Http, Vector};
use running::common::http::{Request as Post, Response as Got};
use running::common::{compare, failure, sent};

/// What happened.
pub struct Seen<'a> {
    /// The answers to `request`, in order; none when the client hung up.
    pub answers: &'a [Got],
    /// The POSTs that arrived because of them.
    pub posts: &'a [Post],
    /// How many of those because of the last.
    pub last_posts: usize,
    /// What nobody may be told.
    pub secrets: &'a [String],
    pub internal: &'a [String],
    pub log: &'a str,
}

pub fn problems(vector: &Vector, http: &Http, seen: &Seen) -> Vec<String> {
    let mut problems = Vec::new();
    let want = &http.response;
    sent::check(&http.sent, seen.posts, &mut problems);
    if let Some(statuses) = &want.statuses {
        let mut counted = BTreeMap::<String, usize>::new();
        for got in seen.answers {
            *counted.entry(got.status.to_string()).or_default() += 1;
        }
        compare::values(
            "statuses",
            statuses,
            &json!(counted),
            compare::SENT,
            &mut problems,
        );
    }
    for (path, (least, most)) in &want.upstream_counts {
        let count = seen.posts.iter().filter(|post| post.path == *path).count();
        if !(*least..=*most).contains(&count) {
            problems.push(format!(
                "upstream_counts of {path}: expected {least} to {most}, got {count}"
            ));
        }
    }
    if let Some(got) = seen.answers.last() {
        told::check(want, got, &mut problems);
        if let Some(last) = &want.last {
            told::status(last.status.as_ref(), got, &mut problems);
            told::headers(&last.headers, got, &mut problems);
            if last
                .upstream_requests
                .is_some_and(|want| want != seen.last_posts)
            {
                problems.push(format!(
                    "last.upstream_requests: expected {:?}, got {}",
                    last.upstream_requests, seen.last_posts
                ));
            }
        }
    }
    for got in seen.answers {
        closed_mouth(got, seen, &mut problems);
    }
    for post in seen.posts {
        credentials(vector, post, seen, &mut problems);
    }
    if let Some(key) = seen
        .secrets
        .iter()
        .find(|key| seen.log.contains(key.as_str()))
    {
        problems.push(format!("leak: the key {key} in the log"));
    }
    problems
}

/// No answer holds a key, an internal address, or the reference's name, whatever the vector.
fn closed_mouth(got: &Got, seen: &Seen, problems: &mut Vec<String>) {
    let headers = got.headers.iter();
    let all = headers.fold(got.text(), |text, (name, value)| {
        format!("{text}\n{name}: {value}")
    });
    failure::leaks(&all, seen.secrets, problems);
    if let Some(host) = seen
        .internal
        .iter()
        .find(|host| all.contains(host.as_str()))
    {
        problems.push(format!("leak: the address {host} in {all:?}"));
    }
    if let Some(name) = got.headers.keys().find(|name| name.contains("api-base")) {
        problems.push(format!("leak: the header {name}"));
    }
}

/// The proxy's own key is not for the upstream; it gets the deployment's, if that has one.
fn credentials(vector: &Vector, post: &Post, seen: &Seen, problems: &mut Vec<String>) {
    let params = vector
        .config
        .as_ref()
        .and_then(|config| config["model_list"].as_array());
    let keys: Vec<String> = params
        .into_iter()
        .flatten()
        .filter_map(|model| model["mishikallm_params"]["api_key"].as_str())
        .map(|key| format!("Bearer {key}"))
        .collect();
    for (name, value) in &post.headers {
        let own = name == "authorization" && keys.contains(value);
        let secret = seen.secrets.iter().any(|key| value.contains(key.as_str()));
        if !own && (secret || name == "authorization" || name.contains("api-key")) {
            problems.push(format!("leak: the header {name}: {value} to the upstream"));
        }
    }
}

/// The keys that the vector's configuration holds.
pub fn secrets(config: Option<&Value>, master_key: &str) -> Vec<String> {
    let models = config.and_then(|config| config["model_list"].as_array());
    let keys = models
        .into_iter()
        .flatten()
        .filter_map(|model| model["mishikallm_params"]["api_key"].as_str());
    keys.map(str::to_string)
        .chain([master_key.to_string()])
        .collect()
}
