//! The built-in families: models that share a chat template. Each template is a file in `families/` that renders as the
//! models' own do, byte for byte (`tests/template` compares them).

/// What is known of one family.
#[derive(Debug)]
pub struct Family {
    /// Its name here, such as `llama3.1`.
    pub name: &'static str,
    /// Other names; spelling (case, `-`, `_`, `.`, space) does not matter.
    aliases: &'static [&'static str],
    /// The Jinja source.
    pub source: &'static str,
    /// Special tokens that the source names.
    pub tokens: &'static [(&'static str, &'static str)],
    /// What ends a turn or a text, as text.
    pub stops: &'static [&'static str],
    /// The format of tool calls; `None` where the models make none.
    pub tool_format: Option<&'static str>,
}

type Tokens = &'static [(&'static str, &'static str)];

const SENTENCE: Tokens = &[("bos_token", "<s>"), ("eos_token", "</s>")];
const LLAMA3: Tokens = &[
    ("bos_token", "<|begin_of_text|>"),
    ("eos_token", "<|eot_id|>"),
];
const LLAMA4: Tokens = &[("bos_token", "<|begin_of_text|>"), ("eos_token", "<|eot|>")];
const CHATML: Tokens = &[("eos_token", "<|im_end|>")];
const GEMMA: Tokens = &[("bos_token", "<bos>"), ("eos_token", "<eos>")];
const PHI: Tokens = &[
    ("bos_token", "<|endoftext|>"),
    ("eos_token", "<|endoftext|>"),
];
const DEEPSEEK: Tokens = &[
    ("bos_token", "<｜begin▁of▁sentence｜>"),
    ("eos_token", "<｜end▁of▁sentence｜>"),
];
const COHERE: Tokens = &[
    ("bos_token", "<BOS_TOKEN>"),
    ("eos_token", "<|END_OF_TURN_TOKEN|>"),
];
const GRANITE: Tokens = &[
    ("bos_token", "<|end_of_text|>"),
    ("eos_token", "<|end_of_text|>"),
];

const LLAMA3_STOPS: &[&str] = &["<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"];
const CHATML_STOPS: &[&str] = &["<|im_end|>", "<|endoftext|>"];
const SENTENCE_STOPS: &[&str] = &["</s>"];
const DEEPSEEK_STOPS: &[&str] = &["<｜end▁of▁sentence｜>"];
const GEMMA_STOPS: &[&str] = &["<end_of_turn>", "<eos>"];
const PHI_STOPS: &[&str] = &["<|end|>", "<|endoftext|>"];

macro_rules! family {
    ($name:literal, $aliases:expr, $tokens:expr, $stops:expr, $format:expr) => {
        Family {
            name: $name,
            aliases: &$aliases,
            source: include_str!(concat!("families/", $name, ".jinja")),
            tokens: $tokens,
            stops: $stops,
            tool_format: $format,
        }
    };
}

static FAMILIES: [Family; 31] = [
    family!("llama2", ["codellama"], SENTENCE, SENTENCE_STOPS, None),
    family!("llama3", ["llama3.0"], LLAMA3, LLAMA3_STOPS, None),
    family!(
        "llama3.1",
        ["llama3.3"],
        LLAMA3,
        LLAMA3_STOPS,
        Some("llama3_json")
    ),
    family!("llama3.2", [], LLAMA3, LLAMA3_STOPS, Some("llama3_json")),
    family!(
        "llama4",
        [],
        LLAMA4,
        &["<|eot|>", "<|eom|>", "<|end_of_text|>"],
        Some("llama4_pythonic")
    ),
    family!(
        "chatml",
        ["yi", "hermes", "dolphin"],
        CHATML,
        CHATML_STOPS,
        None
    ),
    family!("qwen2", [], CHATML, CHATML_STOPS, None),
    family!("qwen2.5", ["qwen"], CHATML, CHATML_STOPS, Some("hermes")),
    family!("qwen3", [], CHATML, CHATML_STOPS, Some("hermes")),
    family!(
        "qwen3-instruct",
        ["qwen3-instruct-2507"],
        CHATML,
        CHATML_STOPS,
        Some("hermes")
    ),
    family!(
        "qwen3-thinking",
        ["qwen3-thinking-2507"],
        CHATML,
        CHATML_STOPS,
        Some("hermes")
    ),
    family!(
        "mistral-v1",
        ["mixtral", "mistral-7b-v0.1", "mistral-7b-v0.2"],
        SENTENCE,
        SENTENCE_STOPS,
        None
    ),
    family!(
        "mistral-v3",
        ["mistral", "mistral-7b-v0.3"],
        SENTENCE,
        SENTENCE_STOPS,
        Some("mistral")
    ),
    family!(
        "mistral-v3-tekken",
        ["mistral-nemo", "mistral-tekken"],
        SENTENCE,
        SENTENCE_STOPS,
        Some("mistral")
    ),
    family!(
        "mistral-v7",
        ["mistral-small-3"],
        SENTENCE,
        SENTENCE_STOPS,
        None
    ),
    family!("gemma2", ["gemma"], GEMMA, GEMMA_STOPS, None),
    family!("gemma3", [], GEMMA, GEMMA_STOPS, None),
    family!("phi3", [], PHI, PHI_STOPS, None),
    family!("phi3.5", [], PHI, PHI_STOPS, None),
    family!("phi4", [], PHI, CHATML_STOPS, None),
    family!("phi4-mini", [], PHI, PHI_STOPS, None),
    family!("deepseek-v2", [], DEEPSEEK, DEEPSEEK_STOPS, None),
    family!(
        "deepseek-v3",
        ["deepseek"],
        DEEPSEEK,
        DEEPSEEK_STOPS,
        Some("deepseek")
    ),
    family!(
        "deepseek-r1",
        [],
        DEEPSEEK,
        DEEPSEEK_STOPS,
        Some("deepseek")
    ),
    family!(
        "deepseek-r1-distill",
        [],
        DEEPSEEK,
        DEEPSEEK_STOPS,
        Some("deepseek")
    ),
    family!("zephyr", ["tinyllama"], SENTENCE, SENTENCE_STOPS, None),
    family!("alpaca", [], SENTENCE, SENTENCE_STOPS, None),
    family!("vicuna", [], SENTENCE, SENTENCE_STOPS, None),
    family!(
        "command-r",
        ["aya"],
        COHERE,
        &["<|END_OF_TURN_TOKEN|>"],
        None
    ),
    family!(
        "granite3",
        ["granite3.3"],
        GRANITE,
        &["<|end_of_text|>"],
        Some("granite")
    ),
    family!("solar", [], SENTENCE, SENTENCE_STOPS, None),
];

