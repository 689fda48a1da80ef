//! A model's metadata and configuration → what it takes and gives.
//!
//! Sources: KServe v2 "Model Metadata" and Triton's model configuration extension.

use super::dialect;
use super::tensor::Datatype;
use crate::config::DialectName;
use serde::Deserialize;
use std::fmt;

/// What a model takes and gives.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Versions the server has ready.
    pub versions: Vec<String>,
    /// Whether it may send other than one response to a request; `None` where the configuration could not be read.
    pub decoupled: Option<bool>,
    /// The most rows of one request; 0: the model has no batch dimension.
    pub max_batch_size: usize,
    /// Inputs, in the model's order.
    pub inputs: Vec<Tensor>,
    /// Outputs, in the model's order.
    pub outputs: Vec<Tensor>,
    /// What its inputs show that it speaks.
    pub dialect: DialectName,
}

/// One input or output.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// Its datatype.
    pub datatype: Datatype,
    /// Its shape without the batch dimension; -1 is any size.
    pub dims: Vec<i64>,
    /// Whether a request may leave it out; `None` where the configuration could not be read.
    pub optional: Option<bool>,
}

impl Model {
    /// Reads metadata and, where it was given, the configuration. `None`: not what Triton sends.
    pub fn read(metadata: &[u8], config: Option<&[u8]>) -> Option<Model> {
        let metadata: WireMetadata = serde_json::from_slice(metadata).ok()?;
        let config: Option<WireConfig> = config.and_then(|c| serde_json::from_slice(c).ok());
        let max_batch_size = match &config {
            Some(c) => usize::try_from(c.max_batch_size).unwrap_or(0),
            None => guess_batching(&metadata),
        };
        let tensors = |wire: Vec<WireTensor>, config: Option<&Vec<WireConfigTensor>>| {
            wire.into_iter()
                .map(|t| {
                    let declared = config.and_then(|c| c.iter().find(|d| d.name == t.name));
                    let skip = usize::from(max_batch_size > 0 && !t.shape.is_empty());
                    Some(Tensor {
                        datatype: Datatype::parse(&t.datatype)?,
                        dims: t.shape[skip..].to_vec(),
                        optional: declared.map(|d| d.optional),
                        name: t.name,
                    })
                })
                .collect::<Option<Vec<_>>>()
        };
        let mut model = Model {
            inputs: tensors(metadata.inputs, config.as_ref().map(|c| &c.input))?,
            outputs: tensors(metadata.outputs, config.as_ref().map(|c| &c.output))?,
            name: metadata.name,
            versions: metadata.versions,
            decoupled: config.as_ref().map(|c| {
                let policy = c.model_transaction_policy.as_ref();
                policy.is_some_and(|p| p.decoupled)
            }),
            max_batch_size,
            dialect: DialectName::General,
        };
        model.dialect = dialect::shown_by(&model);
        Some(model)
    }

    /// Looks an input up by its name.
    pub fn input(&self, name: &str) -> Option<&Tensor> {
        self.inputs.iter().find(|t| t.name == name)
    }

    /// Looks an output up by its name.
    pub fn output(&self, name: &str) -> Option<&Tensor> {
        self.outputs.iter().find(|t| t.name == name)
    }
}

/// Without the configuration, the shape of all inputs tells: a batch dimension is -1 and stands before another one.
fn guess_batching(metadata: &WireMetadata) -> usize {
    let batched = !metadata.inputs.is_empty()
        && metadata
            .inputs
            .iter()
            .all(|t| t.shape.len() >= 2 && t.shape[0] == -1);
    // How many rows are too many is not known; one is not.
    usize::from(batched)
}

impl fmt::Display for Tensor {
    /// `name DATATYPE[dims]`, for messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dims: Vec<String> = self.dims.iter().map(i64::to_string).collect();
        write!(
            f,
            "{} {}[{}]",
            self.name,
            self.datatype.name(),
            dims.join(",")
        )
    }
}

/// Lists tensors for a message.
pub fn list(tensors: &[Tensor]) -> String {
    if tensors.is_empty() {
        return "none".into();
    }
    const MOST: usize = 40;
    let mut all: Vec<String> = tensors.iter().take(MOST).map(Tensor::to_string).collect();
    if tensors.len() > MOST {
        all.push(format!("and {} more", tensors.len() - MOST));
    }
    all.join(", ")
}

#[derive(Deserialize)]
struct WireMetadata {
    name: String,
    #[serde(default)]
    versions: Vec<String>,
    #[serde(default)]
    inputs: Vec<WireTensor>,
    #[serde(default)]
    outputs: Vec<WireTensor>,
}

