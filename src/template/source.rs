//! What a template's source tells without being run.

use std::borrow::Cow;

/// The source as the engine has to be given it, to do what Jinja does:
///
/// - `{% generation %}` … `{% endgeneration %}`, transformers' own tags around an assistant's words, become a scope that
///   Jinja knows; rendered, they are no more;
/// - line ends are `\n`;
/// - the line end after `{% raw %}` is kept, which `trim_blocks` takes after every other tag.
///
/// White-space control (`{%-`, `-%}`) stays.
pub fn for_engine(source: &str) -> Cow<'_, str> {
    if source.contains('\r') {
        let lines = source.replace("\r\n", "\n").replace('\r', "\n");
        return Cow::Owned(for_engine(&lines).into_owned());
    }
    if !source.contains("generation") && !source.contains("raw") {
        return Cow::Borrowed(source);
    }
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = rest.find("{%") {
        let (before, tag) = rest.split_at(at);
        out.push_str(before);
        let inner = tag[2..].trim_start_matches(['-', '+']).trim_start();
        let word_end = inner
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(inner.len());
        let (word, after) = inner.split_at(word_end);
        let end = after.trim_start();
        let scope = match word {
            "generation" => "with",
            "endgeneration" => "endwith",
            word => word,
        };
        if word == "raw" && end.starts_with("%}") {
            // What is inside is nobody's tag.
            let length = end.find("endraw").unwrap_or(end.len());
            out.push_str(&tag[..tag.len() - end.len()]);
            out.push('+');
            out.push_str(&end[..length]);
            rest = &end[length..];
        } else if scope != word && end.trim_start_matches(['-', '+']).starts_with("%}") {
            out.push_str(&tag[..tag.len() - inner.len()]);
            out.push_str(scope);
            rest = after;
        } else {
            out.push_str("{%");
            rest = &tag[2..];
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// The most signs that join texts (`+`, `~`) in one tag.
pub fn most_joined(source: &str) -> usize {
    source
        .split("{{")
        .flat_map(|part| part.split("{%"))
        .map(|tag| tag.bytes().filter(|b| matches!(b, b'+' | b'~')).count())
        .max()
        .unwrap_or(0)
}

/// Whether the template speaks of tools at all.
pub fn mentions_tools(source: &str) -> bool {
    source
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .any(|word| word == "tools")
}

/// Marks of the formats that models write tool calls in, the telling ones first.
const MARKS: [(&str, &str); 11] = [
    ("<｜tool▁calls▁begin｜>", "deepseek"),
    ("<function=", "qwen3_coder"),
    ("<tool_call>", "hermes"),
    ("[TOOL_CALLS]", "mistral"),
    ("<|python_start|>", "llama4_pythonic"),
    ("<|python_tag|>", "llama3_json"),
    (
        "\"parameters\": dictionary of argument name and its value",
        "llama3_json",
    ),
    ("[func_name1(params_name1=params_value1", "pythonic"),
    ("<|tool_call|>", "granite"),
    ("<|tool_calls_section_begin|>", "kimi_k2"),
    ("<|START_ACTION|>", "command"),
];

/// The format of tool calls that the template's own words ask for, as far as they tell.
pub fn tool_format(source: &str) -> Option<&'static str> {
    if !mentions_tools(source) {
        return None;
    }
    MARKS
        .iter()
        .find(|(mark, _)| source.contains(mark))
        .map(|(_, format)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generation_tags_become_a_scope_and_keep_their_white_space() {
        let tags = "{%- generation -%}a{% endgeneration +%}{% if add_generation_prompt %}{%generation%}b{%endgeneration%}{% endif %}";
        assert_eq!(
            for_engine(tags),
            "{%- with -%}a{% endwith +%}{% if add_generation_prompt %}{%with%}b{%endwith%}{% endif %}"
        );
        assert_eq!(
            for_engine("{% set generation = 1 %}"),
            "{% set generation = 1 %}"
        );
        assert_eq!(for_engine("{% generation"), "{% generation");
        assert_eq!(
            for_engine("{% raw %}\n{% generation %}{% endraw %}{%- raw -%}{% endraw %}"),
            "{% raw +%}\n{% generation %}{% endraw %}{%- raw -%}{% endraw %}"
        );
    }

    #[test]
    fn tools_and_their_format_are_found() {
        assert!(mentions_tools("{% if tools %}"));
        assert!(!mentions_tools("{% if builtin_tools %}toolset"));
        let hermes = "{% for t in tools %}{{ t }}{% endfor %}<tool_call>";
        assert_eq!(tool_format(hermes), Some("hermes"));
        assert_eq!(tool_format("<tool_call>"), None);
        assert_eq!(tool_format("{{ tools }}"), None);
    }
}
