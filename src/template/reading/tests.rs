//! Texts as models write them, and what they are read as; each cut anywhere.

use super::*;
use serde_json::json;

/// A text's content, reasoning and calls, joined.
#[derive(Debug, Default, PartialEq)]
struct Read {
    content: String,
    reasoning: String,
    calls: Vec<(String, String)>,
}

struct Setting {
    format: Option<ToolFormat>,
    tools: Vec<Tool>,
    reasoning: Option<ReasoningTags>,
}

fn tools() -> Vec<Tool> {
    let weather = json!({"type": "object", "properties": {
        "city": {"type": "string"}, "days": {"type": "integer"}, "exact": {"type": "boolean"},
        "unit": {"enum": ["celsius", "kelvin"]}, "where": {"type": "object"}, "note": {"type": ["string", "null"]},
        "list": {"anyOf": [{"type": "array"}, {"type": "null"}]}}});
    ["get_weather", "f", "now", "search.web"]
        .map(|name| Tool {
            name: name.to_owned(),
            parameters: weather.clone(),
        })
        .into()
}

impl Setting {
    fn of(format: ToolFormat) -> Setting {
        Setting {
            format: Some(format),
            tools: tools(),
            reasoning: None,
        }
    }

    fn pieces(&self, parts: &[&str]) -> (Vec<Piece>, usize) {
        let mut reader = Reader::new(self.format, &self.tools, self.reasoning.clone());
        let mut pieces: Vec<Piece> = parts.iter().flat_map(|part| reader.push(part)).collect();
        pieces.extend(reader.finish());
        (pieces, reader.calls())
    }

    /// What the pieces say, which have to be in order.
    fn joined(&self, parts: &[&str]) -> Read {
        let (pieces, calls) = self.pieces(parts);
        let mut read = Read::default();
        for piece in pieces {
            match piece {
                Piece::Content(text) | Piece::Reasoning(text) if text.is_empty() => {
                    panic!("an empty text")
                }
                Piece::Content(text) => read.content += &text,
                Piece::Reasoning(text) => read.reasoning += &text,
                Piece::CallBegin { index, name } => {
                    assert_eq!(index, read.calls.len());
                    assert!(!name.is_empty());
                    read.calls.push((name, String::new()));
                }
                Piece::CallArguments { index, text } => {
                    assert_eq!(index + 1, read.calls.len());
                    assert!(!text.is_empty());
                    read.calls[index].1 += &text;
                }
            }
        }
        assert_eq!(calls, read.calls.len());
        read
    }

    /// Reads a text whole, cut in two anywhere, and one character at a time, which has to be the same.
    fn read(&self, text: &str) -> Read {
        let whole = self.joined(&[text]);
        for (cut, _) in text.char_indices() {
            let (left, right) = text.split_at(cut);
            assert_eq!(self.joined(&[left, right]), whole, "{text:?} cut at {cut}");
        }
        let mut bytes = [0; 4];
        let characters: Vec<String> = text
            .chars()
            .map(|c| c.encode_utf8(&mut bytes).to_owned())
            .collect();
        let characters: Vec<&str> = characters.iter().map(String::as_str).collect();
        assert_eq!(self.joined(&characters), whole, "{text:?} by characters");
        whole
    }
}

/// A text, the content in it and the calls.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

