//! A prompt → a request for text that fits the model, and the reply → the text.

pub mod events;
pub(super) mod fitted;
pub mod logprobs;
mod plain;
mod rules;

use super::dialect::{self, Holds, Logprobs};
use super::endpoint::Verb;
use super::generate::{self, Answer, Wanted};
use super::infer::{self, Body};
use super::model::Model;
use super::reply::Reply;
use super::roles;
use super::stop::Stopper;
use super::tensor::Datatype;
use super::usage::{Told, Written};
use crate::config::Options;
use crate::error::{Error, Result};
use crate::json::{Pairs, kind};
use crate::limits;
use crate::openai::answer::{FinishReason, Generated};
use crate::openai::generation::{Abilities, Generation};
use crate::openai::message::{Image, refuse_part};
use crate::openai::response::Usage;
use crate::tokenizer::Tokenizer;
use fitted::{Elements, Fitted, infer_input};
use serde_json::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// The output that the plain format expects.
const PLAIN_OUTPUT: &str = "text_output";

/// One ask for text: the continuation of a prompt.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The prompt.
    pub prompt: String,
    /// Images that belong to it.
    pub images: Vec<Image>,
    /// Which of the prompt's choices it is.
    pub choice: usize,
    /// Counts tokens where the model does not.
    pub tokenizer: Option<Arc<Tokenizer>>,
    /// How; with `stream`, its deltas are given as they come.
    pub generation: Arc<Generation>,
}

impl Ask {
    /// The first choice of a prompt without images.
    pub fn new(prompt: impl Into<String>, generation: Arc<Generation>) -> Ask {
        Ask {
            prompt: prompt.into(),
            images: Vec::new(),
            choice: 0,
            tokenizer: None,
            generation,
        }
    }

    /// What it takes when nothing is answered.
    pub fn prompt_alone(&self) -> Usage {
        Told::default().usage(&self.prompt, &Written::new(self.tokenizer.clone()))
    }
}

/// Refuses what cannot be done for this request by this model, or by one that is not known.
pub fn check(ask: &Ask, options: &Options, model: Option<&Model>) -> Result<()> {
    let Some(model) = model else {
        if let Some(image) = ask.images.first() {
            return Err(refuse_part(&image.place, "an image"));
        }
        let whose = || "Triton models".to_owned();
        return ask.generation.check(&Abilities::default(), options, whose);
    };
    let dialect = dialect::of(model, options.triton.dialect);
    let abilities = Abilities {
        n: true,
        logprobs: wanted_logprobs(Some(model), options).map(|logprobs| match logprobs.holds {
            Holds::Tables => limits::TOP_LOGPROBS,
            Holds::Numbers => 0,
        }),
        guided: dialect.guide(model).is_some(),
    };
    let whose = || format!("model '{}' ({} dialect)", model.name, dialect.name);
    ask.generation.check(&abilities, options, whose)
}

/// How this model's log probabilities are had, where they can be told.
fn wanted_logprobs(model: Option<&Model>, options: &Options) -> Option<Logprobs> {
    let model = model?;
    let logprobs = dialect::of(model, options.triton.dialect).logprobs(model)?;
    // Numbers are told of a text that comes token by token, or whose tokens somebody knows.
    let is_told = logprobs.holds == Holds::Tables
        || model.decoupled != Some(false)
        || options.tokenizer.is_some();
    is_told.then_some(logprobs)
}

/// Whether the model's answer begins with the prompt.
fn repeats_prompt(options: &Options, model: Option<&Model>) -> bool {
    model.is_some_and(|m| dialect::of(m, options.triton.dialect).repeats_prompt(m))
}

/// Where the log probabilities stand that this request asks for.
fn logprobs_of(
    generation: &Generation,
    options: &Options,
    model: Option<&Model>,
) -> Option<Logprobs> {
    generation.logprobs?;
    wanted_logprobs(model, options)
}

