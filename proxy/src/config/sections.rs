//! The sections of a configuration: what is the proxy's own, and what is the library's.

use super::checkups;
use super::environment::Lookup;
use super::fleet;
use super::keys::KeySettings;
use super::known;
use super::place::Places;
use super::unread;
use super::yaml::{Document, under};
use super::{Problem, Problems};
use mishikallm::config::{Routing, Secret};
use mishikallm::json::{Fields, kind};
use mishikallm::plan::fleet::Fleet;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Where a master key may stand beside the file.
pub const MASTER_KEY_VARIABLE: &str = "MISHIKALLM_MASTER_KEY";

/// The reference's name for it.
const FORWARDS_TRACE: &str = "forward_traceparent_to_llm_provider";

/// Tries after the first one, where nothing says otherwise.
const NUM_RETRIES: u32 = 2;

/// How long requests under way may take when the proxy is to end.
const DRAIN: Duration = Duration::from_secs(30);

/// Of one deployment, where nothing says otherwise.
const HEALTH_CHECK: Duration = Duration::from_secs(30);

/// Keys that everyone knows, from the documentation's examples.
const WELL_KNOWN: [&str; 6] = [
    "sk-1234",
    "sk-12345",
    "sk-123456",
    "1234",
    "sk-key",
    "<proxy-api-key>",
];

/// What a configuration says, read and checked.
#[derive(Debug)]
pub struct Settings {
    /// The deployments, and how they are chosen.
    pub fleet: Fleet,
    /// The proxy itself.
    pub general: General,
    /// The log as JSON lines.
    pub json_logs: bool,
    /// The log tells what `--debug` tells.
    pub verbose: bool,
    /// Models' servers are told of the trace that a request is part of.
    pub forwards_trace: bool,
}

/// `general_settings`.
#[derive(Clone, Debug)]
pub struct General {
    /// Who has it may do anything; without it everyone may.
    pub master_key: Option<Secret>,
    /// A request may say where to and with which key.
    pub allow_client_side_credentials: bool,
    /// Of one request's body.
    pub max_request_bytes: usize,
    /// How long requests under way may take when the proxy is to end.
    pub drain: Duration,
    /// The log of `--detailed_debug` shows prompts and answers.
    pub log_prompts: bool,
    /// How long `/health` waits for a deployment that does not say it itself.
    pub health_check: Duration,
    /// `/health` tells what is wrong with a deployment.
    pub health_details: bool,
    /// For requests that name no model.
    pub default_model: Option<String>,
    /// Of virtual keys.
    pub keys: KeySettings,
}

/// What the command line says, which beats the file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// `--drop_params`
    pub drop_params: bool,
    /// `--request_timeout`, in seconds.
    pub request_timeout: Option<f64>,
}

/// The one deployment of a command line without a file.
#[derive(Clone, Debug)]
pub struct OneModel {
    /// `triton/NAME`
    pub model: String,
    /// Where it is.
    pub api_base: String,
    /// The name that requests give it.
    pub alias: Option<String>,
}

/// Takes a file apart.
pub(super) fn take(
    mut document: Document,
    overrides: &Overrides,
    lookup: Lookup<'_>,
    problems: &mut Problems,
) -> Option<Settings> {
    let mut top = std::mem::take(&mut document.value);
    let places = Places::new(&document);
    unread::warn(&places, &top, problems);
    checkups::check(&places, &top, problems);
    let mut section = |name: &str| take_section(&places, &mut top, name, problems);
    let general = section("general_settings");
    let shared = section("mishikallm_settings");
    let router = section("router_settings");
    let list = top.shift_remove("model_list").unwrap_or(Value::Null);
    let general = read_general(&places, general, lookup, problems);
    let switches = Switches::take(&places, &shared, problems);
    check_verify(&places, &shared, problems);
    let object = library_object(list, shared, router, overrides);
    let fleet = fleet::read(&places, object, problems);
    if let (Some(fleet), Some(general)) = (&fleet, &general) {
        check_default_model(&places, fleet, general, problems);
    }
    Some(Settings {
        fleet: fleet?,
        general: general?,
        json_logs: switches.json_logs,
        verbose: switches.verbose,
        forwards_trace: switches.forwards_trace,
    })
}

