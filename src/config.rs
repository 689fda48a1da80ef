//! What says where and how: the client's configuration, and the same things in a request.
//!
//! A request's own word beats the client's, the client's beats the default.

mod deployment;
mod routing;
mod triton;

use crate::error::{Error, Result};
use crate::json::{self, Fields, kind};
use crate::limits;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

pub use deployment::{Capacity, Deployment};
pub use routing::{Alias, Routing, Strategy};
pub use triton::{DialectName, EndpointKind, Pooling, TritonOptions};

/// A text that must not be seen: `Debug` shows stars.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Hides `text`.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the wire only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where and how to call; every field may come from the request or from the client's configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The endpoint or the server.
    pub api_base: Option<String>,
    /// Sent as `authorization: Bearer …`.
    pub api_key: Option<Secret>,
    /// Headers for Triton, lower-case names.
    pub headers: BTreeMap<String, Secret>,
    /// One try of the call, look-ups included.
    pub timeout: Option<Duration>,
    /// TCP, proxy and TLS handshake of one connection.
    pub connect_timeout: Option<Duration>,
    /// Longest silence of the server while an answer is awaited.
    pub idle_timeout: Option<Duration>,
    /// The longest time to the answer's first byte; without it `idle_timeout` holds there.
    pub first_byte_timeout: Option<Duration>,
    /// In place of `timeout` where the answer comes in chunks.
    pub stream_timeout: Option<Duration>,
    /// Tries after the first.
    pub num_retries: Option<u32>,
    /// Leave out what cannot be done, instead of refusing the request.
    pub drop_params: Option<bool>,
    /// Parameters to forward as they are.
    pub allowed_openai_params: Vec<String>,
    /// Parameters to leave out.
    pub additional_drop_params: Vec<String>,
    /// The answer to give without calling anybody.
    pub mock_response: Option<String>,
    /// How messages become a prompt: a built-in template's name, `auto`, a Jinja source, or a path.
    pub chat_template: Option<String>,
    /// Variables for the template.
    pub chat_template_kwargs: Map<String, Value>,
    /// How the model writes calls of tools, where the template does not show it.
    pub tool_call_parser: Option<String>,
    /// Tell thoughts (`<think>`) apart from the answer.
    pub separate_reasoning: Option<bool>,
    /// A `tokenizer.json`, or a folder that has one: for token counts, and for models that take token ids.
    pub tokenizer: Option<String>,
    /// What the model's metadata cannot tell.
    pub triton: TritonOptions,
}

/// Fields for the client alone: accepted, and never sent to Triton.
const CLIENT_ONLY: [&str; 4] = [
    "organization",
    "api_version",
    "ssl_verify",
    "custom_llm_provider",
];

impl Options {
    /// Takes the fields out of a request or a configuration.
    pub fn take(fields: &mut Fields) -> Result<Options> {
        let api_base = match fields.string("api_base")? {
            Some(base) => {
                fields.string("base_url")?;
                Some(base)
            }
            None => fields.string("base_url")?,
        };
        // Some clients write a key of their own choosing where none is needed; an empty one is none.
        let api_key = fields.string("api_key")?.filter(|k| !k.is_empty());
        if let Some(key) = &api_key {
            check_header_value("api_key", key)?;
        }
        let mut headers = BTreeMap::new();
        for key in ["extra_headers", "headers"] {
            take_headers(fields, key, &mut headers)?;
        }
        let bytes: usize = headers
            .iter()
            .map(|(n, v): (&String, &Secret)| n.len() + v.reveal().len() + 4)
            .sum();
        if bytes > limits::HEADER_BYTES {
            return Err(Error::argument(
                "extra_headers",
                format!(
                    "extra_headers: {bytes} bytes, more than the limit of {}",
                    limits::HEADER_BYTES
                ),
            ));
        }
        let timeout = seconds(fields, "timeout")?;
        let request_timeout = seconds(fields, "request_timeout")?;
        let num_retries = retries(fields, "num_retries")?;
        let max_retries = retries(fields, "max_retries")?;
        let options = Options {
            api_base,
            api_key: api_key.map(Secret::new),
            headers,
            timeout: timeout.or(request_timeout),
            connect_timeout: seconds(fields, "connect_timeout")?,
            first_byte_timeout: seconds(fields, "first_byte_timeout")?,
            idle_timeout: seconds(fields, "idle_timeout")?,
            stream_timeout: seconds(fields, "stream_timeout")?,
            num_retries: num_retries.or(max_retries),
            drop_params: fields.boolean("drop_params")?,
            allowed_openai_params: fields.strings("allowed_openai_params")?.unwrap_or_default(),
            additional_drop_params: fields
                .strings("additional_drop_params")?
                .unwrap_or_default(),
            mock_response: fields.string("mock_response")?,
            chat_template: template_name(fields)?,
            chat_template_kwargs: object(fields, "chat_template_kwargs")?,
            tool_call_parser: fields.string("tool_call_parser")?,
            separate_reasoning: fields.boolean("separate_reasoning")?,
            tokenizer: path(fields, "tokenizer")?,
            triton: match fields.object("triton")? {
                Some(triton) => TritonOptions::read(triton)?,
                None => TritonOptions::default(),
            },
        };
        for key in CLIENT_ONLY {
            fields.take(key);
        }
        Ok(options)
    }

