//! Conversations of every kind, as OpenAI's JSON has them.

use serde_json::{Value, json};

/// One request, as far as a template sees it.
pub struct Conversation {
    pub name: String,
    pub messages: Value,
    pub tools: Value,
    pub kwargs: Value,
}

fn say(role: &str, content: impl Into<Value>) -> Value {
    json!({"role": role, "content": content.into()})
}

fn user(content: &str) -> Value {
    say("user", content)
}

fn assistant(content: &str) -> Value {
    say("assistant", content)
}

fn system(content: &str) -> Value {
    say("system", content)
}

/// A call and its result; ids of nine letters and digits, as Mistral's templates want them.
fn call(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

fn calls(content: Value, calls: &[Value]) -> Value {
    json!({"role": "assistant", "content": content, "tool_calls": calls})
}

fn result(id: &str, name: &str, content: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "name": name, "content": content})
}

fn weather() -> Value {
    json!({"type": "function", "function": {"name": "get_weather", "description": "The weather in a place, \"today\".",
        "parameters": {"type": "object", "properties": {
            "place": {"type": "string", "description": "A town — e.g. Zürich or 東京"},
            "unit": {"type": "string", "enum": ["°C", "°F"], "default": "°C"}}, "required": ["place"]}}})
}

fn nested() -> Value {
    json!({"type": "function", "function": {"name": "book", "description": "Books <a> trip & 'more'.\nSecond line.",
        "parameters": {"$defs": {"leg": {"type": "object", "properties": {"from": {"type": "string"}}}}, "type": "object",
            "properties": {"legs": {"type": "array", "items": {"type": "object", "properties": {
                    "items": {"type": "integer", "minimum": 0, "maximum": 9.5}, "keys": {"type": ["string", "null"]}}}},
                "get": {"anyOf": [{"type": "number"}, {"type": "null"}], "default": null},
                "values": {"type": "boolean", "description": "", "default": false}},
            "required": [], "additionalProperties": false}, "strict": true}})
}

fn bare() -> Value {
    json!({"type": "function", "function": {"name": "now", "description": "The time.", "parameters": {"type": "object", "properties": {}}}})
}

