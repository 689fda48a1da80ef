//! Tensors of every kind, in and out.

use super::{invoke, server};
use mishikallm::{Client, Next};
use serde_json::{Value, json};

fn infer(model: &str, more: Value) -> Result<Value, Value> {
    let mut request = json!({"model": format!("triton/{model}"), "api_base": server()});
    let fields = request.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    invoke("infer", request)
}

fn message(result: Result<Value, Value>) -> String {
    let error = result.expect_err("an error");
    error["message"].as_str().unwrap().to_owned()
}

/// The output of this name.
fn output<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let outputs = answer["outputs"].as_array().unwrap();
    let found = outputs.iter().find(|o| o["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {answer}"))
}

/// One value of each datatype, with what is hardest to carry: the largest, the smallest, and what JSON has no number for.
fn samples() -> Vec<(&'static str, Value)> {
    vec![
        ("BOOL", json!([true, false, true])),
        ("UINT8", json!([0, 255])),
        ("UINT16", json!([0, 65535])),
        ("UINT32", json!([0, u32::MAX])),
        ("UINT64", json!([0, 9007199254740993u64, u64::MAX])),
        ("INT8", json!([-128, 127])),
        ("INT16", json!([-32768, 32767])),
        ("INT32", json!([i32::MIN, i32::MAX])),
        ("INT64", json!([i64::MIN, -9007199254740993i64, i64::MAX])),
        ("FP16", json!([1.5, -65504.0, 0.00012207031])),
        ("BF16", json!([1.5, -2.0, 128.0])),
        ("FP32", json!([0.1, -0.5, 16777216.0])),
        ("FP64", json!([0.1, 1e300, -5e-324])),
        (
            "BYTES",
            json!(["", "a \"b\" \\", "é 世界 🚀", "zero \u{0} byte"]),
        ),
    ]
}

#[test]
fn every_datatype_comes_back_as_it_went() {
    for (datatype, data) in samples() {
        let lower = datatype.to_lowercase();
        let (name, given) = (format!("in_{lower}"), format!("out_{lower}"));
        let shape = json!([data.as_array().unwrap().len()]);
        let ways = [
            json!({"inputs": {&name: data}}),
            json!({"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": data}]}),
            json!({"inputs": {&name: data}, "outputs": [given], "nested": true}),
            json!({"inputs": {&name: data}, "triton": {"binary": false}}),
            json!({"inputs": {&name: data}, "outputs": [given], "triton": {"binary": false}}),
        ];
        for request in ways {
            let answer =
                infer("identity_all", request.clone()).unwrap_or_else(|e| panic!("{request}: {e}"));
            assert_eq!(answer["model_name"], "identity_all");
            assert_eq!(
                output(&answer, &given),
                &json!({"name": given, "datatype": datatype, "shape": shape, "data": data}),
                "{request}"
            );
        }
    }
}

#[test]
fn all_datatypes_in_one_request() {
    let inputs: Value = samples()
        .into_iter()
        .map(|(datatype, data)| (format!("in_{}", datatype.to_lowercase()), data))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let answer = infer("identity_all", json!({"inputs": inputs, "id": "17"})).unwrap();
    assert_eq!(answer["id"], "17");
    assert_eq!(answer["outputs"].as_array().unwrap().len(), 14);
    for (datatype, data) in samples() {
        let output = output(&answer, &format!("out_{}", datatype.to_lowercase()));
        assert_eq!(output["data"], data, "{datatype}");
    }
}

#[test]
fn what_json_has_no_value_for_has_one() {
    for binary in [true, false] {
        let inputs = json!({
            "in_fp32": [1, "NaN", "Infinity", "-Infinity"],
            "in_bytes": [{"base64": "/wD+"}, "text"],
        });
        // The outputs are binary all the same: Triton has no JSON for them.
        let outputs = ["out_fp32", "out_bytes"]
            .map(|name| json!({"name": name, "parameters": {"binary_data": true}}));
        let request = json!({"inputs": inputs, "outputs": outputs, "triton": {"binary": binary}});
        let answer = infer("identity_all", request).unwrap();
        assert_eq!(
            output(&answer, "out_fp32")["data"],
            json!([1.0, "NaN", "Infinity", "-Infinity"])
        );
        assert_eq!(
            output(&answer, "out_bytes")["data"],
            json!([{"base64": "/wD+"}, "text"])
        );
    }
}

