//! JSON that comes a character at a time: whether it still is JSON, and where a value ends.

use crate::limits;

/// Follows one JSON value.
///
/// Strict, but for one fault that models have: control characters in a string, which [`Scan::write`] escapes.
#[derive(Clone, Debug)]
pub struct Scan {
    /// What is open: whether it is an object.
    stack: Vec<bool>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Value,
    /// After `[`: a value, or the end.
    FirstValue,
    /// After `{`: a key, or the end.
    FirstKey,
    Key,
    Colon,
    /// After a value inside of something.
    Comma,
    String(bool),
    Escape(bool),
    /// So many hexadecimal digits are to come.
    Hex(bool, u8),
    /// The rest of `true`, `false` or `null`.
    Literal(&'static str),
    Number(Number),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Number {
    Minus,
    Zero,
    Digits,
    Point,
    Fraction,
    Exponent,
    Sign,
    Power,
}

/// What a character is to the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scanned {
    /// The value goes on.
    More,
    /// It ends with this character.
    Done,
    /// It ended before this character, as a number does.
    Before,
    /// This is no JSON.
    Bad,
}

impl Default for Scan {
    fn default() -> Scan {
        Scan {
            stack: Vec::new(),
            state: State::Value,
        }
    }
}

impl Scan {
    /// Takes the next character. After anything but [`Scanned::More`] it must not be asked again.
    pub fn push(&mut self, c: char) -> Scanned {
        match self.state {
            State::String(is_key) => self.string(c, is_key),
            State::Escape(is_key) => match c {
                '"' | '\\' | '/' | 'b' | 'f' | 'n' | 'r' | 't' => self.go(State::String(is_key)),
                'u' => self.go(State::Hex(is_key, 4)),
                _ => Scanned::Bad,
            },
            State::Hex(is_key, digits) => match (c.is_ascii_hexdigit(), digits) {
                (false, _) => Scanned::Bad,
                (true, 1) => self.go(State::String(is_key)),
                (true, _) => self.go(State::Hex(is_key, digits - 1)),
            },
            State::Literal(rest) => match rest.strip_prefix(c) {
                None => Scanned::Bad,
                Some("") => self.value_is_over(),
                Some(rest) => self.go(State::Literal(rest)),
            },
            State::Number(number) => self.number(c, number),
            _ if super::out::is_space(c) => Scanned::More,
            State::Value => self.value(c),
            State::FirstValue if c == ']' => self.close(false),
            State::FirstValue => self.value(c),
            State::FirstKey if c == '}' => self.close(true),
            State::FirstKey | State::Key if c == '"' => self.go(State::String(true)),
            State::FirstKey | State::Key => Scanned::Bad,
            State::Colon if c == ':' => self.go(State::Value),
            State::Colon => Scanned::Bad,
            State::Comma => self.comma(c),
        }
    }

