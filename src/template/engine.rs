//! The Jinja that chat templates are written for: minijinja, set up as transformers sets up jinja2
//! (`transformers/utils/chat_template_utils.py`): `trim_blocks`, `lstrip_blocks`, loop controls, `raise_exception`,
//! `strftime_now`, a `tojson` that is `json.dumps`, nothing escaped, and Python's methods.
//!
//! A template is somebody else's code: its source, its steps, its depth and its output are bounded, and it runs on a stack
//! that is deep enough for all that it can nest within these bounds.
//!
//! Known differences: a loop over `none` and `tojson` of a generator are errors in Python and none here; the filter `safe`,
//! which makes Jinja escape what it is joined with, does nothing here; there is no `'%s' % x` (the filter `format` is there).

use crate::error::{Error, Result};
use crate::limits;
use crate::template::{dumps, python, source, sums};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::ValueKind;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};
use std::fmt;
use std::io;

/// One compiled template source.
#[derive(Clone, Debug)]
pub struct Engine {
    environment: Environment<'static>,
    /// Built in, and known to nest nothing.
    trusted: bool,
}

/// The name that the one template of an environment has.
const NAME: &str = "chat";

/// What a template says by `raise_exception`.
#[derive(Debug)]
struct Refusal(String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

impl Engine {
    /// Compiles a source.
    ///
    /// # Errors
    /// Argument errors at `chat_template`: too long, or not Jinja; with the line.
    pub fn compile(text: &str) -> Result<Engine> {
        // The parser bounds brackets, but no chains of operators; its tree is walked by recursion.
        stacker::grow(limits::TEMPLATE_STACK, || Engine::compile_here(text, false))
    }

    /// Compiles a built-in source, which needs no stack of its own.
    ///
    /// # Errors
    /// As [`Engine::compile`].
    pub fn compile_trusted(text: &str) -> Result<Engine> {
        Engine::compile_here(text, true)
    }

    fn compile_here(text: &str, trusted: bool) -> Result<Engine> {
        if text.len() > limits::TEMPLATE_BYTES {
            return Err(Error::argument(
                "chat_template",
                format!(
                    "chat_template: expected at most {} bytes, got {}",
                    limits::TEMPLATE_BYTES,
                    text.len()
                ),
            ));
        }
        let joined = source::most_joined(text);
        if joined > limits::TEMPLATE_JOINED {
            return Err(Error::argument(
                "chat_template",
                format!(
                    "chat_template: expected at most {} + and ~ in one tag, got {joined}",
                    limits::TEMPLATE_JOINED
                ),
            ));
        }
        let mut environment = Environment::new();
        environment.set_syntax(syntax()?);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_recursion_limit(limits::TEMPLATE_DEPTH);
        environment.set_unknown_method_callback(python::method);
        environment.add_filter("tojson", dumps::tojson);
        environment.add_filter(sums::FILTER, sums::paid);
        environment.add_filter("sum", sums::sum);
        environment.add_filter("trim", python::trim);
        environment.add_filter("indent", python::indent);
        environment.add_filter("int", python::int);
        environment.add_filter("float", python::float_filter);
        environment.add_test("sequence", is_sequence);
        environment.add_test("iterable", is_iterable);
        environment.add_function("raise_exception", raise_exception);
        environment
            .add_template_owned(
                NAME,
                sums::with_paid_sums(&source::for_engine(text)).into_owned(),
            )
            .map_err(|e| {
                Error::argument("chat_template", format!("chat_template: {}", words(&e)))
            })?;
        Ok(Engine {
            environment,
            trusted,
        })
    }

    /// Renders with these variables. `steps` bounds time and memory: one is an instruction, or 64 bytes of text.
    ///
    /// # Errors
    /// Argument errors at `messages`: the template refuses them (`raise_exception`), cannot take them, or takes too
    /// many steps; a limit where the prompt gets too long.
    pub fn render(&self, variables: Value, steps: u64) -> Result<String> {
        if self.trusted {
            return self.render_here(variables, steps);
        }
        // A loop can put a list into a list into a list: dropping that is recursion as deep as there were steps.
        let per_step = usize::try_from(steps).unwrap_or(usize::MAX);
        let stack = limits::TEMPLATE_STACK_PER_STEP.saturating_mul(per_step);
        stacker::grow(limits::TEMPLATE_STACK.saturating_add(stack), || {
            self.render_here(variables, steps)
        })
    }

    fn render_here(&self, variables: Value, steps: u64) -> Result<String> {
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(steps));
        let mut prompt = Bounded(Vec::new());
        environment
            .get_template(NAME)
            .and_then(|template| {
                template
                    .render_captured_to(variables, &mut prompt)
                    .map(drop)
            })
            .map_err(|e| render_error(&e))?;
        // What a template writes is text, piece by piece.
        String::from_utf8(prompt.0)
            .map_err(|_| Error::argument("chat_template", "chat_template: it writes no UTF-8"))
    }
}

