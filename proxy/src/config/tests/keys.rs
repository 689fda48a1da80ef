//! Every key that is known: it changes what is read, or it is warned of.

use super::super::known::{self, Section};
use super::super::{Overrides, Read, read_bytes};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// A key of each section, and a value for it that is no default.
fn values(section: &Section) -> Value {
    match section.name {
        "" => json!({
            "model_list": [entry("other")],
            "mishikallm_settings": {"drop_params": true},
            "router_settings": {"num_retries": 7},
            "general_settings": {"log_prompts": true},
            "environment_variables": {"BASE": "http://other"},
        }),
        "model_list" => json!({
            "model_name": "other",
            "mishikallm_params": {"model": "triton/other", "api_base": "http://h"},
            "model_info": {"mode": "embedding"},
        }),
        "mishikallm_params" => json!({
            "model": "triton/other", "api_base": "http://other", "base_url": "http://other",
            "api_key": "sk-of-the-server", "extra_headers": {"x-a": "b"}, "headers": {"x-a": "b"},
            "timeout": 7, "request_timeout": 7, "connect_timeout": 7.5, "first_byte_timeout": 7,
            "idle_timeout": 7, "stream_timeout": 7, "num_retries": 7, "max_retries": 7,
            "drop_params": true, "allowed_openai_params": ["a"], "additional_drop_params": ["a"],
            "mock_response": "hello", "chat_template": "chatml", "chat_template_kwargs": {"a": 1},
            "tool_call_parser": "hermes", "separate_reasoning": true, "tokenizer": "/not/there",
            "triton": {"pooling": "mean"}, "rpm": 7, "tpm": 7, "max_parallel_requests": 7,
            "weight": 7, "metrics_url": "http://h:8002/metrics", "order": 7, "max_tokens": 7,
            "max_completion_tokens": 7, "temperature": 0.7, "top_p": 0.7, "top_k": 7, "seed": 7,
            "stop": ["a"],
        }),
        "mishikallm_settings" => json!({
            "drop_params": true, "request_timeout": 7, "timeout": 7, "connect_timeout": 7,
            "first_byte_timeout": 7, "idle_timeout": 7, "stream_timeout": 7, "num_retries": 7,
            "max_retries": 7, "fallbacks": [{"m": ["n"]}], "default_fallbacks": ["n"],
            "context_window_fallbacks": [{"m": ["n"]}], "allowed_fails": 7, "cooldown_time": 7,
            "model_group_alias": {"a": "m"}, "api_base": "http://other", "api_key": "sk-of-servers",
            "extra_headers": {"x-a": "b"}, "headers": {"x-a": "b"}, "allowed_openai_params": ["a"],
            "additional_drop_params": ["a"], "chat_template": "chatml",
            "chat_template_kwargs": {"a": 1}, "tool_call_parser": "hermes",
            "separate_reasoning": true, "tokenizer": "/not/there", "triton": {"pooling": "mean"},
            "tls": {"insecure": true}, "proxy": "http://other", "max_reply_bytes": 7,
            "ssl_verify": false, "json_logs": true, "set_verbose": true,
            "forward_traceparent_to_llm_provider": false,
        }),
        "router_settings" => json!({
            "routing_strategy": "least-busy", "num_retries": 7, "max_retries": 7, "retry_after": 7,
            "timeout": 7, "stream_timeout": 7, "allowed_fails": 7, "cooldown_time": 7,
            "disable_cooldowns": true, "model_group_alias": {"a": "m"},
            "fallbacks": [{"m": ["n"]}], "default_fallbacks": ["n"],
            "context_window_fallbacks": [{"m": ["n"]}], "max_fallbacks": 7,
            "enable_pre_call_checks": true, "redis_host": "h", "redis_port": 7,
            "redis_password": "of-redis", "redis_url": "redis://h",
        }),
        "general_settings" => json!({
            "master_key": "sk-0123456789abcdef", "allow_client_side_credentials": true,
            "max_request_size_mb": 7, "drain_seconds": 7, "log_prompts": true,
            "health_check_timeout": 7, "health_check_details": false, "completion_model": "m",
            "database_url": "sqlite:///k.db", "disable_spend_logs": true,
            "maximum_spend_logs_retention_period": "30d", "spend_journal_dir": "/j",
        }),
        "model_info" => json!({
            "id": "other", "mode": "embedding", "max_input_tokens": 7, "health_check_timeout": 7,
            "health_check_model": "triton/m", "health_check_max_tokens": 7,
            "input_cost_per_token": 0.7, "output_cost_per_token": 0.7,
            "input_cost_per_second": 0.7, "output_cost_per_second": 0.7,
        }),
        other => panic!("no values for the section {other}"),
    }
}

