//! What answers tell of retries and fallbacks, and what comes out where nobody can answer.

use super::*;

/// Refuses every request like this.
fn refusing(status: u16, header: &'static str) -> Upstream {
    Upstream::new(move |mut peer| {
        while peer.request().is_some() {
            let body = json!({"error": "no room"}).to_string();
            peer.send(&format!(
                "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{header}content-length: {}\r\n\r\n{body}",
                body.len()
            ));
        }
    })
}

/// `x-mishikallm-attempted-retries` and `-fallbacks`, the model that was asked for, and the deployment that answered.
#[track_caller]
fn told(answer: &Response) -> [&str; 4] {
    [
        "x-mishikallm-attempted-retries",
        "x-mishikallm-attempted-fallbacks",
        "x-mishikallm-model-group",
        "x-mishikallm-model-id",
    ]
    .map(|name| answer.headers.get(name).map_or("", String::as_str))
}

fn with_id(mut entry: Value, id: &str, order: u64) -> Value {
    entry["model_info"] = json!({"id": id});
    entry["mishikallm_params"]["order"] = json!(order);
    entry
}

#[test]
fn an_answer_tells_of_retries_and_fallbacks() {
    let (bad, good) = (refusing(503, ""), saying("yes"));
    let deployment = |name: &str, upstream: &Upstream, id: &str, order: u64| {
        with_id(
            entry(name, "triton/x", &upstream.at("/x/generate")),
            id,
            order,
        )
    };
    let list = json!([
        deployment("sound", &good, "sound", 1),
        deployment("half", &bad, "half-bad", 1),
        deployment("half", &good, "half-good", 2),
        deployment("broken", &bad, "broken", 1),
        deployment("other", &bad, "other", 1),
    ]);
    let router = json!({"num_retries": 1, "disable_cooldowns": true, "fallbacks": [{"broken": ["other", "sound"]}]});
    let proxy = proxy(list, json!({"router_settings": router}), &[]);
    for stream in [false, true] {
        let chat = |model: &str| chat(&proxy, &json!({"model": model, "stream": stream}));
        assert_eq!(told(&chat("sound")), ["0", "0", "sound", "sound"]);
        assert_eq!(told(&chat("half")), ["1", "0", "half", "half-good"]);
        // Each of two models twice, and then the third one.
        let answer = chat("broken");
        assert_eq!(answer.status, 200);
        assert_eq!(told(&answer), ["2", "2", "broken", "sound"]);
    }
    let answer = chat(&proxy, &json!({"model": "other"}));
    assert_eq!(
        (answer.status, told(&answer)),
        (503, ["1", "0", "other", "other"])
    );
}

#[test]
fn where_every_deployment_has_too_much_it_is_a_429_that_says_when() {
    let (one, two) = (
        refusing(429, "retry-after: 7\r\n"),
        refusing(429, "retry-after: 7\r\n"),
    );
    let list = json!([
        entry("m", "triton/m", &one.at("/x/generate")),
        entry("m", "triton/m", &two.at("/x/generate")),
    ]);
    let proxy = proxy(list, json!({"router_settings": {"num_retries": 1}}), &[]);
    // While they are asked, and while they rest.
    for _ in 0..3 {
        for stream in [false, true] {
            let answer = chat(&proxy, &json!({"stream": stream}));
            assert_eq!(answer.status, 429, "{}", answer.text());
            assert_eq!(json_of(&answer)["error"]["type"], "throttling_error");
            let after: u64 = answer.headers["retry-after"].parse().expect("seconds");
            assert!((1..=7).contains(&after), "{after}");
            assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
        }
    }
}
