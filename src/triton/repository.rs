//! The model repository extension: which models are ready.
//!
//! Source: Triton's "Model Repository Extension", `POST /v2/repository/index`.

use super::Request;
use super::endpoint::Route;
use super::reply::Reply;
use crate::error::{Error, Result};
use crate::openai::response::ModelEntry;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The request for the list.
pub fn request(route: &Route) -> Result<Request> {
    Ok(Request::post(
        route.server_url("/v2/repository/index")?,
        b"{}".to_vec(),
    ))
}

/// Reads the list: models with at least one version that is ready, by name.
pub fn decode(reply: &Reply) -> Result<Vec<ModelEntry>> {
    #[derive(Deserialize)]
    struct Entry {
        name: String,
        #[serde(default)]
        version: Option<String>,
        #[serde(default)]
        state: Option<String>,
    }
    let entries: Vec<Entry> = serde_json::from_slice(reply.ok()?)
        .map_err(|_| Error::protocol("the server's list of models is not what Triton sends"))?;
    let mut models: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in entries {
        if entry.state.as_deref() == Some("READY") {
            models
                .entry(entry.name)
                .or_default()
                .extend(entry.version.filter(|v| !v.is_empty()));
        }
    }
    Ok(models
        .into_iter()
        .map(|(name, versions)| ModelEntry {
            id: format!("triton/{name}"),
            object: "model",
            created: 0,
            owned_by: "triton",
            versions,
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_ready_is_listed() {
        let reply = Reply {
            status: 200,
            body: br#"[{"name":"b","version":"1","state":"READY"},{"name":"b","version":"2","state":"READY"},
                {"name":"a","version":"1","state":"READY"},{"name":"c"},{"name":"d","state":"UNAVAILABLE","reason":"x"}]"#
                .to_vec(),
            ..Default::default()
        };
        let models = decode(&reply).unwrap();
        let ids: Vec<_> = models
            .iter()
            .map(|m| (m.id.as_str(), m.versions.len()))
            .collect();
        assert_eq!(ids, [("triton/a", 1), ("triton/b", 2)]);
    }
}
