//! Models: the name says what a model is and what it answers.
//!
//! | name      | model                                                                                     |
//! |-----------|-------------------------------------------------------------------------------------------|
//! | `e64x1024`| embeddings: 64 rows of 1,024 FP32, as JSON, or as binary data where the request says so   |
//! | `s500`    | text in 500 events, written in one go                                                     |
//! | `s500b`   | the same, each event written by itself                                                    |
//! | `s500d5`  | the same, an event every 5 ms                                                             |
//! | `infer_…` | text, one answer to a request: the kind that takes `/infer`                               |
//! | any other | text, decoupled: the kind that takes `/generate` and `/generate_stream`                   |
//!
//! `plain_` before any of them: the same model behind a gateway that lets only the endpoint through. Its metadata is a 404.

use std::time::Duration;

use serde_json::{Value, json};

pub enum Model {
    Embedding { rows: usize, columns: usize },
    Stream { events: usize, writing: Writing },
    Text { decoupled: bool },
}

#[derive(Clone, Copy)]
pub enum Writing {
    AllAtOnce,
    EachEvent { pause: Duration },
}

impl Model {
    /// `name` without `plain_`.
    pub fn from_name(name: &str) -> Model {
        embedding(name)
            .or_else(|| stream(name))
            .unwrap_or_else(|| Model::Text {
                decoupled: !name.starts_with("infer_"),
            })
    }

    /// What `GET /v2/models/NAME` answers.
    pub fn metadata(&self, name: &str) -> Value {
        let (inputs, outputs) = self.tensors();
        let describe = |tensors: &[Tensor]| -> Vec<Value> {
            let one =
                |t: &Tensor| json!({"name": t.name, "datatype": t.datatype, "shape": t.shape});
            tensors.iter().map(one).collect()
        };
        json!({
            "name": name, "versions": ["1"], "platform": "python",
            "inputs": describe(&inputs), "outputs": describe(&outputs),
        })
    }

    /// What `GET /v2/models/NAME/config` answers.
    pub fn config(&self, name: &str) -> Value {
        let (inputs, outputs) = self.tensors();
        let input = |t: &Tensor| {
            json!({
                "name": t.name, "data_type": config_type(t.datatype), "format": "FORMAT_NONE", "dims": t.shape,
                "is_shape_tensor": false, "allow_ragged_batch": false, "optional": t.optional,
                "is_non_linear_format_io": false,
            })
        };
        let output = |t: &Tensor| {
            json!({
                "name": t.name, "data_type": config_type(t.datatype), "dims": t.shape, "label_filename": "",
                "is_shape_tensor": false, "is_non_linear_format_io": false,
            })
        };
        json!({
            "name": name, "platform": "", "backend": "python", "max_batch_size": 0,
            "input": inputs.iter().map(input).collect::<Vec<_>>(),
            "output": outputs.iter().map(output).collect::<Vec<_>>(),
            "model_transaction_policy": {"decoupled": self.is_decoupled()},
        })
    }

    fn is_decoupled(&self) -> bool {
        matches!(self, Model::Stream { .. } | Model::Text { decoupled: true })
    }

    fn tensors(&self) -> (Vec<Tensor>, Vec<Tensor>) {
        let tensor = |name, datatype, shape: &[i64]| Tensor {
            name,
            datatype,
            shape: shape.to_vec(),
            optional: false,
        };
        match self {
            Model::Embedding { columns, .. } => (
                vec![tensor("input_text", "BYTES", &[-1])],
                vec![tensor("embedding", "FP32", &[-1, *columns as i64])],
            ),
            Model::Stream { .. } | Model::Text { .. } => (
                vec![
                    tensor("text_input", "BYTES", &[1]),
                    Tensor {
                        optional: true,
                        ..tensor("max_tokens", "INT32", &[1])
                    },
                ],
                vec![tensor("text_output", "BYTES", &[-1])],
            ),
        }
    }
}

struct Tensor {
    name: &'static str,
    datatype: &'static str,
    shape: Vec<i64>,
    optional: bool,
}

/// Metadata says BYTES where the configuration says TYPE_STRING; the other names differ by the prefix only.
fn config_type(datatype: &str) -> String {
    match datatype {
        "BYTES" => "TYPE_STRING".to_owned(),
        other => format!("TYPE_{other}"),
    }
}

fn embedding(name: &str) -> Option<Model> {
    let (rows, columns) = name.strip_prefix('e')?.split_once('x')?;
    Some(Model::Embedding {
        rows: rows.parse().ok()?,
        columns: columns.parse().ok()?,
    })
}

fn stream(name: &str) -> Option<Model> {
    let rest = name.strip_prefix('s')?;
    let (events, writing) = if let Some((events, pause_ms)) = rest.split_once('d') {
        (
            events,
            Writing::EachEvent {
                pause: Duration::from_millis(pause_ms.parse().ok()?),
            },
        )
    } else if let Some(events) = rest.strip_suffix('b') {
        (
            events,
            Writing::EachEvent {
                pause: Duration::ZERO,
            },
        )
    } else {
        (rest, Writing::AllAtOnce)
    };
    Some(Model::Stream {
        events: events.parse().ok()?,
        writing,
    })
}
