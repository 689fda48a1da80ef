//! How a deployment is asked how it is, and what its answer means.

use mishikallm::config::Deployment;
use mishikallm::json::Fields;
use mishikallm::openai::Operation;
use mishikallm::{Error, Result};
use serde_json::{Value, json};
use std::time::Duration;

/// What to ask a deployment, in order: the next one, where the answer to the one before may mean that its model is of another kind.
/// `serves_all`: it stands for all models of a server.
pub fn questions(d: &Deployment, serves_all: bool) -> Vec<Operation> {
    if serves_all {
        return vec![Operation::Health];
    }
    match d.info.get("mode").and_then(Value::as_str) {
        None => vec![Operation::Chat, Operation::Embeddings],
        Some("chat" | "responses") => vec![Operation::Chat],
        Some("completion") => vec![Operation::Text],
        Some("embedding") => vec![Operation::Embeddings],
        // What it takes is not known here; whether it is loaded is.
        Some(_) => vec![Operation::Health],
    }
}

/// How long a deployment's answer is waited for: its own `model_info.health_check_timeout`, or everyone's.
pub fn patience(d: &Deployment, everyones: Duration) -> Duration {
    let own = d.info.get("health_check_timeout").and_then(Value::as_f64);
    own.map_or(everyones, Duration::from_secs_f64)
}

/// The one model that is asked of those that a `*` stands for.
pub fn model(d: &Deployment) -> Option<&str> {
    d.info.get("health_check_model").and_then(Value::as_str)
}

/// The request, the smallest of its kind. What is in it beats the deployment's own parameters, which may ask for a thousand tokens.
pub fn request(operation: Operation, d: &Deployment) -> Fields {
    let mut request = match operation {
        Operation::Chat => json!({"messages": [{"role": "user", "content": "hi"}]}),
        Operation::Text => json!({"prompt": "hi"}),
        Operation::Embeddings => json!({"input": ["hi"]}),
        _ => json!({}),
    };
    if matches!(operation, Operation::Chat | Operation::Text) {
        let own = d.info.get("health_check_max_tokens");
        request["max_completion_tokens"] = own.cloned().unwrap_or(json!(1));
        request["n"] = json!(1);
        request["stream"] = json!(false);
        request["drop_params"] = json!(true);
    }
    match request {
        Value::Object(map) => Fields::new(map),
        _ => Fields::default(),
    }
}

/// Whether an error may mean that the model is none of this kind.
pub fn may_be_another(error: &Error) -> bool {
    matches!(error.http_status(), 400 | 422 | 502)
}

/// What an answer says. Only whether it is ready can say no in words.
pub fn verdict(operation: Operation, answer: &str) -> Result<()> {
    if operation != Operation::Health {
        return Ok(());
    }
    let report: Value = serde_json::from_str(answer).unwrap_or_default();
    match report["status"].as_str() {
        Some("healthy") => Ok(()),
        _ => Err(Error::unavailable(
            503,
            "the model's server says that it is not ready",
        )),
    }
}

/// What became of one deployment.
pub struct Finding<'a> {
    /// It.
    pub deployment: &'a Deployment,
    /// The model that was asked for.
    pub model: String,
    /// How it is.
    pub state: Result<()>,
}