#[derive(Deserialize)]
struct WireTensor {
    name: String,
    datatype: String,
    #[serde(default)]
    shape: Vec<i64>,
}

#[derive(Deserialize)]
struct WireConfig {
    #[serde(default)]
    max_batch_size: i64,
    #[serde(default)]
    input: Vec<WireConfigTensor>,
    #[serde(default)]
    output: Vec<WireConfigTensor>,
    #[serde(default)]
    model_transaction_policy: Option<WirePolicy>,
}

#[derive(Deserialize)]
struct WireConfigTensor {
    name: String,
    #[serde(default)]
    optional: bool,
}

#[derive(Deserialize)]
struct WirePolicy {
    #[serde(default)]
    decoupled: bool,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A model for the tests of other files: metadata and configuration as Triton writes them.
    pub(crate) fn model(
        inputs: &str,
        outputs: &str,
        max_batch_size: u32,
        decoupled: bool,
    ) -> Model {
        let side = |spec: &str| -> (String, String) {
            let mut metadata = Vec::new();
            let mut config = Vec::new();
            for tensor in spec.split_whitespace() {
                let (name, rest) = tensor.split_once(':').unwrap();
                let (datatype, rest) = rest.split_once('[').unwrap();
                let (dims, mark) = rest.split_once(']').unwrap();
                let shape = match max_batch_size {
                    0 => dims.to_owned(),
                    _ => format!("-1,{dims}"),
                };
                metadata.push(format!(
                    r#"{{"name":"{name}","datatype":"{datatype}","shape":[{shape}]}}"#
                ));
                config.push(format!(
                    r#"{{"name":"{name}","dims":[{dims}],"optional":{}}}"#,
                    mark == "?"
                ));
            }
            (metadata.join(","), config.join(","))
        };
        let (mi, ci) = side(inputs);
        let (mo, co) = side(outputs);
        let metadata = format!(
            r#"{{"name":"m","versions":["1"],"platform":"python","inputs":[{mi}],"outputs":[{mo}]}}"#
        );
        let config = format!(
            r#"{{"name":"m","max_batch_size":{max_batch_size},"input":[{ci}],"output":[{co}],
                "model_transaction_policy":{{"decoupled":{decoupled}}}}}"#
        );
        Model::read(metadata.as_bytes(), Some(config.as_bytes())).unwrap()
    }

    #[test]
    fn the_batch_dimension_is_taken_off() {
        let m = model("text:BYTES[1]", "embedding:FP32[384]", 8, false);
        assert_eq!(m.max_batch_size, 8);
        assert_eq!(m.inputs[0].dims, [1]);
        assert_eq!(m.outputs[0].to_string(), "embedding FP32[384]");
        let m = model("text:BYTES[-1]", "embedding:FP32[-1,384]", 0, false);
        assert_eq!(m.inputs[0].dims, [-1]);
    }

    #[test]
    fn optional_and_decoupled_come_from_the_configuration() {
        let m = model(
            "text_input:BYTES[1] max_tokens:INT32[1]?",
            "text_output:BYTES[-1]",
            0,
            true,
        );
        assert_eq!(m.decoupled, Some(true));
        assert_eq!(m.input("max_tokens").unwrap().optional, Some(true));
        assert_eq!(m.input("text_input").unwrap().optional, Some(false));
    }

    #[test]
    fn without_configuration_the_shapes_tell() {
        let batched = br#"{"name":"m","inputs":[{"name":"t","datatype":"BYTES","shape":[-1,1]}]}"#;
        let m = Model::read(batched, None).unwrap();
        assert_eq!(
            (m.max_batch_size, m.inputs[0].dims.as_slice()),
            (1, [1].as_slice())
        );
        assert_eq!((m.inputs[0].optional, m.decoupled), (None, None));
        let flat = br#"{"name":"m","inputs":[{"name":"t","datatype":"BYTES","shape":[-1]}]}"#;
        assert_eq!(Model::read(flat, None).unwrap().max_batch_size, 0);
    }

    #[test]
    fn what_is_not_metadata_is_none() {
        for bad in [
            "",
            "{}",
            "[]",
            "<html>",
            r#"{"error":"x"}"#,
            r#"{"name":"m","inputs":[{"name":"t","datatype":"FP8"}]}"#,
        ] {
            assert_eq!(Model::read(bad.as_bytes(), None), None, "{bad}");
        }
    }
}
