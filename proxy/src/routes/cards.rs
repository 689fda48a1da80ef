//! What is told of models and deployments: never where they are, nor with which key they are called.

use super::query;
use mishikallm::Result;
use mishikallm::config::Deployment;
use mishikallm::plan::fleet::Fleet;
use serde_json::{Map, Value, json};

/// One model, as OpenAI lists it.
pub fn card(id: &str) -> Value {
    json!({"id": id, "object": "model", "created": 0, "owned_by": "triton"})
}

/// A list of them.
pub fn list(names: &[String]) -> Value {
    let data: Vec<Value> = names.iter().map(|name| card(name)).collect();
    json!({"object": "list", "data": data})
}

/// The deployments, as the reference tells them: all that the caller may know of, or the one of an id.
pub fn info(fleet: &Fleet, id: Option<&str>, may: impl Fn(&Deployment) -> bool) -> Result<Value> {
    let wanted = |d: &&Deployment| id.is_none_or(|id| d.id == id);
    let all = fleet.deployments().iter().filter(wanted);
    let all = all.filter(|d| may(d));
    let data: Vec<Value> = all.map(entry).collect();
    match id {
        Some(id) if data.is_empty() => Err(query::unknown_id(id)),
        _ => Ok(json!({"data": data})),
    }
}

fn entry(d: &Deployment) -> Value {
    let mut params = Map::new();
    params.insert("model".to_owned(), json!(d.model));
    // Of what is sent to the model numbers and switches alone: a text may be a secret.
    let told = |value: &Value| value.is_number() || value.is_boolean();
    let own = d.params.iter().filter(|(_, value)| told(value));
    params.extend(own.map(|(key, value)| (key.clone(), value.clone())));
    let capacity = &d.capacity;
    for (key, limit) in [
        ("rpm", capacity.rpm.map(Value::from)),
        ("tpm", capacity.tpm.map(Value::from)),
        (
            "max_parallel_requests",
            capacity.max_parallel_requests.map(Value::from),
        ),
        ("weight", capacity.weight.map(Value::from)),
    ] {
        params.extend(limit.map(|limit| (key.to_owned(), limit)));
    }
    let mut info = d.info.clone();
    info.extend(d.costs.clone());
    info.insert("id".to_owned(), json!(d.id));
    info.insert("db_model".to_owned(), json!(false));
    json!({"model_name": d.model_name, "mishikallm_params": params, "model_info": info})
}

#[cfg(test)]
mod tests {
    use super::*;
    use mishikallm::config::ClientConfig;

    #[test]
    fn a_deployment_is_told_without_its_address_and_its_secrets() {
        let config = json!({"model_list": [{
            "model_name": "m",
            "mishikallm_params": {
                "model": "triton/x", "api_base": "http://inside:8000", "api_key": "sk-up", "rpm": 5,
                "extra_headers": {"X-Up": "hidden"}, "max_tokens": 55, "token": "hidden",
                "extra_body": {"key": "hidden"}, "input_cost_per_token": 0.5,
            },
            "model_info": {"id": "one", "mode": "chat", "max_input_tokens": 9},
        }]});
        let config = ClientConfig::read(&config.to_string()).unwrap();
        let fleet = mishikallm::client::fleet(config).unwrap();
        let told = info(&fleet, None, |_| true).unwrap();
        let expected = json!({"data": [{
            "model_name": "m",
            "mishikallm_params": {"model": "triton/x", "max_tokens": 55, "rpm": 5},
            "model_info": {"id": "one", "db_model": false, "mode": "chat", "max_input_tokens": 9, "input_cost_per_token": 0.5},
        }]});
        assert_eq!(told, expected);
        assert_eq!(info(&fleet, Some("one"), |_| true).unwrap(), expected);
        for (id, may) in [("two", true), ("one", false)] {
            let e = info(&fleet, Some(id), |_| may).unwrap_err();
            assert_eq!(e.http_status(), 404);
        }
    }

    #[test]
    fn a_card_has_what_openais_own_types_want() {
        let list = list(&["a".to_owned()]);
        assert_eq!(list["object"], "list");
        let card = list["data"][0].as_object().unwrap();
        for key in ["id", "object", "created", "owned_by"] {
            assert!(card.contains_key(key), "{key}");
        }
    }
}
