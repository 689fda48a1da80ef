//! Texts → the chunks of a stream, choice after choice.

use super::voice::{Reading, Voice};
use crate::openai::answer::{FinishReason, Generated};
use crate::openai::chunk::{Delta as Part, Writer};
use crate::openai::logprobs::{OfChat, OfText, Token};
use crate::openai::response::Usage;
use crate::template::reading::Piece;
use crate::triton::text::events::Delta;
use std::collections::VecDeque;

/// Tells the answers of a call in chunks.
#[derive(Debug)]
pub(super) struct Speaking {
    writer: Writer,
    is_chat: bool,
    /// The answer's identity.
    id: String,
    /// How many alternatives of each token are told; `None`: no log probabilities.
    top: Option<usize>,
    reading: Reading,
    voice: Voice,
    /// The choice that is being told.
    index: usize,
    /// Nothing of it was told yet.
    first: bool,
    /// Where its next token begins, in characters. Not what was told: of a token that may begin a stop sequence a part
    /// goes out before the token does.
    offset: usize,
    /// Tokens whose text is not told yet.
    tokens: Vec<Token>,
    spent: Usage,
    /// Chunks that are ready.
    ready: VecDeque<String>,
}

impl Speaking {
    pub(super) fn new(
        writer: Writer,
        is_chat: bool,
        id: &str,
        reading: Reading,
        top: Option<usize>,
    ) -> Speaking {
        Speaking {
            writer,
            is_chat,
            id: id.to_owned(),
            top,
            voice: Voice::new(&reading),
            reading,
            index: 0,
            first: true,
            offset: 0,
            tokens: Vec::new(),
            spent: Usage::completion(0, 0, false),
            ready: VecDeque::new(),
        }
    }

    /// Whether any chunk was made.
    pub(super) fn has_begun(&self) -> bool {
        self.index > 0 || !self.first
    }

    /// Takes another's place whose answer nobody has seen any of: under its name, and with a reading of its own.
    pub(super) fn speak_as(&mut self, other: Speaking) {
        self.writer = other.writer;
        self.id = other.id;
    }

    /// The model is held to nothing: no call has to come of its text.
    pub(super) fn release(&mut self) {
        if self.reading.forced.take().is_some() {
            self.voice = Voice::new(&self.reading);
        }
    }

    /// How many choices are whole.
    pub(super) fn choices(&self) -> usize {
        self.index
    }

