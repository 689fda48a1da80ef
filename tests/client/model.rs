//! A model as Triton shows it: metadata, configuration, and what it takes; a test may change it while it is served.

use crate::http::Request;
use crate::server::{Peer, Server};
use serde_json::{Value, json};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the model is now.
#[derive(Clone)]
pub struct Model {
    pub versions: Vec<&'static str>,
    /// The version that its answers name.
    pub answers_as: &'static str,
    pub max_batch_size: usize,
    pub decoupled: bool,
}

impl Default for Model {
    fn default() -> Model {
        Model {
            versions: vec!["1"],
            answers_as: "1",
            max_batch_size: 0,
            decoupled: false,
        }
    }
}

impl Model {
    fn shape(&self) -> Value {
        match self.max_batch_size {
            0 => json!([1]),
            _ => json!([-1, 1]),
        }
    }

    pub fn metadata(&self) -> String {
        json!({
            "name": "m", "versions": self.versions, "platform": "python",
            "inputs": [{"name": "text_input", "datatype": "BYTES", "shape": self.shape()}],
            "outputs": [{"name": "text_output", "datatype": "BYTES", "shape": self.shape()}],
        })
        .to_string()
    }

    pub fn config(&self) -> String {
        json!({
            "name": "m", "max_batch_size": self.max_batch_size,
            "input": [{"name": "text_input", "data_type": "TYPE_STRING", "dims": [1]}],
            "output": [{"name": "text_output", "data_type": "TYPE_STRING", "dims": [1]}],
            "model_transaction_policy": {"decoupled": self.decoupled},
        })
        .to_string()
    }

    /// Triton's answer to a POST.
    fn answer(&self, request: &Request) -> (u16, String) {
        let sent = request.json();
        if request.path.contains("/generate") {
            let words = json!({"model_name": "m", "model_version": self.answers_as, "text_output": "generated"});
            return (200, words.to_string());
        }
        let shape = match self.max_batch_size {
            0 => json!([1]),
            _ => json!([1, 1]),
        };
        let wrong = match () {
            _ if self.decoupled => "doesn't support models with decoupled transaction policy",
            _ if sent["inputs"][0]["data"][0] == "bad" => "the prompt is bad",
            _ if sent["inputs"][0]["shape"] != shape => "unexpected shape for input 'text_input'",
            _ => {
                let answer = json!({
                    "model_name": "m", "model_version": self.answers_as,
                    "outputs": [{"name": "text_output", "datatype": "BYTES", "shape": shape, "data": ["inferred"]}],
                });
                return (200, answer.to_string());
            }
        };
        (400, json!({ "error": wrong }).to_string())
    }

    /// Answers as Triton does.
    pub fn serve(&self, request: &Request, to: &mut Peer) -> io::Result<()> {
        let (status, body) = match request.path.split('?').next().unwrap_or_default() {
            "/v2/models/m" => (200, self.metadata()),
            "/v2/models/m/config" => (200, self.config()),
            _ if request.method == "POST" => self.answer(request),
            _ => (404, r#"{"error":"Not Found"}"#.to_owned()),
        };
        to.reply(status, &body)
    }
}

/// A model that can be changed.
#[derive(Clone, Default)]
pub struct Changing(Arc<Mutex<Model>>);

impl Changing {
    pub fn now(&self) -> MutexGuard<'_, Model> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its server.
    pub fn serve(&self) -> Server {
        let this = self.clone();
        Server::start(move |request, to| {
            let model = this.now().clone();
            model.serve(request, to)
        })
    }
}
