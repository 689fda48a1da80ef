//! Calls of a model list, from one deployment to the next. Nothing sleeps: time is an argument.

mod checks;

use super::*;
use crate::json;
use crate::openai::Operation;
use crate::plan::call::{Call, Env, Event, Manner, Todo};
use crate::plan::resources::Nothing;
use crate::triton::reply::Reply;
use serde_json::{Value, json};

/// A fleet, a clock, and the calls' numbers.
struct World {
    fleet: Arc<Fleet>,
    now: Instant,
    calls: u64,
}

/// A deployment `letter` under a name, with more parameters.
fn on(name: &str, letter: &str, more: Value) -> Value {
    let mut params = json!({"model":format!("triton/{letter}"),"api_base":format!("http://{letter}/x/generate")});
    params
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    json!({"model_name":name,"mishikallm_params":params,"model_info":{"id":letter}})
}

fn world(list: Vec<Value>, settings: Value) -> World {
    let config = json!({"model_list":list,"router_settings":settings}).to_string();
    let fleet = Fleet::new(ClientConfig::read(&config).unwrap(), Box::new(Nothing)).unwrap();
    World {
        fleet: Arc::new(fleet),
        now: Instant::now(),
        calls: 0,
    }
}

fn two(settings: Value) -> World {
    world(
        vec![on("m", "a", json!({})), on("m", "b", json!({}))],
        settings,
    )
}

impl World {
    fn call(&mut self, request: Value) -> Call {
        self.calls += 1;
        let mut fields = json!({"prompt":"hi"});
        fields
            .as_object_mut()
            .unwrap()
            .extend(request.as_object().unwrap().clone());
        let fields = json::object("request_json", &fields.to_string()).unwrap();
        let env = Env {
            unix_time: 7,
            id: "1".into(),
            random: self.calls.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            trace: None,
        };
        Call::new(
            Operation::Text,
            fields,
            &self.fleet,
            env,
            Manner::AsAsked,
            self.now,
        )
        .unwrap()
    }

    /// Runs a call; `server` says what each deployment answers. Gives who was asked, and how it ended.
    fn run(
        &mut self,
        request: Value,
        server: impl Fn(&str) -> Event<'static>,
    ) -> (String, Result<String>) {
        let call = self.call(request);
        self.drive(call, server)
    }

    fn drive(
        &mut self,
        mut call: Call,
        server: impl Fn(&str) -> Event<'static>,
    ) -> (String, Result<String>) {
        let mut asked = String::new();
        let mut event = Event::Start;
        loop {
            match call.on(event, self.now) {
                Err(error) => return (asked, Err(error)),
                Ok(Todo::Done(answer)) => return (asked, Ok(answer)),
                Ok(Todo::Send(request)) => {
                    let host = request.url["http://".len()..]
                        .split('/')
                        .next()
                        .unwrap()
                        .to_owned();
                    event = server(&host);
                    asked += &host;
                }
                Ok(Todo::Wait(pause, _)) => {
                    asked.push('.');
                    self.now += pause;
                    event = Event::Waited;
                }
                Ok(other) => panic!("unexpected: {other:?}"),
            }
        }
    }

    fn ask(&mut self, server: impl Fn(&str) -> Event<'static>) -> (String, Result<String>) {
        self.run(json!({"model":"m"}), server)
    }
}

fn reply(status: u16, body: Value) -> Event<'static> {
    Event::Replied(Reply {
        status,
        body: body.to_string().into_bytes(),
        ..Default::default()
    })
}

fn well(_: &str) -> Event<'static> {
    reply(200, json!({"text_output":"yo"}))
}

