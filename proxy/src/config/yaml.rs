//! YAML to JSON values, with the line of every one of them.
//!
//! A tree of our own, built from the parser's events: it keeps where a key stands, both places of a key that is there twice, and
//! whether a word was quoted, which the ready-made trees do not all tell.

use saphyr::Scalar;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::collections::HashMap;

/// Levels of nesting; a configuration has some eight.
const DEPTH: usize = 64;

/// Values in all, those that aliases repeat among them: a few lines of aliases of aliases could ask for millions.
const NODES: usize = 200_000;

/// A mistake in the text, and the line where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Counted from 1; 0: the file as a whole.
    pub line: usize,
    /// What is wrong and what was expected; nothing of the file's values.
    pub message: String,
}

/// What a file says.
#[derive(Clone, Debug)]
pub struct Document {
    /// The object at the top.
    pub value: Map<String, Value>,
    /// Where each value stands: `model_list[0].model_name` and its line.
    lines: HashMap<String, usize>,
    /// Where a text stands that may have been meant to be something else.
    slips: HashMap<String, Slip>,
    /// Where a value came from that stands in the environment.
    variables: HashMap<String, String>,
}

/// What a text may have been meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slip {
    /// A plain `yes` or the like, a text in YAML 1.2: it should have been written like this.
    Word(&'static str),
    /// A number, or true or false, in quotes.
    Quoted,
    /// A number with a unit, such as `30s`.
    Unit,
}

impl Document {
    /// Of no file.
    pub fn empty() -> Document {
        Document {
            value: Map::new(),
            lines: HashMap::new(),
            slips: HashMap::new(),
            variables: HashMap::new(),
        }
    }

    /// The line of a path, or of the nearest thing around it.
    pub fn line(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.lines.get(path) {
                return Some(*line);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }

    /// Whether exactly this path is there.
    pub fn has(&self, path: &str) -> bool {
        self.lines.contains_key(path)
    }

    /// Notes that the value at this path is a variable's.
    pub fn note_variable(&mut self, path: &str, name: &str) {
        self.variables.insert(path.to_owned(), name.to_owned());
    }

    /// The variable whose value stands at this path.
    pub fn variable(&self, path: &str) -> Option<&str> {
        self.variables.get(path).map(String::as_str)
    }

    /// What the text at this path may have been meant to be.
    pub fn slip(&self, path: &str) -> Option<Slip> {
        self.slips.get(path).copied()
    }
}

#[derive(Clone, Debug)]
struct Node {
    line: usize,
    data: Data,
}

#[derive(Clone, Debug)]
enum Data {
    Scalar(Value, Option<Slip>),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Clone, Debug)]
struct Entry {
    key: String,
    line: usize,
    node: Node,
    /// It came by `<<`, and gives way to what stands there itself.
    merged: bool,
}

/// The path of a key in an object.
pub fn under(path: &str, key: &str) -> String {
    match path.is_empty() {
        true => key.to_owned(),
        false => format!("{path}.{key}"),
    }
}

/// Reads a file's bytes.
pub fn read(bytes: &[u8]) -> Result<Document, Mistake> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let before = &bytes[..e.valid_up_to()];
        let message = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                "expected UTF-8, got what looks like UTF-16: save the file as UTF-8"
            }
            _ => "expected UTF-8, got a byte that is none: save the file as UTF-8",
        };
        mistake(before.iter().filter(|b| **b == b'\n').count() + 1, message)
    })?;
    let mut builder = Builder::default();
    let top = builder.document(text)?;
    let Some(top) = top else {
        return Err(mistake(
            0,
            "the file is empty; expected at least a model_list",
        ));
    };
    let mut document = Document::empty();
    match value(top, String::new(), &mut document) {
        (_, Value::Object(map)) => document.value = map,
        (_, Value::Null) => {
            return Err(mistake(
                0,
                "the file says nothing; expected at least a model_list",
            ));
        }
        (line, other) => {
            let message = format!(
                "expected keys such as model_list: at the top of the file, got {}",
                mishikallm::json::kind(&other)
            );
            return Err(mistake(line, message));
        }
    }
    Ok(document)
}

fn mistake(line: usize, message: impl Into<String>) -> Mistake {
    Mistake {
        line,
        message: message.into(),
    }
}

/// The parser's own words, and what helps with the commonest slip.
fn syntax(text: &str, e: &ScanError) -> Mistake {
    let line = e.marker().line();
    let begins_with_tab = |line: &str| line.trim_start_matches(' ').starts_with('\t');
    let found = text.lines().enumerate().skip(line.saturating_sub(1));
    // The parser finds it at the end of the line before.
    let tab = found.take(2).find(|(_, text)| begins_with_tab(text));
    match tab.filter(|_| e.info().contains("tab")) {
        Some((i, _)) => mistake(
            i + 1,
            "the line begins with a tab; YAML's indentation is of spaces only",
        ),
        None => {
            let column = e.marker().col() + 1;
            let hint = hint(e.info());
            mistake(
                line,
                format!("not valid YAML, at column {column}: {}{hint}", e.info()),
            )
        }
    }
}

