//! What is known of models: looked up once, for everybody, again when it is stale, and never at a call's cost.

use crate::ask::{ask, calm, client, fails, heavy, is, prompt, takes, with};
use crate::http::Request;
use crate::model::{Changing, Model};
use crate::server::{Full, Peer, Server, YO};
use mishikallm::Status;
use serde_json::json;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

const NOT_FOUND: &str = r#"{"error":"Not Found"}"#;

/// So long after a look-up there may be another one.
fn let_it_grow_old() {
    thread::sleep(mishikallm::limits::LOOKUP_AGAIN_AFTER + Duration::from_millis(50));
}

/// A server that answers every POST, and every GET as `look_up` says.
fn gateway(
    look_up: impl Fn(&Request, &mut Peer) -> io::Result<()> + Send + Sync + 'static,
) -> Server {
    Server::start(move |request, to| match request.method.as_str() {
        "GET" => look_up(request, to),
        _ => to.reply(200, YO),
    })
}

/// Whether a request is in the plain format, which needs no look-up.
fn is_plain(request: &Request) -> bool {
    request.path.ends_with("/generate") && request.json()["parameters"]["max_tokens"] == 2000
}

#[test]
fn a_model_is_looked_up_once_for_all_calls() {
    let server = Changing::default().serve();
    let client = client(json!({}));
    for _ in 0..5 {
        assert_eq!(ask(&client, &prompt(&server.url())).unwrap(), "inferred");
    }
    let paths: Vec<String> = server.gets().into_iter().map(|r| r.path).collect();
    assert_eq!(paths, ["/v2/models/m", "/v2/models/m/config"]);
    assert_eq!((server.posts().len(), server.count()), (5, 1));
}

#[test]
fn a_model_is_looked_up_once_for_all_threads() {
    let _heavy = heavy();
    let model = Model::default();
    let server = Server::start(move |request, to| {
        if request.method == "GET" {
            to.pause(Duration::from_millis(50))?;
        }
        model.serve(request, to)
    });
    let client = client(json!({}));
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(ask(&client, &prompt(&server.url())).unwrap(), "inferred");
                }
            });
        }
    });
    assert_eq!((server.gets().len(), server.posts().len()), (2, 160));
}

#[test]
fn the_key_and_the_callers_headers_are_on_every_request() {
    let server = Changing::default().serve();
    let config = json!({"api_key": "planted-key", "extra_headers": {"X-Tenant": "blue"}});
    let own = json!({"extra_headers": {"x-trace": "7"}});
    ask(&client(config), &with(prompt(&server.url()), own)).unwrap();
    let requests = server.requests();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert_eq!(request.header("authorization"), "Bearer planted-key");
        assert_eq!(request.header("x-tenant"), "blue");
        assert_eq!(request.header("x-trace"), "7");
    }
}

#[test]
fn the_query_is_on_every_request() {
    let server = Changing::default().serve();
    let base = format!("{}/v2/models/m?token=planted", server.url());
    ask(&client(json!({})), &prompt(&base)).unwrap();
    let requests = server.requests();
    assert!(requests.iter().all(|r| r.path.ends_with("?token=planted")));
    assert_eq!(requests.len(), 3);
}

#[test]
fn a_gateway_that_lets_only_the_endpoint_through_gets_the_plain_format() {
    for status in [401, 403, 404, 405] {
        let server = gateway(move |_, to| to.reply(status, NOT_FOUND));
        let client = client(json!({}));
        for _ in 0..3 {
            assert_eq!(ask(&client, &prompt(&server.url())).unwrap(), "yo");
        }
        // Remembered: one GET for all of them.
        assert_eq!(
            (server.gets().len(), server.posts().len()),
            (1, 3),
            "HTTP {status}"
        );
        assert!(server.posts().iter().all(is_plain));
    }
}