fn only(bad: &'static str, status: u16) -> impl Fn(&str) -> Event<'static> {
    move |host| match bad.contains(host) {
        true => reply(status, json!({"error":"no"})),
        false => well(host),
    }
}

fn count(asked: &[String], host: char) -> usize {
    asked
        .iter()
        .flat_map(|a| a.chars())
        .filter(|c| *c == host)
        .count()
}

#[test]
fn deployments_of_one_name_share_its_calls() {
    let mut w = two(json!({}));
    let asked: Vec<String> = (0..200).map(|_| w.ask(well).0).collect();
    let a = count(&asked, 'a');
    assert!((60..140).contains(&a), "{a} of 200");
    assert_eq!(a + count(&asked, 'b'), 200);
}

#[test]
fn a_retry_goes_to_another_deployment_at_once() {
    let mut w = two(json!({"num_retries":2,"allowed_fails":1000}));
    for _ in 0..20 {
        let (asked, answer) = w.ask(only("a", 503));
        assert!(answer.is_ok());
        assert!(["ab", "b"].contains(&asked.as_str()), "{asked}");
    }
    // Without a retry there is no other try.
    let mut w = two(json!({"allowed_fails":1000}));
    let failed = (0..50).filter(|_| w.ask(only("a", 503)).1.is_err()).count();
    assert!(failed > 5, "{failed}");
}

#[test]
fn where_all_fail_they_are_tried_again_after_a_pause() {
    let mut w = two(json!({"num_retries":2,"allowed_fails":1000}));
    let (asked, answer) = w.ask(only("ab", 503));
    assert_eq!(answer.unwrap_err().http_status(), 503);
    assert_eq!(asked.len(), 4, "{asked}");
    assert_eq!(&asked[2..3], ".");
}

#[test]
fn a_deployment_that_fails_too_often_rests_and_is_tried_by_one_call() {
    let mut w = two(json!({"num_retries":1,"allowed_fails":2,"cooldown_time":10}));
    let asked: Vec<String> = (0..60).map(|_| w.ask(only("a", 500)).0).collect();
    assert_eq!(count(&asked, 'a'), 3, "{asked:?}");
    // After the rest one call tries it, while the others stay away.
    w.now += Duration::from_secs(10);
    let mut probes = Vec::new();
    for _ in 0..20 {
        let mut call = w.call(json!({"model":"m"}));
        let Ok(Todo::Send(request)) = call.on(Event::Start, w.now) else {
            panic!("expected a request");
        };
        if request.url.starts_with("http://a") {
            probes.push(call);
        }
    }
    assert_eq!(probes.len(), 1);
    // It fails again, and rests for twice as long.
    let mut probe = probes.pop().unwrap();
    drop(probe.on(reply(500, json!({"error":"no"})), w.now));
    drop(probe);
    w.now += Duration::from_secs(15);
    let asked: Vec<String> = (0..30).map(|_| w.ask(well).0).collect();
    assert_eq!(count(&asked, 'a'), 0, "{asked:?}");
    w.now += Duration::from_secs(5);
    let asked: Vec<String> = (0..30).map(|_| w.ask(well).0).collect();
    assert!(count(&asked, 'a') > 5, "{asked:?}");
}

#[test]
fn one_that_cannot_be_reached_rests_at_once() {
    let mut w = two(json!({"num_retries":1}));
    let refused = |host: &str| match host {
        "a" => Event::Failed(Error::connect("refused")),
        _ => well(host),
    };
    let asked: Vec<String> = (0..40).map(|_| w.ask(refused).0).collect();
    assert_eq!(count(&asked, 'a'), 1);
    assert_eq!(w.fleet.standings(w.now)[0].cooldowns, 1);
}

#[test]
fn a_probe_that_is_given_up_lets_another_one_try() {
    let mut w = two(json!({"num_retries":1}));
    let refused = |host: &str| match host {
        "a" => Event::Failed(Error::connect("refused")),
        _ => well(host),
    };
    while w.fleet.standings(w.now)[0].cooldowns == 0 {
        w.ask(refused).1.unwrap();
    }
    w.now += Duration::from_secs(5);
    for _ in 0..40 {
        // The caller leaves.
        let mut call = w.call(json!({"model":"m"}));
        call.on(Event::Start, w.now).unwrap();
    }
    let asked: Vec<String> = (0..40).map(|_| w.ask(well).0).collect();
    assert!(count(&asked, 'a') > 5, "{asked:?}");
}

#[test]
fn where_all_have_too_much_to_do_nobody_is_asked() {
    let mut w = two(json!({"num_retries":2}));
    let (asked, answer) = w.ask(only("ab", 429));
    assert_eq!((asked.len(), answer.unwrap_err().message()), (2, "no"));
    let (asked, answer) = w.ask(well);
    let error = answer.unwrap_err();
    assert_eq!((asked.as_str(), error.http_status()), ("", 429));
    assert_eq!(error.status(), crate::error::Status::Unavailable);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(5)));
    assert_eq!(
        error.message(),
        "model \"m\": all 2 deployments rest after errors; try again in 5 s"
    );
    w.now += Duration::from_secs(5);
    assert!(w.ask(well).1.is_ok());
}