/// The reference's lists, and whether there is anyone healthy. `details`: also what is wrong.
pub fn report(findings: &[Finding<'_>], details: bool) -> (Value, bool) {
    let (mut healthy, mut unhealthy) = (Vec::new(), Vec::new());
    for finding in findings {
        let d = finding.deployment;
        let mut card =
            json!({"model": finding.model, "model_name": d.model_name, "model_id": d.id});
        match &finding.state {
            Ok(()) => healthy.push(card),
            Err(e) => {
                if details {
                    card["error"] = json!(e.message());
                }
                card["status"] = json!(e.http_status());
                unhealthy.push(card);
            }
        }
    }
    let counts = (healthy.len(), unhealthy.len());
    let report = json!({
        "healthy_endpoints": healthy,
        "unhealthy_endpoints": unhealthy,
        "healthy_count": counts.0,
        "unhealthy_count": counts.1,
    });
    (report, counts.0 > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mishikallm::config::ClientConfig;

    fn deployment(mode: Value) -> Deployment {
        described(json!({"mode": mode, "id": "one"}))
    }

    fn described(info: Value) -> Deployment {
        let config = json!({"model_list": [{
            "model_name": "m",
            "mishikallm_params": {"model": "triton/x", "api_base": "http://h", "max_tokens": 500},
            "model_info": info,
        }]});
        let config = ClientConfig::read(&config.to_string()).unwrap();
        config.deployments.into_iter().next().unwrap()
    }

    #[test]
    fn each_is_asked_for_what_it_does() {
        for (mode, operations) in [
            (json!("chat"), vec![Operation::Chat]),
            (json!("completion"), vec![Operation::Text]),
            (json!("embedding"), vec![Operation::Embeddings]),
            (json!("rerank"), vec![Operation::Health]),
            (Value::Null, vec![Operation::Chat, Operation::Embeddings]),
        ] {
            assert_eq!(
                questions(&deployment(mode.clone()), false),
                operations,
                "{mode}"
            );
            assert_eq!(questions(&deployment(mode), true), [Operation::Health]);
        }
    }

    #[test]
    fn a_text_is_one_token() {
        let d = deployment(json!("chat"));
        for operation in [Operation::Chat, Operation::Text] {
            let fields = request(operation, &d);
            assert_eq!(fields.get("max_completion_tokens"), Some(&json!(1)));
        }
        assert!(request(Operation::Health, &d).get("n").is_none());
        assert!(request(Operation::Embeddings, &d).get("n").is_none());
    }

    #[test]
    fn a_deployment_may_say_how_it_is_checked() {
        let d = described(json!({
            "health_check_timeout": 0.5, "health_check_max_tokens": 9, "health_check_model": "triton/small",
        }));
        let everyones = Duration::from_secs(30);
        assert_eq!(patience(&d, everyones), Duration::from_millis(500));
        assert_eq!(patience(&deployment(json!("chat")), everyones), everyones);
        assert_eq!(model(&d), Some("triton/small"));
        let fields = request(Operation::Chat, &d);
        assert_eq!(fields.get("max_completion_tokens"), Some(&json!(9)));
    }

    #[test]
    fn a_server_that_is_not_ready_is_not_healthy() {
        assert!(verdict(Operation::Health, r#"{"status":"healthy","ready":true}"#).is_ok());
        let e = verdict(Operation::Health, r#"{"status":"unhealthy","ready":false}"#);
        assert_eq!(e.unwrap_err().http_status(), 503);
        assert!(verdict(Operation::Chat, "{}").is_ok());
    }

    #[test]
    fn the_lists_and_their_counts() {
        let d = deployment(json!("chat"));
        let finding = |state| Finding {
            deployment: &d,
            model: "triton/x".to_owned(),
            state,
        };
        let failed = || Err(Error::server(503, "not ready"));
        let (told, any) = report(&[finding(Ok(())), finding(failed())], true);
        let expected = json!({
            "healthy_endpoints": [{"model": "triton/x", "model_name": "m", "model_id": "one"}],
            "unhealthy_endpoints": [{"model": "triton/x", "model_name": "m", "model_id": "one", "error": "not ready", "status": 503}],
            "healthy_count": 1,
            "unhealthy_count": 1,
        });
        assert!(any);
        assert_eq!(told, expected);
        let (told, any) = report(&[finding(failed())], false);
        assert!(!any);
        let card = &told["unhealthy_endpoints"][0];
        assert_eq!((card.get("error"), &card["status"]), (None, &json!(503)));
    }
}