/// What most probably led to one of the parser's complaints.
fn hint(info: &str) -> &'static str {
    let hints = [
        (
            "mapping values are not allowed",
            "; is a colon, or the space behind it, missing in the line before?",
        ),
        ("unexpected character", "; put the value in quotes"),
        (
            "did not find expected '-'",
            "; is the line indented as those above it?",
        ),
        (
            "did not find expected key",
            "; is the line indented as those above it?",
        ),
        ("quoted scalar", "; is a quote missing?"),
        ("unknown anchor", "; expected &name before *name"),
    ];
    let found = hints.iter().find(|(complaint, _)| info.contains(complaint));
    found.map_or("", |(_, hint)| hint)
}

/// A collection that is not whole yet.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<(String, usize)>,
    /// Where each key of a mapping is among its entries.
    known: HashMap<String, usize>,
}

#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
}

impl Builder {
    fn document(&mut self, text: &str) -> Result<Option<Node>, Mistake> {
        let mut top = None;
        let mut documents = 0;
        for event in Parser::new_from_str(text) {
            let (event, span) = event.map_err(|e| syntax(text, &e))?;
            let line = span.start.line();
            let (node, anchor) = match event {
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(mistake(
                            line,
                            "expected one document, got another one behind ---",
                        ));
                    }
                    continue;
                }
                Event::MappingStart(anchor, _) => {
                    self.begin(line, Data::Map(Vec::new()), anchor)?;
                    continue;
                }
                Event::SequenceStart(anchor, _) => {
                    self.begin(line, Data::List(Vec::new()), anchor)?;
                    continue;
                }
                Event::MappingEnd | Event::SequenceEnd => match self.open.pop() {
                    Some(open) => (open.node, open.anchor),
                    None => continue,
                },
                Event::Scalar(text, style, anchor, tag) => {
                    let node = scalar(line, text, style, tag.as_ref())?;
                    (node, anchor)
                }
                Event::Alias(id) => match self.anchors.get(&id) {
                    Some(node) => (node.clone(), 0),
                    None => {
                        return Err(mistake(
                            line,
                            "this alias repeats what is not whole yet, itself",
                        ));
                    }
                },
                _ => continue,
            };
            if anchor > 0 {
                self.anchors.insert(anchor, node.clone());
            }
            if let Some(node) = self.place(line, node)? {
                top = Some(node);
            }
        }
        Ok(top)
    }

    fn begin(&mut self, line: usize, data: Data, anchor: usize) -> Result<(), Mistake> {
        if self.open.len() >= DEPTH {
            return Err(mistake(
                line,
                format!("expected at most {DEPTH} levels of nesting, got more"),
            ));
        }
        self.open.push(Open {
            node: Node { line, data },
            anchor,
            key: None,
            known: HashMap::new(),
        });
        Ok(())
    }

    /// Puts a whole node where it belongs; gives it back when it is the document itself.
    fn place(&mut self, line: usize, node: Node) -> Result<Option<Node>, Mistake> {
        self.nodes += count(&node);
        if self.nodes > NODES {
            return Err(mistake(
                line,
                format!("expected at most {NODES} values, got more (aliases of aliases?)"),
            ));
        }
        let Some(open) = self.open.last_mut() else {
            return Ok(Some(node));
        };
        match &mut open.node.data {
            Data::List(items) => items.push(node),
            Data::Map(entries) => match open.key.take() {
                None => open.key = Some((key(line, &node)?, line)),
                Some((key, at)) if key == "<<" => merge(entries, &mut open.known, at, node)?,
                Some((key, line)) => insert(entries, &mut open.known, key, line, node)?,
            },
            Data::Scalar(..) => {}
        }
        Ok(None)
    }
}

fn count(node: &Node) -> usize {
    match &node.data {
        Data::Scalar(..) => 1,
        // What is inside was counted when it was placed; an alias brings it anew.
        Data::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Data::Map(entries) => 1 + entries.iter().map(|e| count(&e.node)).sum::<usize>(),
    }
}

fn insert(
    entries: &mut Vec<Entry>,
    known: &mut HashMap<String, usize>,
    key: String,
    line: usize,
    node: Node,
) -> Result<(), Mistake> {
    let new = Entry {
        key,
        line,
        node,
        merged: false,
    };
    let there = known.get(&new.key).and_then(|at| entries.get_mut(*at));
    match there {
        None => {
            known.insert(new.key.clone(), entries.len());
            entries.push(new);
        }
        Some(there) if there.merged => *there = new,
        Some(there) => {
            return Err(mistake(
                line,
                format!(
                    "{} is there twice, in line {} and in line {line}",
                    shown(&new.key),
                    there.line
                ),
            ));
        }
    }
    Ok(())
}

