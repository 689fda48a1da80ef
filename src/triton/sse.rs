//! Server-sent events as a push decoder: bytes in, in pieces of any size, the data of each event out.
//!
//! Source: the WHATWG HTML standard, "Server-sent events". Lines end in LF, CRLF or CR; `data` lines of one event are joined
//! by LF; comments, `event`, `id`, `retry` and unknown fields are passed over. What stands outside of it and is understood:
//! a JSON value that begins a line, whole or over several lines, is an event of its own, because gateways answer a request
//! for a stream with plain JSON, or with a JSON value a line. What cannot be an event stream at all is an error.

use crate::error::{Error, Result};
use memchr::memchr2;
use std::mem;
use std::ops::Range;

/// What a stream of text may begin with.
const BOM: &[u8] = "\u{feff}".as_bytes();

/// Takes bytes, gives events.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Where the event that is being read begins.
    begin: usize,
    /// Where the next line begins.
    at: usize,
    /// Up to here the present line was looked through.
    seen: usize,
    /// The data of the event that is being read, where it lies; a second line of data moves it to `joined`.
    data: Option<Range<usize>>,
    joined: Option<Vec<u8>>,
    /// A CR ended the last line: an LF that follows belongs to it.
    after_cr: bool,
    /// A JSON value that began a line.
    json: Option<Json>,
    begun: bool,
    /// All of the present line that was looked through is blank.
    is_blank: bool,
    most: usize,
}

