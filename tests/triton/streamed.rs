//! Streams as tests ask for them, and what came out.

use super::asks;
use mishikallm::openai::Operation;
use mishikallm::{Client, Error, Next, Stream};
use serde_json::{Value, json};
use std::sync::Arc;

/// All that a stream gave.
#[derive(Debug)]
pub struct Streamed {
    pub chunks: Vec<Value>,
    /// The error's JSON, where it ended with one.
    pub end: Result<(), Value>,
}

/// A client without a configuration.
pub fn client() -> Arc<Client> {
    Arc::new(Client::new("").unwrap())
}

/// Opens a stream; nothing is sent yet.
pub fn open(client: &Arc<Client>, operation: Operation, request: &Value) -> Stream {
    client.stream(operation, &request.to_string()).unwrap()
}

/// A chat that wants its usage told, on a client of its own, to its end.
pub fn stream(model: &str, question: &str, more: Value) -> Streamed {
    let mut request = asks(model, question, more);
    request["stream_options"] = json!({"include_usage": true});
    drain(&open(&client(), Operation::Chat, &request))
}

/// A chat under way on a client of its own.
pub fn begun(model: &str, question: &str, more: Value) -> Stream {
    open(&client(), Operation::Chat, &asks(model, question, more))
}

/// The next chunk, which has to come.
pub fn chunk(stream: &Stream) -> Value {
    match stream.next(None) {
        Ok(Next::Chunk(chunk)) => serde_json::from_str(&chunk).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The error that a stream under way ends with.
pub fn ends_with(stream: &Stream) -> Error {
    loop {
        match stream.next(None) {
            Ok(Next::Chunk(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => return error,
        }
    }
}

/// The new text in a chunk.
pub fn delta(chunk: &Value) -> &str {
    let choice = &chunk["choices"][0];
    let text = choice["delta"]["content"].as_str();
    text.or(choice["text"].as_str()).unwrap_or("")
}

/// Takes all that comes, and looks whether it has the form that OpenAI's clients expect.
pub fn drain(stream: &Stream) -> Streamed {
    let mut chunks = Vec::new();
    let end = loop {
        match stream.next(None) {
            Ok(Next::Chunk(chunk)) => chunks.push(serde_json::from_str(&chunk).unwrap()),
            Ok(Next::Done) => break Ok(()),
            Ok(Next::Timeout) => panic!("a time-out that nobody asked for"),
            Err(e) => {
                break Err(serde_json::from_str::<Value>(&e.to_json()).unwrap()["error"].clone());
            }
        }
    };
    let streamed = Streamed { chunks, end };
    streamed.check();
    streamed
}

impl Streamed {
    /// What is true of every stream.
    fn check(&self) {
        for chunk in &self.chunks {
            for key in ["id", "object", "created", "model"] {
                assert_eq!(chunk[key], self.chunks[0][key], "{chunk}");
            }
        }
        for index in 0..self.choices() {
            let choice: Vec<&Value> = self.of(index).collect();
            let (last, before) = choice.split_last().unwrap();
            assert!(before.iter().all(|c| c["finish_reason"].is_null()));
            // The end is told, unless an error came instead of it; a choice begins where the one before it is over.
            assert_eq!(
                last["finish_reason"].is_null(),
                self.end.is_err(),
                "{self:?}"
            );
            let is_chat = self.chunks[0]["object"] == "chat.completion.chunk";
            let roles = choice.iter().map(|c| &c["delta"]["role"]);
            let roles: Vec<bool> = roles.map(|role| role == "assistant").collect();
            let texts = choice.len() - usize::from(self.end.is_ok());
            assert!(
                !is_chat || (0..texts).all(|at| roles[at] == (at == 0)),
                "{self:?}"
            );
        }
    }

    /// How many choices there are.
    pub fn choices(&self) -> u64 {
        let indices = self
            .chunks
            .iter()
            .filter_map(|c| c["choices"][0]["index"].as_u64());
        indices.max().map_or(0, |last| last + 1)
    }

    /// What came of one choice.
    fn of(&self, index: u64) -> impl Iterator<Item = &Value> {
        let choices = self.chunks.iter().map(|c| &c["choices"][0]);
        choices.filter(move |c| c["index"] == index)
    }

    /// The pieces of text, in their order.
    pub fn deltas(&self) -> Vec<&str> {
        self.chunks
            .iter()
            .map(delta)
            .filter(|text| !text.is_empty())
            .collect()
    }

    pub fn text(&self) -> String {
        self.deltas().concat()
    }

    pub fn text_of(&self, index: u64) -> String {
        self.of(index)
            .map(|c| c["text"].as_str().unwrap())
            .collect()
    }

    /// Why the last choice ended.
    pub fn finish_reason(&self) -> &str {
        let reasons = self
            .chunks
            .iter()
            .map(|c| &c["choices"][0]["finish_reason"]);
        reasons
            .filter_map(Value::as_str)
            .next_back()
            .unwrap_or("none")
    }

    /// What the last chunk says it took.
    pub fn usage(&self) -> &Value {
        let last = self.chunks.last().unwrap();
        assert_eq!(last["choices"], json!([]), "{self:?}");
        &last["usage"]
    }
}

/// All chunks of a request, on a client of its own; it has to end in order.
pub fn chunks(operation: &str, request: Value) -> Vec<Value> {
    let streamed = drain(&open(
        &client(),
        Operation::parse(operation).unwrap(),
        &request,
    ));
    assert_eq!(streamed.end, Ok(()));
    streamed.chunks
}
