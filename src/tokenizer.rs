//! Texts → token ids, as a Hugging Face `tokenizer.json` says: for exact counts, and for models that take integers.
//!
//! A thin wrap of the `tokenizers` crate, behind the Cargo feature of that name. Without it [`Tokenizer::from_json`] says so.
//! Pure: whoever reads the file hands its bytes in. Nothing here starts a thread: of the crate's ways to encode, only the one
//! for a single text is in use.

use crate::error::{Error, Result};
#[cfg(feature = "tokenizers")]
use tokenizers::PostProcessor;

/// The tokens of one text, padded by nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// Token ids, special tokens included. Each of them counts: an attention mask is 1 for as many.
    pub ids: Vec<i64>,
    /// For each id the number of the sentence it belongs to; all 0 for a single text of most models.
    pub type_ids: Vec<i64>,
}

/// What a `tokenizer.json` describes.
pub struct Tokenizer {
    #[cfg(feature = "tokenizers")]
    inner: tokenizers::Tokenizer,
    /// How the file cuts long texts; `inner` itself does not.
    #[cfg(feature = "tokenizers")]
    truncation: Option<tokenizers::TruncationParams>,
    pad_id: i64,
}

impl std::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokenizer").finish_non_exhaustive()
    }
}

/// Tokens that pad, where the file does not say which does.
#[cfg(feature = "tokenizers")]
const PAD_TOKENS: [&str; 4] = ["[PAD]", "<pad>", "<|pad|>", "<|endoftext|>"];

fn wrong(why: &str) -> Error {
    Error::argument("tokenizer", format!("tokenizer: {why}"))
}

#[cfg(feature = "tokenizers")]
impl Tokenizer {
    /// Reads the bytes of a `tokenizer.json`. Its truncation holds; its padding only says which id pads.
    ///
    /// Errors name `tokenizer`.
    pub fn from_json(bytes: &[u8]) -> Result<Tokenizer> {
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes)
            .map_err(|_| wrong("expected a Hugging Face tokenizer.json, got another file"))?;
        let pad_id = match inner.get_padding() {
            Some(padding) => Some(padding.pad_id),
            None => PAD_TOKENS.iter().find_map(|pad| inner.token_to_id(pad)),
        };
        inner.with_padding(None);
        let truncation = inner.get_truncation().cloned();
        let without = inner.with_truncation(None);
        without.map_err(|_| wrong("its truncation cannot be read"))?;
        Ok(Tokenizer {
            pad_id: pad_id.unwrap_or(0).into(),
            truncation,
            inner,
        })
    }

    /// The tokens of each text, in order, special tokens included, cut as the file says.
    ///
    /// Errors: a text that the tokenizer's model has no tokens for.
    pub fn encode<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<Row>> {
        texts
            .iter()
            .map(|text| {
                let encoding = self.cut(text.as_ref())?;
                let whole = |numbers: &[u32]| numbers.iter().map(|n| i64::from(*n)).collect();
                Ok(Row {
                    ids: whole(encoding.get_ids()),
                    type_ids: whole(encoding.get_type_ids()),
                })
            })
            .collect()
    }

    /// How many tokens a text has, special tokens included, however many.
    ///
    /// Errors as [`Tokenizer::encode`].
    pub fn count(&self, text: &str) -> Result<usize> {
        Ok(self.encoding(text, true)?.len())
    }

    /// The text of each token, in order, without special tokens; joined they are the text again.
    ///
    /// Errors as [`Tokenizer::encode`].
    pub fn pieces<'a>(&self, text: &'a str) -> Result<Vec<&'a str>> {
        let encoding = self
            .inner
            .encode(text, false)
            .map_err(|_| wrong("it has no tokens for a text of the request"))?;
        // A blank that belongs to no token goes to the next one; a character of several tokens to the first of them.
        let mut begin = 0;
        let ends = encoding.get_offsets().iter().map(|(_, end)| *end);
        let mut ends: Vec<usize> = ends.collect();
        if let Some(last) = ends.last_mut() {
            *last = text.len();
        }
        let pieces = ends.into_iter().map(|end| {
            let end = end.clamp(begin, text.len());
            let piece = text.get(begin..end);
            begin = piece.map_or(begin, |_| end);
            piece.unwrap_or_default()
        });
        Ok(pieces.collect())
    }

    fn encoding(&self, text: &str, special: bool) -> Result<tokenizers::Encoding> {
        self.inner
            .encode_fast(text, special)
            .map_err(|_| wrong("it has no tokens for a text of the request"))
    }

    /// The tokens of a text that is cut so that they fit with the special ones.
    fn cut(&self, text: &str) -> Result<tokenizers::Encoding> {
        let Some(truncation) = &self.truncation else {
            return self.encoding(text, true);
        };
        let mut encoding = self.encoding(text, false)?;
        let special = self.inner.get_post_processor();
        let special = special.map_or(0, |processor| processor.added_tokens(false));
        let most = truncation.max_length.saturating_sub(special);
        // What hangs over is dropped, so that it need not overlap.
        encoding.truncate(most, 0, truncation.direction);
        let encoding = self.inner.post_process(encoding, None, true);
        encoding.map_err(|_| wrong("its special tokens cannot be put around a text"))
    }
}