#[test]
fn where_all_rest_after_errors_they_are_tried_all_the_same() {
    let mut w = two(json!({"num_retries":2}));
    let refused = |_: &str| Event::Failed(Error::connect("refused"));
    assert!(w.ask(refused).1.is_err());
    let rest = w.fleet.standings(w.now);
    assert!(rest.iter().all(|s| s.rests_for.is_some()));
    assert!(w.ask(well).1.is_ok());
}

#[test]
fn one_that_is_alone_does_not_rest() {
    let mut w = world(vec![on("m", "a", json!({}))], json!({"allowed_fails":0}));
    for _ in 0..5 {
        assert_eq!(w.ask(only("a", 429)).0, "a");
    }
    // Nor is it said to.
    let standing = w.fleet.standings(w.now)[0];
    assert_eq!((standing.failures, standing.cooldowns), (5, 0));
    assert_eq!(standing.rests_for, None);
}

#[test]
fn without_cooldowns_none_is_said_to_rest() {
    let mut w = two(json!({"num_retries":1,"disable_cooldowns":true}));
    for _ in 0..5 {
        assert!(w.ask(only("ab", 429)).1.is_err());
    }
    for standing in w.fleet.standings(w.now) {
        assert_eq!((standing.failures, standing.cooldowns), (5, 0));
        assert_eq!(standing.rests_for, None);
    }
}

#[test]
fn a_fleet_goes_on_counting_where_another_one_was() {
    let tallies: Vec<Arc<Tally>> = (0..2).map(|_| Arc::default()).collect();
    let at = |letter: &str| tallies[usize::from(letter == "b")].clone();
    let counting = || {
        let mut w = two(json!({"num_retries":1,"allowed_fails":0}));
        let fleet = Arc::into_inner(w.fleet).unwrap();
        w.fleet = Arc::new(fleet.counting_in(|d| at(&d.id)));
        w
    };
    let mut before = counting();
    assert!(before.ask(only("ab", 500)).1.is_err());
    let mut after = counting();
    assert!(after.ask(only("ab", 500)).1.is_err());
    // A call of the one before that is over only now.
    assert!(before.ask(well).1.is_ok());
    for (tally, standing) in tallies.iter().zip(after.fleet.standings(after.now)) {
        assert_eq!((tally.failures(), tally.cooldowns()), (2, 2));
        assert_eq!(standing.cooldowns, 2);
    }
    let requests: u64 = tallies.iter().map(|tally| tally.requests()).sum();
    assert_eq!(requests, 5);
}

#[test]
fn what_the_caller_did_wrong_is_no_failure_and_no_reason_to_ask_another() {
    let mut w = two(json!({"num_retries":2,"allowed_fails":0}));
    for _ in 0..10 {
        let (asked, answer) = w.ask(only("ab", 400));
        assert_eq!((asked.len(), answer.unwrap_err().http_status()), (1, 400));
    }
    assert!(w.fleet.standings(w.now).iter().all(|s| s.failures == 0));
}

