//! What the fake server answers to one POST, read from a vector.

use std::time::Duration;

use serde_json::{Map, Value};

use super::read::{known_keys, optional};

pub enum Reply {
    /// The connection is closed without an answer.
    Close,
    Answer(Answer),
}

pub struct Answer {
    pub delay: Duration,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Body,
}

pub enum Body {
    Whole(Vec<u8>),
    Frames(Vec<Frame>),
}

/// A part of a chunked body.
pub enum Frame {
    Text(String),
    Pause(Duration),
    /// The connection is closed without the last chunk.
    Cut,
}

/// The replies to POSTs: those for a path in order, the last of which repeats; else those for any path, likewise.
pub struct Script(Vec<(Option<String>, Vec<Reply>)>);

impl Script {
    /// Whatever the path.
    pub fn new(replies: Vec<Reply>) -> Script {
        Script(vec![(None, replies)])
    }

    /// `{"/path": [reply, …], "*": [reply, …]}`.
    pub fn by_path(replies: &Map<String, Value>) -> Result<Script, String> {
        let read = |(path, list): (&String, &Value)| match path.as_str() {
            "*" => Ok((None, Reply::read_all(list)?)),
            path if path.starts_with('/') => Ok((Some(path.to_string()), Reply::read_all(list)?)),
            path => Err(format!("replies for {path}, which is no path")),
        };
        let mut lists = replies
            .iter()
            .map(read)
            .collect::<Result<Vec<_>, String>>()?;
        lists.sort_by_key(|(path, _)| path.is_none());
        Ok(Script(lists))
    }

    /// The reply to the last of these POSTs, given by their paths.
    pub fn to_last(&self, paths: &[&str]) -> Option<&Reply> {
        let which = |path: &str| {
            self.0
                .iter()
                .position(|(of, _)| of.as_deref().is_none_or(|of| of == path))
        };
        let list = which(paths.last()?)?;
        let before = paths
            .iter()
            .filter(|path| which(path) == Some(list))
            .count()
            - 1;
        let replies = &self.0[list].1;
        replies.get(before).or(replies.last())
    }
}

impl Reply {
    /// The replies in order, the last of which repeats; none when nothing is expected, or nobody there.
    pub fn read_all(upstream: &Value) -> Result<Vec<Reply>, String> {
        match upstream {
            Value::Null => Ok(Vec::new()),
            Value::Array(list) if !list.is_empty() => list.iter().map(Reply::read).collect(),
            Value::Object(map)
                if map.contains_key("refused") || map.contains_key("unresolvable") =>
            {
                known_keys("an absent upstream", map, &["refused", "unresolvable"])?;
                Ok(Vec::new())
            }
            one => Ok(vec![Reply::read(one)?]),
        }
    }

    fn read(reply: &Value) -> Result<Reply, String> {
        let map = reply
            .as_object()
            .ok_or(format!("unknown form of upstream: {reply}"))?;
        if map.get("close") == Some(&Value::Bool(true)) {
            known_keys("a closing reply", map, &["close"])?;
            return Ok(Reply::Close);
        }
        known_keys(
            "a reply",
            map,
            &["status", "headers", "body", "frames", "delay_seconds"],
        )?;
        let status = optional(map, "status", Value::as_u64)?.ok_or("a reply needs a status")?;
        Ok(Reply::Answer(Answer {
            delay: seconds(optional(map, "delay_seconds", Value::as_f64)?.unwrap_or(0.0))?,
            status: u16::try_from(status).map_err(|_| format!("status {status}"))?,
            headers: headers(map)?,
            body: body(map)?,
        }))
    }
}

fn headers(map: &Map<String, Value>) -> Result<Vec<(String, String)>, String> {
    let Some(headers) = optional(map, "headers", Value::as_object)? else {
        return Ok(Vec::new());
    };
    let text = |value: &Value| {
        value
            .as_str()
            .map(str::to_string)
            .ok_or(format!("a header of the reply is {value}"))
    };
    headers
        .iter()
        .map(|(name, value)| Ok((name.clone(), text(value)?)))
        .collect()
}

fn body(map: &Map<String, Value>) -> Result<Body, String> {
    match (map.get("body"), map.get("frames")) {
        (Some(Value::String(text)), None) => Ok(Body::Whole(text.clone().into_bytes())),
        (Some(json), None) => Ok(Body::Whole(json.to_string().into_bytes())),
        (None, Some(Value::Array(frames))) => Ok(Body::Frames(
            frames.iter().map(frame).collect::<Result<_, _>>()?,
        )),
        _ => Err("a reply needs a body or a list of frames".to_string()),
    }
}

fn frame(frame: &Value) -> Result<Frame, String> {
    match frame {
        Value::String(text) => Ok(Frame::Text(text.clone())),
        Value::Object(map) if map.len() == 1 => match (
            map.get("pause_seconds").and_then(Value::as_f64),
            map.get("cut"),
        ) {
            (Some(pause), None) => Ok(Frame::Pause(seconds(pause)?)),
            (None, Some(Value::Bool(true))) => Ok(Frame::Cut),
            _ => Err(format!("unknown frame {frame}")),
        },
        _ => Err(format!("unknown frame {frame}")),
    }
}

fn seconds(number: f64) -> Result<Duration, String> {
    Duration::try_from_secs_f64(number).map_err(|why| format!("{number} seconds: {why}"))
}