/// The families' names, for messages and manuals.
pub fn names() -> impl Iterator<Item = &'static str> {
    FAMILIES.iter().map(|family| family.name)
}

/// A family by its name or an alias, in any spelling.
pub fn find(name: &str) -> Option<&'static Family> {
    let wanted = spelling(name);
    FAMILIES.iter().find(|family| {
        std::iter::once(&family.name)
            .chain(family.aliases)
            .any(|known| spelling(known) == wanted)
    })
}

/// Letters and digits alone: `Llama-3.1`, `llama_3_1` and `llama31` are one.
fn spelling(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '-' | '_' | '.' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;
    use serde_json::{Map, Value, json};

    #[test]
    fn every_family_is_found_by_each_of_its_names_and_no_name_has_two() {
        let mut seen = std::collections::HashSet::new();
        for family in &FAMILIES {
            for name in std::iter::once(&family.name).chain(family.aliases) {
                assert!(seen.insert(spelling(name)), "{name} is there twice");
                assert_eq!(find(name).unwrap().name, family.name);
            }
        }
        for (name, family) in [
            ("Llama-3", "llama3"),
            ("LLAMA_3_1", "llama3.1"),
            ("llama 3.3", "llama3.1"),
            ("Qwen2.5", "qwen2.5"),
            ("DeepSeek-R1", "deepseek-r1"),
        ] {
            assert_eq!(find(name).unwrap().name, family);
        }
        assert!(find("gpt").is_none());
        assert_eq!(names().count(), FAMILIES.len());
    }

    #[test]
    fn every_family_renders_and_tells_how_its_turns_end() {
        let messages = [json!({"role": "user", "content": "who are u?"})];
        for name in names() {
            let template = Template::family(name).unwrap();
            let prompt = template.render(&messages, None, &Map::new(), 0).unwrap();
            assert!(prompt.contains("who are u?"), "{name}: {prompt}");
            assert!(!template.stops().is_empty(), "{name}");
        }
    }

    #[test]
    fn a_family_with_a_format_of_calls_writes_calls() {
        let messages: Value = json!([{"role": "user", "content": "a"}, {"role": "assistant", "tool_calls": [
            {"id": "abcdefghi", "type": "function", "function": {"name": "find_it", "arguments": "{\"x\": 1}"}}]},
            {"role": "tool", "tool_call_id": "abcdefghi", "content": "found"}]);
        for family in FAMILIES
            .iter()
            .filter(|f| !matches!(f.tool_format, None | Some("granite")))
        {
            let template = Template::family(family.name).unwrap();
            let prompt = template
                .render(messages.as_array().unwrap(), None, &Map::new(), 0)
                .unwrap();
            assert!(
                prompt.contains("find_it") && prompt.contains("{\"x\": 1}"),
                "{}: {prompt}",
                family.name
            );
            assert!(prompt.contains("found"), "{}: {prompt}", family.name);
        }
    }

    /// No package carries Vicuna's template; FastChat's description of it is the format.
    #[test]
    fn vicuna_is_one_line() {
        let turn = |role: &str, content: &str| json!({"role": role, "content": content});
        let messages = [
            turn("user", "Hello!"),
            turn("assistant", "Hi."),
            turn("user", "How are you?"),
        ];
        assert_eq!(
            Template::family("vicuna")
                .unwrap()
                .render(&messages, None, &Map::new(), 0)
                .unwrap(),
            "A chat between a curious user and an artificial intelligence assistant. The assistant gives helpful, \
             detailed, and polite answers to the user's questions. USER: Hello! ASSISTANT: Hi.</s>USER: How are you? \
             ASSISTANT:"
        );
    }
}