/// The body of a request for text, and the length of its JSON where raw tensors follow. `stream`: the model is asked for
/// its text token by token.
pub fn encode(
    ask: &Ask,
    options: &Options,
    verb: Verb,
    model: Option<&Model>,
    stream: bool,
) -> Result<(Vec<u8>, Option<usize>)> {
    let generation = &*ask.generation;
    match (verb, model) {
        (Verb::Generate, None) => Ok((
            plain::generate_body(&ask.prompt, generation, options, stream)?,
            None,
        )),
        (_, None) => plain::infer_body(&ask.prompt, generation, options),
        (Verb::Generate, Some(model)) => {
            let fitted = Fitted::new(ask, options, model, stream)?;
            // The output is looked for before anything is sent: a model of another kind need not run.
            roles::text_output(model, options.triton.output.as_deref())?;
            let mut top = Pairs::default();
            top.set_all(&generation.extra_body);
            for (tensor, values) in fitted.inputs {
                let value = match values {
                    Elements::One(value) => value,
                    Elements::Many(values) => Value::Array(values),
                };
                top.set(&tensor.name, Cow::Owned(value));
            }
            let parameters = Some(&fitted.parameters).filter(|p| !p.is_empty());
            Ok((generate::encode(top, parameters), None))
        }
        (_, Some(model)) => {
            let fitted = Fitted::new(ask, options, model, false)?;
            let output = roles::text_output(model, options.triton.output.as_deref())?;
            let logprobs = logprobs_of(generation, options, Some(model));
            let extras = dialect::TEXT_EXTRAS
                .iter()
                .copied()
                .chain(logprobs.map(|l| l.output))
                .filter(|name| model.output(name).is_some() && **name != output.name);
            let outputs = std::iter::once(output.name.as_str()).chain(extras);
            let body = Body {
                inputs: fitted
                    .inputs
                    .into_iter()
                    .map(|(tensor, values)| infer_input(tensor, values, model.max_batch_size > 0))
                    .collect(),
                outputs: outputs.map(|name| (name, false)).collect(),
                parameters: fitted.parameters,
                extra: generation.extra_body.clone(),
            };
            Ok(body.encode())
        }
    }
}

/// The text, with its end and its cost, out of the reply to such a request.
pub fn decode(
    reply: &Reply,
    ask: &Ask,
    options: &Options,
    verb: Verb,
    model: Option<&Model>,
) -> Result<(Generated, Option<String>)> {
    let generation = &*ask.generation;
    let named = options.triton.output.as_deref();
    let logprobs = logprobs_of(generation, options, model);
    let answer = match verb {
        Verb::Generate => generate_answer(reply.ok()?, &output_name(named, model)?, logprobs)?,
        _ => infer_answer(reply, named, model, logprobs)?,
    };
    let mut text = answer.text.unwrap_or_default();
    if repeats_prompt(options, model) && text.starts_with(&ask.prompt) {
        text.drain(..ask.prompt.len());
    }
    let mut written = Written::new(ask.tokenizer.clone());
    written.push(&text);
    let spent = answer.told.usage(&ask.prompt, &written);
    let mut finish_reason = answer.told.finish_reason(&spent, generation.max_tokens);
    let mut tokens = match (logprobs, answer.logprobs) {
        (Some(logprobs), Some(value)) => {
            logprobs::read(logprobs.holds, &value, &text, ask.tokenizer.as_deref())?
        }
        _ => Vec::new(),
    };
    let mut stopper = Stopper::new(generation.stop.iter().chain(&generation.ends));
    let mut text = stopper.push(text);
    text.push_str(&stopper.finish());
    if stopper.stopped() {
        finish_reason = FinishReason::Stop;
    }
    if stopper.has_stops() {
        logprobs::cut(&mut tokens, text.len());
    }
    let generated = Generated {
        text,
        finish_reason,
        usage: spent,
        logprobs: tokens,
    };
    Ok((generated, answer.model_version))
}

/// The output that holds the text in an answer of generate.
fn output_name(named: Option<&str>, model: Option<&Model>) -> Result<String> {
    Ok(match model {
        Some(model) => roles::text_output(model, named)?.name.clone(),
        None => named.unwrap_or(PLAIN_OUTPUT).to_owned(),
    })
}

/// An answer of generate that has its text.
fn generate_answer(json: &[u8], output: &str, logprobs: Option<Logprobs>) -> Result<Answer> {
    let wanted = Wanted {
        output,
        logprobs: logprobs.map(|l| l.output),
        version: true,
    };
    let answer = generate::decode(json, wanted)?;
    match answer.text {
        Some(_) => Ok(answer),
        None => Err(generate::missing(json, output)),
    }
}