#[test]
fn a_key_that_opens_more_is_looked_up_with_by_itself() {
    let model = Model::default();
    let server = Server::start(move |request, to| {
        let knows = request.header("authorization") == "Bearer opens-more";
        match request.method.as_str() {
            "GET" if !knows => to.reply(401, r#"{"error":"who are you?"}"#),
            "POST" if !knows => to.reply(200, YO),
            _ => model.serve(request, to),
        }
    });
    let client = client(json!({}));
    let request = prompt(&server.url());
    assert_eq!(ask(&client, &request).unwrap(), "yo");
    assert_eq!(server.gets().len(), 1);
    let better = with(request, json!({"api_key": "opens-more"}));
    assert_eq!(ask(&client, &better).unwrap(), "inferred");
    assert_eq!(server.gets().len(), 3);
}

#[test]
fn keys_that_open_no_look_up_are_each_remembered() {
    let server = gateway(|_, to| to.reply(403, r#"{"error":"no"}"#));
    let client = client(json!({}));
    for _ in 0..3 {
        for key in ["key-of-one", "key-of-another"] {
            let request = with(prompt(&server.url()), json!({ "api_key": key }));
            assert_eq!(ask(&client, &request).unwrap(), "yo");
        }
    }
    assert_eq!((server.gets().len(), server.posts().len()), (2, 6));
}

#[test]
fn a_server_that_is_not_ready_is_asked_again_at_the_next_call() {
    for (status, words) in [
        (503, "not ready"),
        (429, "slow down"),
        (400, "Request for unknown model: 'm' is not found"),
    ] {
        let model = Model::default();
        let server = Server::start(move |request, to| match request.number {
            0 => to.reply(status, &json!({ "error": words }).to_string()),
            1 => to.reply(200, YO),
            _ => model.serve(request, to),
        });
        let client = client(json!({}));
        assert_eq!(ask(&client, &prompt(&server.url())).unwrap(), "yo");
        assert_eq!(
            ask(&client, &prompt(&server.url())).unwrap(),
            "inferred",
            "HTTP {status}"
        );
    }
}

#[test]
fn a_look_up_that_is_swallowed_costs_five_seconds_once() {
    let _calm = calm();
    let server = gateway(|_, to| to.stall());
    let client = client(json!({}));
    let request = prompt(&server.url());
    let seconds = mishikallm::limits::LOOKUP_TIMEOUT.as_secs_f64();
    assert_eq!(takes(seconds, || ask(&client, &request)).unwrap(), "yo");
    assert_eq!(takes(0.0, || ask(&client, &request)).unwrap(), "yo");
    assert_eq!((server.gets().len(), server.posts().len()), (1, 2));
}

#[test]
fn a_look_up_that_is_swallowed_leaves_time_for_the_call() {
    // The call has less time than a look-up may take: a gateway that swallows look-ups is still of use.
    let server = gateway(|_, to| to.stall());
    let client = client(json!({"timeout": 1}));
    let request = prompt(&server.url());
    let answers: Vec<_> = (0..2).map(|_| ask(&client, &request)).collect();
    assert_eq!(answers.last().unwrap().as_ref().expect("an answer"), "yo");
}

#[test]
fn who_waits_for_anothers_look_up_ends_in_his_own_time() {
    let _calm = calm();
    let server = gateway(|_, to| to.stall());
    let client = client(json!({}));
    let request = with(prompt(&server.url()), json!({"timeout": 1}));
    thread::scope(|scope| {
        scope.spawn(|| ask(&client, &request));
        server.until(|seen| seen.requests.len() == 1);
        let short = with(request.clone(), json!({"timeout": 0.3}));
        let error = takes(0.3, || fails(&client, &short));
        is(&error, Status::Deadline, 408, &["within 0.3 s (timeout)"]);
    });
}

#[test]
fn who_waits_for_a_look_up_that_cannot_connect_does_not_wait_for_all_others_in_turn() {
    let _calm = calm();
    let full = Full::new();
    let client = client(json!({"connect_timeout": 0.3}));
    let request = prompt(&format!("http://{}", full.address));
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| is(&fails(&client, &request), Status::Deadline, 408, &[]));
        }
    });
    let took = began.elapsed();
    // One after the other they would take 9.6 s.
    assert!(
        took < Duration::from_secs(4),
        "{took:?} for 32 calls at once"
    );
}

