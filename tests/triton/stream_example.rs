//! The C program that prints a chat as it comes, on the real Triton.

use super::log::{self, label};
use super::{alone, programs, server};
use crate::toolchain::run;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

const STORY: &str = "Tell me a story about the \"sea\".\n";

/// All that it does, with a program built in one of the three ways.
fn check(how: &str, make: fn(&str) -> Command) {
    let _turn = alone();
    prints_an_answer(make("stream"));
    says_what_is_wrong(make("stream"));
    // A machine that stalls for a moment breaks no promise.
    let is_prompt = (0..3).any(|_| is_interrupted(how, make("stream")) <= 220.0);
    assert!(is_prompt, "{how}: not within 200 ms and a token's time");
}

#[test]
fn plain() {
    check("plain", programs::plain);
}

#[test]
fn sanitized() {
    check("sanitized", programs::sanitized);
}

#[test]
fn valgrind() {
    check("valgrind", programs::valgrind);
}

/// 20 tokens of at least 50 ms: five pieces that are there before that second is over came one by one.
fn prints_an_answer(mut command: Command) {
    command.arg(server()).args(["tiny_llm", STORY]);
    command.arg(r#""max_tokens":20,"ignore_eos":true,"delay_ms":50"#);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut pieces = Vec::new();
    while let Some(text) = piece(&mut child) {
        pieces.push((Instant::now(), text));
    }
    assert!(child.wait().unwrap().success());
    let texts: String = pieces.iter().map(|(_, text)| text.as_str()).collect();
    assert!(texts.ends_with("\n[length, 20 tokens]\n"), "{texts}");
    // The first token is made after 50 ms at the earliest, the last 19 times as long after it.
    let over = pieces[0].0 + Duration::from_millis(19 * 50);
    let early = pieces.iter().filter(|(at, _)| *at < over).count();
    assert!(early >= 5, "{pieces:?}");
}

fn says_what_is_wrong(mut command: Command) {
    let output = run(command.args([&server(), "no_such_model"]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.starts_with("stream: ") && said.contains("no_such_model"),
        "{said}"
    );
    assert!(output.stdout.is_empty());
}

/// Gives the milliseconds from the signal until the model noticed.
fn is_interrupted(how: &str, mut command: Command) -> f64 {
    let label = label("stream.c");
    command.arg(server()).args(["tiny_llm", STORY]);
    command.arg(format!(
        r#""max_tokens":500,"ignore_eos":true,"delay_ms":20,"label":"{label}""#
    ));
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut said: String = (0..3).filter_map(|_| piece(&mut child)).collect();
    let since = SystemTime::now();
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    while let Some(text) = piece(&mut child) {
        said += &text;
    }
    let ended = since.elapsed().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(said.contains("\n[cancelled after "), "{said}");
    let noticed = log::wait(&label).expect("the model goes on");
    let ms = noticed.after(since);
    println!(
        "stream.c, {how}: SIGINT ended it after {ended:?}, the model noticed after {ms:.1} ms, at token {}",
        noticed.tokens
    );
    ms
}

/// What the program writes next.
fn piece(child: &mut Child) -> Option<String> {
    let mut bytes = [0; 4096];
    let read = child.stdout.as_mut().unwrap().read(&mut bytes).unwrap();
    (read > 0).then(|| String::from_utf8_lossy(&bytes[..read]).into_owned())
}
