//! What the server says of itself, and of all its models.
//!
//! Sources: KServe v2 "Server Metadata" and "Health", and Triton's "Model Repository Extension".

use super::json_of;
use crate::error::{Error, Result};
use crate::triton::Request;
use crate::triton::endpoint::Route;
use crate::triton::reply::Reply;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The questions, in the order of the answers that [`answer`] wants: what it is, whether it lives, whether it is ready.
pub fn requests(route: &Route) -> Result<Vec<Request>> {
    ["/v2", "/v2/health/live", "/v2/health/ready"]
        .into_iter()
        .map(|path| Ok(Request::get(route.server_url(path)?)))
        .collect()
}

/// `{"name","version","extensions"}` as the server says it, with `live` and `ready` beside.
pub fn answer(replies: &[Reply]) -> Result<String> {
    let first = replies
        .first()
        .ok_or_else(|| Error::protocol("the server gave no answer"))?;
    let mut metadata: Map<String, Value> = serde_json::from_str(json_of(first)?)
        .map_err(|_| Error::protocol("the server's metadata is not what Triton sends"))?;
    let says_yes = |i: usize| Value::Bool(replies.get(i).is_some_and(|r| r.status == 200));
    metadata.insert("live".to_owned(), says_yes(1));
    metadata.insert("ready".to_owned(), says_yes(2));
    Ok(Value::Object(metadata).to_string())
}

#[derive(Deserialize)]
struct WireEntry {
    name: String,
    #[serde(default)]
    version: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    reason: Option<String>,
}

/// One version of a model, in the server's words.
#[derive(Serialize)]
struct State {
    version: String,
    state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// One model: OpenAI's entry, and how it is.
#[derive(Serialize)]
struct Entry {
    id: String,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
    versions: Vec<String>,
    ready: bool,
    states: Vec<State>,
}

/// All models of the repository, ready or not, in OpenAI's list; `versions` are those that are ready.
pub fn models(reply: &Reply) -> Result<String> {
    let entries: Vec<WireEntry> = serde_json::from_slice(reply.ok()?)
        .map_err(|_| Error::protocol("the server's list of models is not what Triton sends"))?;
    let mut models: BTreeMap<String, Vec<State>> = BTreeMap::new();
    for entry in entries {
        let states = models.entry(entry.name).or_default();
        // A model that was never loaded has no state.
        if let Some(state) = entry.state.filter(|s| !s.is_empty()) {
            states.push(State {
                version: entry.version.unwrap_or_default(),
                state,
                reason: entry.reason.filter(|r| !r.is_empty()),
            });
        }
    }
    let data: Vec<Entry> = models
        .into_iter()
        .map(|(name, states)| {
            let ready = || states.iter().filter(|s| s.state == "READY");
            Entry {
                id: format!("triton/{name}"),
                object: "model",
                created: 0,
                owned_by: "triton",
                versions: ready()
                    .map(|s| s.version.clone())
                    .filter(|v| !v.is_empty())
                    .collect(),
                ready: ready().next().is_some(),
                states,
            }
        })
        .collect();
    #[derive(Serialize)]
    struct List {
        object: &'static str,
        data: Vec<Entry>,
    }
    let list = List {
        object: "list",
        data,
    };
    serde_json::to_string(&list).map_err(|_| Error::protocol("the list of models cannot be told"))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{ask, done, reply, route, sent};
    use crate::operation::Operation;
    use serde_json::json;

    #[test]
    fn a_server_tells_what_it_is_and_how() {
        let route = route("http://h/v2");
        let mut server = ask(Operation::Server, "{}").unwrap();
        assert_eq!(sent(server.start(&route)).url, "http://h/v2");
        let metadata = r#"{"name":"triton","version":"2.51.0","extensions":["statistics"]}"#;
        assert_eq!(
            sent(server.replied(&route, reply(200, metadata))).url,
            "http://h/v2/health/live"
        );
        assert_eq!(
            sent(server.replied(&route, reply(200, ""))).url,
            "http://h/v2/health/ready"
        );
        assert_eq!(
            done(server.replied(&route, reply(400, ""))),
            json!({"name":"triton","version":"2.51.0","extensions":["statistics"],"live":true,"ready":false})
        );
    }

    #[test]
    fn what_is_no_server_is_told() {
        let route = route("http://h");
        for bad in ["[]", "<html>", "7"] {
            let mut server = ask(Operation::Server, "{}").unwrap();
            sent(server.start(&route));
            sent(server.replied(&route, reply(200, bad)));
            sent(server.replied(&route, reply(200, "")));
            let e = server.replied(&route, reply(200, "")).unwrap_err();
            assert_eq!(e.http_status(), 502, "{bad}");
        }
    }

    #[test]
    fn all_models_are_listed_with_their_states() {
        let mut all = ask(Operation::Models, r#"{"all":true}"#).unwrap();
        sent(all.start(&route("http://h")));
        let index = r#"[{"name":"b","version":"1","state":"READY","reason":""},
            {"name":"b","version":"2","state":"UNAVAILABLE","reason":"broken"},{"name":"a"}]"#;
        let list = done(all.replied(&route("http://h"), reply(200, index)));
        assert_eq!(
            list["data"],
            json!([
                {"id":"triton/a","object":"model","created":0,"owned_by":"triton","versions":[],"ready":false,"states":[]},
                {"id":"triton/b","object":"model","created":0,"owned_by":"triton","versions":["1"],"ready":true,"states":[
                    {"version":"1","state":"READY"},
                    {"version":"2","state":"UNAVAILABLE","reason":"broken"}]}
            ])
        );
    }
}
