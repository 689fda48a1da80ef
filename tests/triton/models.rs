//! What a server has, and whether it is well.

use super::{invoke, server};
use serde_json::json;

#[test]
fn the_servers_models_are_listed_by_the_names_that_requests_use() {
    let answer = invoke("models", json!({"api_base": server()})).unwrap();
    assert_eq!(answer["object"], "list");
    let ids: Vec<&str> = answer["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| m["id"].as_str().unwrap())
        .collect();
    for id in ["triton/tiny_llm", "triton/minilm", "triton/vllm_shape"] {
        assert!(ids.contains(&id), "{ids:?}");
    }
}

#[test]
fn health_of_a_server_and_of_a_model() {
    let health = |model: Option<&str>| {
        invoke(
            "health",
            json!({"api_base": server() + "/v2", "model": model}),
        )
        .unwrap()
    };
    assert_eq!(health(None)["status"], "healthy");
    assert_eq!(health(Some("triton/tiny_llm"))["model_ready"], true);
    let missing = health(Some("triton/no_such_model"));
    assert_eq!(
        (missing["status"].as_str(), missing["ready"].as_bool()),
        (Some("unhealthy"), Some(true))
    );
}