    /// Takes what `router_settings` may say of all calls: how long, and how often.
    fn take_timing(fields: &mut Fields) -> Result<Options> {
        let num_retries = retries(fields, "num_retries")?;
        let max_retries = retries(fields, "max_retries")?;
        Ok(Options {
            timeout: seconds(fields, "timeout")?,
            stream_timeout: seconds(fields, "stream_timeout")?,
            num_retries: num_retries.or(max_retries),
            ..Options::default()
        })
    }

    /// Fills what the request left open from the client's configuration.
    ///
    /// Credentials that stand beside an `api_base` are for that server: a request that names another gets none of them.
    pub fn or(mut self, defaults: &Options) -> Options {
        let elsewhere = match (&self.api_base, &defaults.api_base) {
            (Some(own), Some(default)) => origin(own) != origin(default),
            _ => false,
        };
        if !elsewhere {
            self.api_key = self.api_key.or_else(|| defaults.api_key.clone());
            for (name, value) in &defaults.headers {
                self.headers
                    .entry(name.clone())
                    .or_insert_with(|| value.clone());
            }
        }
        self.api_base = self.api_base.or_else(|| defaults.api_base.clone());
        self.connect_timeout = self.connect_timeout.or(defaults.connect_timeout);
        self.first_byte_timeout = self.first_byte_timeout.or(defaults.first_byte_timeout);
        self.idle_timeout = self.idle_timeout.or(defaults.idle_timeout);
        // A request's own time-out is for its stream too, whatever the client's streams are given.
        if self.timeout.is_none() {
            self.stream_timeout = self.stream_timeout.or(defaults.stream_timeout);
        }
        self.timeout = self.timeout.or(defaults.timeout);
        self.num_retries = self.num_retries.or(defaults.num_retries);
        self.drop_params = self.drop_params.or(defaults.drop_params);
        self.mock_response = self
            .mock_response
            .or_else(|| defaults.mock_response.clone());
        self.chat_template = self
            .chat_template
            .or_else(|| defaults.chat_template.clone());
        self.chat_template_kwargs = over(&defaults.chat_template_kwargs, self.chat_template_kwargs);
        self.tool_call_parser = self
            .tool_call_parser
            .or_else(|| defaults.tool_call_parser.clone());
        self.separate_reasoning = self.separate_reasoning.or(defaults.separate_reasoning);
        self.tokenizer = self.tokenizer.or_else(|| defaults.tokenizer.clone());
        self.allowed_openai_params
            .extend(defaults.allowed_openai_params.iter().cloned());
        self.additional_drop_params
            .extend(defaults.additional_drop_params.iter().cloned());
        self.triton = self.triton.or(&defaults.triton);
        self
    }
}

/// An empty name is none: the messages are joined.
fn template_name(fields: &mut Fields) -> Result<Option<String>> {
    let name = fields.string("chat_template")?;
    Ok(name.filter(|name| !name.is_empty()))
}

/// One map with another over it.
fn over(below: &Map<String, Value>, above: Map<String, Value>) -> Map<String, Value> {
    if below.is_empty() {
        return above;
    }
    let mut map = below.clone();
    map.extend(above);
    map
}

/// Takes an object as it is; empty where there is none.
fn object(fields: &mut Fields, key: &str) -> Result<Map<String, Value>> {
    Ok(fields.object(key)?.map(Fields::all).unwrap_or_default())
}

/// Where something lies on the disk.
fn path(fields: &mut Fields, key: &str) -> Result<Option<String>> {
    match fields.string(key)? {
        Some(path) if path.is_empty() => Err(Error::argument(
            key,
            format!("{key}: expected a path, got an empty string"),
        )),
        path => Ok(path),
    }
}