    pub(super) fn next_chunk(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    /// Some more of the choice. `prompt`: what stands before it, where that is wanted too.
    pub(super) fn delta(&mut self, delta: Delta, prompt: Option<&str>) {
        self.echo(prompt);
        self.tokens.extend(delta.tokens);
        if self.voice.is_plain() {
            if !delta.text.is_empty() || !self.tokens.is_empty() {
                self.tell(Part::Content(&delta.text));
            }
        } else {
            let pieces = self.voice.push(&delta.text);
            self.tell_all(pieces);
        }
    }

    /// A choice is over: its text, where it did not come in deltas, and its end.
    pub(super) fn finish(&mut self, generated: Generated, is_last: bool, prompt: Option<&str>) {
        self.spent = self.spent.plus(generated.usage);
        let delta = Delta {
            text: generated.text,
            tokens: generated.logprobs,
        };
        self.delta(delta, prompt);
        let pieces = self.voice.finish();
        self.tell_all(pieces);
        if !self.tokens.is_empty() {
            self.tell(Part::Content(""));
        }
        let reason = match (generated.finish_reason, self.voice.calls()) {
            (FinishReason::Stop, true) => FinishReason::ToolCalls,
            (reason, _) => reason,
        };
        self.ready.push_back(self.writer.finish(self.index, reason));
        self.index += 1;
        self.first = true;
        self.offset = 0;
        self.voice = Voice::new(&self.reading);
        if is_last {
            self.ready.extend(self.writer.usage(&self.spent));
        }
    }

    fn echo(&mut self, prompt: Option<&str>) {
        if let Some(prompt) = prompt.filter(|p| self.first && !p.is_empty()) {
            self.tell(Part::Content(prompt));
        }
    }

    fn tell_all(&mut self, pieces: Vec<Piece>) {
        for piece in pieces {
            match &piece {
                Piece::Content(text) => self.tell(Part::Content(text)),
                Piece::Reasoning(text) => self.tell(Part::Reasoning(text)),
                Piece::CallBegin { index, name } => {
                    let id = self.reading.call_id(&self.id, self.index, *index);
                    self.tell(Part::CallBegin {
                        call: *index,
                        id: &id,
                        name,
                    });
                }
                Piece::CallArguments { index, text } => {
                    self.tell(Part::CallArguments { call: *index, text })
                }
            }
        }
    }

    fn tell(&mut self, part: Part<'_>) {
        let logprobs = self.top.filter(|_| !self.tokens.is_empty()).map(|top| {
            let tokens = &self.tokens;
            let json = match self.is_chat {
                true => serde_json::to_string(&OfChat { tokens, top }),
                false => serde_json::to_string(&OfText {
                    tokens,
                    top,
                    offset: self.offset,
                }),
            };
            json.unwrap_or_else(|_| "null".to_owned())
        });
        let told = self.tokens.drain(..);
        self.offset += told.map(|t| t.text.chars().count()).sum::<usize>();
        let first = std::mem::take(&mut self.first);
        let chunk = self
            .writer
            .delta(self.index, first, part, logprobs.as_deref());
        self.ready.push_back(chunk);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::ClientConfig;
    use crate::error::{Error, Result};
    use crate::json;
    use crate::openai::Operation;
    use crate::plan::call::{Call, Env, Event, Manner, Todo};
    use crate::plan::fleet::Fleet;
    use crate::plan::resources::Nothing;
    use crate::triton::exchange::Description;
    use crate::triton::model::tests::model;
    use crate::triton::reply::Reply;
    use serde_json::{Value, json};
    use std::sync::Arc;
    use std::time::Instant;

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
            trace: None,
        };
        let fleet = Fleet::new(ClientConfig::default(), Box::new(Nothing)).unwrap();
        let now = Instant::now();
        Call::new(
            operation,
            fields,
            &Arc::new(fleet),
            env,
            Manner::AsAsked,
            now,
        )
        .unwrap()
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
        url(call.step(event));
        let todo = call.step(Event::Opened).unwrap();
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
        assert_eq!(url(c.step(Event::Start)), "http://h/x/generate_stream");
        c.step(Event::Opened).unwrap();
        let bytes = event("Hel") + &event("lo");
        let first = chunk(c.step(Event::Arrived(bytes.as_bytes())));
        assert_eq!(
            first["choices"][0]["delta"],
            json!({"role":"assistant","content":"Hel"})
        );
        let second = chunk(c.step(Event::Next));
        assert_eq!(second["choices"][0]["delta"], json!({"content":"lo"}));
        assert!(matches!(c.step(Event::Next), Ok(Todo::Read)));
        assert!(c.wants_more());
        let finish = chunk(c.step(Event::Ended));
        assert_eq!(finish["choices"][0]["finish_reason"], "stop");
        assert!(!c.wants_more());
        let usage = chunk(c.step(Event::Next));
        assert_eq!(usage["choices"], json!([]));
        assert_eq!(usage["usage"]["total_tokens"], 3);
        assert!(matches!(c.step(Event::Next), Ok(Todo::Done(answer)) if answer.is_empty()));
    }

    #[test]
    fn prompts_are_told_one_after_the_other() {
        let mut c = call(Operation::Text, json!({"prompt":["one","two"]}));
        open(&mut c, Event::Start);
        assert_eq!(
            chunk(c.step(Event::Arrived(event("1").as_bytes())))["choices"][0]["index"],
            0
        );
        assert!(matches!(c.step(Event::Next), Ok(Todo::Read)));
        assert_eq!(
            chunk(c.step(Event::Ended))["choices"][0]["finish_reason"],
            "stop"
        );
        open(&mut c, Event::Next);
        let second = chunk(c.step(Event::Arrived(event("2").as_bytes())));
        assert_eq!(
            second["choices"][0],
            json!({"index":1,"text":"2","logprobs":null,"finish_reason":null})
        );
        c.step(Event::Next).unwrap();
        chunk(c.step(Event::Ended));
        assert!(matches!(c.step(Event::Next), Ok(Todo::Done(_))));
    }

