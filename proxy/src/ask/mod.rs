//! `--health`, `--test`, `key`, `team` and `spend`: a running proxy is asked, the one that the other options would start.

mod http;
mod keys;
mod list;
mod named;
mod pinned;
mod spend;
mod table;
mod teams;
mod words;

use crate::cli::Cli;
use crate::cli::manage::Manage;
use crate::config::General;
use ::http::{Method, StatusCode};
use http::Peer;
use mishikallm::limits;
use mishikallm::triton::sse::Decoder;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::io::Write;
use std::process::ExitCode;

/// What the model is asked.
const QUESTION: &str = "Say hello in one sentence.";
const TOKENS: u32 = 64;

/// The configuration's part in it; nothing where no configuration is named.
pub struct Known {
    /// The key to call with.
    pub key: Option<String>,
    /// The model to ask.
    pub model: Option<String>,
}

impl Known {
    /// Out of the configuration that the proxy was started with.
    pub fn of(general: &General) -> Known {
        let key = general.master_key.as_ref();
        Known {
            key: key.map(|key| key.reveal().to_owned()),
            model: general.default_model.clone(),
        }
    }
}

/// Asks, and prints what comes. The exit code is a success if all is well: each deployment is healthy, the question was answered, or what
/// was to be done is done.
pub fn run(cli: &Cli, known: &Known) -> Result<ExitCode, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| format!("no runtime: {e}"))?;
    let peer = Peer::new(cli, known.key.as_deref())?;
    runtime.block_on(async {
        match &cli.manage {
            Some(Manage::Key(asked)) => keys::run(&peer, asked).await,
            Some(Manage::Team(asked)) => teams::run(&peer, asked).await,
            Some(Manage::Spend(asked)) => spend::run(&peer, asked).await,
            None if cli.health => health(&peer).await,
            None => test(&peer, known.model.as_deref()).await,
        }
    })
}

async fn health(peer: &Peer) -> Result<ExitCode, String> {
    let reply = peer.send(Method::GET, "/health", None).await?;
    let status = reply.status();
    let body = http::json(reply).await?;
    // Without the lists it is an error, as of a wrong key.
    if body.get("healthy_count").is_none() {
        return Err(refused(status, &body));
    }
    say(&pretty(&body))?;
    match sick(&body) {
        None if status.is_success() => Ok(ExitCode::SUCCESS),
        None => Err(refused(status, &body)),
        Some(sick) => Err(sick),
    }
}

/// How many deployments of a report are not healthy; `None`: all are.
fn sick(report: &Value) -> Option<String> {
    let count = |key: &str| report[key].as_u64().unwrap_or(0);
    let (well, ill) = (count("healthy_count"), count("unhealthy_count"));
    let all = well + ill;
    (ill > 0 || all == 0).then(|| format!("{ill} of {all} deployments are not healthy"))
}

async fn test(peer: &Peer, model: Option<&str>) -> Result<ExitCode, String> {
    let model = match model {
        Some(model) => model.to_owned(),
        None => {
            let models = call(peer, Method::GET, "/v1/models", None).await?;
            let info = call(peer, Method::GET, "/v1/model/info", None).await?;
            choose(&models, &info).ok_or(
                "the proxy lists no model that could be asked for a text: name one by --model and --api_base",
            )?
        }
    };
    let place = peer.url();
    say(&format!("{place}: model \"{model}\" is asked: {QUESTION}"))?;
    let body = request(&model, false);
    let reply = peer.send(Method::POST, CHAT, Some(&body)).await?;
    let status = reply.status();
    let answer = http::json(reply).await?;
    if !status.is_success() {
        return Err(refused(status, &answer));
    }
    say(&pretty(&answer))?;
    say("the same as a stream:")?;
    stream(peer, &request(&model, true)).await?;
    Ok(ExitCode::SUCCESS)
}

const CHAT: &str = "/v1/chat/completions";

async fn stream(peer: &Peer, body: &Value) -> Result<(), String> {
    let mut reply = peer.send(Method::POST, CHAT, Some(body)).await?;
    let status = reply.status();
    if !status.is_success() {
        return Err(refused(status, &http::json(reply).await?));
    }
    let mut events = Decoder::new(limits::EVENT_BYTES);
    let mut told = Told::default();
    while let Some(bytes) = http::some(&mut reply).await? {
        events.push(&bytes);
        while let Some(event) = events.next_event().map_err(|e| e.message().to_owned())? {
            print(&told.event(event)?)?;
        }
    }
    print("\n")?;
    told.ended()
}

/// What a stream has told.
#[derive(Debug, Default)]
struct Told {
    is_done: bool,
}

