//! `router_settings`: which of several deployments is asked, when one is left alone, and who is asked instead.

use crate::error::{Error, Result};
use crate::json::{Fields, kind};
use crate::limits;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

/// Which of the deployments of one name is asked next. The names are the reference's where it has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strategy {
    /// `simple-shuffle`: by chance, by their `weight`s, or else by their `rpm`s or `tpm`s.
    #[default]
    Shuffle,
    /// `least-busy`: the one with the fewest of our own requests under way.
    LeastBusy,
    /// `latency-based-routing`: the one that answered fastest lately.
    Latency,
    /// `usage-based-routing`: the one that has done the fewest tokens in this minute.
    Usage,
    /// `triton-load`: the one whose server says that it has the least to do: by its model's statistics, or, where a deployment has a
    /// `metrics_url`, by the queue and the KV cache that its metrics tell of.
    TritonLoad,
}

impl Strategy {
    /// All of them, in the order of the documentation.
    pub const ALL: [Strategy; 5] = [
        Strategy::Shuffle,
        Strategy::LeastBusy,
        Strategy::Latency,
        Strategy::Usage,
        Strategy::TritonLoad,
    ];

    /// The name, as a configuration writes it.
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Shuffle => "simple-shuffle",
            Strategy::LeastBusy => "least-busy",
            Strategy::Latency => "latency-based-routing",
            Strategy::Usage => "usage-based-routing",
            Strategy::TritonLoad => "triton-load",
        }
    }

    fn parse(name: &str) -> Option<Strategy> {
        match name {
            "usage-based-routing-v2" => Some(Strategy::Usage),
            _ => Strategy::ALL.into_iter().find(|s| s.name() == name),
        }
    }
}

/// Another name for one of the model list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The name that it stands for.
    pub model: String,
    /// Not told in the list of models.
    pub hidden: bool,
}

/// What holds for all deployments.
#[derive(Clone, Debug)]
pub struct Routing {
    /// Which is asked next.
    pub strategy: Strategy,
    /// Other names.
    pub aliases: BTreeMap<String, Alias>,
    /// Who is asked when a model has failed for good.
    pub fallbacks: BTreeMap<String, Vec<String>>,
    /// Who is asked when one fails that has no fallbacks of its own.
    pub default_fallbacks: Vec<String>,
    /// Who is asked when a prompt is too long for a model.
    pub context_window_fallbacks: BTreeMap<String, Vec<String>>,
    /// How many others one call may ask.
    pub max_fallbacks: Option<u64>,
    /// Failures within a minute after which a deployment rests.
    pub allowed_fails: u32,
    /// How long it rests. Each failure right after a rest makes the next one twice as long, up to eight times this.
    pub cooldown: Duration,
    /// No deployment ever rests.
    pub disable_cooldowns: bool,
    /// The shortest pause before the same deployments are tried again.
    pub retry_after: Duration,
    /// A prompt that is too long for a deployment's `model_info.max_input_tokens` is not sent to it.
    pub pre_call_checks: bool,
}

impl Default for Routing {
    fn default() -> Routing {
        Routing {
            strategy: Strategy::default(),
            aliases: BTreeMap::new(),
            fallbacks: BTreeMap::new(),
            default_fallbacks: Vec::new(),
            context_window_fallbacks: BTreeMap::new(),
            max_fallbacks: None,
            allowed_fails: 3,
            cooldown: Duration::from_secs(5),
            disable_cooldowns: false,
            retry_after: Duration::ZERO,
            pre_call_checks: false,
        }
    }
}

impl Routing {
    /// The keys of `router_settings`, those of a call's options (`num_retries`, `timeout`, `stream_timeout`) among them.
    pub const KEYS: [&'static str; 15] = [
        "routing_strategy",
        "num_retries",
        "timeout",
        "stream_timeout",
        "retry_after",
        "allowed_fails",
        "cooldown_time",
        "disable_cooldowns",
        "enable_pre_call_checks",
        "model_group_alias",
        "fallbacks",
        "default_fallbacks",
        "context_window_fallbacks",
        "max_fallbacks",
        "max_retries",
    ];

