//! Python's literals as JSON: the arguments of a call that is written as Python.

use crate::limits;

/// The keyword arguments of a call, `city="Paris", days=[1, 2]`, as a JSON object.
///
/// `None` where they are no such: a positional argument, a name twice, an expression.
pub fn arguments(text: &str) -> Option<String> {
    let mut reader = Literal {
        rest: text,
        out: "{".to_owned(),
        depth: 0,
    };
    let mut names: Vec<&str> = Vec::new();
    reader.blanks();
    while !reader.rest.is_empty() {
        if !names.is_empty() {
            reader.out.push_str(", ");
        }
        let name = reader.name()?;
        if names.contains(&name) || names.len() >= limits::FIELDS {
            return None;
        }
        names.push(name);
        reader.out.push_str(&format!("\"{name}\": "));
        reader.expect("=")?;
        reader.value()?;
        if !reader.rest.is_empty() {
            reader.expect(",")?;
        }
    }
    reader.out.push('}');
    Some(reader.out)
}

/// One literal as JSON; `None` where the text is none.
pub fn literal(text: &str) -> Option<String> {
    let mut reader = Literal {
        rest: text.trim(),
        out: String::new(),
        depth: 0,
    };
    reader.value()?;
    reader.rest.is_empty().then_some(reader.out)
}

/// What is still to be read, and what was written.
struct Literal<'a> {
    rest: &'a str,
    out: String,
    depth: usize,
}

