//! Two servers that are asked for their loads. Nothing sleeps: time is an argument.

use super::*;
use crate::plan::resources::Nothing;
use serde_json::{Value, json};

struct World {
    fleet: Arc<Fleet>,
    group: Group,
    now: Instant,
}

fn world(strategy: &str, more: [Value; 2]) -> World {
    let list: Vec<Value> = ["a", "b"]
        .into_iter()
        .zip(more)
        .map(|(host, more)| {
            let mut params =
                json!({"model":"triton/m","api_base":format!("http://{host}:8000"),"api_key":"sk-key"});
            params
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            json!({"model_name":"m","mishikallm_params":params})
        })
        .collect();
    let config = json!({"model_list":list,"router_settings":{"routing_strategy":strategy}});
    let config = ClientConfig::read(&config.to_string()).unwrap();
    let fleet = Arc::new(Fleet::new(config, Box::new(Nothing)).unwrap());
    World {
        group: fleet.group("m").unwrap(),
        fleet,
        now: Instant::now(),
    }
}

fn two() -> World {
    world("triton-load", [json!({}), json!({})])
}

impl World {
    /// All questions that are due.
    fn due(&self) -> Vec<LoadQuestion> {
        std::iter::from_fn(|| self.fleet.ask_load(&self.group, self.now)).collect()
    }

    fn later(&mut self, seconds: f64) {
        self.now += Duration::from_secs_f64(seconds);
    }

    /// Who would be asked next, whatever chance says; `None`: chance decides.
    fn chosen(&self) -> Option<usize> {
        let look = |chance| self.fleet.look(&self.group, self.now, chance);
        (look(0.0) == look(0.99)).then(|| look(0.0))
    }

    /// Lets both servers tell how many seconds requests have waited in their queues since they began.
    fn both_tell(&self, waited: [f64; 2]) {
        let due = self.due();
        assert_eq!(due.len(), 2);
        for (question, waited) in due.into_iter().zip(waited) {
            question.answered(Ok(stats(waited)), self.now);
        }
    }
}

fn reply(status: u16, body: &str) -> Reply {
    Reply {
        status,
        body: body.into(),
        ..Default::default()
    }
}

fn stats(waited: f64) -> Reply {
    let ns = (waited * 1e9) as u64;
    let times = json!({"success":{"count":1,"ns":ns},"queue":{"count":1,"ns":ns}});
    let stats = json!({"model_stats":[{"name":"m","inference_stats":times}]});
    reply(200, &stats.to_string())
}

fn url(question: &LoadQuestion) -> String {
    question.request().unwrap().url.clone()
}

#[test]
fn the_one_with_the_shorter_queue_is_asked() {
    let mut w = two();
    w.both_tell([100.0, 100.0]);
    // One reading is a sum since the server began, and tells nothing.
    assert_eq!(w.chosen(), None);
    w.later(1.0);
    w.both_tell([104.0, 100.0]);
    assert_eq!(w.chosen(), Some(1));
    // Long after, when a's queue is empty and b's is not.
    w.later(30.0);
    w.both_tell([104.0, 190.0]);
    assert_eq!(w.chosen(), Some(0));
}

#[test]
fn what_was_is_forgotten_bit_by_bit() {
    let mut w = two();
    w.both_tell([0.0, 0.0]);
    w.later(1.0);
    // A request that waited for twenty seconds is told of when it ends, all at once: there were not twenty of them.
    w.both_tell([0.0, 1.0]);
    w.later(1.0);
    w.both_tell([20.0, 2.0]);
    let load = |at: usize| w.fleet.desks[at].load(w.now).unwrap();
    assert!(load(0) > load(1) && load(0) < 5.0, "{}", load(0));
    w.later(5.0);
    w.both_tell([20.0, 7.0]);
    w.later(5.0);
    w.both_tell([20.0, 12.0]);
    assert_eq!(w.chosen(), Some(0));
}

#[test]
fn nobody_is_asked_where_the_strategy_is_another_or_there_is_no_choice() {
    let w = world("least-busy", [json!({}), json!({})]);
    assert_eq!(w.due().len(), 0);
    let mut w = two();
    w.group = w.fleet.group(&w.fleet.deployments()[0].id).unwrap();
    assert_eq!(w.due().len(), 0);
}

