//! Tools, through the chat templates of the families that know them; and thoughts told apart.

use super::streamed::chunks;
use super::{asks, chat, content};
use serde_json::{Value, json};

/// Families, and the format that each writes its calls in.
const FAMILIES: [&str; 4] = ["qwen2.5", "mistral-v3", "llama3.1", "llama4"];

fn tools() -> Value {
    json!([{"type": "function", "function": {"name": "get_weather", "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}])
}

fn weather(family: &str) -> Value {
    json!({"chat_template": family, "tools": tools()})
}

#[test]
fn a_tool_is_called_in_every_familys_format() {
    for family in FAMILIES {
        let answer = chat("scripted", "What is the weather in Paris?", weather(family))
            .unwrap_or_else(|e| panic!("{family}: {e}"));
        let choice = &answer["choices"][0];
        assert_eq!(choice["finish_reason"], "tool_calls", "{family}: {answer}");
        assert_eq!(choice["message"]["content"], Value::Null, "{family}");
        let call = &choice["message"]["tool_calls"][0];
        assert_eq!(
            (&call["type"], &call["function"]["name"]),
            (&json!("function"), &json!("get_weather"))
        );
        let arguments: Value =
            serde_json::from_str(call["function"]["arguments"].as_str().unwrap()).unwrap();
        assert_eq!(arguments, json!({"city": "Paris"}), "{family}");
    }
}

#[test]
fn the_tools_answer_goes_back_through_the_template() {
    for family in FAMILIES {
        let question = "What is the weather in Paris?";
        let answer = chat("scripted", question, weather(family)).unwrap();
        let said = &answer["choices"][0]["message"];
        let mut request = weather(family);
        request["messages"] = json!([
            {"role": "user", "content": question}, said,
            {"role": "tool", "tool_call_id": said["tool_calls"][0]["id"], "content": "21"}]);
        let answer = chat("scripted", "", request).unwrap_or_else(|e| panic!("{family}: {e}"));
        assert_eq!(content(&answer), "It is 21 degrees.", "{family}");
        assert_eq!(answer["choices"][0]["finish_reason"], "stop", "{family}");
    }
}

#[test]
fn calls_are_streamed_as_deltas() {
    for family in ["qwen2.5", "mistral-v3", "llama3.1", "llama4"] {
        let chunks = chunks(
            "chat.completions",
            asks(
                "scripted",
                "What is the weather in Paris and Rome?",
                weather(family),
            ),
        );
        assert_eq!(
            chunks[0]["choices"][0]["delta"]["role"], "assistant",
            "{family}"
        );
        assert_eq!(
            chunks[0]["choices"][0]["delta"]["content"],
            Value::Null,
            "{family}"
        );
        let mut calls: Vec<(String, String)> = Vec::new();
        for delta in chunks
            .iter()
            .filter_map(|c| c["choices"][0]["delta"]["tool_calls"].as_array())
            .flatten()
        {
            let function = &delta["function"];
            if let Some(name) = function["name"].as_str() {
                assert_eq!(delta["index"], calls.len());
                assert!(delta["id"].as_str().is_some_and(|id| !id.is_empty()));
                calls.push((name.to_owned(), String::new()));
            }
            calls.last_mut().unwrap().1 += function["arguments"].as_str().unwrap();
        }
        let cities: Vec<Value> = calls
            .iter()
            .map(|(_, a)| serde_json::from_str::<Value>(a).unwrap()["city"].clone())
            .collect();
        assert_eq!(cities, ["Paris", "Rome"], "{family}");
        assert_eq!(
            chunks.last().unwrap()["choices"][0]["finish_reason"],
            "tool_calls",
            "{family}"
        );
        let text = chunks
            .iter()
            .any(|c| c["choices"][0]["delta"]["content"].is_string());
        assert!(!text, "{family}: nothing but calls was said");
    }
}

#[test]
fn one_call_where_no_more_are_wanted() {
    let mut request = weather("qwen2.5");
    request["parallel_tool_calls"] = json!(false);
    let answer = chat(
        "scripted",
        "What is the weather in Paris and Rome?",
        request,
    )
    .unwrap();
    let calls = answer["choices"][0]["message"]["tool_calls"]
        .as_array()
        .unwrap();
    assert_eq!(calls.len(), 1, "{answer}");
}

#[test]
fn a_call_that_has_to_be_made_is_guided_where_the_backend_can() {
    for choice in [
        json!("required"),
        json!({"type": "function", "function": {"name": "get_weather"}}),
    ] {
        let mut request = weather("qwen2.5");
        request["tool_choice"] = choice.clone();
        request["max_tokens"] = json!(200);
        let answer = chat("vllm_shape", "Hello", request.clone()).unwrap();
        let call = &answer["choices"][0]["message"]["tool_calls"][0]["function"];
        assert_eq!(call["name"], "get_weather", "{answer}");
        let arguments: Value = serde_json::from_str(call["arguments"].as_str().unwrap()).unwrap();
        assert!(arguments["city"].is_string());
        assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
        let chunks = chunks(
            "chat.completions",
            asks("vllm_shape", "Hello", request.clone()),
        );
        assert_eq!(
            chunks.last().unwrap()["choices"][0]["finish_reason"],
            "tool_calls",
            "{choice}"
        );
        // And where it cannot, it is said.
        let error = chat("scripted", "Hello", request).unwrap_err();
        assert_eq!(error["param"], "tool_choice");
    }
}

/// What the library reads a list of calls by is not the model's, and is not shown.
#[test]
fn a_call_that_is_cut_short_is_the_models_own_text() {
    let mut request = weather("qwen2.5");
    request["tool_choice"] = json!("required");
    request["max_tokens"] = json!(3);
    let answer = chat("vllm_shape", "Hello", request).unwrap();
    assert_eq!(content(&answer), "[{\"name\": \"g", "{answer}");
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
}

#[test]
fn without_a_template_that_knows_tools_they_are_refused() {
    for more in [
        json!({"tools": tools()}),
        json!({"tools": tools(), "chat_template": "zephyr"}),
    ] {
        let error = chat("scripted", "What is the weather in Paris?", more).unwrap_err();
        assert_eq!(
            (&error["param"], &error["status"]),
            (&json!("tools"), &json!(400))
        );
    }
    let unknown = json!({"tools": tools(), "chat_template": "{% for t in tools %}{{ t.function.name }}{% endfor %}"});
    let error = chat("scripted", "What is the weather in Paris?", unknown.clone()).unwrap_err();
    assert_eq!(error["param"], "tool_call_parser");
    let mut named = unknown;
    named["chat_template"] = json!(
        "{% for t in tools %}{{ t | tojson }}{% endfor %}<|im_start|>{{ messages[0].content }}"
    );
    named["tool_call_parser"] = json!("hermes");
    let answer = chat("scripted", "What is the weather in Paris?", named).unwrap();
    assert_eq!(
        answer["choices"][0]["finish_reason"], "tool_calls",
        "{answer}"
    );
}

#[test]
fn thoughts_are_told_apart_when_asked() {
    // One model opens its thought itself, the other's template has opened it.
    for family in ["qwen3", "deepseek-r1"] {
        let request = json!({"chat_template": family, "separate_reasoning": true});
        let answer =
            chat("scripted", "Hello", request.clone()).unwrap_or_else(|e| panic!("{family}: {e}"));
        let message = &answer["choices"][0]["message"];
        assert_eq!(message["content"], "Hello! 🌊", "{family}: {answer}");
        assert_eq!(
            message["reasoning_content"].as_str().unwrap().trim(),
            "The user says hello.",
            "{family}"
        );
        let chunks = chunks("chat.completions", asks("scripted", "Hello", request));
        let all = |key: &str| -> String {
            chunks
                .iter()
                .filter_map(|c| c["choices"][0]["delta"][key].as_str())
                .collect()
        };
        assert_eq!(
            (all("reasoning_content").trim(), all("content").as_str()),
            ("The user says hello.", "Hello! 🌊"),
            "{family}"
        );
    }
    let whole = chat("scripted", "Hello", json!({"chat_template": "qwen3"})).unwrap();
    assert!(content(&whole).contains("</think>"), "{whole}");
}

#[test]
fn the_readmes_request_calls_the_tool() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let request = readme
        .split("```json")
        .filter_map(|part| part.split("```").next())
        .find(|json| json.contains("get_weather"))
        .unwrap();
    let mut request: Value = serde_json::from_str(request).unwrap();
    request["model"] = json!("triton/scripted");
    request["api_base"] = json!(super::server());
    let answer = super::invoke("chat.completions", request).unwrap();
    assert_eq!(
        answer["choices"][0]["finish_reason"], "tool_calls",
        "{answer}"
    );
}