/// An infer reply as generate would have given it.
fn infer_answer(
    reply: &Reply,
    named: Option<&str>,
    model: Option<&Model>,
    logprobs: Option<Logprobs>,
) -> Result<Answer> {
    let wire = infer::decode(reply)?;
    let known = match model {
        Some(model) => Some(roles::text_output(model, named)?.name.clone()),
        None => named.map(str::to_owned),
    };
    let output = known.or_else(|| {
        let texts = || {
            wire.outputs
                .iter()
                .filter(|o| o.datatype == Datatype::Bytes)
        };
        texts()
            .find(|o| roles::is_usual_text_output(&o.name))
            .or_else(|| texts().find(|o| roles::may_be_text(&o.name)))
            .map(|o| o.name.clone().into_owned())
    });
    let names = || {
        let names: Vec<&str> = wire.outputs.iter().map(|o| o.name.as_ref()).collect();
        match names.is_empty() {
            true => "none".to_owned(),
            false => names.join(", "),
        }
    };
    let Some(output) = output else {
        return Err(Error::protocol(format!(
            "the answer of Triton has no text output (BYTES); it has {}",
            names()
        )));
    };
    let mut answer = Answer::default();
    for o in &wire.outputs {
        if *o.name == output {
            let value = o.value()?;
            let text = concatenate(&value).ok_or_else(|| {
                Error::protocol(format!(
                    "the answer of Triton has {output} as {}, where a string was expected",
                    kind(&value)
                ))
            })?;
            answer.text = Some(text);
        } else if logprobs.is_some_and(|l| *o.name == *l.output) {
            answer.logprobs = Some(o.value()?);
        } else if let Some(key) = Told::name(&o.name) {
            answer.told.note(key, &o.value()?);
        }
    }
    if answer.text.is_none() {
        return Err(Error::protocol(format!(
            "the answer of Triton has no {output}; it has {}",
            names()
        )));
    }
    answer.model_version = wire.model_version.map(|version| version.into_owned());
    Ok(answer)
}

