//! Lists that are added: the engine makes a sum without its costing a step, and a list that is added to itself again and again has soon more
//! elements than there is memory. So what stands behind a `+` is handed through a filter that pays for it.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, State, Value, filters};
use std::borrow::Cow;

/// The filter's name; nobody's own.
pub const FILTER: &str = "_paid";

/// A value as it is. A list is paid for by its length, and is then one of its own.
pub fn paid(state: &State<'_, '_>, value: Value) -> Result<Value, Error> {
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable) || value.is_tuple() {
        return Ok(value);
    }
    let Some(length) = value.len() else {
        return Ok(value);
    };
    state.consume_fuel(length as u64)?;
    Ok(Value::from(value.try_iter()?.collect::<Vec<Value>>()))
}

/// Jinja's `sum`, which adds lists too.
pub fn sum(
    state: &State<'_, '_>,
    values: Value,
    attribute: Option<&str>,
    start: Option<Value>,
    more: Kwargs,
) -> Result<Value, Error> {
    let items: Vec<Value> = values.try_iter()?.collect();
    let lists = items.iter().filter(|item| !item.is_tuple());
    let lengths = lists.filter(|item| matches!(item.kind(), ValueKind::Seq | ValueKind::Iterable));
    state.consume_fuel(lengths.filter_map(Value::len).map(|n| n as u64).sum())?;
    filters::sum(state, Value::from(items), attribute, start, more)
}

/// The source with the filter behind the right side of every `+`.
pub fn with_paid_sums(source: &str) -> Cow<'_, str> {
    if !source.contains('+') {
        return Cow::Borrowed(source);
    }
    let mut out = String::with_capacity(source.len() + source.len() / 8);
    let mut rest = source;
    while let Some(at) = rest.find("{").filter(|at| *at + 1 < rest.len()) {
        let after = &rest[at + 1..];
        let skip = match after.as_bytes()[0] {
            b'{' | b'%' => {
                let tokens = tokens(&after[1..]);
                let end = tokens.last().map_or(after.len(), |t| 1 + t.end);
                out.push_str(&rest[..at + 2]);
                pay(&after[1..end], &tokens, &mut out);
                rest = &after[end..];
                if tokens.first().is_some_and(|t| t.text(&after[1..]) == "raw") {
                    // What is inside is nobody's tag.
                    let length = rest.find("endraw").unwrap_or(rest.len());
                    out.push_str(&rest[..length]);
                    rest = &rest[length..];
                }
                continue;
            }
            b'#' => rest[at..].find("#}").map_or(rest.len(), |end| at + end + 2),
            _ => at + 1,
        };
        out.push_str(&rest[..skip]);
        rest = &rest[skip..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// A word, a text in quotes, or one sign of a tag.
#[derive(Clone, Copy, PartialEq)]
struct Token {
    begin: usize,
    end: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Word,
    Number,
    Text,
    Sign(char),
}

impl Token {
    fn text<'a>(&self, tag: &'a str) -> &'a str {
        &tag[self.begin..self.end]
    }

    /// Whether a value may end here, so that a `+` after it adds.
    fn ends_a_value(&self) -> bool {
        !matches!(self.kind, Kind::Sign(sign) if !")]}".contains(sign))
    }
}

/// The tokens of a tag up to its end, which is not among them but for a sign that is no token of an expression.
fn tokens(tag: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut depth = 0usize;
    let mut letters = tag.char_indices().peekable();
    while let Some((begin, letter)) = letters.next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        let kind = match letter {
            c if c.is_whitespace() => continue,
            '%' | '}'
                if depth == 0
                    && matches!(&tag[begin..], t if t.starts_with("%}") || t.starts_with("}}")) =>
            {
                break;
            }
            '"' | '\'' => {
                let mut escaped = false;
                for (_, c) in letters.by_ref() {
                    match c {
                        _ if escaped => escaped = false,
                        '\\' => escaped = true,
                        c if c == letter => break,
                        _ => {}
                    }
                }
                Kind::Text
            }
            c if is_word(c) => {
                let is_number = c.is_ascii_digit();
                while letters
                    .next_if(|(at, c)| {
                        // The point of a number, and not of an attribute.
                        let next = tag[at + c.len_utf8()..].chars().next();
                        let is_point = *c == '.' && next.is_some_and(|c| c.is_ascii_digit());
                        is_word(*c) || (is_number && is_point)
                    })
                    .is_some()
                {}
                match is_number {
                    true => Kind::Number,
                    false => Kind::Word,
                }
            }
            sign => {
                match sign {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                Kind::Sign(sign)
            }
        };
        let end = letters.peek().map_or(tag.len(), |(at, _)| *at);
        tokens.push(Token { begin, end, kind });
    }
    tokens
}