const SECTIONS: [&Section; 7] = [
    &known::TOP,
    &known::ENTRY,
    &known::PARAMS,
    &known::INFO,
    &known::MISHIKALLM_SETTINGS,
    &known::ROUTER_SETTINGS,
    &known::GENERAL_SETTINGS,
];

fn entry(name: &str) -> Value {
    json!({
        "model_name": name,
        "mishikallm_params": {"model": format!("triton/{name}"), "api_base": "os.environ/BASE"},
        "model_info": {"id": name},
    })
}

/// Two models, and in one section one key more.
fn file(section: &Section, more: Option<(&str, &Value)>) -> Value {
    let mut file = json!({"model_list": [entry("m"), entry("n")]});
    let Some((key, value)) = more else {
        return file;
    };
    let first = &mut file["model_list"][0];
    let place = match section.name {
        "" => &mut file,
        "model_list" => first,
        "mishikallm_params" => {
            // Its other name, which would hold.
            if key == "base_url" {
                first["mishikallm_params"] = json!({"model": "triton/m"});
            }
            &mut first["mishikallm_params"]
        }
        "model_info" => &mut first["model_info"],
        name => &mut file[name],
    };
    place[key] = value.clone();
    file
}

/// Reads it in an environment that has a server's URL, and perhaps a value.
fn read(file: &Value, value: Option<&str>) -> Read {
    let lookup = |name: &str| match name {
        "BASE" => Ok(Some("http://h".to_owned())),
        "VALUE" => Ok(value.map(str::to_owned)),
        _ => Ok(None),
    };
    // JSON is YAML.
    let bytes = file.to_string();
    read_bytes("", bytes.as_bytes(), &Overrides::default(), &lookup)
}

/// All that a configuration says, or what is wrong with it.
fn meaning(read: &Read) -> String {
    match &read.settings {
        Some(settings) => format!(
            "{:?} {:?} {} {} {}",
            settings.fleet.config(),
            settings.general,
            settings.json_logs,
            settings.verbose,
            settings.forwards_trace
        ),
        None => format!("{:?}", read.problems.errors),
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

#[test]
fn each_that_is_read_changes_what_the_file_means() {
    for section in SECTIONS {
        let values = object(values(section));
        let tried: BTreeSet<&str> = values.keys().map(String::as_str).collect();
        let known: BTreeSet<&str> = section.keys.iter().copied().collect();
        assert_eq!(tried, known, "{}", section.name);
        let without = meaning(&read(&file(section, None), None));
        for (key, value) in &values {
            let place = format!("{}.{key}", section.name);
            let with = read(&file(section, Some((key, value))), None);
            assert_ne!(meaning(&with), without, "{place} does nothing");
            assert!(with.problems.warnings.is_empty(), "{place}");
            // What is refused is refused by its name.
            for error in &with.problems.errors {
                assert!(error.text.contains(&place), "{place}: {error}");
            }
        }
    }
}

#[test]
fn numbers_and_switches_may_stand_in_the_environment() {
    for section in SECTIONS {
        let values = object(values(section));
        let simple = values
            .iter()
            .filter(|(_, value)| value.is_number() || value.is_boolean());
        for (key, value) in simple {
            let place = format!("{}.{key}", section.name);
            let plain = read(&file(section, Some((key, value))), None);
            let reference = json!("os.environ/VALUE");
            let text = value.to_string();
            let from = read(&file(section, Some((key, &reference))), Some(&text));
            assert_eq!(meaning(&from), meaning(&plain), "{place}");
        }
    }
}

#[test]
fn each_that_does_nothing_is_warned_of() {
    for section in SECTIONS {
        let idle = section
            .idle
            .iter()
            .map(|(key, _)| (*key, "has no effect: "));
        let expected = match section.name {
            "mishikallm_params" => "is sent to the model; the proxy itself does nothing with it",
            "model_info" => "is told, and has no other effect here",
            _ => "not supported here: it is ignored",
        };
        let without = section.without.iter().map(|key| (*key, expected));
        for (key, expected) in idle.chain(without) {
            let read = read(&file(section, Some((key, &json!("x")))), None);
            let told: Vec<String> = read
                .problems
                .warnings
                .iter()
                .map(|p| p.text.clone())
                .collect();
            let begins = format!("{key}: {expected}");
            assert!(
                matches!(&told[..], [one] if one.contains(&begins)),
                "{}.{key}: {told:?}",
                section.name
            );
        }
    }
}