/// The settings of a command line without a file.
pub fn of_command(one: &OneModel, overrides: &Overrides, lookup: Lookup<'_>) -> super::Read {
    let mut problems = Problems::default();
    let document = Document::empty();
    let places = Places::new(&document);
    let bare = one.model.strip_prefix("triton/").unwrap_or(&one.model);
    let name = one.alias.as_deref().unwrap_or(bare);
    let list = json!([{
        "model_name": name,
        "mishikallm_params": {"model": format!("triton/{bare}"), "api_base": one.api_base},
    }]);
    // The model may be named as it is on the command line too, with its prefix and without.
    let others = [bare.to_owned(), format!("triton/{bare}")];
    let aliases = others.into_iter().filter(|other| other != name);
    let aliases: Map<String, Value> = aliases
        .map(|other| (other, json!({"model": name, "hidden": true})))
        .collect();
    let mut router = Map::new();
    router.insert("model_group_alias".to_owned(), Value::Object(aliases));
    let general = read_general(&places, Map::new(), lookup, &mut problems);
    let object = library_object(list, Map::new(), router, overrides);
    let before = problems.errors.len();
    let fleet = fleet::read(&places, object, &mut problems);
    for problem in problems.errors.iter_mut().skip(before) {
        problem.text = of_option(&problem.text, one.alias.is_some());
    }
    let settings = match (fleet, general) {
        (Some(fleet), Some(general)) if problems.errors.is_empty() => Some(Settings {
            fleet,
            general: General {
                default_model: Some(name.to_owned()),
                ..general
            },
            json_logs: false,
            verbose: false,
            forwards_trace: true,
        }),
        _ => None,
    };
    super::Read { settings, problems }
}

/// A mistake in a list that nobody wrote is one in an option.
fn of_option(text: &str, has_alias: bool) -> String {
    let named = match has_alias {
        true => "--alias",
        false => "--model",
    };
    let places = [
        ("model_list[0].model_name: ", named),
        ("model: ", "--model"),
        ("api_base: ", "--api_base"),
    ];
    let found = places.iter().find_map(|(place, option)| {
        let (_, wrong) = text.split_once(place)?;
        Some(format!("{option}: {wrong}"))
    });
    found.unwrap_or_else(|| text.to_owned())
}

/// What the proxy reads of `mishikallm_settings` for itself.
struct Switches {
    json_logs: bool,
    verbose: bool,
    forwards_trace: bool,
}

impl Switches {
    fn take(
        places: &Places<'_>,
        settings: &Map<String, Value>,
        problems: &mut Problems,
    ) -> Switches {
        let mut on = |key: &str, default: bool| match settings.get(key) {
            None | Some(Value::Null) => default,
            Some(Value::Bool(on)) => *on,
            Some(other) => {
                let path = under("mishikallm_settings", key);
                let wrong = format!("expected true or false, got {}", kind(other));
                problems.errors.push(places.problem(&path, &wrong));
                default
            }
        };
        Switches {
            json_logs: on("json_logs", false),
            verbose: on("set_verbose", false),
            forwards_trace: on(FORWARDS_TRACE, true),
        }
    }
}

/// `ssl_verify` is a switch, or the path of what to verify with.
fn check_verify(places: &Places<'_>, settings: &Map<String, Value>, problems: &mut Problems) {
    let path = under("mishikallm_settings", "ssl_verify");
    let got = match settings.get("ssl_verify") {
        None | Some(Value::Null | Value::Bool(_)) => return,
        Some(Value::String(_)) if !places.is_meant_otherwise(&path) => return,
        Some(other) => kind(other),
    };
    let wrong = format!("expected true or false, or the path of a PEM file, got {got}");
    problems.errors.push(places.problem(&path, &wrong));
}