#[test]
fn idle_timeout_ends_a_look_up_and_not_the_call() {
    let _calm = calm();
    let server = gateway(|_, to| to.stall());
    let request = with(prompt(&server.url()), json!({"idle_timeout": 0.3}));
    let answer = takes(0.3, || ask(&client(json!({})), &request));
    assert_eq!(answer.unwrap(), "yo");
}

#[test]
fn a_look_up_whose_answer_is_cut_or_nonsense_is_a_look_up_that_failed() {
    let answers: [fn(&mut Peer) -> io::Result<()>; 5] = [
        |to| to.hang_up(),
        |to| to.reply(200, "<html>login</html>"),
        |to| {
            to.reply(
                200,
                r#"{"name":"m","inputs":[{"name":"x","datatype":"FP9"}]}"#,
            )
        },
        |to| {
            to.reply(
                200,
                &format!("{{\"name\":\"m\",\"x\":\"{}\"}}", "x".repeat(5 << 20)),
            )
        },
        |to| {
            to.raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}")?;
            to.hang_up()
        },
    ];
    for (i, answer) in answers.into_iter().enumerate() {
        let server = gateway(move |_, to| answer(to));
        let text = ask(&client(json!({})), &prompt(&server.url()));
        assert_eq!(text.unwrap_or_else(|e| panic!("answer {i}: {e}")), "yo");
    }
}

#[test]
fn a_model_without_its_configuration_is_known_by_its_metadata() {
    let model = Model {
        max_batch_size: 4,
        ..Model::default()
    };
    let server = Server::start(move |request, to| match request.path.as_str() {
        "/v2/models/m/config" => to.reply(404, NOT_FOUND),
        _ => model.serve(request, to),
    });
    let infer = format!("{}/v2/models/m/infer", server.url());
    assert_eq!(
        ask(&client(json!({})), &prompt(&infer)).unwrap(),
        "inferred"
    );
    assert_eq!(
        server.posts()[0].json()["inputs"][0]["shape"],
        json!([1, 1])
    );
}

#[test]
fn a_model_that_was_changed_is_looked_up_again_and_asked_again_within_one_call() {
    let model = Changing::default();
    let server = model.serve();
    let client = client(json!({}));
    let request = prompt(&server.url());
    assert_eq!(ask(&client, &request).unwrap(), "inferred");
    model.now().max_batch_size = 8;
    let_it_grow_old();
    assert_eq!(ask(&client, &request).unwrap(), "inferred");
    let shapes: Vec<_> = server
        .posts()
        .iter()
        .map(|post| post.json()["inputs"][0]["shape"].clone())
        .collect();
    assert_eq!(shapes, [json!([1]), json!([1]), json!([1, 1])]);
    assert_eq!(server.gets().len(), 4);
    // And what is known now is right.
    assert_eq!(ask(&client, &request).unwrap(), "inferred");
    assert_eq!((server.gets().len(), server.posts().len()), (4, 4));
}

#[test]
fn many_threads_that_doubt_at_once_look_once() {
    let model = Changing::default();
    let server = model.serve();
    let client = client(json!({}));
    ask(&client, &prompt(&server.url())).unwrap();
    model.now().max_batch_size = 8;
    let_it_grow_old();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert_eq!(ask(&client, &prompt(&server.url())).unwrap(), "inferred"));
        }
    });
    assert_eq!(server.gets().len(), 4);
}

#[test]
fn a_model_that_became_decoupled_is_asked_the_other_way() {
    let model = Changing::default();
    let server = model.serve();
    let client = client(json!({}));
    let request = prompt(&server.url());
    assert_eq!(ask(&client, &request).unwrap(), "inferred");
    model.now().decoupled = true;
    let_it_grow_old();
    assert_eq!(ask(&client, &request).unwrap(), "generated");
    let paths: Vec<String> = server.posts().into_iter().map(|r| r.path).collect();
    let (infer, generate) = ("/v2/models/m/infer", "/v2/models/m/generate_stream");
    assert_eq!(paths, [infer, infer, generate]);
}