    /// Takes the next character and writes it, where it belongs to the value.
    pub fn write(&mut self, c: char, into: &mut String) -> Scanned {
        let in_string = matches!(self.state, State::String(_));
        let scanned = self.push(c);
        match (scanned, c) {
            (Scanned::Before | Scanned::Bad, _) => {}
            (_, '\n') if in_string => into.push_str("\\n"),
            (_, '\r') if in_string => into.push_str("\\r"),
            (_, '\t') if in_string => into.push_str("\\t"),
            (_, '\0'..=' ') if in_string && c != ' ' => {
                into.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            _ => into.push(c),
        }
        scanned
    }

    fn go(&mut self, state: State) -> Scanned {
        self.state = state;
        Scanned::More
    }

    fn string(&mut self, c: char, is_key: bool) -> Scanned {
        match c {
            '"' if is_key => self.go(State::Colon),
            '"' => self.value_is_over(),
            '\\' => self.go(State::Escape(is_key)),
            _ => Scanned::More,
        }
    }

    fn value(&mut self, c: char) -> Scanned {
        match c {
            '{' | '[' if self.stack.len() >= limits::CALL_DEPTH => Scanned::Bad,
            '{' => {
                self.stack.push(true);
                self.go(State::FirstKey)
            }
            '[' => {
                self.stack.push(false);
                self.go(State::FirstValue)
            }
            '"' => self.go(State::String(false)),
            't' => self.go(State::Literal("rue")),
            'f' => self.go(State::Literal("alse")),
            'n' => self.go(State::Literal("ull")),
            '-' => self.go(State::Number(Number::Minus)),
            '0' => self.go(State::Number(Number::Zero)),
            '1'..='9' => self.go(State::Number(Number::Digits)),
            _ => Scanned::Bad,
        }
    }

    fn number(&mut self, c: char, number: Number) -> Scanned {
        use Number::{Digits, Exponent, Fraction, Minus, Point, Power, Sign, Zero};
        let next = match (number, c) {
            (Minus, '0') => Zero,
            (Minus, '1'..='9') | (Digits, '0'..='9') => Digits,
            (Zero | Digits, '.') => Point,
            (Point | Fraction, '0'..='9') => Fraction,
            (Zero | Digits | Fraction, 'e' | 'E') => Exponent,
            (Exponent, '+' | '-') => Sign,
            (Exponent | Sign | Power, '0'..='9') => Power,
            (Minus | Point | Exponent | Sign, _) => return Scanned::Bad,
            (Zero | Digits | Fraction | Power, _) if self.stack.is_empty() => {
                return Scanned::Before;
            }
            (Zero | Digits | Fraction | Power, _) => {
                self.state = State::Comma;
                return self.push(c);
            }
        };
        self.go(State::Number(next))
    }

    fn comma(&mut self, c: char) -> Scanned {
        match (c, self.stack.last()) {
            (',', Some(true)) => self.go(State::Key),
            (',', Some(false)) => self.go(State::Value),
            ('}', _) => self.close(true),
            (']', _) => self.close(false),
            _ => Scanned::Bad,
        }
    }

    fn close(&mut self, is_object: bool) -> Scanned {
        match self.stack.pop() {
            Some(open) if open == is_object => self.value_is_over(),
            _ => Scanned::Bad,
        }
    }

    fn value_is_over(&mut self) -> Scanned {
        self.state = State::Comma;
        match self.stack.is_empty() {
            true => Scanned::Done,
            false => Scanned::More,
        }
    }
}

/// A text as it stands between the quotes of a JSON string.
pub fn escaped(text: &str) -> String {
    let mut quoted = serde_json::to_string(text).unwrap_or_default();
    quoted.pop();
    quoted.drain(..1);
    quoted
}

/// The text of a JSON value that is whole, with control characters in strings escaped; `None` where it is none.
pub fn whole(text: &str) -> Option<String> {
    let mut scan = Scan::default();
    let mut written = String::with_capacity(text.len());
    // A blank at the end ends a number.
    let mut characters = text.trim().chars().chain([' ']);
    for c in characters.by_ref() {
        match scan.write(c, &mut written) {
            Scanned::More => {}
            Scanned::Bad => return None,
            Scanned::Before => return characters.next().is_none().then_some(written),
            Scanned::Done => {
                return (characters.next() == Some(' ') && characters.next().is_none())
                    .then_some(written);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::IgnoredAny;

    #[test]
    fn values_are_told_from_others_as_serde_json_does() {
        for text in [
            "{}",
            "[]",
            "1",
            "-0",
            "0.5",
            "1e9",
            "-12.5E+3",
            "true",
            "false",
            "null",
            "\"\"",
            "[1,2]",
            "[ ]",
            "{ }",
            r#"{"a":[{"b":null}],"c":"\u00e9\"}"}"#,
            r#" { "a" : -1.5 , "b" : [ true , false ] } "#,
            "",
            "01",
            "1.",
            ".5",
            "-",
            "1e",
            "+1",
            "tru",
            "truex",
            "[1,]",
            "[,1]",
            "{,}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            "{a:1}",
            "[1 2]",
            "[1}",
            "{]",
            "1 2",
            "[] []",
            r#""\x""#,
            r#""\u12g4""#,
            "\"",
            "nul",
            "[1",
        ] {
            let ours = whole(text);
            assert_eq!(
                ours.is_some(),
                serde_json::from_str::<IgnoredAny>(text).is_ok(),
                "{text}"
            );
            assert!(ours.is_none_or(|ours| ours == text.trim()), "{text}");
        }
    }

    #[test]
    fn control_characters_in_strings_are_escaped() {
        assert_eq!(
            whole("{\n\"a\":\t\"x\ny\tz\r\u{1}\"}").as_deref(),
            Some("{\n\"a\":\t\"x\\ny\\tz\\r\\u0001\"}")
        );
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(whole(&nested(limits::CALL_DEPTH)).is_some());
        assert!(whole(&nested(limits::CALL_DEPTH + 1)).is_none());
    }
}