#[test]
fn requests_and_tokens_a_minute_are_kept() {
    let mut w = world(vec![on("m", "a", json!({"rpm":2}))], json!({}));
    assert!(w.ask(well).1.is_ok());
    w.now += Duration::from_millis(20_500);
    assert!(w.ask(well).1.is_ok());
    let error = w.ask(well).1.unwrap_err();
    assert_eq!(
        (error.http_status(), error.kind()),
        (429, "throttling_error")
    );
    assert_eq!(error.retry_after(), Some(Duration::from_secs(40)));
    w.now += Duration::from_secs(40);
    assert!(w.ask(well).1.is_ok());

    let counted = |_: &str| {
        reply(
            200,
            json!({"text_output":"yo","num_input_tokens":30,"num_output_tokens":30}),
        )
    };
    let mut w = world(
        vec![on("m", "a", json!({"tpm":100})), on("m", "b", json!({}))],
        json!({}),
    );
    let asked: Vec<String> = (0..60).map(|_| w.ask(counted).0).collect();
    assert_eq!(count(&asked, 'a'), 2);
}

#[test]
fn requests_at_once_are_kept() {
    let mut w = world(
        vec![on("m", "a", json!({"max_parallel_requests":1}))],
        json!({}),
    );
    let mut first = w.call(json!({"model":"m"}));
    first.on(Event::Start, w.now).unwrap();
    let error = w.ask(well).1.unwrap_err();
    assert_eq!(
        error.message(),
        "model \"m\": its one deployment has reached its rpm, tpm or max_parallel_requests; try again in 1 s"
    );
    drop(first);
    assert!(w.ask(well).1.is_ok());
}

#[test]
fn the_least_busy_and_the_fastest_are_preferred() {
    let mut w = two(json!({"routing_strategy":"least-busy"}));
    let mut open: Vec<Call> = (0..10).map(|_| w.call(json!({"model":"m"}))).collect();
    for call in &mut open {
        call.on(Event::Start, w.now).unwrap();
    }
    // Each was made for the one that was least busy then; who comes to a busy one's door goes on all the same.
    let mut more: Vec<Call> = Vec::new();
    for _ in 0..10 {
        let mut call = w.call(json!({"model":"m"}));
        call.on(Event::Start, w.now).unwrap();
        more.push(call);
    }
    let busy: Vec<u32> = w
        .fleet
        .standings(w.now)
        .iter()
        .map(|s| s.in_flight)
        .collect();
    assert_eq!(busy, [10, 10]);

    let mut w = two(json!({"routing_strategy":"latency-based-routing"}));
    for _ in 0..20 {
        let mut call = w.call(json!({"model":"m"}));
        let Ok(Todo::Send(request)) = call.on(Event::Start, w.now) else {
            panic!("expected a request");
        };
        w.now += Duration::from_millis(if request.url.starts_with("http://a") {
            90
        } else {
            10
        });
        call.on(well(""), w.now).unwrap();
    }
    let asked: Vec<String> = (0..20).map(|_| w.ask(well).0).collect();
    assert_eq!(count(&asked, 'b'), 20);
    // What was measured long ago is measured again.
    w.now += Duration::from_secs(61);
    let mut asked: Vec<String> = Vec::new();
    for _ in 0..20 {
        asked.push(w.ask(well).0);
    }
    assert!(count(&asked, 'a') > 0);
}

#[test]
fn what_triton_says_of_its_load_counts() {
    let w = two(json!({"routing_strategy":"triton-load"}));
    let group = w.fleet.group("m").unwrap();
    w.fleet.note_load(
        0,
        Load {
            pending: 4.0,
            running: 0.0,
            kv_cache: 0.2,
        },
        w.now,
    );
    w.fleet.note_load(
        1,
        Load {
            pending: 0.0,
            running: 0.0,
            kv_cache: 0.5,
        },
        w.now,
    );
    assert_eq!(w.fleet.look(&group, w.now, 0.0), 1);
    // A full cache is as bad as a queue.
    w.fleet.note_load(
        1,
        Load {
            pending: 0.0,
            running: 0.0,
            kv_cache: 1.0,
        },
        w.now,
    );
    assert_eq!(w.fleet.look(&group, w.now, 0.0), 0);
}

