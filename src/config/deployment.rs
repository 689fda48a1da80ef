//! `model_list`: the deployments, each a model on a server under a public name. Several may have the same name.

use super::Options;
use crate::error::{Error, Result};
use crate::json::{Fields, kind};
use serde_json::{Map, Value};
use std::hash::Hasher;

/// One entry of a model list: a public name's model, and where and how to call it.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The public name. A `*` stands for any text, and for the same text in `model`.
    pub model_name: String,
    /// What tells it from the others: `model_info.id`, or made of the entry. A request may name it as its model.
    pub id: String,
    /// `triton/NAME`.
    pub model: String,
    /// Where and how.
    pub options: Options,
    /// Fields for requests that do not have them, such as `top_k` or `max_tokens`.
    pub params: Map<String, Value>,
    /// What it can take, and how much of the whole it is to take.
    pub capacity: Capacity,
    /// Where its server tells its metrics in the words of Prometheus, for the strategy `triton-load`.
    pub metrics_url: Option<String>,
    /// What tokens, or seconds, cost: `input_cost_per_token`, `output_cost_per_token`, `input_cost_per_second`, `output_cost_per_second`.
    pub costs: Map<String, Value>,
    /// `model_info` as it stands.
    pub info: Map<String, Value>,
}

/// The limits of one deployment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Capacity {
    /// Requests in a minute.
    pub rpm: Option<u64>,
    /// Tokens in a minute, prompts and answers together.
    pub tpm: Option<u64>,
    /// Requests at once.
    pub max_parallel_requests: Option<u64>,
    /// Those of a name with the lowest are asked; the others, and at last those without one, where all of them have failed or rest.
    pub order: Option<u64>,
    /// Its share of the requests, beside the weights of the others of its name.
    pub weight: Option<f64>,
    /// Tokens of the longest prompt: `model_info.max_input_tokens`.
    pub max_input_tokens: Option<u64>,
}

/// Prices, which are told and not sent.
const COSTS: [&str; 4] = [
    "input_cost_per_token",
    "output_cost_per_token",
    "input_cost_per_second",
    "output_cost_per_second",
];

/// Reads entry number `i`.
pub(super) fn read(i: usize, entry: Value) -> Result<Deployment> {
    let Value::Object(entry) = entry else {
        return Err(Error::argument(
            "model_list",
            format!("model_list[{i}]: expected an object, got {}", kind(&entry)),
        ));
    };
    let missing = |field: &str| {
        Error::argument(
            "model_list",
            format!("model_list[{i}].{field}: expected a string, got nothing"),
        )
    };
    let mut entry = Fields::new(entry);
    let model_name = entry
        .string("model_name")?
        .filter(|name| !name.trim().is_empty())
        .ok_or_else(|| missing("model_name"))?;
    let mut params = entry
        .object("mishikallm_params")?
        .ok_or_else(|| missing("mishikallm_params.model"))?;
    let model = params
        .string("model")?
        .ok_or_else(|| missing("mishikallm_params.model"))?;
    for (key, name) in [
        ("model_name", &model_name),
        ("mishikallm_params.model", &model),
    ] {
        if name.matches('*').count() > 1 {
            return Err(Error::argument(
                "model_list",
                format!("model_list[{i}].{key}: expected at most one *, got several"),
            ));
        }
    }
    if model.contains('*') && !model_name.contains('*') {
        return Err(Error::argument(
            "model_list",
            format!(
                "model_list[{i}].mishikallm_params.model: expected a model's name, got one with a *, for which model_name has no text"
            ),
        ));
    }
    let mut info = entry.object("model_info")?.unwrap_or_default();
    let id = info.string("id")?;
    let capacity = Capacity {
        rpm: params.whole("rpm", 1)?,
        tpm: params.whole("tpm", 1)?,
        max_parallel_requests: params.whole("max_parallel_requests", 1)?,
        order: params.whole("order", 0)?,
        weight: weight(i, &mut params)?,
        max_input_tokens: info.whole("max_input_tokens", 1)?,
    };
    let metrics_url = metrics_url(i, &mut params)?;
    let options = Options::take(&mut params)?;
    let mut costs = Map::new();
    for key in COSTS {
        let own = params.take(key);
        if let Some(cost) = own.or_else(|| info.take(key)) {
            if cost.as_f64().is_none_or(|cost| cost < 0.0) {
                let why = format!(
                    "model_list[{i}].{key}: expected a number, 0 or more, got {}",
                    kind(&cost)
                );
                return Err(Error::argument("model_list", why));
            }
            costs.insert(key.to_owned(), cost);
        }
    }
    params.check_object("extra_body")?;
    // What the other fields say belongs to the model, and is held to the same rules as a request's own.
    let params = params.rest();
    entry.no_more("model_name, mishikallm_params, model_info")?;
    let id = id.unwrap_or_else(|| made_id(i, &model_name, &model, &options));
    let mut info = info.rest();
    if let Some(tokens) = capacity.max_input_tokens {
        info.insert("max_input_tokens".to_owned(), Value::from(tokens));
    }
    Ok(Deployment {
        model_name,
        id,
        model,
        options,
        params,
        capacity,
        metrics_url,
        costs,
        info,
    })
}

fn metrics_url(i: usize, params: &mut Fields) -> Result<Option<String>> {
    let url = params.string("metrics_url")?.filter(|url| !url.is_empty());
    let is_http = |url: &String| {
        let uri: Option<http::Uri> = url.parse().ok();
        uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
        })
    };
    match url {
        Some(url) if !is_http(&url) => Err(Error::argument(
            "model_list",
            format!(
                "model_list[{i}].mishikallm_params.metrics_url: expected a URL such as http://localhost:8002/metrics, got a string that is none"
            ),
        )),
        url => Ok(url),
    }
}

fn weight(i: usize, params: &mut Fields) -> Result<Option<f64>> {
    match params.take("weight") {
        None => Ok(None),
        Some(value) => match value.as_f64() {
            Some(weight) if weight >= 0.0 && weight.is_finite() => Ok(Some(weight)),
            _ => Err(Error::argument(
                "model_list",
                format!(
                    "model_list[{i}].mishikallm_params.weight: expected a number, 0 or more, got {}",
                    kind(&value)
                ),
            )),
        },
    }
}

/// The same for the same entry, in each process and after each start: whoever counts by it goes on counting.
fn made_id(i: usize, model_name: &str, model: &str, options: &Options) -> String {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    let base = options.api_base.as_deref().unwrap_or_default();
    for part in [model_name, model, base, &i.to_string()] {
        hash.write(part.as_bytes());
        hash.write(&[0]);
    }
    format!("{:016x}", hash.finish())
}

/// FNV-1a: one that will not change with the standard library. (<http://www.isthe.com/chongo/tech/comp/fnv/>)
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