/// All of them.
pub fn all() -> Vec<Conversation> {
    let mut all = Vec::new();
    let mut add = |name: &str, messages: Value, tools: Value, kwargs: Value| {
        all.push(Conversation {
            name: name.to_owned(),
            messages,
            tools,
            kwargs,
        });
    };
    let none = || Value::Null;
    let plain = || json!({});

    // Turns.
    add("one question", json!([user("who are u?")]), none(), plain());
    add(
        "ends with a question",
        json!([user("one"), assistant("two"), user("three")]),
        none(),
        plain(),
    );
    add(
        "a system message",
        json!([system("You are brief."), user("who are u?")]),
        none(),
        plain(),
    );
    add(
        "several turns",
        json!([
            user("one"),
            assistant("two"),
            user("three"),
            assistant("four"),
            user("five")
        ]),
        none(),
        plain(),
    );
    add(
        "system and turns",
        json!([system("S"), user("one"), assistant("two"), user("three")]),
        none(),
        plain(),
    );
    add(
        "ends with an answer",
        json!([user("one"), assistant("two")]),
        none(),
        plain(),
    );
    add(
        "no generation prompt",
        json!([system("S"), user("one"), assistant("two")]),
        none(),
        json!({"add_generation_prompt": false}),
    );
    add(
        "no generation prompt after a question",
        json!([user("one")]),
        none(),
        json!({"add_generation_prompt": false}),
    );
    add(
        "two questions in a row",
        json!([user("one"), user("two")]),
        none(),
        plain(),
    );
    add(
        "two answers in a row",
        json!([
            user("one"),
            assistant("two"),
            assistant("three"),
            user("four")
        ]),
        none(),
        plain(),
    );
    add(
        "begins with an answer",
        json!([assistant("Hello, I am here."), user("who are u?")]),
        none(),
        plain(),
    );
    add(
        "system in the middle",
        json!([user("one"), assistant("two"), system("S"), user("three")]),
        none(),
        plain(),
    );
    add(
        "two system messages",
        json!([system("S"), system("T"), user("one")]),
        none(),
        plain(),
    );
    add("system alone", json!([system("S")]), none(), plain());
    add("no message", json!([]), none(), plain());
    add(
        "a developer",
        json!([say("developer", "D"), user("one")]),
        none(),
        plain(),
    );
    add(
        "an unknown role",
        json!([user("one"), say("critic", "C")]),
        none(),
        plain(),
    );
    add(
        "names",
        json!([{"role": "user", "name": "Ann", "content": "one"}, {"role": "assistant", "name": "Bo", "content": "two"},
        {"role": "user", "name": "Cy", "content": "three"}]),
        none(),
        plain(),
    );
    add(
        "twenty turns",
        Value::Array(
            (0..20)
                .map(|i| {
                    if i % 2 == 0 {
                        user(&format!("q{i}"))
                    } else {
                        assistant(&format!("a{i}"))
                    }
                })
                .collect(),
        ),
        none(),
        json!({"add_generation_prompt": false}),
    );

    // Words.
    add(
        "all the world's letters",
        json!([
            system("Sprich Deutsch — größer «ça» ℃"),
            user("日本語 한국어 हिन्दी ไทย 🙂👩‍👩‍👧‍👦 e\u{301}"),
            assistant("مرحبا بالعالم שלום \u{202e}rtl\u{202c}"),
            user("Ελληνικά и русский \u{1F9EA}")
        ]),
        none(),
        plain(),
    );
    add(
        "white space around",
        json!([
            system("  S\n"),
            user("\n\n one \t"),
            assistant("  two  \n"),
            user("\u{a0}three\u{3000}\u{1c}\u{85}")
        ]),
        none(),
        plain(),
    );
    add(
        "nothing in it",
        json!([system(""), user(""), assistant(""), user("one")]),
        none(),
        plain(),
    );
    add(
        "only white space",
        json!([user("   "), assistant("\n"), user("\t")]),
        none(),
        plain(),
    );
    add(
        "line ends",
        json!([
            user("a\r\nb\rc\n\n\nd\u{2028}e"),
            assistant("x\r\n"),
            user("y")
        ]),
        none(),
        plain(),
    );
    add(
        "Jinja in the words",
        json!([
            system("{{ bos_token }}{% raw %}"),
            user("fn main() { println!(\"{{}} {%- if x %} {# no #}\"); }"),
            assistant("```jinja\n{{ messages[0] }}\n```"),
            user("{% endfor %}")
        ]),
        none(),
        plain(),
    );
    add(
        "control tokens in the words",
        json!([
            user("<|im_end|><|eot_id|></s>[INST] [/INST]<end_of_turn><think>x</think>"),
            assistant("<|im_start|>system"),
            user("y")
        ]),
        none(),
        plain(),
    );
    add(
        "quotes and slashes",
        json!([
            system("'\"\\ \u{7f} &amp; <b>"),
            user("it's \"quoted\" \\n \\u0041 \u{0}\u{1b}[0m")
        ]),
        none(),
        plain(),
    );
    add(
        "long words",
        json!([
            user(&"lorem ipsum ".repeat(500)),
            assistant(&"x".repeat(5000)),
            user("y")
        ]),
        none(),
        plain(),
    );
    add(
        "parts",
        json!([
            say("system", json!([{"type": "text", "text": "S"}])),
            say(
                "user",
                json!([{"type": "text", "text": "one "}, {"type": "text", "text": " two"}])
            ),
            assistant("three"),
            say("user", json!([{"type": "text", "text": "four"}]))
        ]),
        none(),
        plain(),
    );
    add(
        "null for an answer",
        json!([user("one"), say("assistant", Value::Null), user("two")]),
        none(),
        plain(),
    );

    // Tools.
    let tools = || json!([weather(), nested(), bare()]);
    let ask = || user("What is the weather in Zürich?");
    add("a tool", json!([ask()]), json!([weather()]), plain());
    add(
        "tools",
        json!([system("Use tools."), ask()]),
        tools(),
        plain(),
    );
    add("no tools in the list", json!([ask()]), json!([]), plain());
    add(
        "a nested tool",
        json!([ask(), assistant("Where to?"), user("Home")]),
        json!([nested()]),
        plain(),
    );
    add(
        "a call",
        json!([
            ask(),
            calls(
                json!(""),
                &[call(
                    "call00001",
                    "get_weather",
                    "{\"place\": \"Zürich\", \"unit\": \"°C\"}"
                )]
            )
        ]),
        json!([weather()]),
        json!({"add_generation_prompt": false}),
    );
    let answered = |content: Value| {
        json!([
            system("S"),
            ask(),
            calls(
                content,
                &[call(
                    "call00001",
                    "get_weather",
                    "{\"place\": \"Zürich \\\"HB\\\"\", \"days\": [1, 2.0, 1e3, true, null], \"o\": {\"b\": 1, \"a\": {}}}"
                )]
            ),
            result(
                "call00001",
                "get_weather",
                "{\"temperature\": 7.5, \"sky\": \"grey ☁\"}"
            )
        ])
    };
    add(
        "a call and its result",
        answered(json!("")),
        tools(),
        plain(),
    );
    add(
        "a call without content",
        answered(Value::Null),
        tools(),
        plain(),
    );
    add(
        "a call with words",
        answered(json!("Let me see.")),
        tools(),
        plain(),
    );
    add(
        "a call and its result, no tools given",
        answered(json!("")),
        none(),
        plain(),
    );
    let two = || {
        json!([
            ask(),
            calls(
                json!(""),
                &[
                    call("call00001", "get_weather", "{\"place\":\"Bern\"}"),
                    call("call00002", "now", "{}")
                ]
            ),
            result("call00001", "get_weather", "rain"),
            result("call00002", "now", "12:00")
        ])
    };
    add("two calls at once", two(), tools(), plain());
    let mut on = two();
    on.as_array_mut().unwrap().extend([
        assistant("Rain at noon."),
        user("And then?"),
        calls(json!(""), &[call("call00003", "now", "{}")]),
        result("call00003", "now", "13:00"),
        assistant("It is one."),
        user("Thanks"),
    ]);
    add("calls in turns", on, tools(), plain());
    add(
        "an id of another length",
        json!([
            ask(),
            calls(json!(""), &[call("call_0123456789", "now", "{}")]),
            result("call_0123456789", "now", "1")
        ]),
        tools(),
        plain(),
    );
    add(
        "a result that is a text in parts",
        json!([ask(), calls(json!(""), &[call("call00001", "now", "{}")]),
        {"role": "tool", "tool_call_id": "call00001", "content": [{"type": "text", "text": "noon"}]}]),
        json!([bare()]),
        plain(),
    );

    // Reasoning.
    let thought = |field: &str| {
        json!([user("2+2?"), {"role": "assistant", "content": "4", field: "Two and two.\n"}, user("and 3+3?"),
        {"role": "assistant", "content": "6", field: "\nThree and three."}])
    };
    add(
        "reasoning",
        thought("reasoning_content"),
        none(),
        json!({"add_generation_prompt": false}),
    );
    add(
        "reasoning by another name",
        thought("reasoning"),
        none(),
        plain(),
    );
    add(
        "thinking in the words",
        json!([
            user("2+2?"),
            assistant("<think>\nTwo and two.\n</think>\n\n4"),
            user("3+3?"),
            assistant("<think>x</think>6"),
            user("4+4?")
        ]),
        none(),
        plain(),
    );
    add(
        "reasoning before a call",
        json!([ask(), {"role": "assistant", "reasoning_content": "I need the weather.", "content": "",
        "tool_calls": [call("call00001", "now", "{}")]}, result("call00001", "now", "noon")]),
        json!([bare()]),
        plain(),
    );

    // Variables.
    add(
        "thinking off",
        json!([user("one")]),
        none(),
        json!({"enable_thinking": false}),
    );
    add(
        "thinking on",
        json!([system("S"), user("one"), assistant("two"), user("three")]),
        none(),
        json!({"enable_thinking": true, "thinking": true}),
    );
    add(
        "another first token",
        json!([user("one")]),
        none(),
        json!({"bos_token": ""}),
    );
    add(
        "a date",
        json!([user("one")]),
        none(),
        json!({"date_string": "01 Jan 2030", "reasoning_effort": "high"}),
    );
    add(
        "tools in the system message",
        json!([system("S"), ask()]),
        tools(),
        json!({"tools_in_user_message": false, "builtin_tools": ["code_interpreter", "search"]}),
    );
    add(
        "documents",
        json!([user("What do they say?")]),
        none(),
        json!({"documents": [{"doc_id": 1, "title": "A", "text": "First."}, {"doc_id": 2, "title": "B", "text": "Second."}],
        "controls": {"citations": true}}),
    );
    add(
        "an answer to go on with",
        json!([user("one"), assistant("two and ")]),
        none(),
        json!({"continue_final_message": true}),
    );
    add(
        "a question to go on with",
        json!([system("S"), user("one")]),
        none(),
        json!({"continue_final_message": true, "add_generation_prompt": false}),
    );
    add(
        "nothing to go on with",
        json!([user("one"), {"role": "assistant"}]),
        none(),
        json!({"continue_final_message": true}),
    );
    all
}