    #[test]
    fn before_the_first_chunk_it_is_tried_again_and_elsewhere() {
        let mut c = chat(
            json!({"num_retries":1,"fallbacks":[{"model":"triton/b","api_base":"http://h/b/generate"}]}),
        );
        url(c.step(Event::Start));
        assert!(matches!(c.step(busy()), Ok(Todo::Wait(..))));
        // An error as the first event is as good as one in the status.
        open(&mut c, Event::Waited);
        let failed = c.step(Event::Arrived(b"data: {\"error\":\"no\"}\n\n"));
        assert_eq!(url(failed), "http://h/b/generate_stream");
        c.step(Event::Opened).unwrap();
        let first = chunk(c.step(Event::Arrived(event("b").as_bytes())));
        assert_eq!(
            (&first["model"], &first["id"]),
            (&json!("llm"), &json!("chatcmpl-1"))
        );
    }

    #[test]
    fn after_the_first_chunk_an_error_is_an_error() {
        let mut c = chat(json!({"num_retries":5,"fallbacks":["triton/b"]}));
        open(&mut c, Event::Start);
        chunk(c.step(Event::Arrived(event("a").as_bytes())));
        c.step(Event::Next).unwrap();
        assert!(c.step(Event::Failed(Error::cut("cut"))).is_err());
    }

    #[test]
    fn the_second_prompt_is_tried_again_but_never_elsewhere() {
        let mut c = call(
            Operation::Text,
            json!({"prompt":["one","two"],"num_retries":1,"fallbacks":["triton/b"]}),
        );
        open(&mut c, Event::Start);
        chunk(c.step(Event::Arrived(event("1").as_bytes())));
        c.step(Event::Next).unwrap();
        chunk(c.step(Event::Ended));
        url(c.step(Event::Next));
        assert!(matches!(c.step(busy()), Ok(Todo::Wait(..))));
        url(c.step(Event::Waited));
        assert_eq!(c.step(busy()).unwrap_err().http_status(), 503);
    }

    #[test]
    fn a_whole_answer_is_one_delta() {
        let mut c = chat(json!({"api_base":"http://h/v2/models/m/infer"}));
        assert!(matches!(c.step(Event::Start), Ok(Todo::Describe { .. })));
        let todo = c.step(Event::Described(Default::default())).unwrap();
        assert!(matches!(todo, Todo::Send(_)));
        let body = json!({"outputs":[{"name":"text_output","datatype":"BYTES","shape":[1],"data":["yo"]}]});
        let reply = Reply {
            status: 200,
            body: body.to_string().into_bytes(),
            ..Default::default()
        };
        let delta = chunk(c.step(Event::Replied(reply)));
        assert_eq!(
            delta["choices"][0]["delta"],
            json!({"role":"assistant","content":"yo"})
        );
        assert_eq!(
            chunk(c.step(Event::Next))["choices"][0]["finish_reason"],
            "stop"
        );
        assert!(matches!(c.step(Event::Next), Ok(Todo::Done(_))));
    }

    #[test]
    fn a_stop_sequence_ends_the_reading_before_the_caller_asks_again() {
        let mut c = chat(json!({"stop":"END"}));
        open(&mut c, Event::Start);
        chunk(c.step(Event::Arrived((event("a EN") + &event("D b")).as_bytes())));
        let finish = chunk(c.step(Event::Next));
        assert_eq!(finish["choices"][0]["finish_reason"], "stop");
        assert!(!c.wants_more());
    }

    #[test]
    fn a_mock_streams_too() {
        let mut c = chat(json!({"mock_response":"mocked!"}));
        assert_eq!(
            chunk(c.step(Event::Start))["choices"][0]["delta"]["content"],
            "mocked!"
        );
        assert_eq!(
            chunk(c.step(Event::Next))["choices"][0]["finish_reason"],
            "stop"
        );
        assert!(matches!(c.step(Event::Next), Ok(Todo::Done(_))));
    }