/// A name that leads nowhere would show at the first request without one.
fn check_default_model(
    places: &Places<'_>,
    fleet: &Fleet,
    general: &General,
    problems: &mut Problems,
) {
    let unknown = general
        .default_model
        .as_ref()
        .filter(|name| !fleet.knows(name));
    if let Some(name) = unknown {
        let wrong = format!("expected a model_name of the model list, got \"{name}\"");
        let path = under("general_settings", "completion_model");
        problems.errors.push(places.problem(&path, &wrong));
    }
}

fn take_section(
    places: &Places<'_>,
    top: &mut Map<String, Value>,
    name: &str,
    problems: &mut Problems,
) -> Map<String, Value> {
    match top.shift_remove(name) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(section)) => section,
        Some(other) => {
            let wrong = format!("expected keys and values, got {}", kind(&other));
            problems.errors.push(places.problem(name, &wrong));
            Map::new()
        }
    }
}

fn read_general(
    places: &Places<'_>,
    section: Map<String, Value>,
    lookup: Lookup<'_>,
    problems: &mut Problems,
) -> Option<General> {
    const NAME: &str = "general_settings";
    let path = |key: &str| under(NAME, key);
    let before = problems.errors.len();
    // A line without a value would leave a proxy open that was meant to be closed.
    if section.get("master_key").is_some_and(Value::is_null)
        && !places.failed(&path("master_key"), problems)
    {
        let text = "expected a key, got nothing; leave the line out for a proxy without one";
        problems
            .errors
            .push(places.problem(&path("master_key"), text));
    }
    let mut wrapped = Map::new();
    wrapped.insert(NAME.to_owned(), Value::Object(section));
    let mut fields = match Fields::new(wrapped).object(NAME) {
        Ok(fields) => fields.unwrap_or_default(),
        Err(_) => Fields::default(),
    };
    let fields = &mut fields;
    let mut key = read(places, problems, fields.string("master_key"));
    let mut key_path = path("master_key");
    if key.is_none() && problems.errors.len() == before {
        key = match lookup(MASTER_KEY_VARIABLE) {
            Ok(key) => key,
            Err(()) => {
                let text = format!(
                    "the environment variable {MASTER_KEY_VARIABLE} holds bytes that are no UTF-8"
                );
                problems.errors.push(Problem::plain(text));
                None
            }
        };
        key_path = MASTER_KEY_VARIABLE.to_owned();
    }
    if let Some(key) = &key {
        if let Some(wrong) = wrong_key(key) {
            problems.errors.push(places.problem(&key_path, wrong));
        } else if WELL_KNOWN.contains(&key.as_str()) {
            let text = "this is the documentation's key, which everyone knows: choose another one before others can reach the proxy";
            problems.warnings.push(places.problem(&key_path, text));
        } else if key.len() < 16 {
            let text = "this key is short enough to be guessed: take one of 16 characters or more";
            problems.warnings.push(places.problem(&key_path, text));
        }
    }
    let default_size = mishikallm::limits::REQUEST_BYTES as f64 / f64::from(1 << 20);
    let mut positive = |key: &str, of: &str, default: f64, most: f64| {
        let value = match fields.take(key) {
            None => return default,
            Some(value) => value,
        };
        match value.as_f64() {
            Some(n) if n > 0.0 && n <= most => n,
            _ => {
                let wrong = format!(
                    "expected a number {of} above 0, at most {most}, got {}",
                    kind(&value)
                );
                problems.errors.push(places.problem(&path(key), &wrong));
                default
            }
        }
    };
    let megabytes = positive(
        "max_request_size_mb",
        "of megabytes",
        default_size,
        default_size,
    );
    let drain = positive("drain_seconds", "of seconds", DRAIN.as_secs_f64(), 86_400.0);
    let health_check = positive(
        "health_check_timeout",
        "of seconds",
        HEALTH_CHECK.as_secs_f64(),
        checkups::MOST_SECONDS,
    );
    let keys = KeySettings::take(places, fields, lookup, key.is_some(), problems);
    let general = General {
        keys,
        allow_client_side_credentials: read(
            places,
            problems,
            fields.boolean("allow_client_side_credentials"),
        )
        .unwrap_or(false),
        health_details: read(places, problems, fields.boolean("health_check_details"))
            .unwrap_or(true),
        log_prompts: read(places, problems, fields.boolean("log_prompts")).unwrap_or(false),
        default_model: read(places, problems, fields.string("completion_model")),
        master_key: key.map(Secret::new),
        max_request_bytes: (megabytes * f64::from(1 << 20)) as usize,
        drain: Duration::from_secs_f64(drain),
        health_check: Duration::from_secs_f64(health_check),
    };
    (problems.errors.len() == before).then_some(general)
}