#[test]
fn one_call_at_a_time_asks_and_not_too_often() {
    let mut w = two();
    let first = w.due();
    assert_eq!(first.len(), 2);
    assert_eq!(url(&first[0]), "http://a:8000/v2/models/m/stats");
    assert_eq!(first[0].headers().len(), 2, "key and content type");
    // Not answered yet: nobody else asks, until it is taken to be lost.
    w.later(2.0);
    assert_eq!(w.due().len(), 0);
    w.later(3.0);
    let second = w.due();
    assert_eq!(second.len(), 2);
    for question in second {
        question.answered(Ok(stats(1.0)), w.now);
    }
    // The first comes back after all: it is older than what is known.
    let before = w.now;
    for question in first {
        question.answered(Ok(stats(0.0)), w.now);
    }
    w.later(0.9);
    assert_eq!(w.due().len(), 0);
    w.now = before;
    w.later(1.0);
    w.both_tell([3.0, 1.0]);
    assert_eq!(w.chosen(), Some(1));
}

#[test]
fn a_question_that_is_dropped_is_asked_again() {
    let mut w = two();
    drop(w.due());
    assert_eq!(w.due().len(), 0, "its time is what counts");
    w.later(1.0);
    assert_eq!(w.due().len(), 2);
}

#[test]
fn one_that_does_not_tell_is_left_alone_and_is_as_busy_as_the_others() {
    let mut w = two();
    let failures: [Result<Reply>; 2] = [Err(Error::connect("no")), Ok(reply(404, "{}"))];
    for (question, failure) in w.due().into_iter().zip(failures) {
        question.answered(failure, w.now);
    }
    assert_eq!(w.chosen(), None);
    w.later(9.0);
    assert_eq!(w.due().len(), 0);
    w.later(1.0);
    let mut due = w.due();
    assert_eq!(due.len(), 2);
    // a tells now, and b still does not; a's load is no reason for or against b, but what we do ourselves is.
    due.pop().unwrap().answered(Ok(reply(200, "<html>")), w.now);
    due.pop().unwrap().answered(Ok(stats(0.0)), w.now);
    w.later(1.0);
    let mut due = w.due();
    assert_eq!(due.len(), 1);
    due.pop().unwrap().answered(Ok(stats(9.0)), w.now);
    assert!(w.fleet.desks[0].load(w.now).is_some());
    assert_eq!(w.chosen(), None);
    let seat = w.fleet.sit(&w.group, Some(1), &[], w.now, 0.0).unwrap();
    assert_eq!(w.chosen(), Some(0));
    drop(seat);
    // What a told is not counted any more when it stops telling.
    w.later(1.0);
    let question = w.due().pop().unwrap();
    question.answered(Err(Error::deadline("late")), w.now);
    assert_eq!(w.fleet.desks[0].load(w.now), None);
}

#[test]
fn a_server_that_began_anew_is_read_anew() {
    let mut w = two();
    w.both_tell([50.0, 50.0]);
    w.later(1.0);
    w.both_tell([54.0, 50.0]);
    w.later(1.0);
    w.both_tell([0.0, 50.0]);
    w.later(1.0);
    w.both_tell([0.0, 55.0]);
    assert_eq!(w.chosen(), Some(0));
}

#[test]
fn metrics_tell_at_once_and_a_key_stays_with_its_server() {
    let metrics = |url: &str| json!({ "metrics_url": url });
    let w = world(
        "triton-load",
        [
            metrics("http://a:8002/metrics"),
            metrics("http://b:8000/metrics"),
        ],
    );
    let due = w.due();
    assert_eq!(url(&due[0]), "http://a:8002/metrics");
    assert_eq!(due[0].headers().len(), 0);
    assert_eq!(due[1].headers().len(), 2);
    let page = |n: u32| {
        let line = format!("nv_inference_pending_request_count{{model=\"m\",version=\"1\"}} {n}\n");
        reply(200, &line)
    };
    for (question, n) in due.into_iter().zip([2, 7]) {
        question.answered(Ok(page(n)), w.now);
    }
    assert_eq!(w.chosen(), Some(0));
}

#[test]
fn many_names_on_one_server_are_asked_for_at_once() {
    let wild = |host: &str| json!({"model_name":"triton/*","mishikallm_params":{"model":"triton/*","api_base":format!("http://{host}/v2")}});
    let gateway = json!({"model_name":"triton/*","mishikallm_params":{"model":"triton/*","api_base":"http://c/x/generate"}});
    let config = json!({"model_list":[wild("a"), wild("b"), gateway],
        "router_settings":{"routing_strategy":"triton-load"}});
    let config = ClientConfig::read(&config.to_string()).unwrap();
    let fleet = Arc::new(Fleet::new(config, Box::new(Nothing)).unwrap());
    let w = World {
        group: fleet.group("triton/x").unwrap(),
        fleet,
        now: Instant::now(),
    };
    let urls: Vec<String> = w.due().iter().map(url).collect();
    assert_eq!(
        urls,
        ["http://a/v2/models/stats", "http://b/v2/models/stats"]
    );
}
