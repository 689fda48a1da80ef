//! Log probabilities as the backends write them → tokens.

use crate::error::{Error, Result};
use crate::openai::logprobs::Token;
use crate::tokenizer::Tokenizer;
use crate::triton::dialect::Holds;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// Reads what an output holds of the new tokens; `text` is what they make together.
pub fn read(
    holds: Holds,
    value: &Value,
    text: &str,
    tokenizer: Option<&Tokenizer>,
) -> Result<Vec<Token>> {
    match holds {
        Holds::Tables => tables(value),
        Holds::Numbers => Ok(numbers(value, text, tokenizer)),
    }
}

/// How many bytes of the text a token makes at least: of a part of a character, which comes as U+FFFD, nobody can tell.
pub fn length(token: &Token) -> usize {
    match token.text.contains('\u{fffd}') {
        true => 0,
        false => token.text.len(),
    }
}

/// Leaves out the tokens that are not whole in the first `length` bytes of the text: a stop sequence's, which backends tell too.
pub fn cut(tokens: &mut Vec<Token>, length: usize) {
    let mut end = 0;
    let kept = tokens.iter().take_while(|token| {
        end += self::length(token);
        end <= length
    });
    let kept = kept.count();
    tokens.truncate(kept);
}

/// vLLM: a string of JSON, or a list of one, `[{"ID": {"logprob", "rank", "decoded_token"}, …}, …]` or `null`. The chosen token is the
/// first of each table, whatever its rank: vLLM puts the likeliest ones after it.
fn tables(value: &Value) -> Result<Vec<Token>> {
    let text = match value {
        Value::Array(items) => items.first(),
        one => Some(one),
    };
    let Some(text) = text.and_then(Value::as_str) else {
        return Ok(Vec::new());
    };
    let tables: Option<Vec<Table>> = serde_json::from_str(&with_numbers(text)).map_err(|_| {
        Error::protocol("the answer of Triton has logprobs that are not vLLM's JSON")
    })?;
    Ok(tables
        .unwrap_or_default()
        .into_iter()
        .filter_map(Table::into_token)
        .collect())
}

/// vLLM writes with Python's `json.dumps`, which has bare words where JSON has no number: `-Infinity` of a token that guided
/// decoding rules out. Within a string the quotes would be escaped.
fn with_numbers(text: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(text);
    for word in ["-Infinity", "NaN"] {
        if text.contains(word) {
            for key in ["\"logprob\": ", "\"logprob\":"] {
                let bare = [key, word].concat();
                text = Cow::Owned(text.replace(&bare, "\"logprob\":null"));
            }
        }
    }
    text
}

/// TensorRT-LLM: a number for each new token. The text of one is the token's; the texts of several a tokenizer tells. Where none
/// does, they are told as one token, whose probability is theirs together.
fn numbers(value: &Value, text: &str, tokenizer: Option<&Tokenizer>) -> Vec<Token> {
    fn collect(value: &Value, all: &mut Vec<f64>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, all)),
            value => all.extend(value.as_f64()),
        }
    }
    let mut all = Vec::new();
    collect(value, &mut all);
    // The end of the text is a token too, and none that is read.
    if all.is_empty() || text.is_empty() {
        return Vec::new();
    }
    let token = |text: &str, logprob| Token {
        text: text.to_owned(),
        logprob,
        top: Vec::new(),
    };
    if all.len() > 1 {
        let pieces = tokenizer.and_then(|tokenizer| tokenizer.pieces(text).ok());
        if let Some(pieces) = pieces.filter(|p| p.len() == all.len() || p.len() + 1 == all.len()) {
            let tokens = pieces.iter().zip(&all);
            return tokens
                .map(|(text, logprob)| token(text, *logprob))
                .collect();
        }
    }
    vec![token(text, all.iter().sum())]
}

/// One position: its tokens in the order in which they stand.
struct Table(Vec<Entry>);

#[derive(Deserialize)]
struct Entry {
    /// `None`: as good as impossible.
    logprob: Option<f64>,
    #[serde(default)]
    rank: Option<u64>,
    #[serde(default)]
    decoded_token: Option<String>,
}

