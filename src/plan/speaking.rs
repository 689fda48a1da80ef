//! Texts → the chunks of a stream, choice after choice.

use crate::openai::chunk::Writer;
use crate::openai::response::{Generated, Usage};
use std::collections::VecDeque;

/// Tells the answers of a call in chunks.
#[derive(Debug)]
pub(super) struct Speaking {
    writer: Writer,
    /// The choice that is being told.
    index: usize,
    /// Nothing of it was told yet.
    first: bool,
    spent: Usage,
    /// Chunks that are ready.
    ready: VecDeque<String>,
}

impl Speaking {
    pub(super) fn new(writer: Writer) -> Speaking {
        Speaking {
            writer,
            index: 0,
            first: true,
            spent: Usage::completion(0, 0, false),
            ready: VecDeque::new(),
        }
    }

    /// Whether any chunk was made.
    pub(super) fn has_begun(&self) -> bool {
        self.index > 0 || !self.first
    }

    /// How many choices are whole.
    pub(super) fn choices(&self) -> usize {
        self.index
    }

    pub(super) fn next_chunk(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    pub(super) fn delta(&mut self, text: &str) -> String {
        let first = std::mem::take(&mut self.first);
        self.writer.delta(self.index, first, text)
    }

    /// A choice is over: its text, where it did not come in deltas, and its end. Gives the first chunk of that.
    pub(super) fn finish(&mut self, generated: &Generated, is_last: bool) -> String {
        self.spent = self.spent.plus(generated.usage);
        let delta = (!generated.text.is_empty()).then(|| self.delta(&generated.text));
        let finish = self.writer.finish(self.index, generated.finish_reason);
        self.index += 1;
        self.first = true;
        let first = match delta {
            Some(delta) => {
                self.ready.push_back(finish);
                delta
            }
            None => finish,
        };
        if is_last {
            self.ready.extend(self.writer.usage(&self.spent));
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use crate::config::ClientConfig;
    use crate::error::{Error, Result};
    use crate::json;
    use crate::openai::Operation;
    use crate::plan::call::{Call, Env, Event, Manner, Todo};
    use crate::plan::resources::Nothing;
    use crate::triton::reply::Reply;
    use serde_json::{Value, json};

    fn call(operation: Operation, more: Value) -> Call {
        let mut request =
            json!({"model":"triton/llm","api_base":"http://h/x/generate","stream":true});
        let fields = request.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        let fields = json::object("request_json", &request.to_string()).unwrap();
        let env = Env {
            unix_time: 7,
            id: "1".into(),
            random: 1,
        };
        let config = ClientConfig::read("").unwrap();
        Call::new(operation, fields, &config, env, Manner::AsAsked, &Nothing).unwrap()
    }

    fn chat(more: Value) -> Call {
        let mut request = json!({"messages":[{"role":"user","content":"hi"}]});
        let fields = request.as_object_mut().unwrap();
        fields.extend(more.as_object().unwrap().clone());
        call(Operation::Chat, request)
    }

    fn event(text: &str) -> String {
        format!("data: {}\n\n", json!({ "text_output": text }))
    }

    fn url(todo: Result<Todo>) -> String {
        match todo.unwrap() {
            Todo::Open(request) => request.url,
            other => panic!("expected Open, got {other:?}"),
        }
    }

    fn chunk(todo: Result<Todo>) -> Value {
        match todo.unwrap() {
            Todo::Chunk(chunk) => serde_json::from_str(&chunk).unwrap(),
            other => panic!("expected a chunk, got {other:?}"),
        }
    }

    /// From the beginning to where the body is read.
    fn open(call: &mut Call, event: Event<'_>) {
        url(call.on(event));
        let todo = call.on(Event::Opened).unwrap();
        assert!(matches!(todo, Todo::Read));
    }

    fn busy() -> Event<'static> {
        Event::Replied(Reply {
            status: 503,
            body: br#"{"error":"busy"}"#.to_vec(),
            ..Default::default()
        })
    }

    #[test]
    fn a_chat_is_told_in_chunks() {
        let mut c = chat(json!({"stream_options":{"include_usage":true}}));
        assert_eq!(url(c.on(Event::Start)), "http://h/x/generate_stream");
        c.on(Event::Opened).unwrap();
        let bytes = event("Hel") + &event("lo");
        let first = chunk(c.on(Event::Arrived(bytes.as_bytes())));
        assert_eq!(
            first["choices"][0]["delta"],
            json!({"role":"assistant","content":"Hel"})
        );
        let second = chunk(c.on(Event::Next));
        assert_eq!(second["choices"][0]["delta"], json!({"content":"lo"}));
        assert!(matches!(c.on(Event::Next), Ok(Todo::Read)));
        assert!(c.wants_more());
        let finish = chunk(c.on(Event::Ended));
        assert_eq!(finish["choices"][0]["finish_reason"], "stop");
        assert!(!c.wants_more());
        let usage = chunk(c.on(Event::Next));
        assert_eq!(usage["choices"], json!([]));
        assert_eq!(usage["usage"]["total_tokens"], 3);
        assert!(matches!(c.on(Event::Next), Ok(Todo::Done(answer)) if answer.is_empty()));
    }

    #[test]
    fn prompts_are_told_one_after_the_other() {
        let mut c = call(Operation::Text, json!({"prompt":["one","two"]}));
        open(&mut c, Event::Start);
        assert_eq!(
            chunk(c.on(Event::Arrived(event("1").as_bytes())))["choices"][0]["index"],
            0
        );
        assert!(matches!(c.on(Event::Next), Ok(Todo::Read)));
        assert_eq!(
            chunk(c.on(Event::Ended))["choices"][0]["finish_reason"],
            "stop"
        );
        open(&mut c, Event::Next);
        let second = chunk(c.on(Event::Arrived(event("2").as_bytes())));
        assert_eq!(
            second["choices"][0],
            json!({"index":1,"text":"2","logprobs":null,"finish_reason":null})
        );
        c.on(Event::Next).unwrap();
        chunk(c.on(Event::Ended));
        assert!(matches!(c.on(Event::Next), Ok(Todo::Done(_))));
    }

    #[test]
    fn before_the_first_chunk_it_is_tried_again_and_elsewhere() {
        let mut c = chat(
            json!({"num_retries":1,"fallbacks":[{"model":"triton/b","api_base":"http://h/b/generate"}]}),
        );
        url(c.on(Event::Start));
        assert!(matches!(c.on(busy()), Ok(Todo::Wait(..))));
        // An error as the first event is as good as one in the status.
        open(&mut c, Event::Waited);
        let failed = c.on(Event::Arrived(b"data: {\"error\":\"no\"}\n\n"));
        assert_eq!(url(failed), "http://h/b/generate_stream");
        c.on(Event::Opened).unwrap();
        let first = chunk(c.on(Event::Arrived(event("b").as_bytes())));
        assert_eq!(
            (&first["model"], &first["id"]),
            (&json!("llm"), &json!("chatcmpl-1"))
        );
    }

    #[test]
    fn after_the_first_chunk_an_error_is_an_error() {
        let mut c = chat(json!({"num_retries":5,"fallbacks":["triton/b"]}));
        open(&mut c, Event::Start);
        chunk(c.on(Event::Arrived(event("a").as_bytes())));
        c.on(Event::Next).unwrap();
        assert!(c.on(Event::Failed(Error::cut("cut"))).is_err());
    }

    #[test]
    fn the_second_prompt_is_tried_again_but_never_elsewhere() {
        let mut c = call(
            Operation::Text,
            json!({"prompt":["one","two"],"num_retries":1,"fallbacks":["triton/b"]}),
        );
        open(&mut c, Event::Start);
        chunk(c.on(Event::Arrived(event("1").as_bytes())));
        c.on(Event::Next).unwrap();
        chunk(c.on(Event::Ended));
        url(c.on(Event::Next));
        assert!(matches!(c.on(busy()), Ok(Todo::Wait(..))));
        url(c.on(Event::Waited));
        assert_eq!(c.on(busy()).unwrap_err().http_status(), 503);
    }

    #[test]
    fn a_whole_answer_is_one_delta() {
        let mut c = chat(json!({"api_base":"http://h/v2/models/m/infer"}));
        assert!(matches!(c.on(Event::Start), Ok(Todo::Describe { .. })));
        let todo = c.on(Event::Described(Default::default())).unwrap();
        assert!(matches!(todo, Todo::Send(_)));
        let body = json!({"outputs":[{"name":"text_output","datatype":"BYTES","shape":[1],"data":["yo"]}]});
        let reply = Reply {
            status: 200,
            body: body.to_string().into_bytes(),
            ..Default::default()
        };
        let delta = chunk(c.on(Event::Replied(reply)));
        assert_eq!(
            delta["choices"][0]["delta"],
            json!({"role":"assistant","content":"yo"})
        );
        assert_eq!(
            chunk(c.on(Event::Next))["choices"][0]["finish_reason"],
            "stop"
        );
        assert!(matches!(c.on(Event::Next), Ok(Todo::Done(_))));
    }

    #[test]
    fn a_stop_sequence_ends_the_reading_before_the_caller_asks_again() {
        let mut c = chat(json!({"stop":"END"}));
        open(&mut c, Event::Start);
        chunk(c.on(Event::Arrived((event("a EN") + &event("D b")).as_bytes())));
        let finish = chunk(c.on(Event::Next));
        assert_eq!(finish["choices"][0]["finish_reason"], "stop");
        assert!(!c.wants_more());
    }

    #[test]
    fn a_mock_streams_too() {
        let mut c = chat(json!({"mock_response":"mocked!"}));
        assert_eq!(
            chunk(c.on(Event::Start))["choices"][0]["delta"]["content"],
            "mocked!"
        );
        assert_eq!(
            chunk(c.on(Event::Next))["choices"][0]["finish_reason"],
            "stop"
        );
        assert!(matches!(c.on(Event::Next), Ok(Todo::Done(_))));
    }
}