/// Scheme, host and port of a URL, as far as it is written.
pub(crate) fn origin(url: &str) -> String {
    let end = url.find("://").map_or(0, |i| i + 3);
    let host = url[end..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |i| end + i);
    url[..host].to_ascii_lowercase()
}

/// What `mishikallm_client_new` takes.
#[derive(Clone, Debug, Default)]
pub struct ClientConfig {
    /// Defaults for every request.
    pub defaults: Options,
    /// What a request may name as its `model`, in the order of the list.
    pub deployments: Vec<Deployment>,
    /// Which of them is asked.
    pub routing: Routing,
    /// A model that no list knows is refused; for whoever answers strangers. Not a field of the JSON.
    pub only_listed: bool,
    /// TLS.
    pub tls: TlsConfig,
    /// Bytes of the longest reply.
    pub max_reply_bytes: Option<usize>,
    /// `http://…` or `socks5://…`; empty: no proxy. Default: from the environment.
    pub proxy: Option<Secret>,
    /// Threads that run submitted calls.
    pub workers: Option<usize>,
    /// Submitted calls that may wait for one.
    pub queue_size: Option<usize>,
}

/// Trust store and client certificate, as paths to PEM files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<String>,
    /// The client's certificate chain.
    pub client_cert_file: Option<String>,
    /// The client's private key.
    pub client_key_file: Option<String>,
    /// `false`: any certificate is taken.
    pub insecure: bool,
}

impl ClientConfig {
    /// Reads a configuration. `None`, an empty string and `{}` are all the default.
    pub fn read(text: &str) -> Result<ClientConfig> {
        if text.trim().is_empty() {
            return Ok(ClientConfig::default());
        }
        if text.len() > limits::CONFIG_BYTES {
            return Err(Error::limit(
                413,
                format!(
                    "config_json: {} bytes, more than the limit of {}",
                    text.len(),
                    limits::CONFIG_BYTES
                ),
            )
            .with_param("config_json"));
        }
        json::object("config_json", text)
            .and_then(Self::read_fields)
            .map_err(as_config_error)
    }

    /// The same from an object that is read already.
    pub fn from_object(object: Map<String, Value>) -> Result<ClientConfig> {
        Self::read_fields(Fields::new(object)).map_err(as_config_error)
    }

    fn read_fields(mut fields: Fields) -> Result<ClientConfig> {
        let deployments = match fields.take("model_list") {
            None => Vec::new(),
            Some(Value::Array(entries)) => {
                let entries = entries.into_iter().enumerate();
                let read = entries.map(|(i, e)| deployment::read(i, e).map_err(|e| in_entry(i, e)));
                read.collect::<Result<Vec<_>>>()?
            }
            Some(other) => {
                return Err(Error::argument(
                    "model_list",
                    format!("model_list: expected a list, got {}", kind(&other)),
                ));
            }
        };
        check_ids(&deployments)?;
        let (routing, for_all) = match fields.object("router_settings")? {
            None => Default::default(),
            Some(mut settings) => {
                let routing = Routing::take(&mut settings)?;
                let options = Options::take_timing(&mut settings)?;
                settings.no_more(&Routing::KEYS.join(", "))?;
                (routing, options)
            }
        };
        let tls = match fields.object("tls")? {
            None => TlsConfig::default(),
            Some(mut tls) => {
                let config = TlsConfig {
                    ca_file: tls.string("ca_file")?,
                    client_cert_file: tls.string("client_cert_file")?,
                    client_key_file: tls.string("client_key_file")?,
                    insecure: tls.boolean("insecure")?.unwrap_or(false),
                };
                if config.client_cert_file.is_some() != config.client_key_file.is_some() {
                    return Err(Error::argument(
                        "tls.client_cert_file",
                        "tls.client_cert_file and tls.client_key_file: give both or none",
                    ));
                }
                tls.no_more("ca_file, client_cert_file, client_key_file, insecure")?;
                config
            }
        };
        let max_reply_bytes = fields.whole("max_reply_bytes", 1)?;
        let proxy = fields.string("proxy")?.map(Secret::new);
        let workers = at_most(&mut fields, "workers", limits::WORKERS_MOST)?;
        let queue_size = at_most(&mut fields, "queue_size", limits::QUEUE_MOST)?;
        let defaults = Options::take(&mut fields)?.or(&for_all);
        fields.no_more(
            "api_base, api_key, extra_headers, timeout, connect_timeout, first_byte_timeout, idle_timeout, stream_timeout, num_retries, drop_params, \
             allowed_openai_params, additional_drop_params, mock_response, chat_template, chat_template_kwargs, tool_call_parser, \
             separate_reasoning, tokenizer, triton, model_list, router_settings, tls, proxy, \
             max_reply_bytes, workers, queue_size",
        )?;
        Ok(ClientConfig {
            defaults,
            deployments,
            routing,
            only_listed: false,
            tls,
            workers,
            queue_size,
            max_reply_bytes: max_reply_bytes.map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
            proxy,
        })
    }
}