fn syntax() -> Result<SyntaxConfig> {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()
        .map_err(|e| Error::argument("chat_template", format!("chat_template: {}", words(&e))))
}

/// What is rendered, no longer than a prompt may be.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > limits::PROMPT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn raise_exception(message: Value) -> std::result::Result<Value, minijinja::Error> {
    Err(
        minijinja::Error::new(ErrorKind::InvalidOperation, "raise_exception")
            .with_source(Refusal(message.to_string())),
    )
}

/// Jinja's own test asks for a length and items: texts and objects have them too.
fn is_sequence(value: &Value) -> bool {
    matches!(
        value.kind(),
        ValueKind::Seq | ValueKind::Map | ValueKind::String | ValueKind::Undefined
    )
}

/// Nothing is not iterable to Jinja's own test, though the engine's loops take it for empty.
fn is_iterable(value: &Value) -> bool {
    !value.is_none() && value.try_iter().is_ok()
}

/// The engine's complaint with its line. Only what cannot hold a message's text: names, and what the syntax expected.
fn words(e: &minijinja::Error) -> String {
    let mut text = e.kind().to_string();
    let telling = matches!(
        e.kind(),
        ErrorKind::SyntaxError
            | ErrorKind::UnknownFilter
            | ErrorKind::UnknownFunction
            | ErrorKind::UnknownMethod
            | ErrorKind::UnknownTest
            | ErrorKind::UndefinedError
    );
    if let Some(detail) = e.detail().filter(|_| telling) {
        text = format!("{text}: {detail}");
    }
    if let Some(line) = e.line() {
        text = format!("{text} (line {line})");
    }
    text
}

fn render_error(e: &minijinja::Error) -> Error {
    let mut cause: Option<&dyn std::error::Error> = Some(e);
    while let Some(here) = cause {
        if let Some(Refusal(message)) = here.downcast_ref() {
            return Error::argument(
                "messages",
                format!("messages: the chat template refuses them: {message}"),
            );
        }
        if let Some(inner) = here.downcast_ref::<minijinja::Error>() {
            match inner.kind() {
                ErrorKind::OutOfFuel => {
                    return Error::limit(
                        413,
                        "chat_template: it takes more steps or memory than these messages may need",
                    )
                    .with_param("chat_template");
                }
                ErrorKind::WriteFailure => {
                    return Error::limit(
                        413,
                        format!(
                            "chat_template: expected a prompt of at most {} bytes, got more",
                            limits::PROMPT_BYTES
                        ),
                    )
                    .with_param("chat_template");
                }
                _ => {}
            }
        }
        cause = here.source();
    }
    // The innermost error of the engine is the one that tells what went wrong.
    Error::argument(
        "messages",
        format!("messages: the chat template cannot take them: {}", words(e)),
    )
}

#[cfg(test)]
mod tests {
    use crate::error::{Result, Status};
    use crate::limits;
    use crate::template::Template;
    use serde_json::{Map, json};

    /// On a thread with the least stack that threads commonly have.
    fn render(source: &str) -> Result<String> {
        let source = source.to_owned();
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        let run = move || {
            let messages = [json!({"role": "user", "content": "the words"})];
            Template::compile(&source)?.render(&messages, None, &Map::new(), 0)
        };
        thread.spawn(run).unwrap().join().unwrap()
    }

    fn status(source: &str) -> Option<Status> {
        render(source).err().map(|e| e.status())
    }