/// `<<: *name`: the keys of another mapping, or of several, where there are none of one's own.
fn merge(
    entries: &mut Vec<Entry>,
    known: &mut HashMap<String, usize>,
    line: usize,
    node: Node,
) -> Result<(), Mistake> {
    let mappings = match node.data {
        Data::Map(more) => vec![more],
        Data::List(items) => items
            .into_iter()
            .map(|item| match item.data {
                Data::Map(more) => Ok(more),
                _ => Err(wrong_merge(line)),
            })
            .collect::<Result<_, _>>()?,
        Data::Scalar(..) => return Err(wrong_merge(line)),
    };
    for entry in mappings.into_iter().flatten() {
        if !known.contains_key(&entry.key) {
            known.insert(entry.key.clone(), entries.len());
            entries.push(Entry {
                merged: true,
                ..entry
            });
        }
    }
    Ok(())
}

fn wrong_merge(line: usize) -> Mistake {
    mistake(line, "<<: expected a mapping's alias, or a list of such")
}

fn key(line: usize, node: &Node) -> Result<String, Mistake> {
    match &node.data {
        Data::Scalar(Value::String(s), _) => Ok(s.clone()),
        Data::Scalar(Value::Number(n), _) => Ok(n.to_string()),
        Data::Scalar(Value::Bool(b), _) => Ok(b.to_string()),
        _ => Err(mistake(
            line,
            "expected a word as a key, got something else (a { or a [ without quotes?)",
        )),
    }
}

/// A key in a message: it may be anything, where somebody forgot a colon.
fn shown(key: &str) -> String {
    match key.len() <= 64 && !key.contains(char::is_whitespace) {
        true => key.to_owned(),
        false => "a key".to_owned(),
    }
}

/// `30s`, `5 min`, `1_000`, `64MB`
fn has_unit(text: &str) -> bool {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || ".,_".contains(c));
    unit.len() < text.len() && unit.len() <= 12 && text.parse::<f64>().is_err()
}

fn scalar(
    line: usize,
    text: Cow<'_, str>,
    style: ScalarStyle,
    tag: Option<&Cow<'_, saphyr_parser::Tag>>,
) -> Result<Node, Mistake> {
    let plain = style == ScalarStyle::Plain;
    let meant = match (plain, text.to_ascii_lowercase().as_str()) {
        (true, "yes" | "on" | "y") => Some(Slip::Word("true")),
        (true, "no" | "off" | "n") => Some(Slip::Word("false")),
        (false, "true" | "false") => Some(Slip::Quoted),
        (false, text) if text.trim().parse::<f64>().is_ok() => Some(Slip::Quoted),
        (true, text) if has_unit(text) => Some(Slip::Unit),
        _ => None,
    };
    // Too long for 64 bits, and still a number.
    let large = plain.then(|| text.parse::<u64>().ok()).flatten();
    let value = match Scalar::parse_from_cow_and_metadata(text, style, tag) {
        Some(Scalar::Null) => Value::Null,
        Some(Scalar::Boolean(b)) => b.into(),
        Some(Scalar::Integer(n)) => n.into(),
        Some(Scalar::FloatingPoint(_)) if large.is_some() => large.into(),
        Some(Scalar::FloatingPoint(n)) => match Number::from_f64(n.into_inner()) {
            Some(n) => Value::Number(n),
            None => return Err(mistake(line, "expected a finite number, got another one")),
        },
        Some(Scalar::String(s)) => Value::String(s.into_owned()),
        None => {
            return Err(mistake(
                line,
                "a tag (!!…) says another type than the value has",
            ));
        }
    };
    Ok(Node {
        line,
        data: Data::Scalar(value, meant),
    })
}