#[test]
fn tensors_of_three_dimensions_and_of_none() {
    let cube = json!([
        [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
        [[7.0, 8.0], [9.0, 10.0], [11.0, 12.0]]
    ]);
    let answer = infer(
        "identity_all",
        json!({"inputs": {"in_cube": cube}, "nested": true}),
    )
    .unwrap();
    assert_eq!(output(&answer, "out_cube")["shape"], json!([2, 3, 2]));
    assert_eq!(output(&answer, "out_cube")["data"], cube);
    let flat: Vec<f64> = (1..=12).map(f64::from).collect();
    let given = json!({"in_cube": {"shape": [2, 3, 2], "data": flat}});
    let answer = infer("identity_all", json!({"inputs": given})).unwrap();
    assert_eq!(output(&answer, "out_cube")["data"], json!(flat));

    let empty = infer(
        "identity_all",
        json!({"inputs": {"in_int32": [], "in_bytes": []}}),
    )
    .unwrap();
    assert_eq!(output(&empty, "out_int32")["shape"], json!([0]));
    assert_eq!(output(&empty, "out_bytes")["data"], json!([]));
    let bare = infer("identity_all", json!({"inputs": {"in_int32": 7}})).unwrap();
    assert_eq!(output(&bare, "out_int32")["data"], json!([7]));
}

#[test]
fn batches_are_made_where_one_is_wanted() {
    let row = json!([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    let one =
        json!({"inputs": {"in_x": row, "in_ids": [7, 8, 9], "in_label": "a"}, "nested": true});
    let answer = infer("identity_batched", one).unwrap();
    assert_eq!(output(&answer, "out_x")["data"], json!([row]));
    assert_eq!(output(&answer, "out_ids")["shape"], json!([1, 3]));
    assert_eq!(output(&answer, "out_label")["data"], json!([["a"]]));
    let three = json!({"inputs": {"in_x": [row, row, row], "in_label": ["a", "b", "c"]}});
    let answer = infer("identity_batched", three).unwrap();
    assert_eq!(output(&answer, "out_x")["shape"], json!([3, 2, 3]));
    assert_eq!(output(&answer, "out_label")["shape"], json!([3, 1]));
}

#[test]
fn a_model_of_another_kind_answers_too() {
    let answer = infer(
        "minilm",
        json!({"inputs": {"text": ["good morning", "good evening"]}}),
    )
    .unwrap();
    assert_eq!(output(&answer, "embedding")["shape"], json!([2, 384]));
    // An ensemble's optional inputs, and some of its many outputs.
    let inputs = json!({"text_input": "What is a ship?", "max_tokens": 3, "stop_words": [["."]]});
    let request = json!({"inputs": inputs, "outputs": ["text_output", "batch_index"]});
    let answer = infer("trtllm_ensemble", request).unwrap();
    assert!(
        output(&answer, "text_output")["data"][0].is_string(),
        "{answer}"
    );
    assert_eq!(answer["outputs"].as_array().unwrap().len(), 2);
    // A NaN in an output.
    let answer = infer("embed_nan", json!({"inputs": {"input_text": ["a nan"]}})).unwrap();
    let data = output(&answer, "embedding")["data"].as_array().unwrap();
    assert!(data.iter().any(|x| x == "NaN"), "{answer}");
}

#[test]
fn all_responses_of_a_decoupled_model_are_one_answer() {
    let answer = infer(
        "several_responses",
        json!({"inputs": {"text_input": "hi"}, "id": "17"}),
    )
    .unwrap();
    assert_eq!(
        (&answer["model_name"], &answer["id"]),
        (&json!("several_responses"), &json!("17"))
    );
    let texts: Vec<&Value> = answer["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &output(r, "text_output")["data"])
        .collect();
    assert_eq!(
        texts,
        [&json!(["One"]), &json!([", two"]), &json!([", three"])]
    );
    let none = infer("no_response", json!({"inputs": {"text_input": "hi"}})).unwrap();
    assert_eq!(none["responses"], json!([]));

    // Lists, numbers, and an ensemble that does not say that it is decoupled.
    let inputs = json!({"text_input": "What is a ship?", "max_tokens": 4, "stop_words": ["."], "return_num_output_tokens": true});
    let wanted = json!(["num_output_tokens"]);
    let answer = infer("tiny_llm", json!({"inputs": inputs, "outputs": wanted})).unwrap();
    let last = answer["responses"].as_array().unwrap().last().unwrap();
    assert_eq!(last["outputs"].as_array().unwrap().len(), 1, "{answer}");
    let inputs = json!({"text_input": "What is a ship?", "max_tokens": 3, "stream": true});
    let answer = infer("trtllm_streaming", json!({"inputs": inputs})).unwrap();
    let shape = &output(&answer["responses"][0], "text_output")["shape"];
    assert_eq!(shape, &json!([1, 1]), "{answer}");

    let e = message(infer(
        "fails_midway",
        json!({"inputs": {"text_input": "hi"}}),
    ));
    assert!(!e.is_empty() && !e.contains("protocol"), "{e}");
}

#[test]
fn parameters_are_sent_as_they_are() {
    let inputs = json!({"in_int32": [1]});
    let asks = |parameters: Value| {
        infer(
            "identity_all",
            json!({"inputs": inputs, "parameters": parameters}),
        )
    };
    assert_eq!(
        message(asks(json!({"say_error": "as it was told"}))).trim(),
        "as it was told"
    );
    // Triton knows these itself.
    asks(json!({"priority": 1, "timeout": 5_000_000, "sequence_id": 42})).unwrap();
    let classes = json!({"name": "out_fp32", "parameters": {"classification": 2}});
    let answer = infer(
        "identity_all",
        json!({"inputs": {"in_fp32": [1, 9, 5]}, "outputs": [classes]}),
    )
    .unwrap();
    assert_eq!(
        output(&answer, "out_fp32")["data"],
        json!(["9.000000:1", "5.000000:2"])
    );
}

#[test]
fn wrong_requests_are_told_before_the_model_sees_them() {
    let row = json!([[1, 2, 3], [4, 5, 6]]);
    for (model, request, said) in [
        (
            "identity_all",
            json!({"inputs": {"in_int8": [1, 200]}}),
            "inputs.in_int8[1]: expected a whole number from -128 to 127, got the number 200",
        ),
        (
            "identity_all",
            json!({"inputs": {"in_cube": [1, 2]}}),
            "inputs.in_cube: expected the shape [-1, -1, -1], got [2]",
        ),
        (
            "identity_all",
            json!({"inputs": {"in_cube": [[[1], [2]], [[3]]]}}),
            "inputs.in_cube[1]: expected a list of 2 as before it, got a list of 1",
        ),
        (
            "identity_all",
            json!({"inputs": {"in_int8": [1]}, "outputs": ["out_int9"]}),
            "outputs[0]: the model has no such output; it gives out_bool BOOL[-1], ",
        ),
        (
            "identity_all",
            json!({"inputs": {"int8": [1]}}),
            "inputs.int8: the model has no such input; it takes in_bool BOOL[-1], ",
        ),
        (
            "identity_all",
            json!({"inputs": [{"name": "in_int8", "shape": [2], "datatype": "INT16", "data": [1, 2]}]}),
            "inputs[0]: expected the datatype INT8, got INT16",
        ),
        (
            "identity_batched",
            json!({"inputs": {"in_label": "a"}}),
            "inputs: expected in_x FP32[2,3] too, which the model cannot do without; it takes in_x",
        ),
        (
            "identity_batched",
            json!({"inputs": {"in_x": [[1, 2], [3, 4], [5, 6]]}}),
            "inputs.in_x: expected the shape [-1, 2, 3], the batch dimension first, got [1, 3, 2]",
        ),
        (
            "identity_batched",
            json!({"inputs": {"in_x": [row, row, row, row, row]}}),
            "inputs.in_x: expected a batch of at most 4, got 5",
        ),
        (
            "tiny_llm",
            json!({"inputs": {"text_input": "hi", "stop_words": {"shape": [1, 2], "data": ["a", "b"]}}}),
            "inputs.stop_words: expected the shape [-1], got [1, 2]",
        ),
        (
            "identity_all",
            json!({"inputs": {"in_int8": [1]}, "mock_response": "x"}),
            "mock_response: ",
        ),
    ] {
        let e = message(infer(model, request.clone()));
        assert!(e.starts_with(said), "{request}: {e}");
    }
    assert!(message(infer("no_such_model", json!({"inputs": []}))).contains("unknown model"));
}

#[test]
fn the_servers_words_come_as_they_are() {
    let about = |operation: &str, request: Value| {
        let mut request = request;
        request["api_base"] = json!(server());
        invoke(operation, request)
    };
    let one = json!({"model": "triton/identity_batched"});
    let metadata = about("model.metadata", one.clone()).unwrap();
    assert_eq!(
        metadata["inputs"][0],
        json!({"name": "in_x", "datatype": "FP32", "shape": [-1, 2, 3]})
    );
    let config = about("model.config", one.clone()).unwrap();
    assert_eq!(config["max_batch_size"], 4);
    let statistics = about("model.statistics", one.clone()).unwrap();
    assert_eq!(statistics["model_stats"][0]["name"], "identity_batched");
    let all = about("model.statistics", json!({})).unwrap();
    assert!(all["model_stats"].as_array().unwrap().len() > 20);
    let versioned = json!({"model": "triton/identity_batched", "triton": {"version": 1}});
    assert_eq!(
        about("model.metadata", versioned).unwrap()["versions"],
        json!(["1"])
    );

    let server = about("server", json!({})).unwrap();
    assert_eq!(
        (&server["version"], &server["live"], &server["ready"]),
        (&json!("2.51.0"), &json!(true), &json!(true))
    );
    assert!(
        server["extensions"]
            .as_array()
            .unwrap()
            .contains(&json!("binary_tensor_data"))
    );

    let missing = json!({"model": "triton/no_such_model"});
    for operation in ["model.metadata", "model.config", "model.statistics"] {
        let e = about(operation, missing.clone()).unwrap_err();
        assert!(
            e["message"].as_str().unwrap().contains("no_such_model"),
            "{operation}: {e}"
        );
        let e = about(operation, json!({"model": "triton/m", "inputs": 1})).unwrap_err();
        assert_eq!(e["param"], "inputs", "{operation}");
    }
    // This server loads what it finds, and says so.
    for operation in ["model.load", "model.unload"] {
        let e = about(operation, one.clone()).unwrap_err();
        assert_eq!(
            (&e["status"], &e["type"]),
            (&json!(503), &json!("internal_server_error")),
            "{e}"
        );
        assert!(
            e["message"]
                .as_str()
                .unwrap()
                .contains("explicit model load / unload is not allowed"),
            "{e}"
        );
    }
}

#[test]
fn a_submitted_request_gives_its_answer_as_one_piece() {
    let client = std::sync::Arc::new(Client::new("").unwrap());
    let request =
        json!({"model": "triton/identity_all", "api_base": server(), "inputs": {"in_fp16": [0.5]}});
    let operation = mishikallm::openai::Operation::Infer;
    let (tell, told) = std::sync::mpsc::channel();
    let call = client
        .submit(operation, &request.to_string(), move |event| {
            tell.send(format!("{event:?}")).unwrap();
        })
        .unwrap();
    call.wait(None).unwrap();
    let told: Vec<String> = told.iter().collect();
    assert!(
        told.len() == 2 && told[0].contains("out_fp16") && told[1] == "Done",
        "{told:?}"
    );
    // Nothing of it comes before the rest: as a stream it is one chunk.
    let stream = client.stream(operation, &request.to_string()).unwrap();
    let chunk = stream.next(None).unwrap();
    assert!(
        matches!(&chunk, Next::Chunk(text) if text.contains("out_fp16")),
        "{chunk:?}"
    );
    assert_eq!(stream.next(None).unwrap(), Next::Done);
}

#[test]
fn a_fallback_gets_the_same_tensors() {
    let client = Client::new("").unwrap();
    let request = json!({"model": "triton/no_such_model", "api_base": server(), "fallbacks": ["triton/identity_all"],
        "inputs": [{"name": "in_fp64", "shape": [1], "datatype": "FP64", "data": [123456789.12345679]}]});
    let answer = client.invoke("infer", &request.to_string()).unwrap();
    assert!(answer.contains("\"data\":[123456789.12345679]"), "{answer}");
}

#[test]
fn no_digit_is_lost() {
    // As text: the JSON library of these tests reads some of these with another last bit, and so does Triton where they travel
    // as JSON.
    let data =
        "[123456789.12345679,2.2250738585072014e-308,0.30000000000000004,9007199254740993.0]";
    let request = format!(
        r#"{{"model":"triton/identity_all","api_base":"{}","inputs":{{"in_fp64":{data}}}}}"#,
        server()
    );
    let answer = Client::new("").unwrap().invoke("infer", &request).unwrap();
    let expected = data.replace("9007199254740993.0", "9007199254740992.0");
    assert!(answer.contains(&format!("\"data\":{expected}")), "{answer}");
}