/// A string, or strings in lists, joined with nothing between.
fn concatenate(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Array(items) => items.iter().map(concatenate).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;
    use crate::openai::Operation;
    use crate::triton::model::tests::model;
    use serde_json::json;

    fn body(request: &str, verb: Verb, model: Option<&Model>) -> Result<Value> {
        let mut fields = json::object("request_json", request)?;
        let options = Options::take(&mut fields)?;
        let generation = Generation::take(fields, &options, Operation::Chat)?;
        let ask = Ask::new("hi", Arc::new(generation));
        check(&ask, &options, model)?;
        let (bytes, _) = encode(&ask, &options, verb, model, false)?;
        Ok(serde_json::from_slice(&bytes).unwrap())
    }

    fn text(reply: &str, request: &str, verb: Verb, model: Option<&Model>) -> Result<Generated> {
        let mut fields = json::object("request_json", request)?;
        let options = Options::take(&mut fields)?;
        let generation = Generation::take(fields, &options, Operation::Chat)?;
        let ask = Ask::new("hi", Arc::new(generation));
        let reply = Reply {
            status: 200,
            body: reply.into(),
            ..Default::default()
        };
        decode(&reply, &ask, &options, verb, model).map(|(g, _)| g)
    }

    #[test]
    fn plain_generate_is_the_references() {
        assert_eq!(
            body(
                r#"{"temperature":0.2,"stop":"x","extra_body":{"id":"42"}}"#,
                Verb::Generate,
                None
            )
            .unwrap(),
            json!({"text_input":"hi","parameters":{"max_tokens":2000,"temperature":0.2},"stream":false,"id":"42"})
        );
    }

    #[test]
    fn plain_infer_types_by_the_values() {
        let b = body(
            r#"{"top_k":3,"top_p":0.5,"flag":true,"word":"w","seed":5000000000}"#,
            Verb::Infer,
            None,
        )
        .unwrap();
        let types: Vec<_> = b["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| (i["name"].as_str().unwrap(), i["datatype"].as_str().unwrap()))
            .collect();
        assert_eq!(
            types,
            [
                ("text_input", "BYTES"),
                ("top_k", "INT32"),
                ("top_p", "FP32"),
                ("flag", "BOOL"),
                ("word", "BYTES"),
                ("seed", "INT64"),
                ("max_tokens", "INT32")
            ]
        );
    }

    #[test]
    fn lists_are_refused_by_name_before_anything_is_sent() {
        let e = body(
            r#"{"bad_words":["x"],"stop_words":["y"],"beam_width":2}"#,
            Verb::Generate,
            None,
        )
        .unwrap_err();
        assert!(
            e.message().contains("bad_words")
                && e.message().contains("stop_words")
                && !e.message().contains("beam")
        );
        assert!(
            body(
                r#"{"bad_words":["x"],"drop_params":true}"#,
                Verb::Generate,
                None
            )
            .is_ok()
        );
    }

    #[test]
    fn a_known_model_is_given_what_it_declares() {
        let m = model(
            "text_input:BYTES[1] max_tokens:INT32[1]? temperature:FP32[1]? stop_words:BYTES[-1]? stream:BOOL[1]? return_finish_reason:BOOL[1]?",
            "text_output:BYTES[-1]",
            0,
            true,
        );
        assert_eq!(
            body(
                r#"{"max_tokens":3,"temperature":1,"stop":["a"],"other":true}"#,
                Verb::Generate,
                Some(&m)
            )
            .unwrap(),
            json!({"text_input":"hi","max_tokens":3,"temperature":1.0,"stop_words":["a"],"stream":false,"return_finish_reason":true,"parameters":{"other":true}})
        );
        // An optional limit is the model's own affair.
        assert_eq!(
            body("{}", Verb::Generate, Some(&m))
                .unwrap()
                .get("max_tokens"),
            None
        );
    }

    #[test]
    fn a_batch_dimension_is_given_to_all_inputs() {
        let m = model(
            "text_input:BYTES[1] max_tokens:INT32[1] stop_words:BYTES[-1]?",
            "score:FP32[1] text_output:BYTES[-1]",
            8,
            false,
        );
        let b = body(r#"{"stop":["a","b"]}"#, Verb::Infer, Some(&m)).unwrap();
        assert_eq!(
            b,
            json!({"inputs":[
                {"name":"text_input","datatype":"BYTES","shape":[1,1],"data":["hi"]},
                {"name":"stop_words","datatype":"BYTES","shape":[1,2],"data":["a","b"]},
                {"name":"max_tokens","datatype":"INT32","shape":[1,1],"data":[2000]}],
                "outputs":[{"name":"text_output"}]})
        );
    }

    #[test]
    fn vllm_gets_its_sampling_parameters_in_a_string() {
        let m = model(
            "text_input:BYTES[1] stream:BOOL[1]? sampling_parameters:BYTES[1]? exclude_input_in_output:BOOL[1]?",
            "text_output:BYTES[-1]",
            0,
            true,
        );
        let b = body(
            r#"{"temperature":0.5,"stop":["a"],"top_k":2}"#,
            Verb::Generate,
            Some(&m),
        )
        .unwrap();
        let sampling: Value =
            serde_json::from_str(b["sampling_parameters"].as_str().unwrap()).unwrap();
        assert_eq!(
            sampling,
            json!({"temperature":0.5,"stop":["a"],"top_k":2,"max_tokens":2000})
        );
        assert_eq!(b["exclude_input_in_output"], true);
        let own = body(
            r#"{"sampling_parameters":{"max_tokens":1}}"#,
            Verb::Generate,
            Some(&m),
        )
        .unwrap();
        assert_eq!(own["sampling_parameters"], r#"{"max_tokens":1}"#);
    }

    #[test]
    fn a_half_precision_input_travels_as_bytes() {
        let m = model(
            "prompt:BYTES[1,1] temperature:FP16[1]?",
            "completion:BYTES[1]",
            0,
            false,
        );
        let generation = Generation {
            params: json!({"temperature":1.5}).as_object().unwrap().clone(),
            ..Default::default()
        };
        let ask = Ask::new("hi", Arc::new(generation));
        let options = Options::default();
        let (bytes, length) = encode(&ask, &options, Verb::Infer, Some(&m), false).unwrap();
        assert_eq!(&bytes[length.unwrap()..], [0, 62]);
        let json: Value = serde_json::from_slice(&bytes[..length.unwrap()]).unwrap();
        assert_eq!(json["inputs"][0]["shape"], json!([1, 1]));
    }

    #[test]
    fn values_that_do_not_fit_name_the_field_and_the_input() {
        let m = model(
            "text_input:BYTES[1] max_tokens:INT32[1]? bias:FP32[2]? needed:INT32[1]",
            "text_output:BYTES[1]",
            0,
            false,
        );
        for (request, field) in [
            (r#"{"needed":1,"bias":[1]}"#, "bias"),
            (r#"{"needed":1,"bias":1}"#, "bias"),
            (r#"{"needed":1,"max_tokens":3000000000}"#, "max_tokens"),
            (r#"{"needed":"x"}"#, "needed"),
            (r#"{}"#, "needed"),
            (r#"{"needed":1,"priority":3}"#, "priority"),
        ] {
            let e = body(request, Verb::Infer, Some(&m)).unwrap_err();
            assert_eq!(
                (e.param(), e.http_status()),
                (Some(field), 400),
                "{request}: {e}"
            );
        }
    }

    #[test]
    fn texts_are_read_and_cut() {
        let g = |reply: &str, request: &str| text(reply, request, Verb::Generate, None).unwrap();
        assert_eq!(g(r#"{"text_output":["a","b"]}"#, "{}").text, "ab");
        assert_eq!(g(r#"{"text_output":"  x \n"}"#, "{}").text, "  x \n");
        let cut = g(
            r#"{"text_output":"Hello there","finish_reason":"length"}"#,
            r#"{"stop":["there"]}"#,
        );
        assert_eq!(
            (cut.text.as_str(), cut.finish_reason),
            ("Hello ", FinishReason::Stop)
        );
        assert_eq!(
            g(r#"{"text_output":"x","stop_reason":"length"}"#, "{}").finish_reason,
            FinishReason::Length
        );
    }

    #[test]
    fn infer_outputs_are_chosen_by_name_then_by_type() {
        let both = r#"{"outputs":[{"name":"score","datatype":"FP32","shape":[1],"data":[0.5]},{"name":"other","datatype":"BYTES","shape":[1],"data":["no"]},{"name":"text_output","datatype":"BYTES","shape":[1],"data":["x"]}]}"#;
        assert_eq!(text(both, "{}", Verb::Infer, None).unwrap().text, "x");
        assert_eq!(
            text(both, r#"{"triton":{"output":"other"}}"#, Verb::Infer, None)
                .unwrap()
                .text,
            "no"
        );
        let none = r#"{"outputs":[{"name":"score","datatype":"FP32","shape":[1],"data":[0.5]}]}"#;
        let e = text(none, "{}", Verb::Infer, None).unwrap_err();
        assert!(
            e.http_status() == 502 && e.message().contains("score"),
            "{e}"
        );
        let bare =
            r#"{"outputs":[{"name":"text_output","datatype":"BYTES","shape":[1],"data":"plain"}]}"#;
        assert_eq!(text(bare, "{}", Verb::Infer, None).unwrap().text, "plain");
        let empty =
            r#"{"outputs":[{"name":"text_output","datatype":"BYTES","shape":[0],"data":[]}]}"#;
        assert_eq!(text(empty, "{}", Verb::Infer, None).unwrap().text, "");
    }

    #[test]
    fn an_unusable_answer_says_what_was_missing() {
        let e = text(r#"{"model_name":"llm"}"#, "{}", Verb::Generate, None).unwrap_err();
        assert!(
            e.message().contains("text_output") && e.message().contains("model_name"),
            "{e}"
        );
        let e = text(r#"{"text_output":5}"#, "{}", Verb::Generate, None).unwrap_err();
        assert!(e.message().contains("the number 5"), "{e}");
    }

    #[test]
    fn stop_sequences_that_an_input_has_no_room_for_are_enforced_here() {
        let m = model(
            "text_input:BYTES[1] stop:BYTES[1]?",
            "text_output:BYTES[1]",
            0,
            false,
        );
        let one = body(r#"{"stop":["a"]}"#, Verb::Generate, Some(&m)).unwrap();
        assert_eq!(one["stop"], json!(["a"]));
        let two = r#"{"stop":["a","b"]}"#;
        let sent = body(two, Verb::Generate, Some(&m)).unwrap();
        assert_eq!(sent.get("stop"), None);
        let cut = text(r#"{"text_output":"x b y"}"#, two, Verb::Generate, Some(&m)).unwrap();
        assert_eq!(cut.text, "x ");
    }

    #[test]
    fn a_prompt_that_cannot_be_left_out_is_taken_away() {
        let old = model(
            "text_input:BYTES[1] sampling_parameters:BYTES[1]?",
            "text_output:BYTES[-1]",
            0,
            true,
        );
        let answer =
            |reply: &str, m: &Model| text(reply, "{}", Verb::Generate, Some(m)).unwrap().text;
        assert_eq!(answer(r#"{"text_output":"hi there"}"#, &old), " there");
        assert_eq!(answer(r#"{"text_output":"there"}"#, &old), "there");
        let new = model(
            "text_input:BYTES[1] sampling_parameters:BYTES[1]? exclude_input_in_output:BOOL[1]?",
            "text_output:BYTES[-1]",
            0,
            true,
        );
        assert_eq!(answer(r#"{"text_output":"hi there"}"#, &new), "hi there");
    }

    #[test]
    fn an_input_without_room_is_given_nothing() {
        let m = model(
            "text_input:BYTES[1] max_tokens:INT32[-1,0]? stream:BOOL[-1,0]?",
            "text_output:BYTES[1]",
            0,
            false,
        );
        let sent = body("{}", Verb::Infer, Some(&m)).unwrap();
        assert_eq!(sent["inputs"].as_array().unwrap().len(), 1);
        let e = body(r#"{"max_tokens":1}"#, Verb::Infer, Some(&m)).unwrap_err();
        assert_eq!(e.param(), Some("max_tokens"));
    }
}
