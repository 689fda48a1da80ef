//! Whether a server, and a model, are ready.
//!
//! Source: KServe v2 "Health": the status is the answer, the body is empty.

use super::Request;
use super::endpoint::Route;
use super::reply::Reply;
use crate::error::Result;
use serde::Serialize;

/// The questions, in the order of the answers that [`report`] wants: the server, and the model where one is named.
pub fn requests(route: &Route, model: Option<&str>) -> Result<Vec<Request>> {
    let mut requests = vec![Request::get(route.server_url("/v2/health/ready")?)];
    if model.is_some() {
        requests.push(Request::get(route.ready_url()?));
    }
    Ok(requests)
}

/// `{"status","ready","model"?,"model_ready"?}`; `status` is `healthy` when all that was asked about is ready.
pub fn report(replies: &[Reply], model: Option<&str>) -> String {
    #[derive(Serialize)]
    struct Report<'a> {
        object: &'static str,
        status: &'static str,
        ready: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        model: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        model_ready: Option<bool>,
    }
    let is_ready = |i: usize| replies.get(i).is_some_and(|r| r.status == 200);
    let ready = is_ready(0);
    let model_ready = model.map(|_| is_ready(1));
    let report = Report {
        object: "health",
        status: if ready && model_ready != Some(false) {
            "healthy"
        } else {
            "unhealthy"
        },
        ready,
        model,
        model_ready,
    };
    serde_json::to_string(&report).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16) -> Reply {
        Reply {
            status,
            ..Default::default()
        }
    }

    #[test]
    fn healthy_is_when_all_that_was_asked_about_is_ready() {
        assert!(report(&[reply(200)], None).contains(r#""status":"healthy""#));
        assert!(report(&[reply(200), reply(400)], Some("m")).contains(r#""status":"unhealthy""#));
        assert!(report(&[reply(503)], None).contains(r#""ready":false"#));
    }
}
