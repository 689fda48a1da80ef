//! One table, model by model: what the library was asked, what it sent to Triton, and what it gave back.
//!
//! `TABLE.md` is that table as it is committed; each of its lines is made anew here, on the real Triton, and compared. Every
//! model of `models/` has a row in `rows`; `MISHIKALLM_UPDATE=1` writes the file anew.

use super::relay::Relay;
use super::{http, invoke, server};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// One model, and what becomes of a request to it.
struct Row {
    model: &'static str,
    operation: &'static str,
    /// Beside `model` and `api_base`.
    request: Value,
    /// The endpoint that has to be asked: the last word of its path.
    endpoint: &'static str,
    is_error: bool,
}

impl Row {
    /// And this in the request.
    fn with(mut self, more: Value) -> Row {
        let fields = self.request.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        self
    }

    /// With `minilm`'s tokenizer.
    fn with_tokenizer(self) -> Row {
        self.with(json!({ "tokenizer": env::var("TRITON_TOKENIZER").unwrap() }))
    }

    /// The end is an error.
    fn fails(self) -> Row {
        Row {
            is_error: true,
            ..self
        }
    }
}

/// A short chat without chance.
fn chat(model: &'static str, endpoint: &'static str) -> Row {
    let request = json!({"messages": [{"role": "user", "content": "What is an inference server?"}],
        "max_tokens": 6, "temperature": 0});
    Row {
        model,
        operation: "chat.completions",
        request,
        endpoint,
        is_error: false,
    }
}

/// A chat with a model that has nothing to set.
fn bare(model: &'static str, endpoint: &'static str) -> Row {
    let request = json!({"messages": [{"role": "user", "content": "Hello"}]});
    Row {
        request,
        ..chat(model, endpoint)
    }
}

/// Three texts.
fn embed(model: &'static str) -> Row {
    Row {
        operation: "embeddings",
        request: json!({"input": ["one", "two", "three"]}),
        ..chat(model, "infer")
    }
}

/// Tensors, as they are.
fn infer(model: &'static str, inputs: Value) -> Row {
    Row {
        operation: "infer",
        request: json!({ "inputs": inputs }),
        ..chat(model, "infer")
    }
}