impl<'a> Literal<'a> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    /// A word, and the blanks after it.
    fn expect(&mut self, word: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        self.blanks();
        Some(())
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        taken
    }

    fn name(&mut self) -> Option<&'a str> {
        let end = self.rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
        let name = self.take(end.unwrap_or(self.rest.len()));
        self.blanks();
        let begins = name.chars().next()?;
        (!begins.is_numeric()).then_some(name)
    }

    /// A value, and the blanks after it.
    fn value(&mut self) -> Option<()> {
        match self.rest.chars().next()? {
            '"' | '\'' => self.strings()?,
            '[' => self.list("[", "]")?,
            '(' => self.list("(", ")")?,
            '{' => self.dictionary()?,
            '-' | '+' | '.' | '0'..='9' => self.number()?,
            _ => {
                let word = match self.name()? {
                    "True" | "true" => "true",
                    "False" | "false" => "false",
                    "None" | "null" => "null",
                    _ => return None,
                };
                self.out.push_str(word);
            }
        }
        self.blanks();
        Some(())
    }

    fn enter(&mut self) -> Option<()> {
        self.depth += 1;
        (self.depth < limits::CALL_DEPTH).then_some(())
    }

    /// A list or a tuple. `(1)` is taken for `[1]`: nobody writes brackets around one value for nothing.
    fn list(&mut self, open: &str, close: &str) -> Option<()> {
        self.enter()?;
        self.expect(open)?;
        self.out.push('[');
        let mut first = true;
        while !self.rest.starts_with(close) {
            if !first {
                self.out.push_str(", ");
            }
            first = false;
            self.value()?;
            if !self.rest.starts_with(close) {
                self.expect(",")?;
            }
        }
        self.expect(close)?;
        self.out.push(']');
        self.depth -= 1;
        Some(())
    }

    fn dictionary(&mut self) -> Option<()> {
        self.enter()?;
        self.expect("{")?;
        self.out.push('{');
        let mut first = true;
        while !self.rest.starts_with('}') {
            if !first {
                self.out.push_str(", ");
            }
            first = false;
            self.key()?;
            self.out.push_str(": ");
            self.expect(":")?;
            self.value()?;
            if !self.rest.starts_with('}') {
                self.expect(",")?;
            }
        }
        self.expect("}")?;
        self.out.push('}');
        self.depth -= 1;
        Some(())
    }

    /// A key: a string, or a number as one.
    fn key(&mut self) -> Option<()> {
        if self.rest.starts_with(['"', '\'']) {
            self.strings()?;
        } else {
            self.out.push('"');
            self.number()?;
            self.out.push('"');
        }
        self.blanks();
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        if self.rest.starts_with('-') {
            self.out.push('-');
        }
        self.rest = self.rest.strip_prefix(['-', '+']).unwrap_or(self.rest);
        let is_part = |(at, c): &(usize, char)| {
            let signs = matches!(c, '+' | '-') && self.rest[..*at].ends_with(['e', 'E']);
            c.is_ascii_alphanumeric()
                || matches!(c, '.' | '_')
                || signs && !self.rest.starts_with("0x")
        };
        let length = self.rest.char_indices().take_while(is_part).count();
        let word = self.take(length);
        let begins = word.trim_start_matches('.').chars().next();
        if !begins.is_some_and(|c| c.is_ascii_digit()) || word.ends_with('_') || word.contains("__")
        {
            return None;
        }
        let word = word.replace('_', "").to_ascii_lowercase();
        for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
            if let Some(digits) = word.strip_prefix(prefix) {
                let number = u128::from_str_radix(digits, radix).ok()?;
                self.out.push_str(&number.to_string());
                return Some(());
            }
        }
        let (digits, exponent) = word
            .split_once('e')
            .map_or((&*word, None), |(d, e)| (d, Some(e)));
        let (whole, fraction) = digits
            .split_once('.')
            .map_or((digits, None), |(w, f)| (w, Some(f)));
        let mut number = if whole.is_empty() { "0" } else { whole }.to_owned();
        if let Some(fraction) = fraction {
            number.push('.');
            number.push_str(if fraction.is_empty() { "0" } else { fraction });
        }
        if let Some(exponent) = exponent {
            number.push('e');
            number.push_str(exponent);
        }
        // JSON's rules for the rest, such as no zero in front.
        let number = super::json::whole(&number)?;
        self.out.push_str(&number);
        Some(())
    }

    /// Strings one after the other are one string.
    fn strings(&mut self) -> Option<()> {
        self.out.push('"');
        while let Some(quote) = self.rest.chars().next().filter(|c| matches!(c, '"' | '\'')) {
            let three = ["\"\"\"", "'''"]
                .into_iter()
                .find(|q| self.rest.starts_with(*q));
            let close = match (three, quote) {
                (Some(three), _) => three,
                (None, '"') => "\"",
                (None, _) => "'",
            };
            self.take(close.len());
            while !self.rest.starts_with(close) {
                let c = self.rest.chars().next()?;
                self.take(c.len_utf8());
                match c {
                    '\\' => self.escape()?,
                    c => self.write(c),
                }
            }
            self.take(close.len());
            self.blanks();
        }
        self.out.push('"');
        Some(())
    }

    fn write(&mut self, c: char) {
        let mut bytes = [0; 4];
        self.out
            .push_str(&super::json::escaped(c.encode_utf8(&mut bytes)));
    }

    fn escape(&mut self) -> Option<()> {
        let c = self.rest.chars().next()?;
        if c.is_digit(8) {
            let digits = self
                .rest
                .bytes()
                .take(3)
                .take_while(|b| matches!(b, b'0'..=b'7'))
                .count();
            let code = u32::from_str_radix(self.take(digits), 8).ok()?;
            self.write(char::from_u32(code)?);
            return Some(());
        }
        self.take(c.len_utf8());
        match c {
            '\n' => {}
            '\\' | '\'' | '"' => self.write(c),
            'n' => self.write('\n'),
            'r' => self.write('\r'),
            't' => self.write('\t'),
            'a' => self.write('\u{7}'),
            'b' => self.write('\u{8}'),
            'f' => self.write('\u{c}'),
            'v' => self.write('\u{b}'),
            'x' => self.code(2)?,
            'u' => self.code(4)?,
            'U' => self.code(8)?,
            'N' => return None,
            // Python keeps an escape that it does not know.
            _ => {
                self.write('\\');
                self.write(c);
            }
        }
        Some(())
    }

    fn code(&mut self, digits: usize) -> Option<()> {
        let digits = self.rest.get(..digits)?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        self.take(digits.len());
        let code = u32::from_str_radix(digits, 16).ok()?;
        match (char::from_u32(code), code) {
            (Some(c), _) => self.write(c),
            // Half a pair: JSON writes characters beyond 16 bits so, and models do it in Python too.
            (None, 0xd800..=0xdfff) => self.out.push_str(&format!("\\u{code:04x}")),
            (None, _) => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_become_json() {
        for (python, json) in [
            (r#"city="Paris""#, r#"{"city": "Paris"}"#),
            ("", "{}"),
            (
                "x=1, y=[1, 2], z={\"a\": None}",
                r#"{"x": 1, "y": [1, 2], "z": {"a": null}}"#,
            ),
            (
                "a=True,b=False , c = None,",
                r#"{"a": true, "b": false, "c": null}"#,
            ),
            ("a=true, b=null", r#"{"a": true, "b": null}"#),
            (
                "t=(1, 'two', (3,)), e=[], d={}",
                r#"{"t": [1, "two", [3]], "e": [], "d": {}}"#,
            ),
            (
                "n=-1, p=+2, f=1., g=.5, h=1_000, i=0x1F, j=1e-5",
                r#"{"n": -1, "p": 2, "f": 1.0, "g": 0.5, "h": 1000, "i": 31, "j": 1e-5}"#,
            ),
            (
                r#"s='it\'s', t="a\"b", u='a"b'"#,
                r#"{"s": "it's", "t": "a\"b", "u": "a\"b"}"#,
            ),
            (
                r"s='\n\t\\\x41\u00e9\U0001F600\101\q'",
                "{\"s\": \"\\n\\t\\\\Aé😀A\\\\q\"}",
            ),
            (r"s='\ud83d\ude00'", r#"{"s": "\ud83d\ude00"}"#),
            ("s='''a 'b'\n\"c\"''' \"d\"", r#"{"s": "a 'b'\n\"c\"d"}"#),
            ("s=\"\"", r#"{"s": ""}"#),
            ("d={1: 'a', -2: 'b'}", r#"{"d": {"1": "a", "-2": "b"}}"#),
            ("größe=1", r#"{"größe": 1}"#),
        ] {
            assert_eq!(arguments(python).as_deref(), Some(json), "{python}");
        }
    }

    #[test]
    fn what_is_no_literal_is_none() {
        for python in [
            "1",
            "x",
            "x=",
            "x=y",
            "x=f(1)",
            "x=1 y=2",
            "x=1, x=2",
            "x='a",
            "x=[1",
            "x=[1 2]",
            "x={1}",
            "x={'a'}",
            "x=1+2",
            "x='\\x4'",
            "x='\\uZZZZ'",
            "x='\\N{DASH}'",
            "x=01",
            "x=1__0",
            "x=0x",
            "x=1e",
            "x=.",
            "1x=2",
            "=1",
            "**{}",
            "x=1,,",
            "x='\\u{1}'",
            "x='\\U00110000'",
            "x=-",
            "x=--1",
            "x=1.5.2",
            "x=0x1.2",
        ] {
            assert_eq!(arguments(python), None, "{python}");
        }
        let nested = format!("x={}{}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(arguments(&nested), None);
    }

    #[test]
    fn one_literal_alone() {
        assert_eq!(literal(" {'a': True} ").as_deref(), Some("{\"a\": true}"));
        assert_eq!(literal("True or False"), None);
        assert_eq!(literal(""), None);
    }
}
