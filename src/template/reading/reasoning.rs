//! What a model thought before it answered: `<think>…</think>` at the beginning of its text.
//!
//! vLLM's `deepseek_r1` takes a text for reasoning up to the closing tag, and all of it where there is none, whether the opening
//! tag came or not: [`ReasoningTags::starts_inside`]. Unlike it, and like SGLang, the line breaks that follow a tag (two at the most)
//! are no part of what follows; both engines tell the text between the tags otherwise as it is.

use super::out::{Out, is_space};
use super::watch::{Expect, Expected, Watch};

/// Blanks that may stand before the opening tag, in bytes.
const SPACE_BYTES: usize = 256;

/// Line breaks that belong to a tag.
const BREAKS: u8 = 2;

/// What stands around the reasoning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasoningTags {
    /// `<think>`, or `[THINK]` for Mistral's models.
    pub open: String,
    /// `</think>`. Where it does not come, all is reasoning.
    pub close: String,
    /// The opening tag was the end of the prompt, as the templates of many models have it: the text begins with reasoning. An
    /// opening tag is then taken too.
    pub starts_inside: bool,
}

impl ReasoningTags {
    /// `<think>` and `</think>`: DeepSeek's, Qwen's and many other models'.
    pub fn think(starts_inside: bool) -> ReasoningTags {
        ReasoningTags {
            open: "<think>".to_owned(),
            close: "</think>".to_owned(),
            starts_inside,
        }
    }
}

/// Reads the reasoning, and leaves the rest to the answer.
#[derive(Clone, Debug)]
pub struct Reasoning {
    tags: ReasoningTags,
    watch: Watch,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// What came before the opening tag, and of the tag.
    Before(String, Expect),
    /// After a tag: so many line breaks may be left out.
    Breaks(u8),
    Inside,
    /// The same after the closing tag.
    After(u8),
    Over,
}

impl Reasoning {
    /// At the beginning of the text.
    pub fn new(tags: ReasoningTags) -> Reasoning {
        Reasoning {
            watch: Watch::new([tags.close.as_str()]),
            state: State::Before(String::new(), Expect::default()),
            tags,
        }
    }

    /// Takes text and gives what belongs to the answer.
    pub fn push<'a>(&mut self, mut text: &'a str, out: &mut Out) -> (String, &'a str) {
        let mut before = String::new();
        while !matches!(self.state, State::Over) {
            if matches!(self.state, State::Inside) {
                let (free, rest) = text.split_at(self.watch.free(text));
                out.reasoning(free);
                text = rest;
            }
            let Some(c) = text.chars().next() else {
                break;
            };
            text = &text[c.len_utf8()..];
            self.character(c, &mut before, out);
        }
        (before, text)
    }

    fn character(&mut self, c: char, answer: &mut String, out: &mut Out) {
        match &mut self.state {
            State::Before(held, tag) => {
                held.push(c);
                if tag.is_fresh() && is_space(c) && held.len() <= SPACE_BYTES {
                    return;
                }
                match tag.push(c, &[&self.tags.open]) {
                    Expected::Part => {}
                    Expected::Found(_) => self.state = State::Breaks(BREAKS),
                    Expected::Wrong => {
                        let held = std::mem::take(held);
                        self.no_tag(&held, answer, out);
                    }
                }
            }
            State::Breaks(left) if *left > 0 && c == '\n' => *left -= 1,
            State::Breaks(_) | State::Inside => {
                self.state = State::Inside;
                let mut free = String::new();
                if self.watch.push(c, &mut free).is_some() {
                    self.state = State::After(BREAKS);
                }
                out.reasoning(&free);
            }
            State::After(left) if *left > 0 && c == '\n' => *left -= 1,
            State::After(_) | State::Over => {
                self.state = State::Over;
                answer.push(c);
            }
        }
    }

    /// No opening tag came: what was held back is reasoning or answer.
    fn no_tag(&mut self, held: &str, answer: &mut String, out: &mut Out) {
        if !self.tags.starts_inside {
            self.state = State::Over;
            return answer.push_str(held);
        }
        self.state = State::Breaks(BREAKS);
        for c in held.chars() {
            self.character(c, answer, out);
        }
    }

    /// The text is over; gives what belongs to the answer after all.
    pub fn finish(&mut self, out: &mut Out) -> String {
        let mut answer = String::new();
        if let State::Before(held, _) = &mut self.state {
            let held = std::mem::take(held);
            self.no_tag(&held, &mut answer, out);
        }
        out.reasoning(&self.watch.finish());
        self.state = State::Over;
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::super::ToolFormat;
    use super::super::testing::Setting;
    use super::*;

    #[test]
    fn the_tags_part_reasoning_and_answer() {
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
}