fn check(format: ToolFormat, cases: &[Case<'_>]) {
    check_in(&Setting::of(format), cases);
}

fn check_in(setting: &Setting, cases: &[Case<'_>]) {
    for (text, content, calls) in cases {
        let read = setting.read(text);
        let found: Vec<_> = read
            .calls
            .iter()
            .map(|(n, a)| (n.as_str(), a.as_str()))
            .collect();
        assert_eq!(
            (read.content.as_str(), found.as_slice()),
            (*content, *calls),
            "{text}"
        );
    }
}

/// Texts that come out as they went in.
fn check_content(setting: &Setting, texts: &[&str]) {
    for text in texts {
        let read = setting.read(text);
        assert_eq!((read.content.as_str(), read.calls.len()), (*text, 0));
    }
}

#[test]
fn hermes() {
    check(
        ToolFormat::Hermes,
        &[
            (
                "<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 3}}\n</tool_call>",
                "",
                &[("get_weather", r#"{"city": "Paris", "days": 3}"#)],
            ),
            (
                "I'll look.\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>\n<tool_call>\n{\"arguments\": {\"x\": [1, {\"y\": null}]}, \"name\": \"now\"}\n</tool_call>\n",
                "I'll look.",
                &[("f", "{}"), ("now", r#"{"x": [1, {"y": null}]}"#)],
            ),
            (
                "<tool_call>{\"name\":\"f\",\"arguments\":{\"s\":\"a </tool_call> \\\"}{ é \\u00e9 😀 \\\\\"}}</tool_call> and more ",
                "and more",
                &[("f", "{\"s\":\"a </tool_call> \\\"}{ é \\u00e9 😀 \\\\\"}")],
            ),
            // Text between calls keeps its blanks.
            (
                "a <tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call> b",
                "a  b",
                &[("f", "{}")],
            ),
            // A string is unwrapped, and nothing is no arguments.
            (
                r#"<tool_call>{"name":"f","arguments":"{\"x\": \"\\n\"}"}</tool_call>"#,
                "",
                &[("f", r#"{"x": "\n"}"#)],
            ),
            (
                r#"<tool_call>{"arguments":"{\"x\": 1}","name":"f","id":7}</tool_call>"#,
                "",
                &[("f", r#"{"x": 1}"#)],
            ),
            (
                r#"<tool_call>{"name":"f","arguments":""}</tool_call>"#,
                "",
                &[("f", "{}")],
            ),
            (
                r#"<tool_call>{"name":"f","arguments":null}</tool_call>"#,
                "",
                &[("f", "{}")],
            ),
            (r#"<tool_call>{"name":"f"}</tool_call>"#, "", &[("f", "{}")]),
            // Other keys, before and after.
            (
                r#"<tool_call>{"id": 12, "x": {"name": "no"}, "name": "f", "arguments": {"a": 1}, "name": "g", "z": -1.5e3}</tool_call>"#,
                "",
                &[("f", r#"{"a": 1}"#)],
            ),
            // No end tag; two objects; a tag instead of the end tag.
            (
                r#"<tool_call>{"name":"f","arguments":{}}"#,
                "",
                &[("f", "{}")],
            ),
            (
                r#"<tool_call>{"name":"f","arguments":{}}</tool_c"#,
                "",
                &[("f", "{}")],
            ),
            (
                "<tool_call>{\"name\":\"f\"}\n{\"name\":\"now\"}</tool_call>",
                "",
                &[("f", "{}"), ("now", "{}")],
            ),
            (
                r#"<tool_call>{"name":"f"}<tool_call>{"name":"now"}</tool_call>"#,
                "",
                &[("f", "{}"), ("now", "{}")],
            ),
            (
                r#"<tool_call>{"name":"f"}<tool_call>no"#,
                "<tool_call>no",
                &[("f", "{}")],
            ),
            // A name that nobody offered is a call where a marker says so.
            (
                r#"<tool_call>{"name":"other","arguments":{}}</tool_call>"#,
                "",
                &[("other", "{}")],
            ),
            // Control characters in strings.
            (
                "<tool_call>{\"name\":\"f\",\"arguments\":{\"s\":\"a\nb\tc\"}}</tool_call>",
                "",
                &[("f", r#"{"s":"a\nb\tc"}"#)],
            ),
            // A break after the arguments began: what follows is text.
            (
                r#"<tool_call>{"name":"f","arguments":{"a":1,oops}}</tool_call>"#,
                "oops}}</tool_call>",
                &[("f", r#"{"a":1,"#)],
            ),
            (
                r#"<tool_call>{"name":"f","arguments":{"a":1}oops</tool_call>"#,
                "oops</tool_call>",
                &[("f", r#"{"a":1}"#)],
            ),
            // The end in the middle of the arguments.
            (
                r#"<tool_call>{"name":"f","arguments":{"a":"x"#,
                "",
                &[("f", r#"{"a":"x"#)],
            ),
            (
                r#"<tool_call>{"name":"f","arguments":{}}Then"#,
                "Then",
                &[("f", "{}")],
            ),
            // A marker that is none, and then one.
            (
                r#"<tool_call>no <<tool_call>{"name":"f"}</tool_call>"#,
                "<tool_call>no <",
                &[("f", "{}")],
            ),
            (
                r#"<tool_call><tool_call>{"name":"f"}</tool_call>"#,
                "<tool_call>",
                &[("f", "{}")],
            ),
            (
                r#"<tool_call>{"arguments":{"a":1}}</tool_call><tool_call>{"name":"f"}</tool_call>"#,
                r#"<tool_call>{"arguments":{"a":1}}</tool_call>"#,
                &[("f", "{}")],
            ),
        ],
    );
    check_content(
        &Setting::of(ToolFormat::Hermes),
        &[
            "",
            " ",
            "\n\n",
            " a b ",
            "<",
            "<tool",
            "a < b <tool_ call>",
            "<tool_call>",
            "<tool_call>\n",
            "The tag <tool_call> begins a call.",
            "<tool_call>{\"name\": \"get_we",
            "<tool_call>{\"arguments\": {\"a\": 1}",
            "<tool_call>{\"name\": 1}</tool_call>",
            "<tool_call>{\"name\": \"\"}</tool_call>",
            "<tool_call>{\"name\": \"f\", \"arguments\": [1]}</tool_call>",
            "<tool_call>{}</tool_call>",
            "<tool_call>{\"name\": \"f\", \"arguments\": \"no json\"}</tool_call>",
            "<tool_call>{'name': 'f'}</tool_call>",
            "<tool_call>{\"name\": \"f\",}</tool_call>",
            "</tool_call>",
            "{\"name\": \"f\", \"arguments\": {}}",
            "<tool_call>{\"name\": \"\\ud83d\"}",
            "<tool_call>{\"name\": \"f\", \"arguments\": nul}",
            "<tool_call>{\"name\": \"f\" \"x\"}",
            "<tool_call>{\"x\": 1x}",
        ],
    );
}

#[test]
fn llama() {
    check(
        ToolFormat::Llama3Json,
        &[
            (
                r#"{"name": "get_weather", "parameters": {"city": "Paris"}}"#,
                "",
                &[("get_weather", r#"{"city": "Paris"}"#)],
            ),
            (
                r#"<|python_tag|>{"name": "get_weather", "parameters": {"city": "Paris"}}"#,
                "",
                &[("get_weather", r#"{"city": "Paris"}"#)],
            ),
            (
                "\n {\"type\": \"function\", \"name\": \"f\", \"parameters\": {\"x\": \"1\"}} \n",
                "",
                &[("f", r#"{"x": "1"}"#)],
            ),
            (
                r#"{"name": "f", "parameters": {}}; {"name": "now", "arguments": {"a": [{}]}}"#,
                "",
                &[("f", "{}"), ("now", r#"{"a": [{}]}"#)],
            ),
            (
                "{\"name\": \"f\", \"parameters\": {}}\n{\"name\": \"now\", \"parameters\": {}}\n",
                "",
                &[("f", "{}"), ("now", "{}")],
            ),
            (
                r#"<|python_tag|>{"name": "f", "parameters": {}}; <|python_tag|>{"name": "g", "parameters": {}};"#,
                "",
                &[("f", "{}"), ("g", "{}")],
            ),
            (
                r#"{"parameters": {"x": 1}, "name": "f"}"#,
                "",
                &[("f", r#"{"x": 1}"#)],
            ),
            (
                r#"{"name": "f", "parameters": "{\"x\": 1}"}"#,
                "",
                &[("f", r#"{"x": 1}"#)],
            ),
            // With known names a line may begin with a call.
            (
                "Let me see.\n\n{\"name\": \"f\", \"parameters\": {}}",
                "Let me see.",
                &[("f", "{}")],
            ),
            (
                "{\"name\": \"f\", \"parameters\": {}}; then {\"name\": \"f\"}",
                "; then {\"name\": \"f\"}",
                &[("f", "{}")],
            ),
            (
                "{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"other\"}",
                "; {\"name\": \"other\"}",
                &[("f", "{}")],
            ),
            (
                "<|python_tag|>{\"name\": \"other\", \"parameters\": {}}",
                "",
                &[("other", "{}")],
            ),
        ],
    );
    check_content(
        &Setting::of(ToolFormat::Llama3Json),
        &[
            r#"{"title": "A name", "name": "f", "parameters": {}}"#,
            r#"{"name": "Bob", "parameters": {}}"#,
            r#"{"name": "f", "age": 3}"#,
            r#"so {"name": "f", "parameters": {}}"#,
            "{",
            "{}",
            "{\n",
            r#"{"name": "f", "parameters": 3}"#,
            "{{",
            "{a}",
            "<|python_tag|>print(1)",
            r#"<|python_tag|>brave_search.call(query="x")"#,
            "<|python_",
            r#"{"type": "function"}"#,
            "[{\"name\": \"f\"}]",
            "fn main() {\n{\n}}",
            r#"{"name": "f", "parameters": {"a": 1}"#.split_at(12).0,
        ],
    );
    let unknown = Setting {
        tools: Vec::new(),
        ..Setting::of(ToolFormat::Llama3Json)
    };
    check_in(
        &unknown,
        &[
            (
                r#" {"name": "any", "parameters": {}}"#,
                "",
                &[("any", "{}")],
            ),
            (
                "x\n{\"name\": \"any\", \"parameters\": {}}",
                "x\n{\"name\": \"any\", \"parameters\": {}}",
                &[],
            ),
        ],
    );
}

#[test]
fn pythonic() {
    check(
        ToolFormat::Pythonic,
        &[
            (
                r#"[get_weather(city="Paris")]"#,
                "",
                &[("get_weather", r#"{"city": "Paris"}"#)],
            ),
            (
                r#"[get_weather(city="Paris"), f(x=1, y=[1, 2], z={"a": None})]"#,
                "",
                &[
                    ("get_weather", r#"{"city": "Paris"}"#),
                    ("f", r#"{"x": 1, "y": [1, 2], "z": {"a": null}}"#),
                ],
            ),
            (
                "<|python_start|>[now()]<|python_end|>",
                "",
                &[("now", "{}")],
            ),
            (
                "<|python_start|>[other(a='b')]",
                "",
                &[("other", r#"{"a": "b"}"#)],
            ),
            ("[now()]\n[f(), ]\n", "", &[("now", "{}"), ("f", "{}")]),
            (
                "[\n  f(\n    s='a)\\'b',\n    t=\"]\",\n  ),\n  search.web(q=(1, 2))\n]",
                "",
                &[
                    ("f", r#"{"s": "a)'b", "t": "]"}"#),
                    ("search.web", r#"{"q": [1, 2]}"#),
                ],
            ),
            (
                "[f(s='''it's \"so\" ]) ''', e='', t=\"\"\"x\\\"\"\"\")]",
                "",
                &[("f", r#"{"s": "it's \"so\" ]) ", "e": "", "t": "x\""}"#)],
            ),
            ("I will.\n[f()]", "I will.", &[("f", "{}")]),
            ("[f()] Done.", "Done.", &[("f", "{}")]),
            ("[f(), g()]", ", g()]", &[("f", "{}")]),
            ("[f(x=1), f(1)]", ", f(1)]", &[("f", r#"{"x": 1}"#)]),
            ("[f(x=1), now(", ", now(", &[("f", r#"{"x": 1}"#)]),
            ("[f(x=1), ", "", &[("f", r#"{"x": 1}"#)]),
            ("[now()]<|python_", "", &[("now", "{}")]),
        ],
    );
    check_content(
        &Setting::of(ToolFormat::Pythonic),
        &[
            "[1, 2]",
            "[a link](http://x)",
            "[]",
            "[",
            "[f",
            "[f(",
            "[f(x=1",
            "[f(x='",
            "[f(1)]",
            "[f(x=y)]",
            "[f(x=1, x=2)]",
            "[other(x=1)]",
            "see [f()]",
            "[f]]",
            "[f)",
            "[f(]",
            "<|python_start|>",
            "<|python_start|>f()",
            "[[f()]]",
            "[f(x=[)]",
            "[.f()]",
            "[\"f()\"]",
        ],
    );
}

#[test]
fn mistral() {
    check(
        ToolFormat::Mistral,
        &[
            (
                r#"[TOOL_CALLS][{"name": "get_weather", "arguments": {"city": "Paris"}}]"#,
                "",
                &[("get_weather", r#"{"city": "Paris"}"#)],
            ),
            (
                r#"[TOOL_CALLS] [{"name": "f", "arguments": {"x": "]"}}, {"arguments": {}, "name": "g"}]"#,
                "",
                &[("f", r#"{"x": "]"}"#), ("g", "{}")],
            ),
            (
                r#"I'll see.[TOOL_CALLS]get_weather[ARGS]{"city": "Paris"}"#,
                "I'll see.",
                &[("get_weather", r#"{"city": "Paris"}"#)],
            ),
            (
                r#"[TOOL_CALLS]f{"a": {"b": "}"}}[TOOL_CALLS]now{}"#,
                "",
                &[("f", r#"{"a": {"b": "}"}}"#), ("now", "{}")],
            ),
            (
                r#"[TOOL_CALLS]f[CALL_ID]a1B2c3D4e[ARGS] {"a": 1}"#,
                "",
                &[("f", r#"{"a": 1}"#)],
            ),
            (
                r#"[TOOL_CALLS]{"name": "f", "arguments": {}}"#,
                "",
                &[("f", "{}")],
            ),
            // Without the marker, as servers have it that leave special tokens out.
            (
                r#" [{"name": "f", "arguments": {"a": 1}}, {"name": "now", "arguments": {}}]"#,
                "",
                &[("f", r#"{"a": 1}"#), ("now", "{}")],
            ),
            (
                r#"[TOOL_CALLS][{"name": "f", "arguments": {}}"#,
                "",
                &[("f", "{}")],
            ),
            (
                r#"[TOOL_CALLS][{"name": "f", "arguments": {}}, {"x": 1}]"#,
                ", {\"x\": 1}]",
                &[("f", "{}")],
            ),
            (
                r#"[TOOL_CALLS][{"name": "f", "arguments": {}}, {"na"#,
                ", {\"na",
                &[("f", "{}")],
            ),
            (r#"[TOOL_CALLS]f{"a": x}"#, "x}", &[("f", r#"{"a": "#)]),
            (r#"[[TOOL_CALLS]f{}"#, "[", &[("f", "{}")]),
        ],
    );
    check_content(
        &Setting::of(ToolFormat::Mistral),
        &[
            "[TOOL_CALLS]",
            "[TOOL_CALLS] ",
            "[TOOL",
            "[",
            "[{",
            "[TOOL_CALLS] is a marker",
            "[TOOL_CALLS]f",
            "[TOOL_CALLS]f[ARGS]",
            "[TOOL_CALLS]f[ARG]{}",
            "[TOOL_CALLS]f[CALL_ID]x{}",
            "[TOOL_CALLS][1]",
            "[{\"name\": \"Bob\", \"arguments\": {}}]",
            "[{\"x\": 1}]",
            "see [{\"name\": \"f\", \"arguments\": {}}]",
            "[1, 2]",
            "[TOOL_CALLS][ARGS]{}",
            "[TOOL_CALLS]{}",
        ],
    );
}

#[test]
fn qwen_coder() {
    check(
        ToolFormat::Qwen3Coder,
        &[
            (
                "<tool_call>\n<function=get_weather>\n<parameter=city>\nParis\n</parameter>\n<parameter=days>\n3\n</parameter>\n</function>\n</tool_call>",
                "",
                &[("get_weather", r#"{"city": "Paris", "days": 3}"#)],
            ),
            (
                "I'll look.\n<tool_call>\n<function=f>\n<parameter=city>\nline \"one\"\n\n  </tool_call> <b>\ttwo\n\n</parameter>\n</function>\n</tool_call>\n<tool_call>\n<function=now>\n</function>\n</tool_call>",
                "I'll look.",
                &[
                    (
                        "f",
                        r#"{"city": "line \"one\"\n\n  </tool_call> <b>\ttwo\n"}"#,
                    ),
                    ("now", "{}"),
                ],
            ),
            // As the schema has it.
            (
                "<tool_call><function=f><parameter=exact>True</parameter><parameter=where>\n{\"a\": [1, \"x\"]}\n</parameter><parameter=unit>\nkelvin\n</parameter><parameter=note>null</parameter></function></tool_call>",
                "",
                &[(
                    "f",
                    r#"{"exact": true, "where": {"a": [1, "x"]}, "unit": "kelvin", "note": null}"#,
                )],
            ),
            (
                "<function=f><parameter=where>{'a': None}</parameter><parameter=days>soon</parameter><parameter=list>[1, 2]</parameter><parameter=other>12</parameter><parameter=note>it's\n</parameter></function>",
                "",
                &[(
                    "f",
                    r#"{"where": {"a": null}, "days": "soon", "list": [1, 2], "other": "12", "note": "it's"}"#,
                )],
            ),
            // Missing tags.
            (
                "<tool_call><function=f><parameter=city>\nA\n<parameter=days>1</function></tool_call>",
                "",
                &[("f", r#"{"city": "A", "days": 1}"#)],
            ),
            (
                "<function=f></function>\n<function=now></function>",
                "",
                &[("f", "{}"), ("now", "{}")],
            ),
            (
                "<tool_call><function=f></function><tool_call><function=other></function>",
                "",
                &[("f", "{}"), ("other", "{}")],
            ),
            (
                "<tool_call><function=f><parameter=city>\nParis",
                "",
                &[("f", r#"{"city": "Paris"#)],
            ),
            (
                "<tool_call><function=f><parameter=city></parameter></function></tool_call>ok",
                "ok",
                &[("f", r#"{"city": ""}"#)],
            ),
            (
                "<tool_call><function=f></function>so<tool_call>",
                "so<tool_call>",
                &[("f", "{}")],
            ),
            (
                "<function=f><parameter=a\"b>x</parameter></function>",
                "",
                &[("f", r#"{"a\"b": "x"}"#)],
            ),
            (
                "<function=f><parameter=city>x</parameter>oops",
                "oops",
                &[("f", r#"{"city": "x""#)],
            ),
        ],
    );
    check_content(
        &Setting::of(ToolFormat::Qwen3Coder),
        &[
            "<tool_call>",
            "<tool_call></tool_call>",
            "<tool_call><function=f>",
            "<function=other></function>",
            "<function=>",
            "<function=f>x",
            "Say <function=f> to call.",
            "<tool_call>{\"name\": \"f\"}</tool_call>",
            "<function=f\n>",
            "<tool_call><tool_call><function=f>",
            "so <function=f></function>",
        ],
    );
    let unknown = Setting {
        tools: Vec::new(),
        ..Setting::of(ToolFormat::Qwen3Coder)
    };
    check_in(
        &unknown,
        &[(
            "<tool_call><function=g><parameter=n>5</parameter></function></tool_call>",
            "",
            &[("g", r#"{"n": "5"}"#)],
        )],
    );
}

#[test]
fn deepseek() {
    check(
        ToolFormat::DeepSeek,
        &[
            (
                "Let me see.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{\"city\": \"Paris\"}<｜tool▁call▁end｜><｜tool▁call▁begin｜>now<｜tool▁sep｜>{}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
                "Let me see.",
                &[("get_weather", r#"{"city": "Paris"}"#), ("now", "{}")],
            ),
            (
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{\"city\": \"```\"}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>\n",
                "",
                &[("get_weather", r#"{"city": "```"}"#), ("f", "{}")],
            ),
            (
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\":",
                "",
                &[("f", "{\"a\":")],
            ),
            (
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁ca",
                "",
                &[("f", "{}")],
            ),
            (
                "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{}<｜tool▁call▁end｜>so",
                "so",
                &[("f", "{}")],
            ),
        ],
    );
    check_content(
        &Setting::of(ToolFormat::DeepSeek),
        &[
            "<｜tool▁calls▁begin｜>",
            "<｜tool▁calls▁begin｜><｜tool▁calls▁end｜>",
            "<｜tool▁calls▁begin｜>x",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>x",
            "<｜to",
            "<|tool▁calls▁begin|>",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜><｜tool▁sep｜>{}",
            "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n{}",
        ],
    );
}

#[test]
fn reasoning() {
    let read = |starts_inside: bool, text: &str| {
        let reasoning = Some(ReasoningTags::think(starts_inside));
        let read = Setting {
            format: None,
            tools: Vec::new(),
            reasoning,
        }
        .read(text);
        assert!(read.calls.is_empty());
        (read.reasoning, read.content)
    };
    for (starts_inside, text, reasoning, content) in [
        (
            false,
            "<think>\nWell,\n\nso.\n</think>\n\nParis.",
            "Well,\n\nso.\n",
            "Paris.",
        ),
        (false, "\n<think>Well</think>Paris", "Well", "Paris"),
        (false, "<think>\n\n</think>\n\n\nParis", "", "\nParis"),
        (false, "<think>never done", "never done", ""),
        (
            false,
            "<think>a </thin k> </think",
            "a </thin k> </think",
            "",
        ),
        (
            false,
            "Paris </think> <think>",
            "",
            "Paris </think> <think>",
        ),
        (false, " \n Paris", "", " \n Paris"),
        (false, "<thin", "", "<thin"),
        (false, "", "", ""),
        (
            false,
            "<think>a</think>b<think>c</think>",
            "a",
            "b<think>c</think>",
        ),
        (true, "\nWell.\n</think>\n\nParis", "Well.\n", "Paris"),
        (true, "<think>\nWell.</think>Paris", "Well.", "Paris"),
        (true, "never done", "never done", ""),
        (true, "<thin", "<thin", ""),
        (true, "</think>\n\nParis", "", "Paris"),
        (true, "\n\n\n", "\n", ""),
    ] {
        assert_eq!(
            read(starts_inside, text),
            (reasoning.to_owned(), content.to_owned()),
            "{text:?}"
        );
    }
}

#[test]
fn other_tags_and_no_tags() {
    let mut tags = ReasoningTags {
        open: "[THINK]".into(),
        close: "[/THINK]".into(),
        starts_inside: false,
    };
    let read = |tags: &ReasoningTags, text: &str| {
        let read = Setting {
            format: None,
            tools: Vec::new(),
            reasoning: Some(tags.clone()),
        }
        .read(text);
        (read.reasoning, read.content)
    };
    assert_eq!(read(&tags, "[THINK]a[/THINK]b"), ("a".into(), "b".into()));
    (tags.open, tags.close) = (String::new(), String::new());
    assert_eq!(read(&tags, "a"), (String::new(), "a".into()));
    tags.starts_inside = true;
    assert_eq!(read(&tags, "a"), ("a".into(), String::new()));
}

#[test]
fn calls_after_reasoning() {
    let setting = Setting {
        reasoning: Some(ReasoningTags::think(true)),
        ..Setting::of(ToolFormat::Hermes)
    };
    let read = setting.read("A <tool_call>?\n</think>\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>");
    assert_eq!(read.reasoning, "A <tool_call>?\n");
    assert_eq!(read.content, "");
    assert_eq!(read.calls, [("f".to_owned(), "{}".to_owned())]);
}

#[test]
fn without_a_format_nothing_is_held_back() {
    let mut reader = Reader::new(None, &[], None);
    assert_eq!(
        reader.push("<tool_call> \n"),
        [Piece::Content("<tool_call> \n".into())]
    );
    assert_eq!((reader.finish(), reader.calls()), (Vec::new(), 0));
}

#[test]
fn text_and_arguments_go_out_as_they_come() {
    let content = |text: &str| Piece::Content(text.to_owned());
    let arguments = |text: &str| Piece::CallArguments {
        index: 0,
        text: text.to_owned(),
    };
    let begin = |name: &str| Piece::CallBegin {
        index: 0,
        name: name.to_owned(),
    };
    let steps: [(ToolFormat, &[(&str, &[Piece])]); 3] = [
        (
            ToolFormat::Hermes,
            &[
                ("Hello", &[content("Hello")]),
                (" wor<", &[content(" wor")]),
                ("ld ", &[content("<ld")]),
                ("<tool_call>{\"name\": \"f", &[]),
                ("\", \"arguments\": ", &[]),
                ("{\"a", &[begin("f"), arguments("{\"a")]),
                ("\": 1", &[arguments("\": 1")]),
                ("}", &[arguments("}")]),
                ("}</tool_call>\n", &[]),
                ("!", &[content(" \n!")]),
            ],
        ),
        // What is no call is known early.
        (
            ToolFormat::Llama3Json,
            &[
                ("{\"title", &[]),
                ("\": \"", &[content("{\"title\": \"")]),
                ("so", &[content("so")]),
            ],
        ),
        (
            ToolFormat::Qwen3Coder,
            &[
                (
                    "<tool_call>\n<function=f>\n<parameter=",
                    &[begin("f"), arguments("{")],
                ),
                ("city>\n", &[arguments("\"city\": \"")]),
                ("Par", &[arguments("Par")]),
                ("is\n", &[arguments("is")]),
                ("x\n</", &[arguments("\\nx")]),
                ("parameter></function>", &[arguments("\"}")]),
            ],
        ),
    ];
    for (format, steps) in steps {
        let mut reader = Reader::new(Some(format), &tools(), None);
        for (text, pieces) in steps {
            assert_eq!(reader.push(text), *pieces, "{text:?}");
        }
    }
}

#[test]
fn what_is_held_back_and_nested_has_bounds() {
    let hermes = Setting::of(ToolFormat::Hermes);
    let long = format!(
        "<tool_call>{{\"arguments\": {{\"a\": \"{}\"}}, \"name\": \"f\"}}</tool_call>",
        "x".repeat(limits::CALL_HELD_BYTES)
    );
    assert_eq!(hermes.joined(&[&long]).content, long);
    let name = format!(
        "<tool_call>{{\"name\": \"{}\"}}</tool_call>",
        "x".repeat(limits::CALL_NAME_BYTES + 1)
    );
    assert_eq!(hermes.joined(&[&name]).content, name);
    let deep = |open: &str| {
        format!(
            "<tool_call>{{\"name\": \"f\", \"arguments\": {{\"a\": {}",
            open.repeat(1_000_000)
        )
    };
    assert_eq!(
        hermes.joined(&[&deep("[")]).calls[0].1.len(),
        "{\"a\": ".len() + limits::CALL_DEPTH - 1
    );
    let deep = format!("[f(a={})]", "[".repeat(100_000));
    assert_eq!(
        Setting::of(ToolFormat::Pythonic).joined(&[&deep]).content,
        deep
    );
    // A value that is no text is not held back for ever.
    let value = "1\n".repeat(limits::CALL_HELD_BYTES / 2 + 2);
    let text = format!("<function=f><parameter=days>{value}</parameter></function>");
    let arguments = &Setting::of(ToolFormat::Qwen3Coder).joined(&[&text]).calls[0].1;
    let arguments: Value = serde_json::from_str(arguments).unwrap();
    assert_eq!(arguments["days"], value.trim_end());
    // White space goes out too when there is much of it.
    let blanks = " ".repeat(1000);
    let mut reader = Reader::new(Some(ToolFormat::Hermes), &[], None);
    assert!(!reader.push(&blanks).is_empty());
}

#[test]
fn every_name_of_a_format_is_read() {
    for (format, names) in ToolFormat::NAMES {
        assert_eq!(format.name(), names[0]);
        for name in names {
            assert_eq!(ToolFormat::parse("tool_format", name), Ok(format));
        }
    }
    let error = ToolFormat::parse("tool_format", "secret").unwrap_err();
    assert!(
        error
            .message()
            .starts_with("tool_format: expected one of llama3_json, pythonic")
    );
    assert!(!error.message().contains("secret"));
}

/// Whatever a model may write, made of the words of all formats: the same however it is cut, in order, and nothing lost.
#[test]
fn any_text_is_read_the_same_in_pieces() {
    let words = [
        "<tool_call>",
        "</tool_call>",
        "<function=",
        "f",
        ">",
        "<parameter=",
        "city",
        "days",
        "</parameter>",
        "</function>",
        "[TOOL_CALLS]",
        "[ARGS]",
        "[CALL_ID]",
        "[",
        "{",
        "}",
        "]",
        "(",
        ")",
        "\"name\"",
        "\"arguments\"",
        "\"parameters\"",
        ":",
        ",",
        ";",
        "\"f\"",
        "\"",
        "'",
        "\\",
        "\\u12",
        "=",
        "1",
        "-1.5e3",
        "null",
        "None",
        " ",
        "\n",
        "é",
        "😀",
        "<|python_tag|>",
        "<|python_start|>",
        "<|python_end|>",
        "<｜tool▁calls▁begin｜>",
        "<｜tool▁call▁begin｜>",
        "<｜tool▁sep｜>",
        "<｜tool▁call▁end｜>",
        "<｜tool▁calls▁end｜>",
        "```json",
        "```",
        "<think>",
        "</think>",
        "<",
        "x",
        "{\"name\": \"f\", \"arguments\": {",
        "{\"name\": \"f\", \"arguments\": {\"a\": 1}}",
        "[f(a=1)",
        "f(a='x')",
    ];
    let mut state: u64 = 7;
    let mut random = |below: usize| {
        // Marsaglia's xorshift.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for round in 0..4000 {
        let text: String = (0..random(24))
            .map(|_| words[random(words.len())])
            .collect();
        for (format, _) in ToolFormat::NAMES {
            let reasoning = (round % 4 == 0).then(|| ReasoningTags::think(round % 8 == 0));
            let setting = Setting {
                reasoning,
                ..Setting::of(format)
            };
            let whole = setting.joined(&[&text]);
            let size = 1 + random(5);
            let characters: Vec<char> = text.chars().collect();
            let parts: Vec<String> = characters
                .chunks(size)
                .map(|c| c.iter().collect())
                .collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            assert_eq!(
                setting.joined(&parts),
                whole,
                "{format:?} {text:?} in pieces of {size}"
            );
            if whole.calls.is_empty() && setting.reasoning.is_none() {
                assert_eq!(whole.content, text, "{format:?}");
            }
            for (_, arguments) in &whole.calls {
                let read = serde_json::from_str::<serde::de::IgnoredAny>(arguments);
                assert!(
                    read.is_ok() || read.is_err_and(|e| e.is_eof()),
                    "{format:?} {text:?}: {arguments}"
                );
            }
        }
    }
}
