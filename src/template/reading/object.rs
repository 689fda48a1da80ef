//! A call as a JSON object: `{"name": …, "arguments": {…}}`, the keys in any order.
//!
//! `parameters` is the same as `arguments`. Arguments that are a JSON object in a string are unwrapped; `null`, an empty
//! string and nothing at all are no arguments: `{}`.

use super::Step;
use super::json::{Scan, Scanned, whole};
use super::out::{Out, is_space};
use crate::limits;

/// Reads one call.
#[derive(Clone, Debug)]
pub struct Object {
    /// No marker said that a call comes: the object has a call's keys alone, and the name of a tool.
    is_bare: bool,
    state: State,
    key: Key,
    scan: Scan,
    /// The string that is being read, as JSON.
    text: String,
    name: Option<String>,
    /// Arguments that came before the name.
    arguments: Option<String>,
    has_begun: bool,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Open,
    FirstKey,
    Key,
    InKey,
    Colon,
    Value,
    InValue,
    Comma,
}

/// What a value is to the call.
#[derive(Clone, Copy, Debug)]
enum Key {
    Name,
    /// A JSON object.
    Arguments,
    /// A JSON object in a string, or null.
    Wrapped,
    Other,
}

impl Object {
    /// `is_bare`: no marker stands before it.
    pub fn new(is_bare: bool) -> Object {
        Object {
            is_bare,
            state: State::Open,
            key: Key::Other,
            scan: Scan::default(),
            text: String::new(),
            name: None,
            arguments: None,
            has_begun: false,
        }
    }

    /// Takes the next character, from the `{` on. [`Step::Done`]: the object is whole, and was a call.
    pub fn push(&mut self, c: char, out: &mut Out) -> Step {
        match (self.state, c) {
            (State::InKey, _) => self.in_key(c),
            (State::InValue, _) => self.in_value(c, out),
            _ if is_space(c) => Step::More,
            (State::Open, '{') => self.go(State::FirstKey),
            (State::FirstKey | State::Key, '"') => {
                self.start();
                self.scan.write(c, &mut self.text);
                self.go(State::InKey)
            }
            (State::Colon, ':') => self.go(State::Value),
            (State::Value, _) => self.value(c, out),
            (State::Comma, ',') => self.go(State::Key),
            (State::FirstKey | State::Comma, '}') => self.close(out),
            _ => Step::Refuse,
        }
    }

    fn go(&mut self, state: State) -> Step {
        self.state = state;
        Step::More
    }

    fn start(&mut self) {
        self.scan = Scan::default();
        self.text.clear();
    }

    fn in_key(&mut self, c: char) -> Step {
        match self.scan.write(c, &mut self.text) {
            Scanned::More if self.text.len() <= limits::CALL_NAME_BYTES => return Step::More,
            Scanned::Done => {}
            _ => return Step::Refuse,
        }
        self.key = match self.text.as_str() {
            "\"name\"" if self.name.is_none() => Key::Name,
            "\"arguments\"" | "\"parameters\"" if !self.has_begun && self.arguments.is_none() => {
                Key::Arguments
            }
            "\"type\"" | "\"id\"" => Key::Other,
            _ if self.is_bare && !self.has_begun => return Step::Refuse,
            _ => Key::Other,
        };
        self.go(State::Colon)
    }

    fn value(&mut self, c: char, out: &mut Out) -> Step {
        self.start();
        self.key = match (self.key, c) {
            (Key::Name, '"') => Key::Name,
            (Key::Arguments, '{') => Key::Arguments,
            (Key::Arguments, '"' | 'n') => Key::Wrapped,
            (Key::Name | Key::Arguments | Key::Wrapped, _) => return Step::Refuse,
            (Key::Other, _) => Key::Other,
        };
        if let (Key::Arguments, Some(name)) = (self.key, &self.name) {
            out.begin(name);
            self.has_begun = true;
        }
        self.state = State::InValue;
        self.in_value(c, out)
    }

    fn in_value(&mut self, c: char, out: &mut Out) -> Step {
        let scanned = match self.key {
            Key::Other => self.scan.push(c),
            Key::Arguments if self.has_begun => {
                self.text.clear();
                let scanned = self.scan.write(c, &mut self.text);
                out.arguments(&self.text);
                scanned
            }
            Key::Name if self.text.len() > limits::CALL_NAME_BYTES => Scanned::Bad,
            _ => self.scan.write(c, &mut self.text),
        };
        match scanned {
            Scanned::More => return Step::More,
            Scanned::Bad => return Step::Refuse,
            Scanned::Done | Scanned::Before => self.state = State::Comma,
        }
        let is_read = match self.key {
            Key::Other => true,
            Key::Name => self.name_came(out),
            Key::Arguments if self.has_begun => true,
            Key::Arguments => {
                self.arguments = Some(std::mem::take(&mut self.text));
                true
            }
            Key::Wrapped => self.wrapped_came(out),
        };
        match (is_read, scanned) {
            (false, _) => Step::Refuse,
            (true, Scanned::Before) => self.push(c, out),
            (true, _) => Step::More,
        }
    }

    fn name_came(&mut self, out: &mut Out) -> bool {
        let Ok(name) = serde_json::from_str::<String>(&self.text) else {
            return false;
        };
        if name.is_empty() || self.is_bare && !out.may_be_called(&name) {
            return false;
        }
        if let Some(arguments) = self.arguments.take() {
            self.begin(&name, &arguments, out);
        }
        self.name = Some(name);
        true
    }

    fn wrapped_came(&mut self, out: &mut Out) -> bool {
        let arguments = match serde_json::from_str::<Option<String>>(&self.text) {
            Err(_) => return false,
            Ok(None) => "{}".to_owned(),
            Ok(Some(text)) if text.trim().is_empty() => "{}".to_owned(),
            Ok(Some(text)) => match whole(&text) {
                Some(object) if object.starts_with('{') => object,
                _ => return false,
            },
        };
        match self.name.take() {
            Some(name) => self.begin(&name, &arguments, out),
            None => self.arguments = Some(arguments),
        }
        true
    }

    /// The call, and all of its arguments; there may be other keys yet.
    fn begin(&mut self, name: &str, arguments: &str, out: &mut Out) {
        out.begin(name);
        out.arguments(arguments);
        self.has_begun = true;
    }

    fn close(&mut self, out: &mut Out) -> Step {
        match (self.has_begun, self.name.take()) {
            (true, _) => out.end(),
            (false, Some(name)) => out.call(&name, "{}"),
            (false, None) => return Step::Drop,
        }
        Step::Done
    }
}