#[test]
fn the_lowest_order_comes_first() {
    let list = || {
        vec![
            on("m", "a", json!({})),
            on("m", "b", json!({"order":2})),
            on("m", "c", json!({"order":1})),
            on("m", "d", json!({"order":1})),
        ]
    };
    let settings = json!({"num_retries":3,"disable_cooldowns":true});
    let mut w = world(list(), settings);
    let asked: Vec<String> = (0..20).map(|_| w.ask(well).0).collect();
    assert!(count(&asked, 'c') > 2 && count(&asked, 'd') > 2);
    assert_eq!(count(&asked, 'c') + count(&asked, 'd'), 20);
    // The others only where all of those have failed: then by theirs, and one without any at last.
    let (asked, _) = w.ask(only("cd", 500));
    assert!(matches!(asked.as_str(), "cdb" | "dcb"), "{asked}");
    let (asked, _) = w.ask(only("cdb", 500));
    assert!(matches!(asked.as_str(), "cdba" | "dcba"), "{asked}");
    // Or rest.
    let mut w = world(list(), json!({"num_retries":3,"allowed_fails":0}));
    let (asked, _) = w.ask(only("cd", 500));
    assert_eq!(asked.len(), 3);
    assert_eq!(w.ask(well).0, "b");
    w.now += Duration::from_secs(6);
    assert!(matches!(w.ask(well).0.as_str(), "c" | "d"));
}

#[test]
fn no_more_others_are_asked_than_the_configuration_lets() {
    let list = vec![
        on("m", "a", json!({})),
        on("n", "b", json!({})),
        on("o", "c", json!({})),
    ];
    for (most, asks) in [(0, "a"), (1, "ab"), (2, "abc")] {
        let mut w = world(
            list.clone(),
            json!({"fallbacks":[{"m":["n","o"]}],"max_fallbacks":most}),
        );
        assert_eq!(w.ask(only("abc", 400)).0, asks);
        // A request's own are others, too.
        let request = json!({"model":"m","fallbacks":["n","o"]});
        assert_eq!(w.run(request, only("abc", 400)).0, asks);
    }
}

#[test]
fn fallbacks_of_the_configuration_are_asked_in_order() {
    let list = vec![
        on("m", "a", json!({})),
        on("n", "b", json!({})),
        on("o", "c", json!({})),
    ];
    let mut w = world(list.clone(), json!({"fallbacks":[{"m":["n","o"]}]}));
    let (asked, answer) = w.ask(only("ab", 400));
    let answer: Value = serde_json::from_str(&answer.unwrap()).unwrap();
    assert_eq!((asked.as_str(), &answer["model"]), ("abc", &json!("m")));
    // A request's own come before them, and in place of them.
    assert_eq!(
        w.run(json!({"model":"m","fallbacks":["o"]}), only("ac", 500))
            .0,
        "ac"
    );
    // What nobody lists has the default ones.
    let mut w = world(list, json!({"default_fallbacks":["o"]}));
    assert_eq!(w.run(json!({"model":"n"}), only("b", 500)).0, "bc");
}