/// Writes a tag with what is added paid for.
fn pay(tag: &str, tokens: &[Token], out: &mut String) {
    let mut behind: Vec<usize> = Vec::new();
    for (i, token) in tokens.iter().enumerate().skip(1) {
        if token.kind == Kind::Sign('+') && tokens[i - 1].ends_a_value() {
            behind.extend(end_of_operand(tokens, i + 1).map(|last| tokens[last].end));
        }
    }
    // Of two sums in each other the inner one may end where the outer does.
    behind.sort_unstable();
    let mut from = 0;
    for end in behind {
        out.push_str(&tag[from..end]);
        out.push('|');
        out.push_str(FILTER);
        from = end;
    }
    out.push_str(&tag[from..]);
}

/// The last token of the operand that begins at token `at`; `None`: there is none, or it is a text or a number alone.
fn end_of_operand(tokens: &[Token], mut at: usize) -> Option<usize> {
    let sign = |at: usize| match tokens.get(at)?.kind {
        Kind::Sign(sign) => Some(sign),
        _ => None,
    };
    while matches!(sign(at), Some('+' | '-')) {
        at += 1;
    }
    let first = at;
    at = match sign(at) {
        Some('(' | '[' | '{') => close_of(tokens, at)?,
        Some(_) => return None,
        None => {
            tokens.get(at)?;
            while tokens[at].kind == Kind::Text
                && tokens.get(at + 1).is_some_and(|t| t.kind == Kind::Text)
            {
                at += 1;
            }
            at
        }
    };
    loop {
        at = match sign(at + 1) {
            Some('.') => at + 2,
            Some('(' | '[') => close_of(tokens, at + 1)?,
            Some('|') => at + 2,
            _ => break,
        };
        tokens.get(at)?;
    }
    let is_literal = matches!(tokens[at].kind, Kind::Text | Kind::Number)
        && tokens[first].kind == tokens[at].kind;
    (!is_literal).then_some(at)
}

/// The bracket that closes the one at token `at`.
fn close_of(tokens: &[Token], at: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (i, token) in tokens.iter().enumerate().skip(at) {
        match token.kind {
            Kind::Sign('(' | '[' | '{') => depth += 1,
            Kind::Sign(')' | ']' | '}') => {
                depth -= 1;
                if depth == 0 {
                    return Some(i);
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_a_plus_is_paid_for() {
        for (source, expected) in [
            ("{{ a + b }}", "{{ a + b|_paid }}"),
            (
                "{{ a + b.c[0](d + e)|f(1) + 'x' }}",
                "{{ a + b.c[0](d + e|_paid)|f(1)|_paid + 'x' }}",
            ),
            (
                "{%- set l = l + [m, n] if x else [] -%}",
                "{%- set l = l + [m, n]|_paid if x else [] -%}",
            ),
            ("{{ a + (b + c) }}", "{{ a + (b + c|_paid)|_paid }}"),
            ("{{ a + -b is string }}", "{{ a + -b|_paid is string }}"),
            (
                "{{ {'a': {}}['a + b'] + x }}",
                "{{ {'a': {}}['a + b'] + x|_paid }}",
            ),
            (
                "{{ 1 + 2.5 }}{{ 'a' + 'b' 'c' }}",
                "{{ 1 + 2.5 }}{{ 'a' + 'b' 'c' }}",
            ),
            (
                "a + b {# c + d #} {%+ if +e +%} f {{ g + h +}}",
                "a + b {# c + d #} {%+ if +e|_paid +%} f {{ g + h|_paid +}}",
            ),
            (
                "{% raw %}{{ a + b }}{% endraw %}{{ c + d }}",
                "{% raw %}{{ a + b }}{% endraw %}{{ c + d|_paid }}",
            ),
            ("{{ a + ", "{{ a + "),
            ("{ {a + b} {", "{ {a + b} {"),
        ] {
            assert_eq!(with_paid_sums(source), expected);
        }
    }
}