/// Takes a value, or notes what is wrong with it.
pub(super) fn read<T>(
    places: &Places<'_>,
    problems: &mut Problems,
    value: mishikallm::Result<Option<T>>,
) -> Option<T> {
    match value {
        Ok(value) => value,
        Err(e) => {
            problems.errors.push(places.of_library(&e, None));
            None
        }
    }
}

/// A key has to fit into a header, and to be one.
fn wrong_key(key: &str) -> Option<&'static str> {
    match key {
        _ if key.trim().is_empty() => {
            Some("expected a key, got an empty string; leave it out for a proxy without one")
        }
        _ if key.trim() != key => {
            Some("expected a key, got one with a space or a line break at its end")
        }
        _ if !key.bytes().all(|b| b.is_ascii_graphic() || b == b' ') => {
            Some("expected a key of ASCII characters, got one with others")
        }
        _ => None,
    }
}

/// The object that the library reads: its own keys, each at its place.
fn library_object(
    list: Value,
    mut shared: Map<String, Value>,
    mut router: Map<String, Value>,
    overrides: &Overrides,
) -> Map<String, Value> {
    shared.retain(|key, value| {
        known::MISHIKALLM_SETTINGS.keys.contains(&key.as_str()) && !value.is_null()
    });
    router.retain(|key, value| Routing::KEYS.contains(&key.as_str()) && !value.is_null());
    for own in ["json_logs", "set_verbose", FORWARDS_TRACE] {
        shared.shift_remove(own);
    }
    // What is of one meaning in both sections is the router's, which wins.
    for (key, names) in [
        ("num_retries", &["num_retries", "max_retries"][..]),
        ("timeout", &["timeout", "request_timeout"]),
    ] {
        let mut found = names.iter().filter_map(|name| shared.shift_remove(*name));
        if let Some(value) = found.next() {
            let has = names.iter().any(|name| router.contains_key(*name));
            if !has {
                router.insert(key.to_owned(), value);
            }
        }
        let _ = found.count();
    }
    for key in Routing::KEYS {
        if let Some(value) = shared.shift_remove(key) {
            router.entry(key.to_owned()).or_insert(value);
        }
    }
    let verify = match shared.shift_remove("ssl_verify") {
        Some(Value::Bool(verify)) => Some(("insecure", Value::Bool(!verify))),
        Some(Value::String(file)) => Some(("ca_file", Value::String(file))),
        _ => None,
    };
    if let Some((key, value)) = verify {
        // What `tls` says itself holds.
        if let Value::Object(tls) = shared.entry("tls").or_insert_with(|| json!({})) {
            tls.entry(key).or_insert(value);
        }
    }
    if !router.contains_key("num_retries") && !router.contains_key("max_retries") {
        router.insert("num_retries".to_owned(), NUM_RETRIES.into());
    }
    if overrides.drop_params {
        shared.insert("drop_params".to_owned(), true.into());
    }
    if let Some(seconds) = overrides.request_timeout {
        router.insert("timeout".to_owned(), json!(seconds));
    }
    shared.insert("router_settings".to_owned(), Value::Object(router));
    // A key that nobody reads is warned of, in an entry as elsewhere.
    let mut list = list;
    for entry in list.as_array_mut().into_iter().flatten() {
        if let Value::Object(entry) = entry {
            entry.retain(|key, _| known::ENTRY.keys.contains(&key.as_str()));
        }
    }
    shared.insert("model_list".to_owned(), list);
    shared
}