impl Table {
    fn into_token(self) -> Option<Token> {
        let mut entries: Vec<(String, f64, Option<u64>)> = self
            .0
            .into_iter()
            .map(|e| {
                let logprob = e.logprob.unwrap_or(f64::NEG_INFINITY);
                (e.decoded_token.unwrap_or_default(), logprob, e.rank)
            })
            .collect();
        let (text, logprob, _) = entries.first().cloned()?;
        entries.sort_by_key(|(_, _, rank)| rank.unwrap_or(u64::MAX));
        Some(Token {
            text,
            logprob,
            top: entries.into_iter().map(|(text, p, _)| (text, p)).collect(),
        })
    }
}

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Table, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Table;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tokens")
            }
            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Table, A::Error> {
                let mut entries = Vec::new();
                while let Some((_, entry)) = map.next_entry::<serde::de::IgnoredAny, Entry>()? {
                    entries.push(entry);
                }
                Ok(Table(entries))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn vllms_tables_have_the_chosen_token_first() {
        let text = r#"[{"9":{"logprob":-2.0,"rank":3,"decoded_token":" c"},"1":{"logprob":-0.1,"rank":1,"decoded_token":" a"}},
            {"4":{"logprob":-0.5,"rank":1,"decoded_token":"d"}}]"#;
        let tokens = read(Holds::Tables, &json!([text]), " cd", None).unwrap();
        assert_eq!(tokens.len(), 2);
        assert_eq!((tokens[0].text.as_str(), tokens[0].logprob), (" c", -2.0));
        assert_eq!(
            tokens[0].top,
            [(" a".to_owned(), -0.1), (" c".to_owned(), -2.0)]
        );
        assert_eq!(read(Holds::Tables, &json!("null"), "", None).unwrap(), []);
        assert!(read(Holds::Tables, &json!("[1]"), "", None).is_err());
    }

    /// https://github.com/vllm-project/vllm/pull/4149: guided decoding gives the others no chance at all.
    #[test]
    fn a_token_that_cannot_come_has_no_number_in_pythons_json() {
        for space in ["", " "] {
            let text = r#"[{"1":{"logprob":~0.0,"rank":1,"decoded_token":"\"logprob\":~NaN"},"2":{"logprob":~-Infinity,"rank":2,"decoded_token":"-Infinity"},"3":{"logprob":~NaN,"rank":3}}]"#
                .replace('~', space);
            let tokens = read(Holds::Tables, &json!(text), "", None).unwrap();
            let said = format!("\"logprob\":{space}NaN");
            assert_eq!(
                tokens[0].top,
                [
                    (said, 0.0),
                    ("-Infinity".to_owned(), f64::NEG_INFINITY),
                    (String::new(), f64::NEG_INFINITY)
                ]
            );
        }
    }

    #[test]
    fn several_numbers_are_one_probability() {
        let one = read(Holds::Numbers, &json!(-0.5), "a", None).unwrap();
        assert_eq!((one[0].text.as_str(), one[0].logprob), ("a", -0.5));
        let two = read(Holds::Numbers, &json!([[-0.5, -0.25]]), "ab", None).unwrap();
        assert_eq!((two.len(), two[0].logprob), (1, -0.75));
        assert_eq!(read(Holds::Numbers, &json!([-1.0]), "", None).unwrap(), []);
    }

    #[cfg(feature = "tokenizers")]
    #[test]
    fn a_tokenizer_tells_whose_the_numbers_are() {
        let words = crate::tokenizer::tests::words(&["a", "ship"]);
        let read = |value, text| read(Holds::Numbers, &value, text, Some(&words)).unwrap();
        let tokens = read(json!([[[-0.5, -0.25]]]), "a ship");
        let texts: Vec<&str> = tokens.iter().map(|t| t.text.as_str()).collect();
        assert_eq!(
            (texts.as_slice(), tokens[1].logprob),
            (["a", " ship"].as_slice(), -0.25)
        );
        // One more is the end of the text; any other number is nobody's.
        assert_eq!(read(json!([-0.5, -0.25, -0.1]), "a ship").len(), 2);
        assert_eq!(read(json!([-0.5, -0.25, -0.1, -0.1]), "a ship").len(), 1);
    }

    #[test]
    fn tokens_beyond_a_cut_are_left_out() {
        let token = |text: &str| Token {
            text: text.into(),
            logprob: 0.0,
            top: Vec::new(),
        };
        let mut tokens = vec![token("ab"), token("c"), token("d")];
        cut(&mut tokens, 3);
        assert_eq!(tokens.len(), 2);
        cut(&mut tokens, 1);
        assert_eq!(tokens.len(), 0);
        // An emoji in four tokens has four bytes, not the twelve of the signs in their place.
        let mut tokens = [["\u{fffd}"; 4].as_slice(), &[" ok", "STOPPED"]]
            .concat()
            .into_iter()
            .map(token)
            .collect();
        cut(&mut tokens, "🙂 ok".len());
        assert_eq!(tokens.last().unwrap().text, " ok");
    }
}