    #[test]
    fn a_template_that_never_ends_or_fills_the_memory_is_stopped() {
        for source in [
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            "{{ 'x' * 1000000000 }}",
            "{% set ns = namespace(x='x') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
            "{{ ('x' * 100000).join(range(100000)) }}",
            "{{ '%1000000000d' | format(1) }}",
            "{{ '{:1000000000}'.format(1) }}",
            "{% for i in range(100000) %}{{ range(100000) | sort | length }}{% endfor %}",
            "{% for i in range(100000) %}{{ 'x' * 100000 }}{% endfor %}",
            "{% for i in range(100000) %}{{ messages | tojson(indent=64) | length }}{% endfor %}",
            "{{ ('a\n' * 1000000) | indent('x' * 100000) | length }}",
            "{{ ('a' * 1000000).replace('a', 'b' * 1000000) | length }}",
            "{{ ('a ' * 10000000).split() | length }}",
            "{% for i in range(1000) %}{{ ('a\n' * 1000000).splitlines() | length }}{% endfor %}",
            "{{ range(100000) | batch(100000000, 'x') | list | length }}",
            "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = ns.l + ns.l %}{% endfor %}{{ ns.l | length }}",
            "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(90) %}{% set ns.a = ns.a + ns.b %}{% set ns.b = ns.b + ns.a %}{% endfor %}",
            "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] | sum(start=[]) %}{% endfor %}{{ ns.l | length }}",
        ] {
            assert_eq!(status(source), Some(Status::Limit), "{source}");
        }
        for source in [
            "{% for i in range(1000000000) %}{% endfor %}",
            "{{ strftime_now('%A' * 1000000) }}",
            "{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}",
            "{% macro f(l, n) %}{% if n %}{{ f(l + l, n - 1) }}{% endif %}{% endmacro %}{{ f([1], 60) }}",
        ] {
            assert_eq!(status(source), Some(Status::Argument), "{source}");
        }
    }

    /// All of these overflowed the stack: chains of operators are no brackets, and what loops build is dropped by recursion.
    #[test]
    fn a_template_that_nests_without_end_does_not_overflow_the_stack() {
        let bytes = limits::TEMPLATE_BYTES - 100;
        let filled = |begin: &str, more: &str, end: &str| {
            format!("{begin}{}{end}", more.repeat(bytes / more.len()))
        };
        for source in [
            "{% set ns = namespace(x=[]) %}{% for i in range(100000) %}{% set ns.x = [ns.x] %}{% endfor %}".to_owned(),
            "{% set ns = namespace(x={}) %}{% for i in range(100000) %}{% set ns.x = {'a': ns.x} %}{% endfor %}".to_owned(),
            filled("{% set x = [] %}", "{% set x = [x] %}", ""),
            filled("{{ ", "not ", "1 }}"),
            filled("{{ ", "-", "1 }}"),
            filled("{{ 1", "*1", " }}"),
            filled("{{ 'x'", "|trim", " }}"),
            filled("{{ ", "1 if 0 else ", "1 }}"),
            filled("{% if 0 %}", "{% elif 0 %}", "{% endif %}"),
        ] {
            assert!(render(&source).is_ok(), "{}", &source[..40]);
        }
        for source in [
            filled("{{ ", "(", " }}"),
            filled("", "{% if true %}", ""),
            filled("{{ messages", ".a", " }}"),
            filled("{{ 1", "~1", " }}"),
            "x".repeat(limits::TEMPLATE_BYTES + 1),
        ] {
            assert_eq!(status(&source), Some(Status::Argument), "{}", &source[..40]);
        }
    }

    #[test]
    fn errors_have_the_place_and_not_the_words() {
        let message = |source: &str| render(source).unwrap_err().message().to_owned();
        assert_eq!(
            message("{{ raise_exception('no ' ~ messages[0].role) }}"),
            "messages: the chat template refuses them: no user"
        );
        let cannot = "messages: the chat template cannot take them:";
        assert_eq!(
            message("a\n{{ messages[0].x.y }}"),
            format!("{cannot} undefined value (line 2)")
        );
        assert!(message("{{ 'a' | nope }}").contains("nope"));
        for source in [
            "{{ messages[0].content + 1 }}",
            "{{ messages[0].content | round }}",
            "{{ messages[0].content() }}",
        ] {
            assert!(message(source).starts_with(cannot), "{source}");
            assert!(!message(source).contains("the words"), "{source}");
        }
        assert!(message("{% if %}").starts_with("chat_template: syntax error"));
    }
}
