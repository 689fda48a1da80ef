//! What Jinja templates expect of Python: values from JSON, the methods of `str`, and filters that are made of them.
//!
//! minijinja prints values as Python does and has most methods (`minijinja_contrib::pycompat`); here is what chat
//! templates use beyond it, after the Python Library Reference (`str`).

use minijinja::value::{Kwargs, Rest, Tuple, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

/// A JSON value as a template sees it. Objects keep their order.
pub fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(b) => Value::from(*b),
        serde_json::Value::Number(n) => match (n.as_i64(), n.as_u64()) {
            (Some(n), _) => Value::from(n),
            (None, Some(n)) => Value::from(n),
            (None, None) => Value::from(n.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(s) => Value::from(s.as_str()),
        serde_json::Value::Array(items) => Value::from(items.iter().map(value).collect::<Vec<_>>()),
        serde_json::Value::Object(map) => {
            Value::from_pairs(map.iter().map(|(k, v)| (k.as_str(), value(v))))
        }
    }
}

/// What `str.isspace` is true of: Rust's white space and four separators of ASCII.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

/// What `str.splitlines` splits at, beside `\r\n`.
fn is_line_end(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r'
            | '\u{b}'
            | '\u{c}'
            | '\u{1c}'
            | '\u{1d}'
            | '\u{1e}'
            | '\u{85}'
            | '\u{2028}'
            | '\u{2029}'
    )
}

/// The filter `trim`: `str.strip` of whatever it is given.
pub fn trim(value: Value, chars: Option<String>) -> String {
    let text = value.to_string();
    strip(&text, chars.as_deref(), true, true).to_owned()
}

/// Jinja's filter `int(default=0)`: what is no number becomes the default.
pub fn int(value: Value, default: Option<Value>) -> Value {
    if value.kind() == ValueKind::Bool {
        return Value::from(i64::from(value.is_true()));
    }
    if value.is_integer() {
        return value;
    }
    let text = value.to_string();
    let text = text.trim();
    if let Ok(whole) = text.parse::<i64>() {
        return Value::from(whole);
    }
    match text.parse::<f64>() {
        // Floats beyond it are whole numbers of other digits in Python, and nobody's in a chat template.
        Ok(number) if number.abs() < 9e15 => Value::from(number.trunc() as i64),
        _ => default.unwrap_or(Value::from(0)),
    }
}

/// Jinja's filter `float(default=0.0)`.
pub fn float_filter(value: Value, default: Option<Value>) -> Value {
    if value.kind() == ValueKind::Bool {
        return Value::from(f64::from(u8::from(value.is_true())));
    }
    match value.to_string().trim().parse::<f64>() {
        Ok(number) => Value::from(number),
        Err(_) => default.unwrap_or(Value::from(0.0)),
    }
}

/// Jinja's filter `indent(width=4, first=false, blank=false)`, which is made of `str.splitlines`.
pub fn indent(
    state: &State,
    value: Value,
    args: Rest<Value>,
    named: Kwargs,
) -> Result<String, Error> {
    let argument = |index: usize, name: &str| -> Result<Option<Value>, Error> {
        match args.get(index) {
            Some(value) => Ok(Some(value.clone())),
            None => named.get(name),
        }
    };
    let by = match argument(0, "width")? {
        None => " ".repeat(4),
        Some(width) => match width.as_str() {
            Some(text) => text.to_owned(),
            None => " ".repeat(usize::try_from(i64::try_from(width)?.clamp(0, 4096)).unwrap_or(0)),
        },
    };
    let first = argument(1, "first")?.is_some_and(|v| v.is_true());
    let blank = argument(2, "blank")?.is_some_and(|v| v.is_true());
    named.assert_all_used()?;
    let text = format!("{value}\n");
    let lines = lines(&text, false);
    state.consume_fuel((lines.len() * by.len() / 64) as u64)?;
    let mut out = String::with_capacity(text.len());
    for (i, line) in lines.into_iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        if if i == 0 {
            first
        } else {
            blank || !line.is_empty()
        } {
            out.push_str(&by);
        }
        out.push_str(line);
    }
    Ok(out)
}

fn strip<'a>(text: &'a str, chars: Option<&str>, start: bool, end: bool) -> &'a str {
    let strips = |c: char| match chars {
        Some(chars) => chars.contains(c),
        None => is_space(c),
    };
    let text = if start {
        text.trim_start_matches(strips)
    } else {
        text
    };
    if end {
        text.trim_end_matches(strips)
    } else {
        text
    }
}

/// Methods of values: ours, else pycompat's.
pub fn method(
    state: &mut State,
    value: &Value,
    name: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        if let Some(result) = string_method(state, text, name, args)? {
            return Ok(result);
        }
    }
    if value.kind() == ValueKind::Seq && name == "index" {
        let (wanted,): (&Value,) = from_args(args)?;
        let mut items = value.try_iter()?;
        return match items.position(|item| item == *wanted) {
            Some(at) => Ok(Value::from(at)),
            None => Err(Error::new(ErrorKind::InvalidOperation, "not in the list")),
        };
    }
    minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args)
}