#[test]
fn a_mistake_of_the_request_costs_one_more_look_up_a_second_at_most() {
    let server = Changing::default().serve();
    let client = client(json!({}));
    let good = prompt(&server.url());
    let bad = with(good.clone(), json!({"prompt": "bad"}));
    ask(&client, &good).unwrap();
    let_it_grow_old();
    for _ in 0..10 {
        let error = fails(&client, &bad);
        is(&error, Status::Server, 400, &["the prompt is bad"]);
    }
    // Two for the first call, two for the doubt; each mistake was sent once.
    assert_eq!((server.gets().len(), server.posts().len()), (4, 11));
    assert_eq!(ask(&client, &good).unwrap(), "inferred");
}

#[test]
fn a_mistake_costs_no_more_look_ups_at_a_gateway_that_tells_nothing() {
    let server = Server::start(|request, to| match request.method.as_str() {
        "GET" => to.reply(404, NOT_FOUND),
        _ => to.reply(400, r#"{"error":"the prompt is bad"}"#),
    });
    let client = client(json!({}));
    for _ in 0..10 {
        let error = fails(&client, &prompt(&server.url()));
        is(&error, Status::Server, 400, &["the prompt is bad"]);
    }
    // One for the first call, and perhaps one for the doubt within the second that this takes.
    let looks = server.gets().len();
    assert!(looks <= 2, "{looks} look-ups for 10 calls");
    assert_eq!(server.posts().len(), 10);
}

#[test]
fn a_version_that_nobody_knew_is_looked_up_at_the_next_call() {
    let model = Changing::default();
    let server = model.serve();
    let client = client(json!({}));
    let request = prompt(&server.url());
    ask(&client, &request).unwrap();
    *model.now() = Model {
        versions: vec!["1", "2"],
        answers_as: "2",
        ..Model::default()
    };
    ask(&client, &request).unwrap();
    assert_eq!(server.gets().len(), 2, "the call itself is done");
    for _ in 0..3 {
        ask(&client, &request).unwrap();
    }
    assert_eq!((server.gets().len(), server.posts().len()), (4, 5));
}

#[test]
fn a_version_that_the_metadata_never_tells_does_not_cost_each_call_a_look_up() {
    let model = Changing::default();
    model.now().answers_as = "7";
    let server = model.serve();
    let client = client(json!({}));
    for _ in 0..10 {
        ask(&client, &prompt(&server.url())).unwrap();
    }
    // One look-up, and perhaps one for the doubt within the second that this takes.
    assert!(
        server.gets().len() <= 4,
        "{} look-ups for 10 calls",
        server.gets().len()
    );
}

#[test]
fn a_pooled_connection_that_went_away_is_no_failed_look_up() {
    // The first call's connection dies under the second one's look-up: that says nothing of the gateway.
    let server = Server::start(|request, to| match (request.connection, request.number) {
        (0, 0) => to.reply(200, YO),
        (0, _) => to.hang_up(),
        _ => Model::default().serve(request, to),
    });
    let client = client(json!({}));
    assert_eq!(ask(&client, &prompt(&server.endpoint())).unwrap(), "yo");
    assert_eq!(ask(&client, &prompt(&server.url())).unwrap(), "inferred");
}

#[test]
fn other_models_are_looked_up_by_themselves() {
    let server = gateway(|_, to| to.reply(404, NOT_FOUND));
    let client = client(json!({}));
    for model in ["triton/a", "triton/b", "triton/a"] {
        let request = with(prompt(&server.url()), json!({ "model": model }));
        assert_eq!(ask(&client, &request).unwrap(), "yo");
    }
    let paths: Vec<String> = server.gets().into_iter().map(|r| r.path).collect();
    assert_eq!(paths, ["/v2/models/a", "/v2/models/b"]);
}