/// Who counts by the id counts for one deployment.
fn check_ids(deployments: &[Deployment]) -> Result<()> {
    let mut seen = BTreeMap::new();
    for (i, d) in deployments.iter().enumerate() {
        if let Some(before) = seen.insert(d.id.as_str(), i) {
            return Err(Error::argument(
                "model_list",
                format!(
                    "model_list[{i}].model_info.id: expected one of its own, got that of model_list[{before}]"
                ),
            ));
        }
    }
    Ok(())
}

fn at_most(fields: &mut Fields, key: &str, most: usize) -> Result<Option<usize>> {
    let n = fields.whole(key, 1)?.unwrap_or(0);
    if n > most as u64 {
        let why = format!("{key}: expected at most {most}, got {n}");
        return Err(Error::argument(key, why));
    }
    Ok((n > 0).then_some(n as usize))
}

/// The same mistake, with its place in the model list.
fn in_entry(i: usize, e: Error) -> Error {
    let place = format!("model_list[{i}]");
    match e.message().starts_with(&place) {
        true => e,
        false => {
            let message = format!("{place}: {}", e.message());
            e.with_message(message)
        }
    }
}

/// The same mistake, in a configuration.
fn as_config_error(e: Error) -> Error {
    match e.status() {
        crate::error::Status::Argument => {
            Error::config(e.param().unwrap_or("config_json"), e.message())
        }
        _ => e,
    }
}

fn seconds(fields: &mut Fields, key: &str) -> Result<Option<Duration>> {
    let Some(value) = fields.take(key) else {
        return Ok(None);
    };
    let wrong = || {
        Error::argument(
            key,
            format!(
                "{key}: expected a number of seconds above 0, got {}",
                kind(&value)
            ),
        )
    };
    let n = value.as_f64().ok_or_else(wrong)?;
    let longest = limits::LONGEST_TIMEOUT.as_secs_f64();
    match Duration::try_from_secs_f64(n.min(longest)) {
        Ok(d) if !d.is_zero() => Ok(Some(d)),
        _ => Err(wrong()),
    }
}

fn retries(fields: &mut Fields, key: &str) -> Result<Option<u32>> {
    match fields.whole(key, 0)? {
        None => Ok(None),
        Some(n) => match u32::try_from(n) {
            Ok(n) if n <= limits::RETRIES => Ok(Some(n)),
            _ => Err(Error::argument(
                key,
                format!(
                    "{key}: expected a whole number of at most {}, got {n}",
                    limits::RETRIES
                ),
            )),
        },
    }
}

/// Headers that frame the message: another value of theirs would break the exchange.
const FRAMING: [&str; 7] = [
    "content-length",
    "transfer-encoding",
    "host",
    "connection",
    "upgrade",
    "expect",
    "te",
];

fn take_headers(fields: &mut Fields, key: &str, into: &mut BTreeMap<String, Secret>) -> Result<()> {
    let Some(object) = fields.object(key)? else {
        return Ok(());
    };
    for (name, value) in object.rest() {
        let param = format!("{key}.{name}");
        let lower = name.to_ascii_lowercase();
        let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Error::argument(
                key,
                format!("{key}: a header's name may hold only letters, digits and -_."),
            ));
        }
        if FRAMING.contains(&lower.as_str()) {
            return Err(Error::argument(
                &param,
                format!("{param}: this header frames the message and cannot be set"),
            ));
        }
        let text = match value {
            Value::String(s) => s,
            Value::Number(n) => n.to_string(),
            Value::Bool(b) => b.to_string(),
            other => {
                return Err(Error::argument(
                    &param,
                    format!("{param}: expected a string, got {}", kind(&other)),
                ));
            }
        };
        check_header_value(&param, &text)?;
        into.entry(lower).or_insert_with(|| Secret::new(text));
    }
    Ok(())
}

