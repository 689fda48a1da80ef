//! Calls that are to see how a deployment is.

use super::*;

impl World {
    /// Checks a deployment; says who was asked, and how it ended.
    fn check(
        &mut self,
        at: usize,
        server: impl Fn(&str) -> Event<'static>,
    ) -> (String, Result<String>) {
        let fields = json::object("request_json", r#"{"prompt":"hi"}"#).unwrap();
        let group = self.fleet.alone(at).unwrap();
        let env = Env {
            unix_time: 7,
            id: "1".into(),
            random: 1,
            trace: None,
        };
        let call = Call::check(Operation::Text, fields, &self.fleet, (&group, at), env).unwrap();
        self.drive(call, server)
    }
}

#[test]
fn a_check_asks_one_deployment_once() {
    let list = vec![
        on("m", "a", json!({"num_retries":3})),
        on("m", "b", json!({})),
        on("n", "c", json!({})),
    ];
    let settings = json!({"num_retries":2,"default_fallbacks":["n"],"fallbacks":{"m":["n"]}});
    let mut w = world(list, settings);
    for status in [503, 429, 400] {
        let (asked, answer) = w.check(0, only("a", status));
        let told = answer.unwrap_err().http_status();
        assert_eq!((asked.as_str(), told), ("a", status));
    }
    assert!(w.check(0, well).1.is_ok());
    assert_eq!(w.check(1, well).0, "b");
}

#[test]
fn a_check_counts_for_nothing_and_is_refused_by_nothing() {
    let list = vec![
        on("m", "a", json!({"rpm":1,"max_parallel_requests":1})),
        on("m", "b", json!({})),
    ];
    let mut w = world(list, json!({"allowed_fails":0}));
    for _ in 0..3 {
        assert!(w.check(0, only("a", 503)).1.is_err());
        assert!(w.check(0, well).1.is_ok());
    }
    let standing = w.fleet.standings(w.now)[0];
    assert_eq!(
        (standing.requests, standing.failures, standing.cooldowns),
        (0, 0, 0)
    );
    // Neither what it has to do nor a rest keeps a check away.
    for _ in 0..40 {
        let _ = w.ask(only("a", 503));
    }
    let standing = w.fleet.standings(w.now)[0];
    assert!(standing.requests == 1 && standing.rests_for.is_some());
    assert_eq!(w.check(0, well).0, "a");
    // What it finds does not end the rest.
    assert!(w.fleet.standings(w.now)[0].rests_for.is_some());
}

#[test]
fn of_a_name_with_a_star_the_server_is_asked() {
    let star =
        json!({"model_name":"*","mishikallm_params":{"model":"triton/*","api_base":"http://h"}});
    let w = world(vec![star], json!({}));
    let group = w.fleet.alone(0).unwrap();
    let check = |operation, group: &Group| {
        let env = Env {
            unix_time: 7,
            id: "1".into(),
            random: 1,
            trace: None,
        };
        let mut call =
            Call::check(operation, Default::default(), &w.fleet, (group, 0), env).unwrap();
        match call.on(Event::Start, w.now).unwrap() {
            Todo::Send(request) => (request.url, call),
            other => panic!("expected a request, got {other:?}"),
        }
    };
    let (url, mut call) = check(Operation::Health, &group);
    assert_eq!(url, "http://h/v2/health/ready");
    let Ok(Todo::Done(report)) = call.on(reply(200, Value::Null), w.now) else {
        panic!("no model is asked about");
    };
    assert!(report.contains("\"healthy\""), "{report}");
    assert_eq!(
        check(Operation::Models, &group).0,
        "http://h/v2/repository/index"
    );
}
