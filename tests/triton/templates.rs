//! Chat templates on their way to a model: named, given, in files, and what they end a turn with.

use super::{chat, content, invoke_on, server};
use mishikallm::Client;
use serde_json::{Value, json};
use std::fs;

/// What `tiny_llm` was sent, told by the number of its tokens: a template adds some.
fn prompt_tokens(more: Value) -> u64 {
    let answer = chat("tiny_llm", "What is a ship?", more).unwrap();
    answer["usage"]["prompt_tokens"].as_u64().unwrap()
}

#[test]
fn a_template_makes_the_prompt() {
    let plain = prompt_tokens(json!({"max_tokens": 1}));
    for template in [
        "llama3",
        "chatml",
        "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}",
    ] {
        let with = prompt_tokens(json!({"max_tokens": 1, "chat_template": template}));
        assert!(with > plain, "{template}: {with} tokens");
    }
    let fewer = prompt_tokens(
        json!({"max_tokens": 1, "chat_template": "{{ word }}", "chat_template_kwargs": {"word": "ship"}}),
    );
    assert_eq!(fewer, 1);
}

#[test]
fn a_models_folder_and_files_are_read_and_read_again_when_they_change() {
    let folder = std::env::temp_dir().join(format!("mishikallm-template-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("tokenizer_config.json");
    let source = "{{ bos_token }}{% for m in messages %} {{ m.content }}{% endfor %}";
    fs::write(
        &config,
        json!({"bos_token": "<s>", "chat_template": source}).to_string(),
    )
    .unwrap();
    let client = Client::new("").unwrap();
    let tokens = |template: &str| {
        let request = json!({"model": "triton/tiny_llm", "api_base": server(), "max_tokens": 1, "chat_template": template,
            "messages": [{"role": "user", "content": "a ship"}]});
        let answer = invoke_on(&client, "chat.completions", request)?;
        Ok::<u64, Value>(answer["usage"]["prompt_tokens"].as_u64().unwrap())
    };
    let of_folder = tokens(folder.to_str().unwrap()).unwrap();
    assert_eq!(of_folder, tokens(config.to_str().unwrap()).unwrap());
    // Newer models have their template in a file of its own, which goes before the other.
    let jinja = folder.join("chat_template.jinja");
    fs::write(
        &jinja,
        "{{ messages[0].content }} and a boat, and a lighthouse by the sea",
    )
    .unwrap();
    assert!(tokens(folder.to_str().unwrap()).unwrap() > of_folder);
    assert!(tokens(jinja.to_str().unwrap()).unwrap() > of_folder);
    fs::write(&jinja, "ship").unwrap();
    assert_eq!(tokens(folder.to_str().unwrap()).unwrap(), 1);
    fs::write(&jinja, "{% for %}").unwrap();
    let error = tokens(folder.to_str().unwrap()).unwrap_err();
    assert_eq!(error["param"], "chat_template");
    fs::remove_dir_all(&folder).unwrap();
    let error = tokens(folder.to_str().unwrap()).unwrap_err();
    assert!(
        error["message"].as_str().unwrap().contains("chatml"),
        "{error}"
    );
}

#[test]
fn auto_goes_by_the_models_name() {
    let error = chat("tiny_llm", "x", json!({"chat_template": "auto"})).unwrap_err();
    assert_eq!(error["param"], "chat_template");
    let config = json!({"model_list": [{"model_name": "llama", "mishikallm_params":
        {"model": "triton/tiny_llm", "api_base": server(), "chat_template": "llama3"}}]});
    let client = Client::new(&config.to_string()).unwrap();
    let request = json!({"model": "llama", "messages": [{"role": "user", "content": "a ship"}], "max_tokens": 1});
    let answer = invoke_on(&client, "chat.completions", request).unwrap();
    assert!(answer["usage"]["prompt_tokens"].as_u64().unwrap() > 2);
}

#[test]
fn what_ends_a_turn_is_no_text() {
    // This model leaves its mark in the text, as a server does that was not told of it.
    let request = json!({"chat_template": "llama3.1", "messages": [
        {"role": "user", "content": "What is the weather in Paris? \"name\": \"get_weather\""}]});
    let answer = chat("scripted", "", request).unwrap();
    assert!(content(&answer).ends_with('}'), "{answer}");
}

#[test]
fn what_a_template_refuses_is_an_error_of_the_messages() {
    let refuses = json!({"chat_template": "{{ raise_exception('roles must alternate') }}"});
    let error = chat("tiny_llm", "x", refuses).unwrap_err();
    assert_eq!(
        (&error["param"], &error["status"]),
        (&json!("messages"), &json!(400))
    );
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("roles must alternate")
    );
}

#[test]
fn a_template_that_no_call_could_use_is_found_when_the_client_is_made() {
    let list = |template: &str| json!({"model_list": [{"model_name": "x", "mishikallm_params": {"model": "triton/tiny_llm", "chat_template": template}}]});
    for config in [
        json!({"chat_template": "no-such-family"}),
        json!({"chat_template": "{% for %}"}),
        list("no-such"),
        list("auto"),
    ] {
        let error = Client::new(&config.to_string()).unwrap_err();
        assert_eq!(
            (error.param(), error.status().name()),
            (Some("chat_template"), "CONFIG"),
            "{config}"
        );
    }
    assert!(Client::new(&json!({"chat_template": "auto"}).to_string()).is_ok());
}