/// How far a JSON value is read: enough to know where it ends.
#[derive(Clone, Copy, Debug, Default)]
struct Json {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

impl Json {
    /// Whether the value ends with this byte.
    fn takes(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

impl Decoder {
    /// `most`: bytes of one event, its field names and line ends included.
    pub fn new(most: usize) -> Decoder {
        Decoder {
            buffer: Vec::new(),
            begin: 0,
            at: 0,
            seen: 0,
            data: None,
            joined: None,
            after_cr: false,
            json: None,
            begun: false,
            is_blank: false,
            most,
        }
    }

    /// Takes the next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        // Events that were given are dropped here, so that their data may be borrowed till now.
        let done = self.begin;
        if done == self.buffer.len() {
            self.buffer.clear();
        } else {
            self.buffer.drain(..done);
        }
        self.begin = 0;
        self.at -= done;
        self.seen = self.seen.saturating_sub(done);
        if let Some(data) = &mut self.data {
            *data = data.start - done..data.end - done;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The data of the next event; `None`: more bytes are needed.
    pub fn next_event(&mut self) -> Result<Option<&[u8]>> {
        match self.advance(false)? {
            Some(event) => Ok(Some(self.give(event))),
            None => Ok(None),
        }
    }

    /// No more bytes will come: gives what is left. An event whose empty line is missing is given; a caller finds by its
    /// JSON whether it is whole.
    pub fn end(&mut self) -> Result<Option<&[u8]>> {
        match self.advance(true)? {
            Some(event) => Ok(Some(self.give(event))),
            None => Ok(None),
        }
    }

    fn give(&self, event: Event) -> &[u8] {
        match event {
            Event::Lies(range) => &self.buffer[range],
            Event::Joined => self.joined.as_deref().unwrap_or_default(),
        }
    }

    fn advance(&mut self, is_end: bool) -> Result<Option<Event>> {
        if self.data.is_none() {
            self.joined = None;
        }
        loop {
            if let Some(event) = self.step(is_end)? {
                return match event {
                    Found::Event(event) => Ok(Some(event)),
                    Found::Nothing => Ok(None),
                };
            }
        }
    }

    /// Reads a line, or a JSON value; `None`: go on.
    fn step(&mut self, is_end: bool) -> Result<Option<Found>> {
        let rest = &self.buffer[self.at..];
        if mem::take(&mut self.after_cr) {
            match rest.first() {
                Some(b'\n') => {
                    self.at += 1;
                    self.seen = self.at;
                    self.forget_line();
                    return Ok(None);
                }
                None => self.after_cr = true,
                Some(_) => {}
            }
        }
        if self.json.is_some() || self.begins_json() {
            return self.step_json(is_end);
        }
        let Some(first) = self.buffer.get(self.at) else {
            return Ok(Some(match is_end {
                true => self.take_event().map_or(Found::Nothing, Found::Event),
                false => Found::Nothing,
            }));
        };
        if *first == b'<' {
            return Err(html());
        }
        let from = self.seen.max(self.at);
        let (end, next) = match memchr2(b'\n', b'\r', &self.buffer[from..]) {
            Some(i) => {
                self.after_cr = self.buffer[from + i] == b'\r';
                (from + i, from + i + 1)
            }
            None if is_end => (self.buffer.len(), self.buffer.len()),
            None => {
                self.seen = self.buffer.len();
                self.check_length(self.seen)?;
                return Ok(Some(Found::Nothing));
            }
        };
        self.check_length(next)?;
        let line = self.at..end;
        self.at = next;
        self.seen = next;
        if line.is_empty() {
            let event = self.take_event();
            self.begin = self.at;
            return Ok(event.map(Found::Event));
        }
        self.take_line(line)?;
        self.forget_line();
        Ok(None)
    }

    /// A line that belongs to no event is of no use any more.
    fn forget_line(&mut self) {
        if self.data.is_none() {
            self.begin = self.at;
        }
    }

    fn take_event(&mut self) -> Option<Event> {
        let data = self.data.take()?;
        Some(match &self.joined {
            Some(_) => Event::Joined,
            None => Event::Lies(data),
        })
    }

    fn take_line(&mut self, line: Range<usize>) -> Result<()> {
        let mut text = &self.buffer[line.clone()];
        if text.trim_ascii_start().starts_with(b"<") {
            return Err(html());
        }
        if !self.begun {
            text = text.strip_prefix(BOM).unwrap_or(text);
            if text.trim_ascii().is_empty() {
                return Ok(());
            }
            if !is_field(text) {
                return Err(not_events("something else"));
            }
            self.begun = true;
        }
        let Some(value) = text.strip_prefix(b"data") else {
            return Ok(());
        };
        let value = match value {
            [] => value,
            [b':', b' ', value @ ..] | [b':', value @ ..] => value,
            // Another field's name.
            _ => return Ok(()),
        };
        let lies = line.end - value.len()..line.end;
        match (self.data.take(), &mut self.joined) {
            (None, _) => {
                self.data = Some(lies);
                self.joined = None;
            }
            (Some(first), Some(joined)) => {
                joined.push(b'\n');
                joined.extend_from_slice(&self.buffer[lies]);
                self.data = Some(first.start..line.end);
            }
            (Some(first), None) => {
                let lines = [&self.buffer[first.clone()], &self.buffer[lies]];
                self.joined = Some(lines.join(&b'\n'));
                self.data = Some(first.start..line.end);
            }
        }
        Ok(())
    }

    /// Whether a JSON value begins here, where a line would.
    fn begins_json(&mut self) -> bool {
        if self.data.is_some() {
            return false;
        }
        // What was looked through has blanks and no more, or it is no JSON.
        let from = self.seen.max(self.at);
        if !self.buffer[self.at..from].is_empty() && !self.is_blank {
            return false;
        }
        let rest = &self.buffer[self.at..];
        let bare = match self.begun || from - self.at > BOM.len() {
            false => rest.strip_prefix(BOM).unwrap_or(rest),
            true => &self.buffer[from..],
        };
        let is_blank = |b: &&u8| matches!(b, b' ' | b'\t');
        let blank = rest.len() - bare.len() + bare.iter().take_while(is_blank).count();
        self.is_blank = blank == rest.len() || (!self.begun && BOM.starts_with(rest));
        let begins = matches!(rest.get(blank), Some(b'{' | b'['));
        if begins {
            self.at += blank;
            self.seen = self.at;
            self.begun = true;
            self.json = Some(Json::default());
        }
        begins
    }

    fn step_json(&mut self, is_end: bool) -> Result<Option<Found>> {
        let mut json = self.json.unwrap_or_default();
        let from = self.seen.max(self.at);
        let last = self.buffer[from..].iter().position(|b| json.takes(*b));
        match last {
            Some(i) => {
                let value = self.at..from + i + 1;
                self.check_length(value.end)?;
                self.begin = value.end;
                self.at = value.end;
                self.seen = value.end;
                self.json = None;
                Ok(Some(Found::Event(Event::Lies(value))))
            }
            None if is_end => Err(Error::cut("the stream ended in the middle of a JSON value")),
            None => {
                self.json = Some(json);
                self.seen = self.buffer.len();
                self.check_length(self.seen)?;
                Ok(Some(Found::Nothing))
            }
        }
    }

    /// An event, whole or not, that reaches to here. However its bytes are cut, it is measured alike.
    fn check_length(&self, end: usize) -> Result<()> {
        if end - self.begin <= self.most {
            return Ok(());
        }
        Err(Error::limit(
            502,
            format!(
                "an event of the server's stream is longer than the limit of {} bytes",
                self.most
            ),
        ))
    }
}

enum Event {
    Lies(Range<usize>),
    Joined,
}

enum Found {
    Event(Event),
    Nothing,
}

/// Whether a stream may begin with this line: a comment, or a field's name.
fn is_field(line: &[u8]) -> bool {
    let name = line.split(|b| *b == b':').next().unwrap_or_default();
    let has_colon = name.len() < line.len();
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    matches!(name, b"data" | b"event" | b"id" | b"retry") || (has_colon && name.iter().all(is_name))
}

fn html() -> Error {
    not_events("an HTML page (a proxy in between?)")
}

fn not_events(what: &str) -> Error {
    Error::protocol(format!(
        "the server answered a request for a stream with {what}, not with events"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(pieces: &[&[u8]]) -> Result<Vec<String>> {
        let mut decoder = Decoder::new(1000);
        let mut events = Vec::new();
        let text = |event: &[u8]| String::from_utf8_lossy(event).into_owned();
        for piece in pieces {
            decoder.push(piece);
            while let Some(event) = decoder.next_event()? {
                events.push(text(event));
            }
        }
        while let Some(event) = decoder.end()? {
            events.push(text(event));
        }
        Ok(events)
    }

    /// The same in one piece, and in pieces of each small size.
    #[track_caller]
    fn gives(bytes: &[u8], expected: &[&str]) {
        assert_eq!(events(&[bytes]).unwrap(), expected);
        for size in 1..9 {
            let pieces: Vec<&[u8]> = bytes.chunks(size).collect();
            assert_eq!(events(&pieces).unwrap(), expected, "in pieces of {size}");
        }
    }

    #[test]
    fn events_end_with_an_empty_line() {
        gives(
            b"data: {\"a\":1}\n\ndata:{\"b\":2}\n\n",
            &[r#"{"a":1}"#, r#"{"b":2}"#],
        );
        gives(b"data: a\r\n\r\ndata: b\r\rdata:  c\n\n", &["a", "b", " c"]);
        gives(b"\n\n\r\n", &[]);
        gives(b"", &[]);
    }

    #[test]
    fn lines_of_data_are_joined() {
        gives(
            b"data: {\"t\":\r\ndata: \"x\"}\r\n\r\n",
            &["{\"t\":\n\"x\"}"],
        );
        gives(b"data\ndata: b\ndata:\n\ndata: c\n\n", &["\nb\n", "c"]);
    }

    #[test]
    fn what_is_no_data_is_passed_over() {
        gives(
            b": hello\nevent: x\nid: 1\nretry: 5\ndatum: no\nother\ndata: a\n\n",
            &["a"],
        );
        gives("\u{feff}data: a\n\n".as_bytes(), &["a"]);
    }

    #[test]
    fn utf_8_may_be_cut_anywhere() {
        gives("data: \"é漢🦀\"\n\n".as_bytes(), &["\"é漢🦀\""]);
    }

    #[test]
    fn the_last_empty_line_may_be_missing() {
        gives(b"data: a\n\ndata: b", &["a", "b"]);
        gives(b"data: a\n", &["a"]);
    }

    #[test]
    fn json_values_are_events() {
        gives(b"{\"a\":\"}\\\"\"}", &[r#"{"a":"}\""}"#]);
        gives(
            b" {\"a\":1}\n{\"b\":\n [2]}\r\n\r\n",
            &[r#"{"a":1}"#, "{\"b\":\n [2]}"],
        );
        gives(
            b"data: x\n\n{\"error\":\"e\"}\ndata: y\n\n",
            &["x", r#"{"error":"e"}"#, "y"],
        );
        assert!(events(&[b"{\"a\":"]).is_err());
    }

    #[test]
    fn blanks_before_a_json_value_are_nothing() {
        gives("\u{feff}  \t {\"a\":1}".as_bytes(), &[r#"{"a":1}"#]);
        gives(b"   \n  \r\n  [1] ", &["[1]"]);
        gives(b"data: a\n\n     {\"a\":1}", &["a", r#"{"a":1}"#]);
    }

    #[test]
    fn what_is_no_stream_is_said() {
        for (bytes, word) in [
            (&b"\r\n  <html>"[..], "HTML"),
            (b"data: a\n\n<html>\n", "HTML"),
            (b"<html><body>x</body></html>", "HTML"),
            (b"upstream connect error\n", "something else"),
            (b"\x00\x01\x02\xff\n", "something else"),
        ] {
            let error = events(&[bytes]).unwrap_err();
            assert!(error.message().contains(word), "{error}");
        }
    }

    #[test]
    fn no_event_is_longer_than_the_limit() {
        for begin in ["data: ", "data: a\ndata: ", "{\"a\":\"", ": "] {
            let mut decoder = Decoder::new(100);
            decoder.push(begin.as_bytes());
            let mut failed = false;
            for _ in 0..20 {
                decoder.push(&[b'x'; 10]);
                match decoder.next_event() {
                    Err(e) => {
                        assert_eq!(e.status(), crate::error::Status::Limit);
                        failed = true;
                        break;
                    }
                    Ok(event) => assert!(event.is_none()),
                }
            }
            assert!(failed, "{begin}");
        }
        // Many short ones are no long one.
        let many = b"data: 0123456789\n\n".repeat(100);
        let mut decoder = Decoder::new(100);
        decoder.push(&many);
        let mut count = 0;
        while decoder.next_event().unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, 100);
    }
}