fn string_method(
    state: &State,
    text: &str,
    name: &str,
    args: &[Value],
) -> Result<Option<Value>, Error> {
    Ok(Some(match name {
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(args)?;
            Value::from(strip(text, chars, name != "rstrip", name != "lstrip"))
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "isspace" => {
            let () = from_args(args)?;
            Value::from(!text.is_empty() && text.chars().all(is_space))
        }
        "format" => {
            state.consume_fuel(widths(text) / 64)?;
            return Ok(None);
        }
        "split" | "rsplit" => split(state, text, name == "rsplit", args)?,
        "splitlines" => {
            let (keep,): (Option<bool>,) = from_args(args)?;
            state.consume_fuel(text.chars().filter(|c| is_line_end(*c)).count() as u64)?;
            lines(text, keep.unwrap_or(false))
                .into_iter()
                .map(Value::from)
                .collect()
        }
        "partition" | "rpartition" => {
            let (at,): (&str,) = from_args(args)?;
            partition(text, at, name == "rpartition")?
        }
        _ => return Ok(None),
    }))
}

fn no_empty_separator() -> Error {
    Error::new(ErrorKind::InvalidOperation, "empty separator")
}

/// The widths and precisions that a format asks for, together: what it makes is at least as long.
fn widths(format: &str) -> u64 {
    let mut inside = false;
    let (mut sum, mut number) = (0_u64, 0_u64);
    for c in format.chars() {
        match c {
            '{' => inside = true,
            '}' => inside = false,
            _ => {}
        }
        match c.to_digit(10) {
            Some(digit) if inside => {
                number = number.saturating_mul(10).saturating_add(digit.into())
            }
            _ => sum = sum.saturating_add(std::mem::take(&mut number)),
        }
    }
    sum
}

fn split(state: &State, text: &str, from_right: bool, args: &[Value]) -> Result<Value, Error> {
    let (at, most, named): (Option<&str>, Option<i64>, Kwargs) = from_args(args)?;
    let most = match most {
        Some(most) => most,
        None => named.get::<Option<i64>>("maxsplit")?.unwrap_or(-1),
    };
    named.assert_all_used()?;
    let most = usize::try_from(most)
        .unwrap_or(usize::MAX)
        .saturating_add(1);
    // Each part is a value, paid for before it is there.
    let borders = match at {
        Some(at) if !at.is_empty() => text.matches(at).count(),
        _ => text.chars().filter(|c| is_space(*c)).count(),
    };
    state.consume_fuel(borders.min(most) as u64)?;
    let mut parts: Vec<&str> = match at {
        Some("") => return Err(no_empty_separator()),
        Some(at) if from_right => text.rsplitn(most, at).collect(),
        Some(at) => text.splitn(most, at).collect(),
        None => return Ok(words(text, from_right, most)),
    };
    if from_right {
        parts.reverse();
    }
    Ok(parts.into_iter().map(Value::from).collect())
}

/// Splits at runs of white space. What is left after the last split keeps its white space at the far side.
fn words(text: &str, from_right: bool, most: usize) -> Value {
    let mut rest = strip(text, None, !from_right, from_right);
    let mut parts = Vec::new();
    while !rest.is_empty() {
        let border = match from_right {
            false => rest.find(is_space),
            true => rest.rfind(is_space),
        };
        match border {
            Some(at) if parts.len() + 1 < most => {
                let width = rest[at..].chars().next().map_or(1, char::len_utf8);
                let (before, after) = (&rest[..at], &rest[at + width..]);
                let (word, left) = if from_right {
                    (after, before)
                } else {
                    (before, after)
                };
                parts.push(word);
                rest = strip(left, None, !from_right, from_right);
            }
            Some(_) | None => {
                parts.push(rest);
                rest = "";
            }
        }
    }
    if from_right {
        parts.reverse();
    }
    parts.into_iter().map(Value::from).collect()
}

fn lines(text: &str, keep: bool) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(is_line_end);
        let (line, width) = match end {
            None => (rest.len(), 0),
            Some(at) if rest[at..].starts_with("\r\n") => (at, 2),
            Some(at) => (at, rest[at..].chars().next().map_or(1, char::len_utf8)),
        };
        parts.push(&rest[..if keep { line + width } else { line }]);
        rest = &rest[line + width..];
    }
    parts
}

fn partition(text: &str, at: &str, last: bool) -> Result<Value, Error> {
    if at.is_empty() {
        return Err(no_empty_separator());
    }
    let found = if last {
        text.rsplit_once(at)
    } else {
        text.split_once(at)
    };
    let parts = match found {
        Some((before, after)) => [before, at, after],
        None if last => ["", "", text],
        None => [text, "", ""],
    };
    Ok(Value::from(Tuple::from(parts.map(Value::from))))
}
