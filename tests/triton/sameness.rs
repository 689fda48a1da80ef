//! A stream and a whole answer are the same: text, thoughts, calls, tokens, ends and usage, of every model that gives text.

use super::streamed::{Streamed, client, drain, open};
use super::{invoke, server};
use mishikallm::openai::Operation;
use serde_json::{Value, json};

/// Models that give text in some way, and the same text for the same request.
const MODELS: [&str; 11] = [
    "tiny_llm",
    "vllm_shape",
    "trtllm_ensemble",
    "trtllm_bls",
    "trtllm_streaming",
    "llmapi_shape",
    "no_stop",
    "infer_batched",
    "scripted",
    "several_responses",
    "fails_midway",
];

/// What is asked, beside a question. What a model cannot is refused in both ways with the same words.
fn variants() -> Vec<Value> {
    let tools = json!([{"type": "function", "function": {"name": "get_weather", "description": "Tells the weather.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]);
    let named = json!({"type": "function", "function": {"name": "get_weather"}});
    vec![
        json!({"max_tokens": 12}),
        json!({"max_tokens": 1}),
        json!({"n": 3, "seed": 5, "max_tokens": 9}),
        json!({"n": 2, "seed": u64::MAX, "max_tokens": 3}),
        json!({"n": 2, "seed": i64::MAX, "max_tokens": 3}),
        json!({"stop": [" the", "e s", "."], "max_tokens": 30}),
        json!({"logprobs": true, "top_logprobs": 3, "max_tokens": 12}),
        json!({"logprobs": true, "max_tokens": 12}),
        // A stop sequence that cuts tokens in two, and holds back what only begins as it does.
        json!({"logprobs": true, "stop": ["capitals", "ity of", "ncex"], "max_tokens": 40, "drop_params": true}),
        json!({"logprobs": true, "n": 2, "seed": 9, "max_tokens": 8, "stop": ["or"]}),
        json!({"logprobs": true, "top_logprobs": 2, "n": 2, "seed": 3, "max_tokens": 10, "drop_params": true}),
        json!({"response_format": {"type": "json_object"}, "max_tokens": 60}),
        json!({"response_format": {"type": "json_object"}, "max_tokens": 60, "drop_params": true}),
        json!({"tools": tools, "chat_template": "qwen2.5", "max_tokens": 80}),
        json!({"tools": tools, "chat_template": "mistral-v3", "max_tokens": 80, "parallel_tool_calls": false}),
        json!({"tools": tools, "chat_template": "llama3.1", "max_tokens": 80, "n": 2, "seed": 3}),
        json!({"tools": tools, "chat_template": "llama4", "max_tokens": 80, "logprobs": true, "drop_params": true}),
        json!({"tools": tools, "chat_template": "qwen2.5", "tool_choice": "required", "max_tokens": 200}),
        json!({"tools": tools, "chat_template": "qwen2.5", "tool_choice": "required", "max_tokens": 4}),
        json!({"tools": tools, "chat_template": "qwen2.5", "tool_choice": "required", "max_tokens": 80, "drop_params": true}),
        json!({"tools": tools, "chat_template": "qwen2.5", "tool_choice": named, "max_tokens": 80, "drop_params": true}),
        json!({"chat_template": "qwen3", "separate_reasoning": true, "max_tokens": 80}),
        json!({"echo": true, "max_tokens": 5}),
    ]
}

/// One choice, however it came.
#[derive(Debug, Default, PartialEq)]
struct Told {
    content: String,
    reasoning: String,
    /// Names and arguments.
    calls: Vec<(String, String)>,
    /// The entries of `logprobs.content`, or the lists of a completion's `logprobs`, joined.
    tokens: Vec<Value>,
    end: Value,
}

impl Told {
    /// Takes a chunk's choice, or all of an answer's.
    fn take(&mut self, choice: &Value) {
        let said = choice
            .get("delta")
            .or(choice.get("message"))
            .unwrap_or(choice);
        for key in ["content", "text"] {
            self.content += said[key].as_str().unwrap_or_default();
        }
        self.reasoning += said["reasoning_content"].as_str().unwrap_or_default();
        for call in said["tool_calls"].as_array().into_iter().flatten() {
            let function = &call["function"];
            if let Some(name) = function["name"].as_str() {
                self.calls.push((name.to_owned(), String::new()));
            }
            let (_, arguments) = self.calls.last_mut().expect("a call has a name first");
            *arguments += function["arguments"].as_str().unwrap();
        }
        let logprobs = &choice["logprobs"];
        self.tokens.extend(
            logprobs["content"]
                .as_array()
                .into_iter()
                .flatten()
                .cloned(),
        );
        for at in 0..logprobs["tokens"].as_array().map_or(0, Vec::len) {
            let lists = ["tokens", "token_logprobs", "top_logprobs", "text_offset"];
            self.tokens.push(
                lists
                    .map(|list| logprobs[list][at].clone())
                    .into_iter()
                    .collect(),
            );
        }
        if !choice["finish_reason"].is_null() {
            self.end = choice["finish_reason"].clone();
        }
    }
}

/// The choices in their order.
fn gather<'a>(choices: impl Iterator<Item = &'a Value>) -> Vec<Told> {
    let mut told = Vec::new();
    for choice in choices {
        let index = usize::try_from(choice["index"].as_u64().unwrap()).unwrap();
        told.resize_with(told.len().max(index + 1), Told::default);
        told[index].take(choice);
    }
    told
}

fn check(operation: Operation, request: &Value) -> bool {
    let whole = invoke(operation.name(), request.clone());
    let mut streamed = request.clone();
    streamed["stream_options"] = json!({"include_usage": true});
    let Streamed { chunks, end } = match client().stream(operation, &streamed.to_string()) {
        Ok(_) => drain(&open(&client(), operation, &streamed)),
        Err(error) => {
            let error: Value = serde_json::from_str(&error.to_json()).unwrap();
            assert_eq!(whole, Err(error["error"].clone()), "{request}");
            return false;
        }
    };
    let answer = match (whole, end) {
        (Ok(answer), Ok(())) => answer,
        (whole, end) => {
            assert_eq!(whole.map(drop), end, "{request}");
            return false;
        }
    };
    let choices = |v: &'static str| move |json: &'_ Value| json[v].as_array().unwrap().clone();
    let of_answer = choices("choices")(&answer);
    let of_chunks: Vec<Value> = chunks.iter().flat_map(choices("choices")).collect();
    assert_eq!(
        gather(of_chunks.iter()),
        gather(of_answer.iter()),
        "{request}"
    );
    assert_eq!(
        chunks.last().unwrap()["usage"],
        answer["usage"],
        "{request}"
    );
    true
}

#[test]
fn streams_and_whole_answers_are_the_same() {
    let (mut same, mut refused) = (0, 0);
    for model in MODELS {
        for more in variants() {
            let mut request = json!({"model": format!("triton/{model}"), "api_base": server(), "temperature": 1, "seed": 7, "delay_ms": 0});
            let fields = request.as_object_mut().unwrap();
            fields.extend(more.as_object().unwrap().clone());
            // Models that know no seed have their text in common only where nothing is left to chance.
            if [
                "no_stop",
                "infer_batched",
                "scripted",
                "several_responses",
                "fails_midway",
            ]
            .contains(&model)
            {
                request["temperature"] = json!(0);
            }
            let question = "What is the weather in Paris and Rome?";
            let mut operations = Vec::new();
            if !request["echo"].is_boolean() {
                let mut chat = request.clone();
                chat["messages"] = json!([{"role": "user", "content": question}]);
                operations.push((Operation::Chat, chat));
            }
            if request.get("tools").is_none() && request.get("chat_template").is_none() {
                request["prompt"] = json!([question, "Tell me a story."]);
                if request["logprobs"] == true {
                    request["logprobs"] = json!(2);
                    request.as_object_mut().unwrap().remove("top_logprobs");
                }
                operations.push((Operation::Text, request));
            }
            for (operation, request) in operations {
                match check(operation, &request) {
                    true => same += 1,
                    false => refused += 1,
                }
            }
        }
    }
    println!("streams and whole answers: {same} the same, {refused} the same refusals and errors");
    assert!(same > 200, "{same}");
}