    /// A model that guides and tells its tokens, or one that does neither.
    fn described(is_able: bool) -> Event<'static> {
        let inputs = match is_able {
            true => {
                "text_input:BYTES[1] sampling_parameters:BYTES[1]? exclude_input_in_output:BOOL[1]? return_logprobs:BOOL[1]?"
            }
            false => "text_input:BYTES[1]",
        };
        let outputs = "text_output:BYTES[-1] logprobs:BYTES[-1]";
        Event::Described(Description {
            model: Some(Arc::new(model(inputs, outputs, 0, true))),
            remembered: false,
        })
    }

    /// All chunks up to the end of this body.
    fn told(call: &mut Call, is_able: bool, body: &str) -> Vec<Value> {
        call.step(Event::Start).unwrap();
        url(call.step(described(is_able)));
        call.step(Event::Opened).unwrap();
        let mut todo = call.step(Event::Arrived(body.as_bytes())).unwrap();
        let mut chunks = Vec::new();
        loop {
            todo = match todo {
                Todo::Chunk(chunk) => {
                    chunks.push(serde_json::from_str(&chunk).unwrap());
                    call.step(Event::Next).unwrap()
                }
                Todo::Read => call.step(Event::Ended).unwrap(),
                _ => return chunks,
            };
        }
    }

    #[test]
    fn a_call_that_no_model_is_held_to_is_read_as_any_other() {
        let tools = json!([{"type":"function","function":{"name":"f"}}]);
        for choice in [
            json!("required"),
            json!({"type":"function","function":{"name":"f"}}),
        ] {
            let more = json!({"api_base":"http://h","tools":tools,"tool_choice":choice,"chat_template":"qwen2.5","drop_params":true});
            let calling = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>";
            let chunks = told(&mut chat(more.clone()), false, &event(calling));
            let arguments: String = chunks
                .iter()
                .filter_map(|c| {
                    c["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"].as_str()
                })
                .collect();
            assert_eq!(arguments, "{\"a\": 1}");
            let chunks = told(&mut chat(more), false, &event("No."));
            assert_eq!(chunks[0]["choices"][0]["delta"]["content"], "No.");
            assert_eq!(chunks[1]["choices"][0]["finish_reason"], "stop");
        }
    }

    #[test]
    fn offsets_are_those_of_the_whole_answer() {
        let token = |text: &str| {
            json!([{"1": {"logprob": -0.5, "rank": 1, "decoded_token": text}}]).to_string()
        };
        // A tokenizer's blank before the first word is none of the token; and "the" is held back in part.
        let body: String = [("a", " a"), (" the", " the"), ("n", "n")]
            .map(|(tok, text)| {
                format!(
                    "data: {}\n\n",
                    json!({"text_output": text, "logprobs": token(tok)})
                )
            })
            .concat();
        let mut c = call(
            Operation::Text,
            json!({"api_base":"http://h","prompt":"p","logprobs":1,"stop":"hex"}),
        );
        let offsets: Vec<u64> = told(&mut c, true, &body)
            .iter()
            .filter_map(|chunk| chunk["choices"][0]["logprobs"]["text_offset"].as_array())
            .flatten()
            .filter_map(Value::as_u64)
            .collect();
        assert_eq!(offsets, [0, 1, 5]);
    }

    #[test]
    fn a_fallback_is_read_in_its_own_way_and_from_its_own_beginning() {
        let tools = json!([{"type":"function","function":{"name":"f"}}]);
        let mut c = chat(json!({"tools":tools,"chat_template":"qwen2.5","fallbacks":[
            {"model":"triton/b","api_base":"http://h/b/generate","chat_template":"mistral-v3"}]}));
        open(&mut c, Event::Start);
        // This may be the beginning of a call, and nobody was told.
        assert!(matches!(
            c.step(Event::Arrived(event("<tool_").as_bytes())),
            Ok(Todo::Read)
        ));
        assert_eq!(
            url(c.step(Event::Failed(Error::cut("cut")))),
            "http://h/b/generate_stream"
        );
        c.step(Event::Opened).unwrap();
        let calling = event("[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {}}]");
        let first = chunk(c.step(Event::Arrived(calling.as_bytes())));
        let delta = &first["choices"][0]["delta"];
        assert_eq!(
            (&first["model"], &delta["content"]),
            (&json!("llm"), &Value::Null)
        );
        assert_eq!(delta["tool_calls"][0]["function"]["name"], "f");
    }
}
