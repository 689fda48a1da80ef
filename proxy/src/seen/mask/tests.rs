use super::*;
use http::HeaderValue;
use serde_json::json;

/// In every text, and in no name.
const PROMPT: &str = "zebra";
const KEY: &str = "hunter2-key";

fn secrets() -> Secrets {
    let mut secrets = Secrets::default();
    secrets.add(KEY);
    secrets
}

fn shown(prompts: bool, body: &Value) -> String {
    let secrets = secrets();
    let mask = Mask {
        prompts,
        secrets: &secrets,
    };
    mask.body(body.to_string().as_bytes(), None)
}

/// Neither is there without prompts; with them there is no key.
fn holds(body: &Value) -> String {
    let without = shown(false, body);
    assert!(!without.contains(PROMPT), "{without}");
    let with = shown(true, body);
    for text in [&without, &with] {
        assert!(!text.contains(KEY) && !text.contains('\n'), "{text}");
    }
    without
}

#[test]
fn a_chat_shows_its_numbers_and_not_its_words() {
    let text = holds(&json!({
        "model": "my-triton-model",
        "messages": [
            {"role": "system", "content": "a zebra"},
            {"role": "user", "name": "zebra", "content": [
                {"type": "text", "text": "zebra"},
                {"type": "image_url", "image_url": {"url": "https://h/zebra.png?sig=hunter2-key", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,zebra"}},
                {"type": "input_audio", "input_audio": {"data": "zebra", "format": "wav"}}]},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{\"at\":\"zebra\",\"api_key\":\"hunter2-key\"}"}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": "zebra hunter2-key"},
            {"role": "assistant", "reasoning_content": "zebra", "content": ["zebra", ["zebra"]]}],
        "tools": [{"type": "function", "function": {"name": "look", "description": "zebra",
            "parameters": {"type": "object", "properties": {"zebra": {"enum": ["zebra"]}}, "required": ["zebra"]}}}],
        "response_format": {"type": "json_schema", "json_schema": {"schema": {"zebra": 1}}},
        "stop": ["zebra"], "user": "zebra", "max_tokens": 5, "temperature": 0.5, "stream": true,
        "metadata": {"zebra": "zebra"}, "logit_bias": {"17": 1}, "api_key": KEY,
        "extra_headers": {"X-Tenant": "hunter2-key", "Content-Type": "zebra"}, "guided_regex": "zebra|zebra",
    }));
    for expected in [
        r#""model":"my-triton-model""#,
        r#""content":"<text, 7 bytes>""#,
        r#""max_tokens":5"#,
        r#""stream":true"#,
        r#""role":"user""#,
        r#""name":"look""#,
        r#""arguments":"<text, 38 bytes>""#,
        r#""stop":"<list, 1 items>""#,
        r#""api_key":"<masked>""#,
        r#""X-Tenant":"<masked>""#,
        r#""metadata":"<object, 1 fields>""#,
        r#""content":null"#,
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}

#[test]
fn answers_show_no_text_either() {
    let text = holds(&json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "text": "zebra", "delta": {"content": "zebra"},
            "message": {"role": "assistant", "content": "zebra", "refusal": "zebra", "provider_specific_fields": {"zebra": "zebra"}},
            "logprobs": {"content": [{"token": "zebra", "bytes": [122], "logprob": -0.1, "top_logprobs": [{"token": "zebra"}]}],
                "tokens": ["zebra"], "top_logprobs": [{"zebra": -0.1}], "text_offset": [0]}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
        "error": {"message": "zebra hunter2-key", "type": "server_error", "param": null, "code": "500"},
    }));
    for expected in [
        r#""total_tokens":7"#,
        r#""finish_reason":"stop""#,
        r#""type":"server_error""#,
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}

#[test]
fn tensors_show_their_shape_and_not_their_data() {
    let text = holds(&json!({
        "id": "1", "model_name": "m", "model_version": "1", "text_input": "zebra", "text_output": ["zebra"],
        "inputs": [
            {"name": "text_input", "datatype": "BYTES", "shape": [1, 1], "data": [["zebra"]]},
            {"name": "ids", "datatype": "INT32", "shape": [3], "data": [26, 101, 98]},
            {"name": "more", "datatype": "BYTES", "shape": [1], "data": [{"zebra": "zebra"}]},
            {"name": "one", "data": "zebra"}],
        "outputs": [{"name": "text_output", "parameters": {"binary_data": true, "classification": "a zebra"}}],
        "parameters": {"stop": "zebra", "max_tokens": 5, "api_token": KEY},
        "error": "failed on zebra",
    }));
    for expected in [
        r#""name":"ids","datatype":"INT32","shape":[3],"data":"<list, 3 items>""#,
        r#""binary_data":true"#,
        r#""model_name":"m""#,
    ] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}

#[test]
fn token_ids_are_texts_too() {
    for body in [
        json!({"input": [977531, 2], "model": "m"}),
        json!({"input": [[977531], [2]]}),
        json!({"prompt": [977531]}),
        json!({"data": [{"object": "embedding", "index": 0, "embedding": [977531.5]}]}),
        json!([977531]),
        json!({"inputs": [977531, {"name": "x"}]}),
        json!({"shape": [[977531]]}),
    ] {
        let text = shown(false, &body);
        assert!(!text.contains("977531"), "{text}");
    }
}

#[test]
fn a_text_is_found_wherever_it_is() {
    for body in [
        json!("zebra"),
        json!("a zebra"),
        json!(["zebra"]),
        json!([["zebra"], {"x": "zebra"}]),
        json!({"": {"": ["zebra"]}}),
        json!({"": "zebra"}),
        json!({"a zebra": 1}),
        json!({"model": "a zebra, and more", "id": ["zebra"], "type": {"zebra": 1}}),
        json!({"finish_reason": "the zebra", "role": "\u{7a}ebra \u{1f993}", "code": "zebra()"}),
        json!({"choices": "zebra", "messages": {"zebra crossing": "zebra"}}),
        json!({"messages": [{"content": {"text": {"value": "zebra"}}}]}),
    ] {
        holds(&body);
    }
    // As it came, not as it is written here.
    let secrets = secrets();
    let mask = Mask {
        prompts: false,
        secrets: &secrets,
    };
    for body in [
        r#"{"content":"\u007aebra"}"#,
        r#"{"content":"x","content":"zebra","\u0063ontent":"zebra"}"#,
        r#"{"content":"zebra"#,
        "zebra",
        "\u{feff}{\"content\":\"zebra\"}",
        r#"{"content":"zebra"} zebra"#,
    ] {
        let text = mask.body(body.as_bytes(), None);
        assert!(!text.contains(PROMPT), "{text}");
    }
    let deep = format!("{}\"zebra\"{}", "[".repeat(500), "]".repeat(500));
    assert_eq!(
        mask.body(deep.as_bytes(), None),
        "<1007 bytes, not JSON>",
        "too deep to be read"
    );
    assert_eq!(mask.body(b"\xff\xfezebra", None), "<7 bytes, not JSON>");
    assert_eq!(mask.body(b"", None), "<empty>");
}

#[test]
fn a_key_is_hidden_by_its_name_in_whatever_form() {
    for body in [
        json!({"api_key": "zebra"}),
        json!({"API-Key": ["zebra"]}),
        json!({"apiKey": {"zebra": "zebra"}}),
        json!({"auth": {"user": "zebra"}}),
        json!({"messages": [{"content": [{"password": "zebra"}]}]}),
        json!({"extra_headers": {"Authorization": "Bearer zebra"}, "headers": {"x": "zebra"}}),
        json!({"function": {"arguments": "{\"secret\": \"zebra\", \"deep\": [{\"access_token\": \"zebra\"}]}"}}),
        json!({"token": "zebra"}),
    ] {
        for prompts in [false, true] {
            let text = shown(prompts, &body);
            assert!(!text.contains(PROMPT), "{text}");
        }
    }
    assert_eq!(
        shown(true, &json!({"api_key": null, "max_tokens": 3})),
        r#"{"api_key":null,"max_tokens":3}"#
    );
}

#[test]
fn a_key_is_hidden_inside_of_texts_that_are_shown() {
    for (text, expected) in [
        (
            "say hunter2-key twice: hunter2-key",
            "say <masked> twice: <masked>",
        ),
        (
            "Authorization: Bearer abc.def-1, please",
            "Authorization: Bearer <masked>, please",
        ),
        ("BEARER   abc", "BEARER   <masked>"),
        ("bearer:abc", "bearer:<masked>"),
        ("the bearer", "the bearer"),
        ("bearer \u{e9}t\u{e9} x", "bearer <masked> x"),
        ("my key is sk-1234.", "my key is <masked>"),
        (
            "SK-abc and \"sk-def\" (sk-g)",
            "<masked> and \"<masked>\" (<masked>)",
        ),
        ("\u{1f993}sk-abc", "\u{1f993}<masked>"),
        (
            "a task-list, a risk-free desk-",
            "a task-list, a risk-free desk-",
        ),
        ("sk- alone", "sk- alone"),
        ("https://u:p@h/a?b=c#d", "https://<masked>@h/a?<masked>"),
        ("\u{0130}bearer x", "\u{0130}bearer x"),
        ("", ""),
    ] {
        assert_eq!(secrets().hide(text), expected, "{text}");
    }
}

#[test]
fn prompts_are_shown_if_they_are_asked_for() {
    let body = json!({"messages": [{"role": "user", "content": "a zebra\n\u{1f993}"}], "x": {"y": ["z", 1]}, "prompt": [1, 2]});
    let text = shown(true, &body);
    assert_eq!(text, body.to_string());
}

#[test]
fn events_are_shown_one_by_one() {
    let secrets = secrets();
    let mask = Mask {
        prompts: false,
        secrets: &secrets,
    };
    let text = mask.events(
        b"data: {\"text_output\":\"zebra\",\"index\":1}\r\n\r\ndata:[DONE]\n\ndata: {\"text_output\":\"zeb",
    );
    assert_eq!(
        text,
        "data: {\"text_output\":\"<text, 5 bytes>\",\"index\":1} data: [DONE] data: <19 bytes, not JSON>"
    );
    assert_eq!(mask.events(b"event: zebra\n"), "<12 bytes, not JSON>");
}

#[test]
fn tensors_behind_the_json_are_told_by_their_length() {
    let secrets = secrets();
    let mask = Mask {
        prompts: true,
        secrets: &secrets,
    };
    assert_eq!(
        mask.body(b"{\"id\":\"1\"}zebra", Some(10)),
        "{\"id\":\"1\"} and <5 bytes of tensors>"
    );
    assert_eq!(mask.body(b"{}", Some(99)), "{}", "a server's word");
}

#[test]
fn what_is_long_is_cut() {
    let text = shown(true, &json!({"prompt": "\u{e9}".repeat(LONGEST)}));
    assert!(text.len() < LONGEST + 64, "{}", text.len());
    assert!(text.ends_with("… <cut: 16397 bytes in all>"), "{text}");
    let long = json!({"prompt": "a".repeat(READ)});
    assert_eq!(shown(true, &long), format!("<{} bytes>", READ + 13));
}

#[test]
fn headers_with_keys_show_their_names() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("authorization", "Bearer zebra"),
        ("x-api-key", "zebra"),
        ("cookie", "a=zebra"),
        ("x-tenant", "zebra"),
        ("content-type", "application/json"),
        ("user-agent", "curl/8 hunter2-key"),
        ("x-mishikallm-api-key", "zebra"),
        ("x-stainless-auth-token", "zebra"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let secrets = secrets();
    let mask = Mask {
        prompts: true,
        secrets: &secrets,
    };
    let text = mask.headers(&headers);
    assert!(!text.contains(PROMPT), "{text}");
    assert!(text.contains("authorization: <masked>"), "{text}");
    assert!(text.contains("content-type: application/json"), "{text}");
    assert!(text.contains("user-agent: curl/8 <masked>"), "{text}");
    // A server that repeats it says it nowhere.
    let mut own = Secrets::default();
    own.add_headers(&headers);
    let with = secrets.with(&own);
    let got = "I got zebra and hunter2-key";
    assert_eq!(with.hide(got), "I got <masked> and <masked>");
}

#[test]
fn a_request_tells_which_of_its_words_are_keys() {
    let fields = json!({
        "api_key": "key-of-the-field",
        "user": "a person",
        "extra_headers": {"X-Tenant": "key-of-a-header", "accept": "text/plain"},
        "fallbacks": [{"api_key": "key-of-a-fallback"}],
        "metadata": {"credentials": {"here": "key-in-an-object"}, "arguments": "{\"password\":\"key-in-a-text\"}"},
    });
    let mut own = Secrets::default();
    let fields = fields.as_object().unwrap().iter();
    own.add_fields(fields.map(|(name, value)| (name.as_str(), value)));
    for place in [
        "of-the-field",
        "of-a-header",
        "of-a-fallback",
        "in-an-object",
        "in-a-text",
    ] {
        let key = format!("key-{place}");
        assert_eq!(own.hide(&format!("no \"{key}\"")), "no \"<masked>\"");
    }
    let text = "a person wants text/plain";
    assert_eq!(own.hide(text), text);
}

#[test]
fn urls_lose_what_may_be_a_key() {
    for (from, to) in [
        (
            "http://h:8000/v2/models/m/infer",
            "http://h:8000/v2/models/m/infer",
        ),
        ("https://u:p@h/x?token=1", "https://<masked>@h/x?<masked>"),
        ("https://h", "https://h"),
        (
            "/v1/chat/completions?key=1",
            "/v1/chat/completions?<masked>",
        ),
        ("https://h/a@b", "https://h/a@b"),
    ] {
        assert_eq!(url(from), to);
    }
}