#[test]
fn a_prompt_that_is_too_long_goes_to_the_model_with_more_room_at_once() {
    let list = vec![
        on("m", "a", json!({})),
        on("long", "b", json!({})),
        on("other", "c", json!({})),
    ];
    let mut w = world(
        list,
        json!({"num_retries":3,"fallbacks":[{"m":["other"]}],"context_window_fallbacks":[{"m":["long"]}]}),
    );
    let too_long = |host: &str| match host {
        "a" => reply(
            500,
            json!({"error":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens"}),
        ),
        _ => well(host),
    };
    assert_eq!(w.ask(too_long).0, "ab");
    assert_eq!(w.ask(only("a", 400)).0, "ac");
}

#[test]
fn a_prompt_goes_where_it_fits_before_anybody_is_asked() {
    let entry = |name: &str, letter: &str, most: u64| {
        let mut entry = on(name, letter, json!({}));
        entry["model_info"]["max_input_tokens"] = json!(most);
        entry
    };
    let list = vec![
        entry("m", "a", 10),
        entry("m", "b", 100),
        entry("long", "c", 1000),
    ];
    let settings = |more: Value| {
        let mut settings = json!({"enable_pre_call_checks":true});
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        settings
    };
    let prompt = |tokens: usize| json!({"model":"m","prompt":"word".repeat(tokens)});
    let mut w = world(
        list.clone(),
        settings(json!({"context_window_fallbacks":[{"m":["long"]}]})),
    );
    for _ in 0..10 {
        assert_eq!(w.run(prompt(50), well).0, "b");
    }
    let (asked, answer) = w.run(prompt(500), well);
    let answer: Value = serde_json::from_str(&answer.unwrap()).unwrap();
    assert_eq!((asked.as_str(), &answer["model"]), ("c", &json!("m")));
    // Nobody else is named.
    let w = world(list, settings(json!({})));
    let fields = json::object("request_json", &prompt(500).to_string()).unwrap();
    let env = Env {
        unix_time: 7,
        id: "1".into(),
        random: 1,
        trace: None,
    };
    let error =
        Call::new(Operation::Text, fields, &w.fleet, env, Manner::Whole, w.now).unwrap_err();
    assert!(error.is_context_window() && error.http_status() == 400);
    assert!(
        error
            .message()
            .contains("about 500 tokens, more than the 100"),
        "{error}"
    );
}

#[test]
fn names_aliases_ids_and_stars() {
    let list = vec![
        on("m", "a", json!({})),
        json!({"model_name":"triton/*","mishikallm_params":{"model":"triton/*","api_base":"http://w"}}),
        json!({"model_name":"triton/big-*","mishikallm_params":{"model":"triton/*-xl","api_base":"http://x"}}),
    ];
    let w = world(
        list,
        json!({"model_group_alias":{"gpt":"m","secret":{"model":"m","hidden":true}}}),
    );
    let target = |name: &str| {
        let group = w.fleet.group(name)?;
        Some(group.target(&w.fleet.deployments()[group.members()[0]].model))
    };
    assert_eq!(target("gpt").as_deref(), Some("triton/a"));
    assert_eq!(target("a").as_deref(), Some("triton/a"));
    assert_eq!(target("triton/foo").as_deref(), Some("triton/foo"));
    assert_eq!(target("triton/big-one").as_deref(), Some("triton/one-xl"));
    assert_eq!(target("nobody"), None);
    assert_eq!(w.fleet.models(), ["m", "gpt"]);
}

#[test]
fn a_deployments_own_parameters_are_the_requests_unless_it_has_them() {
    let own = json!({"max_tokens":55,"top_k":7,"extra_body":{"x":1,"y":1}});
    let mut w = world(vec![on("m", "a", own)], json!({}));
    let mut call = w.call(json!({"model":"m","top_k":9,"extra_body":{"x":2}}));
    let Ok(Todo::Send(request)) = call.on(Event::Start, w.now) else {
        panic!("expected a request");
    };
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(body["parameters"], json!({"top_k":9,"max_tokens":55}));
    assert_eq!((&body["x"], &body["y"]), (&json!(2), &json!(1)));
}

#[test]
fn a_stream_that_has_begun_goes_nowhere_else() {
    let mut w = two(json!({"num_retries":3,"default_fallbacks":["m"]}));
    let mut call = w.call(json!({"model":"m","stream":true}));
    assert!(matches!(call.on(Event::Start, w.now), Ok(Todo::Open(_))));
    assert!(matches!(call.on(Event::Opened, w.now), Ok(Todo::Read)));
    let words = b"data: {\"text_output\":\"yo\"}\n\n";
    assert!(matches!(
        call.on(Event::Arrived(words), w.now),
        Ok(Todo::Chunk(_))
    ));
    assert!(matches!(call.on(Event::Next, w.now), Ok(Todo::Read)));
    let error = call.on(
        Event::Failed(Error::cut("the connection was closed")),
        w.now,
    );
    assert_eq!(error.unwrap_err().http_status(), 502);
}

#[test]
fn where_a_call_went_is_told() {
    let list = vec![
        on("m", "a", json!({})),
        on("m", "b", json!({})),
        on("n", "c", json!({})),
    ];
    let mut w = world(
        list,
        json!({"num_retries":1,"allowed_fails":1000,"fallbacks":{"m":["n"]}}),
    );
    let mut call = w.call(json!({"model":"m"}));
    assert_eq!(call.journey().deployment, None);
    drop(call.on(Event::Start, w.now));
    assert!(matches!(call.journey().deployment, Some("a" | "b")));
    drop(call.on(reply(503, json!({"error":"no"})), w.now));
    assert_eq!((call.journey().retries, call.journey().fallbacks), (1, 0));
    drop(call.on(reply(503, json!({"error":"no"})), w.now));
    let journey = call.journey();
    assert_eq!((journey.retries, journey.fallbacks), (1, 1));
    assert_eq!((journey.group, journey.deployment), (Some("m"), Some("c")));
    // It was asked for the first, whoever answers.
    assert_eq!(call.entry().map(|entry| &**entry), Some("m"));
}

#[test]
fn a_call_that_finds_no_deployment_went_to_none() {
    let mut w = world(vec![on("m", "a", json!({"rpm":1}))], json!({}));
    assert!(w.ask(well).1.is_ok());
    let mut call = w.call(json!({"model":"m"}));
    assert!(call.on(Event::Start, w.now).is_err());
    assert_eq!(call.journey().deployment, None);
    assert_eq!(call.entry().map(|entry| &**entry), Some("m"));
}

#[test]
fn mistakes_of_a_model_list_are_told_with_their_place() {
    let read = |list: Value, settings: Value| {
        let config = json!({"model_list":list,"router_settings":settings}).to_string();
        let config = ClientConfig::read(&config)?;
        Fleet::new(config, Box::new(Nothing)).map(drop)
    };
    let m = || json!([on("m", "a", json!({}))]);
    let told =
        |list: Value, settings: Value| read(list, settings).unwrap_err().message().to_owned();
    assert_eq!(
        told(
            json!([on("m", "a", json!({})), on("n", "a", json!({}))]),
            json!({})
        ),
        "model_list[1].model_info.id: expected one of its own, got that of model_list[0]"
    );
    assert_eq!(
        told(m(), json!({"fallbacks":[{"m":["n"]}]})),
        "router_settings.fallbacks.m[0]: expected a model_name of the model list, got \"n\""
    );
    assert_eq!(
        told(m(), json!({"model_group_alias":{"x":"n"}})),
        "router_settings.model_group_alias.x: expected a model_name of the model list, got \"n\""
    );
    assert!(
        told(m(), json!({"routing_strategy":"fastest"}))
            .starts_with("router_settings.routing_strategy: expected one of simple-shuffle, ")
    );
    assert!(
        told(m(), json!({"cooldown":1})).starts_with("router_settings.cooldown: unknown field")
    );
    assert_eq!(
        told(json!([on("m", "a", json!({"rpm":0}))]), json!({})),
        "model_list[0]: mishikallm_params.rpm: expected a whole number of at least 1, got the number 0"
    );
}