/// The models, each once.
fn rows() -> Vec<Row> {
    let weather = json!({"chat_template": "qwen2.5", "tools": [{"type": "function", "function": {"name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}],
        "messages": [{"role": "user", "content": "What is the weather in Paris?"}]});
    vec![
        chat("tiny_llm", "generate_stream"),
        chat("vllm_shape", "generate_stream").with(json!({"stop": ["never"], "seed": 7})),
        chat("trtllm_ensemble", "infer").with(json!({"stop": ["never"], "seed": 7})),
        chat("trtllm_bls", "generate_stream").with(json!({"stop": ["never"], "seed": 7})),
        chat("trtllm_streaming", "generate_stream"),
        chat("trtllm_engine", "infer"),
        chat("llmapi_shape", "generate_stream").with(json!({"stop": ["never"], "seed": 7})),
        chat("no_stop", "generate_stream").with(json!({"stop": ["keeps"]})),
        chat("infer_only", "infer"),
        chat("infer_batched", "infer"),
        bare("scripted", "generate_stream").with(weather),
        bare("several_responses", "generate_stream"),
        bare("no_response", "generate_stream").fails(),
        bare("fails_before", "infer").fails(),
        bare("fails_midway", "generate_stream").fails(),
        bare("fails_slowly", "infer")
            .with(json!({"delay_ms": 1}))
            .fails(),
        embed("minilm"),
        embed("embed_batched")
            .with(json!({"input": ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]})),
        embed("embed_flat"),
        embed("embed_fp16"),
        embed("embed_bf16"),
        embed("embed_several"),
        embed("embed_ambiguous").with(json!({"triton": {"output": "pooled"}})),
        embed("embed_tokens").with(json!({"input": [[1, 2, 3], [4]]})),
        embed("embed_nan")
            .with(json!({"input": ["one", "a nan"]}))
            .fails(),
        embed("embed_fp64"),
        embed("embed_int8"),
        embed("embed_uint8"),
        embed("embed_three"),
        embed("embed_four").fails(),
        embed("embed_dimensions").with(json!({"dimensions": 5})),
        embed("embed_slow"),
        embed("embed_per_token")
            .with(json!({"input": [[7, 8, 9], [7]], "triton": {"pooling": "mean"}})),
        embed("embed_text_tokens").with(json!({"triton": {"pooling": "last"}})),
        embed("minilm_ids")
            .with(json!({"triton": {"pooling": "mean", "normalize": true}}))
            .with_tokenizer(),
        embed("clip_text").with_tokenizer(),
        embed("reranker").with(json!({"triton":
            {"input": "document", "inputs": {"query": "one two"}, "output": "score"}})),
        infer(
            "identity_all",
            json!({"in_int8": [1, 2], "in_bf16": [0.5], "in_bytes": ["é"]}),
        ),
        infer(
            "identity_batched",
            json!({"in_x": [[1, 2, 3], [4, 5, 6]], "in_label": "a"}),
        ),
    ]
}

#[test]
fn each_models_line_is_as_it_is_committed() {
    let head = "| model | asked | sent to Triton | came back |\n|---|---|---|---|\n";
    let mut wrong = Vec::new();
    let table: Vec<String> = rows().iter().map(|row| line(row, &mut wrong)).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/triton/TABLE.md");
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let (preface, lines) = committed.split_once(head).unwrap_or((&committed, ""));
    if env::var_os("MISHIKALLM_UPDATE").is_some() {
        fs::write(&path, [preface, head, &table.concat()].concat()).unwrap();
    } else {
        let lines: Vec<&str> = lines.split_inclusive('\n').collect();
        for (made, committed) in table.iter().zip(&lines) {
            if made != committed {
                wrong.push(format!("TABLE.md has\n{committed}and this came:\n{made}"));
            }
        }
        if table.len() != lines.len() {
            wrong.push(format!(
                "TABLE.md has {} lines for {} models",
                lines.len(),
                table.len()
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nMISHIKALLM_UPDATE=1 writes TABLE.md anew",
        wrong.join("\n")
    );
}

#[test]
fn every_model_has_its_row() {
    let folder = env::var("TRITON_MODELS").map(PathBuf::from).unwrap();
    let folders: BTreeSet<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let rows = rows();
    let in_rows: BTreeSet<String> = rows.iter().map(|row| row.model.to_owned()).collect();
    assert_eq!(
        in_rows, folders,
        "the rows of tests/triton/table.rs, and the folders of tests/triton/models"
    );
    assert_eq!(rows.len(), folders.len(), "a model has two rows");
}

/// Asks, and tells of it in a line of Markdown. `wrong` gets what is not as the row says.
fn line(row: &Row, wrong: &mut Vec<String>) -> String {
    let relay = Relay::start();
    let mut request = row.request.clone();
    request["model"] = json!(format!("triton/{}", row.model));
    request["api_base"] = json!(relay.url);
    let answer = invoke(row.operation, request);
    if answer.is_err() != row.is_error {
        wrong.push(format!("{}: {answer:?}", row.model));
    }
    let came = match &answer {
        Ok(answer) => gist(answer),
        Err(error) => {
            let (kind, message) = (text(&error["type"]), text(&error["message"]));
            format!("{} {kind}: {message}", error["status"])
        }
    };
    let requests = relay.requests();
    let posts = requests.iter().filter(|request| request.method == "POST");
    let endpoint = format!("/v2/models/{}/{}", row.model, row.endpoint);
    let mut sent = Vec::new();
    for post in posts {
        if post.path != endpoint {
            wrong.push(format!("{}: {} was asked", row.model, post.path));
        }
        sent.push(tensors(post));
    }
    if sent.is_empty() {
        wrong.push(format!("{}: nothing was sent: {answer:?}", row.model));
    }
    // Requests of one call run at the same time.
    sent.sort();
    let sent = format!("{}: {}", row.endpoint, sent.join("; "));
    let came = came.replace(&relay.url, "URL").replace(&server(), "URL");
    let cells = [format!("`{}`", row.model), asked(row), sent, came];
    let cells = cells.map(|cell| cell.trim().replace('|', "\\|").replace('\n', " "));
    format!("| {} |\n", cells.join(" | "))
}

/// The request's fields, but for the question.
fn asked(row: &Row) -> String {
    let fields = row.request.as_object().unwrap();
    let fields = fields.iter().filter(|(key, _)| *key != "messages");
    let fields = fields.map(|(key, value)| match key.as_str() {
        "tokenizer" => "`tokenizer` of `minilm`".to_owned(),
        _ => format!("`{key}` {}", short(value)),
    });
    let fields: Vec<String> = fields.collect();
    format!("{} {}", row.operation, fields.join(", "))
}

/// What a request to Triton holds: of `infer` its tensors, each with its datatype and shape; of `generate` its fields.
fn tensors(post: &http::Request) -> String {
    let json = match post.header("inference-header-content-length") {
        "" => &post.body[..],
        length => &post.body[..length.parse().unwrap()],
    };
    let binary = post.body.len() - json.len();
    let body: Map<String, Value> = serde_json::from_slice(json).unwrap();
    let Some(inputs) = body.get("inputs") else {
        let fields = body
            .iter()
            .map(|(key, value)| format!("`{key}` {}", short(value)));
        return fields.collect::<Vec<_>>().join(", ");
    };
    let inputs = inputs.as_array().unwrap().iter().map(|input| {
        let data = input.get("data").map_or_else(|| "binary".to_owned(), short);
        format!(
            "`{}` {}{} {data}",
            text(&input["name"]),
            text(&input["datatype"]),
            input["shape"]
        )
    });
    let mut all: Vec<String> = inputs.collect();
    if binary > 0 {
        all.push(format!("{binary} bytes"));
    }
    if let Some(parameters) = body.get("parameters") {
        all.push(format!("`parameters` {}", short(parameters)));
    }
    let wanted = body
        .get("outputs")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let wanted: Vec<&str> = wanted.map(|output| text(&output["name"])).collect();
    if !wanted.is_empty() {
        all.push(format!("wants `{}`", wanted.join("`, `")));
    }
    all.join(", ")
}

/// What an answer says, without what is another at each call.
fn gist(answer: &Value) -> String {
    if let Some(outputs) = answer["outputs"].as_array() {
        let outputs = outputs.iter().map(|output| {
            format!(
                "`{}` {}{} {}",
                text(&output["name"]),
                text(&output["datatype"]),
                output["shape"],
                short(&output["data"])
            )
        });
        return outputs.collect::<Vec<_>>().join(", ");
    }
    let usage = answer["usage"].to_string().replace('"', "");
    if answer["object"] == "list" {
        let rows = answer["data"].as_array().unwrap();
        let mut columns: Vec<usize> = rows
            .iter()
            .map(|row| row["embedding"].as_array().unwrap().len())
            .collect();
        columns.dedup();
        let first = rows[0]["embedding"][0].as_f64().unwrap();
        return format!(
            "{} rows × {columns:?}, the first number {first:.2}, usage {usage}",
            rows.len()
        );
    }
    let choice = &answer["choices"][0];
    let message = &choice["message"];
    let calls = message["tool_calls"].as_array().into_iter().flatten();
    let calls = calls.map(|call| {
        format!(
            " calls {}({})",
            text(&call["function"]["name"]),
            text(&call["function"]["arguments"])
        )
    });
    let calls: String = calls.collect();
    format!(
        "{}{calls}, {}, usage {usage}",
        short(&message["content"]),
        text(&choice["finish_reason"])
    )
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// A value's JSON, or its beginning.
fn short(value: &Value) -> String {
    const LONGEST: usize = 100;
    let json = value.to_string();
    let mut characters = json.chars();
    let begin: String = characters.by_ref().take(LONGEST).collect();
    match characters.next() {
        Some(_) => begin + "…",
        None => begin,
    }
}
