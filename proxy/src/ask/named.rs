//! Which key is meant: people name it by its alias, its hash or how that begins, what is shown of it, or by itself.

use super::http::Peer;
use super::list::{self, Pages};
use super::note;
use super::words;
use crate::keys::{Token, token};
use serde_json::Value;
use std::io::{BufRead, IsTerminal};

/// The name that stands for a line of the standard input.
const STDIN: &str = "-";

/// Letters of a hash that are enough, where no other begins so.
const PREFIX: usize = 4;

/// How many of several are told.
const SEVERAL: usize = 5;

/// Longer than any name; a longer line is none.
const LINE_BYTES: u64 = 4096;

/// A key that was found.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// Its hash.
    pub token: String,
    /// What people call it.
    pub called: String,
}

/// What a name is.
#[derive(Debug, PartialEq, Eq)]
enum Name {
    /// The hash, or the key itself, whose hash it is: nobody has to be asked.
    Known(Found),
    /// What is shown of the key.
    Shown(String),
    /// An alias, or how a hash begins.
    Other(String),
}

impl Name {
    fn read(text: &str) -> Name {
        let shown = [token::PREFIX, "..."].concat();
        if text.starts_with(&shown) {
            return Name::Shown(text.to_owned());
        }
        if text.starts_with(token::PREFIX) {
            return Name::Known(Found {
                token: Token::of(text.as_bytes()).to_string(),
                called: token::name(text),
            });
        }
        match Token::parse(text) {
            Some(token) => Name::Known(Found {
                token: token.to_string(),
                called: words::prefix(&Value::String(token.to_string())),
            }),
            None => Name::Other(text.to_owned()),
        }
    }

    /// Whether a key of the list is meant; an alias is asked for apart from this.
    fn means(&self, key: &Value) -> bool {
        match self {
            Name::Known(found) => key["token"] == found.token.as_str(),
            Name::Shown(name) => key["key_name"] == name.as_str(),
            Name::Other(name) => {
                let is_hash = name.len() >= PREFIX && name.bytes().all(|b| b.is_ascii_hexdigit());
                let token = key["token"].as_str().unwrap_or_default();
                is_hash && token.starts_with(&name.to_ascii_lowercase())
            }
        }
    }
}

/// The key that is named so.
///
/// Errors: there is none, there are several, or the proxy does not answer.
pub async fn find(peer: &Peer, text: &str) -> Result<Found, String> {
    let text = match text {
        STDIN => {
            let input = std::io::stdin();
            if input.is_terminal() {
                note("the key, or how it is named:");
            }
            line(input.lock())?
        }
        text => {
            if matches!(Name::read(text), Name::Known(_)) && text.starts_with(token::PREFIX) {
                note(
                    "mishikallm: the key itself now stands in the shell's history: name a key by its alias or its hash, or give it on \
                     the standard input, with - in its place",
                );
            }
            text.to_owned()
        }
    };
    match Name::read(&text) {
        Name::Known(found) => Ok(found),
        name => look_up(peer, &text, &name).await,
    }
}

/// Several, each after the other; nothing is done where one of them is not found.
pub async fn find_all(peer: &Peer, texts: &[String]) -> Result<Vec<Found>, String> {
    if texts.iter().filter(|text| *text == STDIN).count() > 1 {
        return Err("KEY: expected one - at most: the standard input says one key".to_owned());
    }
    let mut all: Vec<Found> = Vec::new();
    for text in texts {
        let found = find(peer, text).await?;
        if all.iter().all(|other| other.token != found.token) {
            all.push(found);
        }
    }
    Ok(all)
}

async fn look_up(peer: &Peer, text: &str, name: &Name) -> Result<Found, String> {
    if matches!(name, Name::Other(_)) {
        let mut pages = Pages::new(peer, &[("key_alias", Some(text))]);
        while let Some(answer) = pages.next().await? {
            let mut keys = list::keys(&answer).iter();
            if let Some(key) = keys.find(|key| key["key_alias"] == text) {
                return found(key);
            }
        }
    }
    let mut matches = Vec::new();
    let mut pages = Pages::new(peer, &[]);
    while let (Some(answer), true) = (pages.next().await?, matches.len() < SEVERAL) {
        let keys = list::keys(&answer).iter();
        for key in keys.filter(|key| name.means(key)) {
            // Of a list that changes meanwhile, one may be told twice.
            if matches
                .iter()
                .all(|other: &Value| other["token"] != key["token"])
            {
                matches.push(key.clone());
            }
        }
    }
    match matches.as_slice() {
        [] => Err(none(text)),
        [key] => found(key),
        several => Err(ambiguous(text, several)),
    }
}

