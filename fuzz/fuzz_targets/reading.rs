//! A format, options and sizes of pieces in the first line, and below it a model's text → content, reasoning and tool calls, the
//! same however it is cut.
#![no_main]

use fuzz::parts;
use fuzz::pieces::Cuts;
use fuzz::spoken::Spoken;
use libfuzzer_sys::fuzz_target;
use mishikallm::template::reading::{ReasoningTags, ToolFormat};

fuzz_target!(|input: &[u8]| {
    let (line, text) = parts::head(input);
    let text = String::from_utf8_lossy(text);
    let has = |word: &str| line.split_ascii_whitespace().any(|w| w == word);
    let spoken = |format| Spoken {
        format,
        knows_tools: !has("anyone"),
        reasoning: (has("think") || has("thinking")).then(|| ReasoningTags::think(has("thinking"))),
    };
    let cuts = Cuts::read(line);
    for (format, names) in ToolFormat::NAMES {
        if !has("only") || has(names[0]) {
            spoken(Some(format)).check(&text, &cuts);
        }
    }
    spoken(None).check(&text, &cuts);
});