impl Told {
    /// The text of an event; the error that it is, if it is one.
    fn event(&mut self, data: &[u8]) -> Result<String, String> {
        if data == b"[DONE]" {
            self.is_done = true;
            return Ok(String::new());
        }
        let chunk: Value = serde_json::from_slice(data)
            .map_err(|_| "the proxy's stream holds an event that is no JSON".to_owned())?;
        if let Some(message) = chunk["error"]["message"].as_str() {
            return Err(format!("the stream failed: {message}"));
        }
        let text = chunk["choices"][0]["delta"]["content"].as_str();
        Ok(text.unwrap_or_default().to_owned())
    }

    fn ended(&self) -> Result<(), String> {
        match self.is_done {
            true => Ok(()),
            false => Err("the stream ended before it was whole".to_owned()),
        }
    }
}

/// A request, and its answer if it is a success.
async fn call(
    peer: &Peer,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, String> {
    let reply = peer.send(method, path, body).await?;
    let status = reply.status();
    let body = http::json(reply).await?;
    match status.is_success() {
        true => Ok(body),
        false => Err(refused(status, &body)),
    }
}

fn request(model: &str, stream: bool) -> Value {
    json!({
        "model": model,
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": TOKENS,
        "stream": stream,
    })
}

/// The first model of a list that is not known to give vectors.
fn choose(models: &Value, info: &Value) -> Option<String> {
    let deployments = info["data"].as_array().into_iter().flatten();
    let gives_text = |d: &&Value| {
        let mode = d["model_info"]["mode"].as_str().unwrap_or("chat");
        matches!(mode, "chat" | "completion" | "responses")
    };
    let others = deployments.filter(|d| !gives_text(d));
    let others: HashSet<&str> = others.filter_map(|d| d["model_name"].as_str()).collect();
    let names = models["data"].as_array()?.iter();
    let mut names = names.filter_map(|card| card["id"].as_str());
    names.find(|name| !others.contains(name)).map(str::to_owned)
}

/// An error's words, and what helps.
fn refused(status: StatusCode, body: &Value) -> String {
    let words = body["error"]["message"].as_str();
    let words = words.unwrap_or("an answer that is not this proxy's");
    let hint = match status {
        StatusCode::UNAUTHORIZED => {
            "; the key is taken from --config FILE, or from MISHIKALLM_MASTER_KEY"
        }
        _ => "",
    };
    format!("HTTP {}: {words}{hint}", status.as_u16())
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

fn say(line: &str) -> Result<(), String> {
    print(&format!("{line}\n"))
}

/// A reader that has left is no reason for a panic.
fn print(text: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    let printed = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    printed.map_err(|e| format!("the answer cannot be printed: {}", e.kind()))
}

/// Prints what may be cut off where its reader wants no more, as `head` does; whether somebody still reads.
fn show(text: &str) -> Result<bool, String> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(format!("the answer cannot be printed: {}", e.kind())),
    }
}

/// Says something to who looks on, and not to what reads the standard output.
fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_not_healthy_is_one_too_many() {
        let report = |well, ill| sick(&json!({"healthy_count": well, "unhealthy_count": ill}));
        assert_eq!(report(2, 0), None);
        assert_eq!(
            report(2, 1).as_deref(),
            Some("1 of 3 deployments are not healthy")
        );
        assert!(report(0, 2).is_some() && report(0, 0).is_some());
    }

    #[test]
    fn a_model_that_gives_vectors_is_not_asked_for_a_text() {
        let models = json!({"data": [{"id": "embed"}, {"id": "llm"}, {"id": "other"}]});
        let info = json!({"data": [
            {"model_name": "embed", "model_info": {"mode": "embedding"}},
            {"model_name": "llm", "model_info": {"mode": "chat"}},
            {"model_name": "other", "model_info": {}},
        ]});
        assert_eq!(choose(&models, &info).as_deref(), Some("llm"));
        let embed = json!({"data": [{"id": "embed"}]});
        assert_eq!(choose(&embed, &info), None);
        assert_eq!(choose(&json!({}), &json!({})), None);
    }

    #[test]
    fn a_stream_is_text_an_error_or_cut() {
        let mut told = Told::default();
        let chunk = br#"{"choices":[{"index":0,"delta":{"content":"Hel"}}]}"#;
        assert_eq!(told.event(chunk).unwrap(), "Hel");
        assert_eq!(told.event(br#"{"choices":[]}"#).unwrap(), "");
        assert!(told.ended().is_err());
        let failed = told.event(br#"{"error":{"message":"no more"}}"#);
        assert_eq!(failed.unwrap_err(), "the stream failed: no more");
        assert!(told.event(b"x").is_err());
        told.event(b"[DONE]").unwrap();
        assert!(told.ended().is_ok());
    }

    #[test]
    fn a_refusal_says_what_helps() {
        let body = json!({"error": {"message": "no key"}});
        let said = refused(StatusCode::UNAUTHORIZED, &body);
        assert!(said.starts_with("HTTP 401: no key; the key"), "{said}");
        let said = refused(StatusCode::NOT_FOUND, &Value::Null);
        assert_eq!(said, "HTTP 404: an answer that is not this proxy's");
    }
}