fn none(text: &str) -> String {
    let text = words::clean(text);
    format!(
        "no key has the alias \"{text}\", and no hash begins so: mishikallm key list shows them"
    )
}

fn ambiguous(text: &str, several: &[Value]) -> String {
    let text = words::clean(text);
    let names = several.iter().take(SEVERAL);
    let names: Vec<String> = names
        .map(|key| format!("{} ({})", words::prefix(&key["token"]), called(key)))
        .collect();
    format!(
        "\"{text}\" means several keys: {}; expected more letters of the hash",
        names.join(", ")
    )
}

fn found(key: &Value) -> Result<Found, String> {
    let token = key["token"].as_str();
    let token = token.ok_or("/key/list: expected \"token\" of each key in the proxy's answer")?;
    Ok(Found {
        token: token.to_owned(),
        called: called(key),
    })
}

/// What people call a key: its alias, else what is shown of it.
pub fn called(key: &Value) -> String {
    let alias = key["key_alias"].as_str().filter(|alias| !alias.is_empty());
    words::clean(alias.or(key["key_name"].as_str()).unwrap_or("a key"))
}

/// One line, without what ends it.
fn line(input: impl BufRead) -> Result<String, String> {
    let mut line = String::new();
    let mut input = input.take(LINE_BYTES);
    let read = input.read_line(&mut line);
    read.map_err(|_| "the standard input: expected a line of UTF-8".to_owned())?;
    match line.trim() {
        "" => Err("the standard input: expected a key, or how it is named, got nothing".to_owned()),
        _ if line.len() as u64 == LINE_BYTES && !line.ends_with('\n') => Err(format!(
            "the standard input: expected a line of less than {LINE_BYTES} bytes"
        )),
        line => Ok(line.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_key_itself_is_never_sent_but_its_hash() {
        let hash = Token::of(b"sk-0123456789abcdef").to_string();
        let Name::Known(found) = Name::read("sk-0123456789abcdef") else {
            panic!("a key is known");
        };
        assert_eq!((&found.token, found.called.as_str()), (&hash, "sk-...cdef"));
        let upper = hash.to_ascii_uppercase();
        let Name::Known(found) = Name::read(&upper) else {
            panic!("a hash is known");
        };
        assert_eq!(found.token, hash);
    }

    #[test]
    fn a_hash_is_meant_by_how_it_begins_and_a_key_by_what_is_shown_of_it() {
        let key = json!({"token": "abcd0123ef", "key_name": "sk-...wxyz", "key_alias": "a"});
        for (name, is_meant) in [
            ("abcd", true),
            ("ABCD0123", true),
            ("abc", false),
            ("abce", false),
            ("ghij", false),
            ("sk-...wxyz", true),
            ("sk-...wxy", false),
        ] {
            assert_eq!(Name::read(name).means(&key), is_meant, "{name}");
        }
    }

    #[test]
    fn what_is_not_found_or_found_twice_is_told() {
        assert!(none("x\x1b").contains("\"x\u{fffd}\""));
        let several = [
            json!({"token": "abcd1", "key_alias": "one"}),
            json!({"token": "abcd2", "key_name": "sk-...wxyz", "key_alias": null}),
        ];
        let said = ambiguous("abcd", &several);
        assert!(said.contains("abcd1 (one), abcd2 (sk-...wxyz)"), "{said}");
    }

    #[test]
    fn the_standard_input_says_one_name() {
        assert_eq!(line(&b" sk-x \r\nmore"[..]).as_deref(), Ok("sk-x"));
        assert!(line(&b"\n"[..]).is_err() && line(&b""[..]).is_err());
        assert!(line(&b"\xff\n"[..]).is_err());
        assert!(
            line("x".repeat(5000).as_bytes())
                .unwrap_err()
                .contains("4096")
        );
    }
}