fn check_header_value(param: &str, text: &str) -> Result<()> {
    let wrong = |why: String| Err(Error::argument(param, format!("{param}: {why}")));
    if text.bytes().any(|b| (b < 0x20 && b != b'\t') || b == 0x7f) {
        return wrong(
            "holds a control character (a line break?) that no header may hold".to_owned(),
        );
    }
    if text.len() > limits::HEADER_VALUE_BYTES {
        return wrong(format!(
            "expected at most {} bytes (as one of extra_headers), got {}",
            limits::HEADER_VALUE_BYTES,
            text.len()
        ));
    }
    let is_credential =
        param == "api_key" || param.to_ascii_lowercase().ends_with(".authorization");
    if is_credential && !text.is_ascii() {
        return wrong("expected ASCII characters only, got others".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(json: &str) -> Result<Options> {
        Options::take(&mut json::object("request_json", json)?)
    }

    #[test]
    fn a_requests_word_beats_the_clients() {
        let client =
            options(r#"{"api_base":"http://a","timeout":5,"extra_headers":{"X-A":"1","X-B":"1"}}"#)
                .unwrap();
        let call = options(r#"{"timeout":1,"extra_headers":{"x-a":"2"}}"#)
            .unwrap()
            .or(&client);
        assert_eq!(call.api_base.as_deref(), Some("http://a"));
        assert_eq!(call.timeout, Some(Duration::from_secs(1)));
        assert_eq!(call.headers["x-a"].reveal(), "2");
        assert_eq!(call.headers["x-b"].reveal(), "1");
    }

    #[test]
    fn credentials_stay_with_their_server() {
        let client =
            options(r#"{"api_base":"http://a:8000/x","api_key":"k","extra_headers":{"X-A":"1"}}"#)
                .unwrap();
        let same = options(r#"{"api_base":"HTTP://A:8000/y"}"#)
            .unwrap()
            .or(&client);
        assert!(same.api_key.is_some() && same.headers.len() == 1);
        let other = options(r#"{"api_base":"http://b:8000/x"}"#)
            .unwrap()
            .or(&client);
        assert!(other.api_key.is_none() && other.headers.is_empty());
        // A key without a server is for all of them.
        let any = options(r#"{"api_key":"k"}"#).unwrap();
        assert!(
            options(r#"{"api_base":"http://b"}"#)
                .unwrap()
                .or(&any)
                .api_key
                .is_some()
        );
    }

    #[test]
    fn secrets_are_not_shown() {
        let o = options(r#"{"api_key":"sk-secret","extra_headers":{"X-Key":"hidden"}}"#).unwrap();
        let shown = format!("{o:?}");
        assert!(
            !shown.contains("secret") && !shown.contains("hidden"),
            "{shown}"
        );
    }

    #[test]
    fn a_header_cannot_smuggle_another() {
        for json in [
            r#"{"extra_headers":{"X-A":"1\r\nX-B: 2"}}"#,
            r#"{"api_key":"a\nb"}"#,
            r#"{"extra_headers":{"X A":"1"}}"#,
            r#"{"extra_headers":{"Content-Length":"1"}}"#,
        ] {
            assert_eq!(options(json).unwrap_err().http_status(), 400, "{json}");
        }
    }

    #[test]
    fn timeouts_are_seconds_above_zero() {
        assert_eq!(
            options(r#"{"timeout":0.5}"#).unwrap().timeout,
            Some(Duration::from_millis(500))
        );
        for bad in ["0", "-1", "\"5\"", "1e999", "[]"] {
            let json = format!("{{\"timeout\":{bad}}}");
            assert!(options(&json).is_err(), "{bad}");
        }
        assert!(options(r#"{"timeout":1e300}"#).unwrap().timeout.is_some());
    }

    #[test]
    fn max_retries_is_num_retries() {
        assert_eq!(
            options(r#"{"max_retries":2}"#).unwrap().num_retries,
            Some(2)
        );
        assert_eq!(
            options(r#"{"max_retries":2,"num_retries":1}"#)
                .unwrap()
                .num_retries,
            Some(1)
        );
    }

    #[test]
    fn a_configuration_names_its_mistakes() {
        let e = ClientConfig::read(r#"{"api_bass":"x"}"#).unwrap_err();
        assert_eq!(e.status(), crate::error::Status::Config);
        assert!(e.message().contains("api_bass"), "{e}");
        let e = ClientConfig::read(r#"{"tls":{"client_cert_file":"a"}}"#).unwrap_err();
        assert!(e.message().contains("client_key_file"), "{e}");
    }

    #[test]
    fn a_model_list_gives_names() {
        let config = ClientConfig::read(
            r#"{"model_list":[{"model_name":"chat","mishikallm_params":{"model":"triton/llm","api_base":"http://a"}}]}"#,
        )
        .unwrap();
        let chat = &config.deployments[0];
        assert_eq!(
            (chat.model_name.as_str(), chat.model.as_str()),
            ("chat", "triton/llm")
        );
    }
}