#[cfg(not(feature = "tokenizers"))]
impl Tokenizer {
    /// Says that this build has no tokenizers.
    pub fn from_json(_: &[u8]) -> Result<Tokenizer> {
        Err(wrong(
            "this build of the library has no tokenizers (Cargo feature \"tokenizers\"); leave it out",
        ))
    }

    /// Never called: there is no tokenizer.
    pub fn encode<T: AsRef<str>>(&self, _: &[T]) -> Result<Vec<Row>> {
        Err(wrong("this build of the library has no tokenizers"))
    }

    /// Never called: there is no tokenizer.
    pub fn count(&self, _: &str) -> Result<usize> {
        Err(wrong("this build of the library has no tokenizers"))
    }

    /// Never called: there is no tokenizer.
    pub fn pieces<'a>(&self, _: &'a str) -> Result<Vec<&'a str>> {
        Err(wrong("this build of the library has no tokenizers"))
    }
}

impl Tokenizer {
    /// The id that fills the rows of a batch that are shorter than its longest.
    pub fn pad_id(&self) -> i64 {
        self.pad_id
    }
}

#[cfg(all(test, feature = "tokenizers"))]
pub(crate) mod tests {
    use super::*;
    use serde_json::json;

    /// Words between spaces: `[UNK]` 0, `[CLS]` 1, `[SEP]` 2, `[PAD]` 3, then `words`.
    pub(crate) fn words(words: &[&str]) -> Tokenizer {
        Tokenizer::from_json(&file(words)).unwrap()
    }

    fn file(words: &[&str]) -> Vec<u8> {
        let all = ["[UNK]", "[CLS]", "[SEP]", "[PAD]"].iter().chain(words);
        let vocabulary: serde_json::Map<_, _> = all
            .enumerate()
            .map(|(i, word)| ((*word).to_owned(), json!(i)))
            .collect();
        let special = |id: u32, token: &str| json!({"id":id,"content":token,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true});
        json!({
            "version": "1.0",
            "truncation": {"direction":"Right","max_length":6,"strategy":"LongestFirst","stride":0},
            "padding": {"strategy":{"Fixed":8},"direction":"Right","pad_to_multiple_of":null,"pad_id":3,"pad_type_id":0,"pad_token":"[PAD]"},
            "added_tokens": [special(0, "[UNK]"), special(1, "[CLS]"), special(2, "[SEP]"), special(3, "[PAD]")],
            "normalizer": null,
            "pre_tokenizer": {"type":"Whitespace"},
            "post_processor": {"type":"BertProcessing","sep":["[SEP]",2],"cls":["[CLS]",1]},
            "decoder": null,
            "model": {"type":"WordLevel","vocab":vocabulary,"unk_token":"[UNK]"},
        })
        .to_string()
        .into_bytes()
    }

    #[test]
    fn rows_have_special_tokens_and_no_padding() {
        let rows = words(&["a", "ship"]).encode(&["a ship", "sails"]).unwrap();
        assert_eq!(rows[0].ids, [1, 4, 5, 2]);
        assert_eq!(rows[0].type_ids, [0; 4]);
        assert_eq!(rows[1].ids, [1, 0, 2]);
    }

    #[test]
    fn pieces_are_the_text_again() {
        let tokenizer = words(&["a", "ship"]);
        assert_eq!(
            tokenizer.pieces("a  ship sails ").unwrap(),
            ["a", "  ship", " sails "]
        );
        assert!(tokenizer.pieces("").unwrap().is_empty());
    }

    #[test]
    fn the_files_truncation_holds_and_its_padding_says_what_pads() {
        let tokenizer = words(&["a"]);
        let long = "a a a a a a a a a";
        let rows = tokenizer.encode(&[long]).unwrap();
        assert_eq!(rows[0].ids, [1, 4, 4, 4, 4, 2]);
        // What a text has is another matter than what a model is given of it.
        assert_eq!(tokenizer.count(long).unwrap(), 11);
        assert_eq!(tokenizer.count("").unwrap(), 2);
        assert_eq!(tokenizer.pad_id(), 3);
    }

    #[test]
    fn another_file_is_told() {
        for bad in [&b"{}"[..], b"", b"\xff", b"[1]"] {
            let e = Tokenizer::from_json(bad).unwrap_err();
            assert_eq!(e.param(), Some("tokenizer"));
        }
    }
}
