//! What is sent to models of all shapes, and what is made of what they send.

use super::*;
use crate::json;
use crate::openai::response::Matrix;
use crate::triton::model::tests::model;
use crate::triton::reply::Reply;
use serde_json::json;

fn asked(json: &str) -> (Ask, Options) {
    let mut fields = json::object("request_json", json).unwrap();
    let options = Options::take(&mut fields).unwrap();
    let ask = Ask {
        request: EmbeddingRequest::take(fields, &options).unwrap().into(),
        tokenizer: options.tokenizer.as_ref().map(|_| tokenizer()),
    };
    (ask, options)
}

#[cfg(feature = "tokenizers")]
fn tokenizer() -> Arc<Tokenizer> {
    crate::tokenizer::tests::words(&["a", "ship", "sails"]).into()
}

#[cfg(not(feature = "tokenizers"))]
fn tokenizer() -> Arc<Tokenizer> {
    panic!("this build has no tokenizers")
}

fn bodies(json: &str, model: Option<&Model>) -> Result<Vec<Value>> {
    let (ask, options) = asked(json);
    let fit = Fit::new(&ask, 0, &options, model)?;
    let batches = fit.batches.clone();
    batches
        .into_iter()
        .map(|rows| {
            let (bytes, _) = encode(&ask, &fit, rows, &options, model)?;
            Ok(serde_json::from_slice(&bytes).unwrap())
        })
        .collect()
}

/// Reads a reply to the first batch of a request.
fn read(json: &str, reply: Reply, model: Option<&Model>) -> Result<Matrix> {
    let (ask, options) = asked(json);
    let fit = Fit::new(&ask, 0, &options, model)?;
    let sent = fit.batches[0].clone();
    decode(reply, &ask, &fit, sent, &options, model).map(|r| r.matrix)
}

fn reply(body: &str) -> Reply {
    Reply {
        status: 200,
        body: body.into(),
        ..Default::default()
    }
}