    /// Takes its own fields; those of a call's options are left.
    pub(super) fn take(fields: &mut Fields) -> Result<Routing> {
        let default = Routing::default();
        let strategy = match fields.string("routing_strategy")? {
            None => default.strategy,
            Some(name) => Strategy::parse(&name).ok_or_else(|| {
                let known: Vec<&str> = Strategy::ALL.iter().map(|s| s.name()).collect();
                Error::argument(
                    "router_settings.routing_strategy",
                    format!(
                        "router_settings.routing_strategy: expected one of {}, got another string",
                        known.join(", ")
                    ),
                )
            })?,
        };
        let allowed_fails = fields.whole("allowed_fails", 0)?;
        Ok(Routing {
            strategy,
            aliases: aliases(fields)?,
            fallbacks: fallbacks(fields, "fallbacks")?,
            default_fallbacks: names(fields, "default_fallbacks")?,
            context_window_fallbacks: fallbacks(fields, "context_window_fallbacks")?,
            max_fallbacks: fields.whole("max_fallbacks", 0)?,
            allowed_fails: allowed_fails.map_or(default.allowed_fails, |n| {
                u32::try_from(n).unwrap_or(u32::MAX)
            }),
            cooldown: seconds(fields, "cooldown_time")?.unwrap_or(default.cooldown),
            disable_cooldowns: fields.boolean("disable_cooldowns")?.unwrap_or(false),
            retry_after: seconds(fields, "retry_after")?.unwrap_or(default.retry_after),
            pre_call_checks: fields.boolean("enable_pre_call_checks")?.unwrap_or(false),
        })
    }
}

fn wrong(key: &str, expected: &str, got: &Value) -> Error {
    let place = format!("router_settings.{key}");
    let message = format!("{place}: expected {expected}, got {}", kind(got));
    Error::argument(&place, message)
}

/// Zero is allowed: no pause, no rest.
fn seconds(fields: &mut Fields, key: &str) -> Result<Option<Duration>> {
    let Some(value) = fields.take(key) else {
        return Ok(None);
    };
    let longest = limits::LONGEST_TIMEOUT.as_secs_f64();
    let seconds = value
        .as_f64()
        .and_then(|n| Duration::try_from_secs_f64(n.min(longest)).ok());
    match seconds {
        Some(seconds) => Ok(Some(seconds)),
        None => Err(wrong(key, "a number of seconds, 0 or more", &value)),
    }
}

fn names(fields: &mut Fields, key: &str) -> Result<Vec<String>> {
    let names = fields.strings(key)?.unwrap_or_default();
    match names.len() > limits::FALLBACKS {
        true => Err(too_many(key, names.len())),
        false => Ok(names),
    }
}

fn too_many(key: &str, n: usize) -> Error {
    let place = format!("router_settings.{key}");
    let most = limits::FALLBACKS;
    let message = format!("{place}: expected at most {most} fallbacks for a model, got {n}");
    Error::argument(&place, message)
}

/// `[{"name": ["other", …]}, …]`, as the reference has it, or one object.
fn fallbacks(fields: &mut Fields, key: &str) -> Result<BTreeMap<String, Vec<String>>> {
    const EXPECTED: &str = "a list of objects, each a model's name and the list of its fallbacks";
    let entries = match fields.take(key) {
        None => return Ok(BTreeMap::new()),
        Some(Value::Array(entries)) => entries,
        Some(Value::Object(entry)) => vec![Value::Object(entry)],
        Some(other) => return Err(wrong(key, EXPECTED, &other)),
    };
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (i, entry) in entries.into_iter().enumerate() {
        let place = format!("{key}[{i}]");
        let Value::Object(entry) = entry else {
            return Err(wrong(&place, "an object", &entry));
        };
        for (name, others) in entry {
            let place = format!("{place}.{name}");
            let others = match others {
                Value::String(one) => vec![Value::String(one)],
                Value::Array(others) => others,
                other => return Err(wrong(&place, "a list of models' names", &other)),
            };
            let list = all.entry(name).or_default();
            let n = list.len() + others.len();
            if n > limits::FALLBACKS {
                return Err(too_many(&place, n));
            }
            for (j, other) in others.into_iter().enumerate() {
                match other {
                    Value::String(other) => list.push(other),
                    other => {
                        return Err(wrong(&format!("{place}[{j}]"), "a model's name", &other));
                    }
                }
            }
        }
    }
    Ok(all)
}

/// `{"alias": "name"}` or `{"alias": {"model": "name", "hidden": true}}`.
fn aliases(fields: &mut Fields) -> Result<BTreeMap<String, Alias>> {
    const KEY: &str = "model_group_alias";
    let Some(entries) = fields.object(KEY)? else {
        return Ok(BTreeMap::new());
    };
    let entries = entries.rest().into_iter().map(|(alias, value)| {
        let place = format!("{KEY}.{alias}");
        let expected =
            "the name of a model of the model list, or an object {\"model\", \"hidden\"}";
        let (model, hidden) = match &value {
            Value::String(model) => (Some(model), false),
            Value::Object(entry) => {
                let hidden = match entry.get("hidden") {
                    None | Some(Value::Null) => false,
                    Some(Value::Bool(hidden)) => *hidden,
                    Some(other) => {
                        return Err(wrong(&format!("{place}.hidden"), "true or false", other));
                    }
                };
                let model = match entry.get("model") {
                    Some(Value::String(model)) => Some(model),
                    _ => None,
                };
                (model, hidden)
            }
            _ => (None, false),
        };
        let model = model
            .ok_or_else(|| wrong(&place, expected, &value))?
            .clone();
        Ok((alias, Alias { model, hidden }))
    });
    entries.collect()
}