/// Makes the value, and notes where everything stands.
fn value(node: Node, path: String, document: &mut Document) -> (usize, Value) {
    let value = match node.data {
        Data::Scalar(value, meant) => {
            if let Some(meant) = meant {
                document.slips.insert(path.clone(), meant);
            }
            value
        }
        Data::List(items) => {
            let mut list = Vec::with_capacity(items.len());
            for (i, item) in items.into_iter().enumerate() {
                let path = format!("{path}[{i}]");
                document.lines.insert(path.clone(), item.line);
                list.push(self::value(item, path, document).1);
            }
            Value::Array(list)
        }
        Data::Map(entries) => {
            let mut map = Map::with_capacity(entries.len());
            for entry in entries {
                let path = under(&path, &entry.key);
                document.lines.insert(path.clone(), entry.line);
                map.insert(entry.key, self::value(entry.node, path, document).1);
            }
            Value::Object(map)
        }
    };
    (node.line, value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn good(text: &str) -> Document {
        read(text.as_bytes()).unwrap()
    }

    fn bad(text: &str) -> Mistake {
        read(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn every_value_has_its_line() {
        let d = good("a: 1\nlist:\n  - x: one\n    y:\n      z: 2\n  - {q: 3}\n");
        assert_eq!(
            Value::Object(d.value.clone()),
            json!({"a":1,"list":[{"x":"one","y":{"z":2}},{"q":3}]})
        );
        for (path, line) in [
            ("a", 1),
            ("list", 2),
            ("list[0]", 3),
            ("list[0].y", 4),
            ("list[0].y.z", 5),
            ("list[1].q", 6),
            // What is not there is missed in what is around it.
            ("list[0].y.missing", 4),
        ] {
            assert_eq!(d.line(path), Some(line), "{path}");
        }
    }

    #[test]
    fn a_quoted_number_is_a_text_and_a_plain_one_is_a_number() {
        let d = good(
            "a: \"1e3\"\nb: 1e3\nc: 0x10\nd: 1_000\ne: 18446744073709551615\nf: '12'\ng: -0.5\n",
        );
        assert_eq!(
            Value::Object(d.value),
            json!({"a":"1e3","b":1000.0,"c":16,"d":"1_000","e":18446744073709551615u64,"f":"12","g":-0.5})
        );
    }

    #[test]
    fn yes_and_no_are_words_and_remembered() {
        let d = good("a: yes\nb: 'no'\nc: True\nd: Off\n");
        assert_eq!(
            Value::Object(d.value.clone()),
            json!({"a":"yes","b":"no","c":true,"d":"Off"})
        );
        assert_eq!(d.slip("a"), Some(Slip::Word("true")));
        assert_eq!(d.slip("b"), None);
        assert_eq!(d.slip("d"), Some(Slip::Word("false")));
    }

    #[test]
    fn a_key_that_is_there_twice_is_told_with_both_lines() {
        let e = bad("a: 1\nb: 2\na: 3\n");
        assert_eq!(e.line, 3);
        assert!(e.message.contains("line 1") && e.message.contains("line 3"));
    }

    #[test]
    fn anchors_are_repeated_and_merged() {
        let d = good("base: &b {x: 1, y: 2}\none:\n  <<: *b\n  y: 3\ntwo: *b\n");
        assert_eq!(
            Value::Object(d.value.clone()),
            json!({"base":{"x":1,"y":2},"one":{"x":1,"y":3},"two":{"x":1,"y":2}})
        );
        assert_eq!(d.line("one.y"), Some(4));
        assert_eq!(d.line("one.x"), Some(1));
        assert_eq!(bad("a:\n  <<: 3\n").line, 2);
    }

    #[test]
    fn aliases_of_aliases_end() {
        let mut text = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
        for i in 1..9 {
            let one = format!("*a{}", i - 1);
            text += &format!("a{i}: &a{i} [{}]\n", [one.as_str(); 10].join(", "));
        }
        assert!(bad(&text).message.contains("at most"));
        let deep = bad(&("a: ".to_owned() + &"[".repeat(200)));
        assert!(deep.message.contains("nesting"), "{}", deep.message);
    }

    #[test]
    fn slips_are_told_with_their_line() {
        let tab = bad("a:\n  b: 1\n\tc: 2\n");
        assert_eq!(tab.line, 3);
        assert!(tab.message.contains("tab"), "{}", tab.message);
        assert!(bad("").message.contains("empty"));
        assert!(bad("# nothing\n").message.contains("empty"));
        assert!(bad("- a\n- b\n").message.contains("got a list"));
        assert!(bad("hello\n").message.contains("got a string"));
        assert_eq!(bad("a: 1\n---\nb: 2\n").line, 2);
        assert_eq!(bad("a: 1\nb: {\n").line, 3);
        assert_eq!(bad("a: .inf\n").line, 1);
        assert_eq!(bad("a: 1\n{x: 1}: 2\n").line, 2);
        assert_eq!(bad("a: !!int x\n").line, 1);
    }

    #[test]
    fn bytes_that_are_no_text_are_told() {
        let e = read(b"a: 1\nb: \xff\n").unwrap_err();
        assert_eq!((e.line, e.message.contains("UTF-8")), (2, true));
        assert!(
            read(b"\xff\xfea\0:\0")
                .unwrap_err()
                .message
                .contains("UTF-16")
        );
        assert!(read(b"\xef\xbb\xbfa: 1\n").unwrap().has("a"));
    }
}