fn inputs(count: usize, more: &str) -> String {
    let texts: Vec<String> = (0..count).map(|i| format!("\"{i}\"")).collect();
    format!(r#"{{"input":[{}],"triton":{{{more}}}}}"#, texts.join(","))
}

fn rows(body: &str, count: usize) -> Result<Matrix> {
    read(&inputs(count, ""), reply(body), None)
}

#[test]
fn the_plain_format_is_the_references() {
    assert_eq!(
        bodies(
            r#"{"input":["a","b"],"input_type":"query","user":"u","extra_body":{"id":"7"}}"#,
            None
        )
        .unwrap(),
        [
            json!({"inputs":[{"name":"input_text","shape":[2],"datatype":"BYTES","data":["a","b"]}],"parameters":{"input_type":"query"},"id":"7"})
        ]
    );
    assert!(bodies(r#"{"input":"a","dimensions":2}"#, None).is_err());
    assert!(bodies(r#"{"input":"a","dimensions":2,"drop_params":true}"#, None).is_ok());
    assert!(bodies(r#"{"input":"a","x":[1]}"#, None).is_err());
    assert_eq!(
        bodies(r#"{"input":[1,2]}"#, None).unwrap_err().param(),
        Some("input")
    );
}

#[test]
fn a_batch_dimension_and_its_limit() {
    let m = model(
        "text:BYTES[1] dimensions:INT32[1]?",
        "embedding:FP32[8]",
        2,
        false,
    );
    let b = bodies(r#"{"input":["a","b","c"],"dimensions":4}"#, Some(&m)).unwrap();
    assert_eq!(b.len(), 2);
    assert_eq!(
        b[0],
        json!({"inputs":[{"name":"text","shape":[2,1],"datatype":"BYTES","data":["a","b"]},
            {"name":"dimensions","shape":[2,1],"datatype":"INT32","data":[4,4]}],
            "outputs":[{"name":"embedding","parameters":{"binary_data":true}}]})
    );
    assert_eq!(b[1]["inputs"][0]["shape"], json!([1, 1]));
}

#[test]
fn without_a_batch_dimension_the_open_one_takes_the_texts() {
    let flat = model("text:BYTES[-1]", "embedding:FP32[-1,8]", 0, false);
    assert_eq!(
        bodies(r#"{"input":["a","b"]}"#, Some(&flat)).unwrap()[0]["inputs"][0]["shape"],
        json!([2])
    );
    let column = model("text:BYTES[-1,1]", "embedding:FP32[-1,8]", 0, false);
    assert_eq!(
        bodies(r#"{"input":["a","b"]}"#, Some(&column)).unwrap()[0]["inputs"][0]["shape"],
        json!([2, 1])
    );
    let one = model("text:BYTES[1]", "embedding:FP32[8]", 0, false);
    assert_eq!(
        bodies(r#"{"input":["a","b"]}"#, Some(&one)).unwrap().len(),
        2
    );
}

#[test]
fn half_precision_is_always_asked_for_as_bytes() {
    let m = model("text:BYTES[1]", "embedding:FP16[8]", 8, false);
    let b = bodies(r#"{"input":"a","triton":{"binary":false}}"#, Some(&m)).unwrap();
    assert_eq!(b[0]["outputs"][0]["parameters"]["binary_data"], true);
}

#[test]
fn token_ids_go_to_models_that_take_integers() {
    let m = model(
        "input_ids:INT64[-1] attention_mask:INT64[-1]?",
        "embedding:FP32[8]",
        8,
        false,
    );
    let b = bodies(r#"{"input":[[1,2],[3]]}"#, Some(&m)).unwrap();
    assert_eq!(b.len(), 1);
    assert_eq!(
        b[0]["inputs"],
        json!([{"name":"input_ids","shape":[2,2],"datatype":"INT64","data":[1,2,3,0]},
            {"name":"attention_mask","shape":[2,2],"datatype":"INT64","data":[1,1,1,0]}])
    );
    let texts = model("text:BYTES[1]", "embedding:FP32[8]", 8, false);
    assert!(
        bodies(r#"{"input":[1]}"#, Some(&texts))
            .unwrap_err()
            .message()
            .contains("no input for token ids")
    );
}

#[test]
fn shapes_of_rows() {
    let out = |shape: &str, data: &str| {
        format!(r#"{{"outputs":[{{"name":"e","datatype":"FP32","shape":{shape},"data":{data}}}]}}"#)
    };
    assert_eq!(rows(&out("[2,2]", "[1,2,3,4]"), 2).unwrap().columns, 2);
    assert_eq!(rows(&out("[2,1,2]", "[1,2,3,4]"), 2).unwrap().columns, 2);
    assert_eq!(
        rows(&out("[1,2]", "[[1,2]]"), 1).unwrap().values,
        vec![1.0f32, 2.0].into()
    );
    assert_eq!(rows(&out("[3]", "[1,2,3]"), 1).unwrap().columns, 3);
    for (shape, data, count) in [
        ("[3,1]", "[1,2,3]", 1),
        ("[2,2]", "[1,2,3]", 2),
        ("[1,3,2]", "[1,2,3,4,5,6]", 1),
        ("[1,0]", "[]", 1),
        ("[]", "[1]", 1),
    ] {
        assert_eq!(
            rows(&out(shape, data), count).unwrap_err().http_status(),
            502,
            "{shape}"
        );
    }
}

#[test]
fn of_several_outputs_the_floating_point_one() {
    let reply = r#"{"outputs":[{"name":"count","datatype":"INT32","shape":[1],"data":[7]},{"name":"e","datatype":"FP32","shape":[1,2],"data":[0.5,-1.5]}]}"#;
    assert_eq!(rows(reply, 1).unwrap().values, vec![0.5f32, -1.5].into());
    let two = r#"{"outputs":[{"name":"a","datatype":"FP32","shape":[1,1],"data":[1]},{"name":"b","datatype":"FP32","shape":[1,1],"data":[1]}]}"#;
    let e = rows(two, 1).unwrap_err();
    assert!(e.message().contains("a, b"), "{e}");
    let integers = r#"{"outputs":[{"name":"e","datatype":"INT64","shape":[1,2],"data":[1,2]}]}"#;
    assert_eq!(rows(integers, 1).unwrap().columns, 2);
    assert!(rows(r#"{"outputs":[]}"#, 1).is_err());
}

#[test]
fn a_number_that_is_not_finite_is_told() {
    let json = r#"{"outputs":[{"name":"e","datatype":"FP32","shape":[2,1],"parameters":{"binary_data_size":8}}]}"#;
    let mut body = json.as_bytes().to_vec();
    body.extend([1.0f32, f32::NAN].map(f32::to_le_bytes).concat());
    let reply = Reply {
        status: 200,
        json_length: Some(json.len()),
        body,
        ..Default::default()
    };
    let e = read(&inputs(2, ""), reply, None).unwrap_err();
    assert!(e.message().contains("row 1"), "{e}");
}

#[test]
fn rows_of_a_quantised_model_are_its_numbers() {
    let m = model("text:BYTES[1]", "e:INT8[2]", 8, false);
    let json =
        r#"{"outputs":[{"name":"e","datatype":"INT8","shape":[2,2],"data":[-128,127,0,5]}]}"#;
    let rows = read(&inputs(2, ""), reply(json), Some(&m)).unwrap();
    assert_eq!(rows.values, vec![-128.0f32, 127.0, 0.0, 5.0].into());
}

const TOKEN_WISE: &str = r#"{"outputs":[{"name":"e","datatype":"FP32","shape":[2,3,2],"data":[1,2,3,4,90,90,1,1,2,2,6,0]}]}"#;

#[test]
fn a_vector_for_each_token_wants_pooling() {
    let e = rows(TOKEN_WISE, 2).unwrap_err();
    assert_eq!(e.param(), Some("triton.pooling"));
    assert!(e.message().contains("\"mean\", \"cls\" or \"last\""), "{e}");
    let cls = read(&inputs(2, r#""pooling":"cls""#), reply(TOKEN_WISE), None);
    assert_eq!(cls.unwrap().values, vec![1.0f32, 2.0, 1.0, 1.0].into());
    let flat = r#"{"outputs":[{"name":"e","datatype":"FP32","shape":[2,2],"data":[3,4,1,0]}]}"#;
    let both = r#""pooling":"mean","normalize":true"#;
    let rows = read(&inputs(2, both), reply(flat), None).unwrap();
    assert_eq!(rows.values, vec![0.6f32, 0.8, 1.0, 0.0].into());
    // One input of a model without a batch dimension.
    let one = r#"{"outputs":[{"name":"e","datatype":"FP32","shape":[2,2],"data":[3,4,1,0]}]}"#;
    let last = read(&inputs(1, r#""pooling":"last""#), reply(one), None).unwrap();
    assert_eq!((last.columns, last.values), (2, vec![1.0f32, 0.0].into()));
}

#[test]
fn shapes_beyond_that_are_told() {
    for shape in ["[2,2,2,2]", "[2,2,4,1]", "[2,2,2,1,2]"] {
        let json = format!(
            r#"{{"outputs":[{{"name":"e","datatype":"FP32","shape":{shape},"data":[1]}}]}}"#
        );
        for more in ["", r#""pooling":"mean""#] {
            let e = read(&inputs(2, more), reply(&json), None).unwrap_err();
            assert!(e.message().contains("[inputs,tokens,numbers]"), "{e}");
        }
    }
}

#[test]
fn padding_that_we_sent_does_not_count_in_a_mean() {
    let m = model(
        "input_ids:INT64[-1] attention_mask:INT64[-1]",
        "e:FP32[-1,2]",
        8,
        false,
    );
    let json = r#"{"input":[[5,6],[5,6,7]],"triton":{"pooling":"mean"}}"#;
    let pooled = read(json, reply(TOKEN_WISE), Some(&m)).unwrap();
    assert_eq!(pooled.values, vec![2.0f32, 3.0, 3.0, 1.0].into());
}

#[test]
fn texts_that_the_model_pads_by_itself_go_alone_where_padding_would_count() {
    let m = model("text:BYTES[1]", "e:FP32[-1,8]", 8, false);
    for (pooling, requests) in [("mean", 3), ("last", 3), ("cls", 1)] {
        let json = inputs(3, &format!(r#""pooling":"{pooling}""#));
        assert_eq!(
            bodies(&json, Some(&m)).unwrap().len(),
            requests,
            "{pooling}"
        );
    }
}

#[test]
fn dimensions_are_cut_here_when_asked_so() {
    let m = model("text:BYTES[1]", "e:FP32[3]", 8, false);
    let ask = |n: u32, cut: bool| {
        format!(r#"{{"input":"a","dimensions":{n},"triton":{{"truncate_dimensions":{cut}}}}}"#)
    };
    let json = r#"{"outputs":[{"name":"e","datatype":"FP32","shape":[1,3],"data":[3,4,9]}]}"#;
    let cut = read(&ask(2, true), reply(json), Some(&m)).unwrap();
    assert_eq!((cut.columns, cut.values), (2, vec![0.6f32, 0.8].into()));
    let whole = read(&ask(3, true), reply(json), Some(&m)).unwrap();
    assert_eq!(whole.values, vec![3.0f32, 4.0, 9.0].into());
    let e = read(&ask(4, true), reply(json), Some(&m)).unwrap_err();
    assert_eq!((e.param(), e.http_status()), (Some("dimensions"), 400));
    let e = bodies(&ask(2, false), Some(&m)).unwrap_err();
    assert!(e.message().contains("triton.truncate_dimensions"), "{e}");
    // A model that takes it cuts by itself.
    let takes = model("text:BYTES[1] dimensions:INT32[1]?", "e:FP32[-1]", 8, false);
    let body = &bodies(&ask(2, true), Some(&takes)).unwrap()[0];
    assert_eq!(body["inputs"][1]["data"], json!([2]));
    assert!(
        read(&ask(2, true), reply(json), Some(&takes))
            .unwrap()
            .columns
            == 3
    );
}

#[test]
#[cfg(feature = "tokenizers")]
fn texts_for_a_model_of_token_ids_are_tokenised_and_padded() {
    let m = model(
        "input_ids:INT64[-1] attention_mask:INT64[-1] token_type_ids:INT32[-1]",
        "embedding:FP32[8]",
        2,
        false,
    );
    let b = bodies(
        r#"{"input":["a ship","sails","a"],"tokenizer":"words"}"#,
        Some(&m),
    )
    .unwrap();
    assert_eq!(b.len(), 2);
    assert_eq!(
        b[0]["inputs"],
        json!([
            {"name":"input_ids","shape":[2,4],"datatype":"INT64","data":[1,4,5,2, 1,6,2,3]},
            {"name":"attention_mask","shape":[2,4],"datatype":"INT64","data":[1,1,1,1, 1,1,1,0]},
            {"name":"token_type_ids","shape":[2,4],"datatype":"INT32","data":[0,0,0,0, 0,0,0,0]}])
    );
    let e = bodies(r#"{"input":"a ship"}"#, Some(&m)).unwrap_err();
    assert_eq!(e.param(), Some("tokenizer"));
}

#[test]
#[cfg(feature = "tokenizers")]
fn a_length_that_the_model_fixes_is_filled_and_not_passed() {
    let m = model("input_ids:INT32[5]", "embedding:FP32[8]", 8, false);
    let ask = |text: &str| format!(r#"{{"input":["a","{text}"],"tokenizer":"words"}}"#);
    let b = bodies(&ask("a ship"), Some(&m)).unwrap();
    assert_eq!(
        b[0]["inputs"][0]["data"],
        json!([1, 4, 2, 3, 3, 1, 4, 5, 2, 3])
    );
    let e = bodies(&ask("a ship sails a ship"), Some(&m)).unwrap_err();
    assert!(
        e.message()
            .starts_with("input[1]: 6 tokens, more than the 5"),
        "{e}"
    );
}

#[test]
fn without_a_mask_only_rows_of_one_length_go_together() {
    let m = model("ids:INT64[-1]", "embedding:FP32[8]", 8, false);
    let b = bodies(r#"{"input":[[1,2],[3,4],[5],[6,7]]}"#, Some(&m)).unwrap();
    let shapes: Vec<_> = b.iter().map(|b| b["inputs"][0]["shape"].clone()).collect();
    assert_eq!(shapes, [json!([2, 2]), json!([1, 1]), json!([1, 2])]);
    // Nor where the caller leaves the mask out.
    let masked = model(
        "ids:INT64[-1] attention_mask:INT64[-1]?",
        "e:FP32[8]",
        8,
        false,
    );
    let json = r#"{"input":[[1,2],[5]],"triton":{"inputs":{"attention_mask":null}}}"#;
    let b = bodies(json, Some(&masked)).unwrap();
    assert_eq!((b.len(), b[0]["inputs"].as_array().unwrap().len()), (2, 1));
    // Without a batch dimension an open first one takes the rows.
    let table = model("ids:INT64[-1,-1]", "e:FP32[-1,8]", 0, false);
    let b = bodies(r#"{"input":[[1,2],[3,4]]}"#, Some(&table)).unwrap();
    assert_eq!(b[0]["inputs"][0]["shape"], json!([2, 2]));
    let single = model("ids:INT64[-1]", "e:FP32[8]", 0, false);
    assert_eq!(
        bodies(r#"{"input":[[1,2],[3,4]]}"#, Some(&single))
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn further_inputs_are_the_same_in_each_row() {
    let m = model(
        "document:BYTES[1] query:BYTES[1] k:INT32[2]?",
        "score:FP32[1]",
        8,
        false,
    );
    let ask = |inputs: &str| {
        format!(r#"{{"input":["x","y"],"triton":{{"output":"score","inputs":{inputs}}}}}"#)
    };
    // The query is given, so the other text is the input.
    let b = bodies(&ask(r#"{"query":"q","k":[1,2]}"#), Some(&m)).unwrap();
    let input = |name: &str| {
        let all = b[0]["inputs"].as_array().unwrap();
        all.iter().find(|i| i["name"] == name).unwrap().clone()
    };
    assert_eq!(input("document")["data"], json!(["x", "y"]));
    assert_eq!(input("query")["data"], json!(["q", "q"]));
    assert_eq!(
        input("k"),
        json!({"name":"k","shape":[2,2],"datatype":"INT32","data":[1,2,1,2]})
    );
    for (bad, param) in [
        (r#"{"querry":"q","query":"q"}"#, "triton.inputs.querry"),
        (r#"{"query":"q","k":[1]}"#, "triton.inputs.k"),
        (r#"{"query":7}"#, "triton.inputs.query"),
    ] {
        assert_eq!(
            bodies(&ask(bad), Some(&m)).unwrap_err().param(),
            Some(param),
            "{bad}"
        );
    }
    // What is to be embedded is not given twice.
    let twice = r#"{"input":"x","triton":{"input":"document","output":"score","inputs":{"document":"y","query":"q"}}}"#;
    assert_eq!(
        bodies(twice, Some(&m)).unwrap_err().param(),
        Some("triton.inputs.document")
    );
    // Where nothing is known of the model the value says what it is.
    let b = bodies(&ask(r#"{"query":"q","k":2,"x":null}"#), None).unwrap();
    assert_eq!(
        b[0]["inputs"][2],
        json!({"name":"k","shape":[2],"datatype":"INT32","data":[2,2]})
    );
    assert_eq!(b[0]["inputs"].as_array().unwrap().len(), 3);
}

#[test]
fn floats_of_a_binary_reply_are_used_where_they_arrived() {
    let json = r#"{"outputs":[{"name":"e","datatype":"FP32","shape":[2,1],"parameters":{"binary_data_size":8}}]}"#;
    let skip = json.len().wrapping_neg() % 4;
    let mut body = vec![0; skip];
    body.extend(json.as_bytes());
    body.extend([1.5f32, -2.0].map(f32::to_le_bytes).concat());
    let at = body[skip + json.len()..].as_ptr();
    let reply = Reply {
        status: 200,
        json_length: Some(json.len()),
        body,
        skip,
        ..Default::default()
    };
    let rows = read(&inputs(2, ""), reply, None).unwrap();
    let floats = rows.values.into_f32();
    assert_eq!(*floats, [1.5, -2.0]);
    assert_eq!(floats.as_ptr().cast::<u8>(), at);
}
