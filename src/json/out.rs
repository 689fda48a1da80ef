//! JSON written straight to text, piece by piece. What is the same in all answers is copied, and only what differs is looked at:
//! serde looks at every character of every key, which costs as much as the rest of a short answer.

use serde::Serialize;

/// JSON on its way out.
#[derive(Debug)]
pub struct Out(String);

impl Out {
    /// With room for what is to come, so that it is not moved as it grows.
    pub fn with_room(bytes: usize) -> Out {
        Out(String::with_capacity(bytes))
    }

    /// A piece of JSON, as it is.
    pub fn put(&mut self, json: &str) -> &mut Out {
        self.0.push_str(json);
        self
    }

    /// A text, in quotes.
    pub fn text(&mut self, text: &str) -> &mut Out {
        match is_plain(text) {
            true => self.put("\"").put(text).put("\""),
            false => self.value(text),
        }
    }

    /// A whole number.
    pub fn number(&mut self, n: impl itoa::Integer) -> &mut Out {
        self.put(itoa::Buffer::new().format(n))
    }

    /// Anything.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> &mut Out {
        // Nothing here has a key that is no string, the only thing that could fail.
        self.put(&serde_json::to_string(value).unwrap_or_default())
    }

    /// A list.
    pub fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut put: impl FnMut(&mut Out, T),
    ) -> &mut Out {
        self.put("[");
        for (i, item) in items.into_iter().enumerate() {
            if i > 0 {
                self.put(",");
            }
            put(self, item);
        }
        self.put("]")
    }

    /// All that was put.
    pub fn finish(self) -> String {
        self.0
    }
}

/// Whether JSON writes a text as it is. Blocks are looked at as a whole, which the processor does at once.
pub fn is_plain(text: &str) -> bool {
    const BLOCK: usize = 32;
    let is_special = |b: &u8| *b < b' ' || *b == b'"' || *b == b'\\';
    let blocks = text.as_bytes().chunks_exact(BLOCK);
    let rest = blocks.remainder();
    blocks
        .map(|block| block.iter().fold(false, |found, b| found | is_special(b)))
        .all(|found| !found)
        && !rest.iter().any(is_special)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_what_serde_makes_of_them() {
        let long = "plain ".repeat(20);
        let mut texts = vec![String::new(), "é漢\u{7f}".to_owned(), long.clone()];
        for special in ['"', '\\', '\n', '\0', '\u{1f}'] {
            for at in [0, 31, 32, 63, 119, 120] {
                let mut text = long.clone();
                text.insert(at, special);
                texts.push(text);
            }
        }
        for text in &texts {
            let mut out = Out::with_room(0);
            out.text(text);
            assert_eq!(out.finish(), serde_json::to_string(text).unwrap());
        }
    }

    #[test]
    fn lists_and_values() {
        let mut out = Out::with_room(0);
        out.list([1, 22, -3], |out, n| {
            out.number(n);
        });
        out.list([(); 0], |_, ()| {});
        out.value(&serde_json::json!({"a": ["b", 1.5, null]}));
        assert_eq!(out.finish(), r#"[1,22,-3][]{"a":["b",1.5,null]}"#);
    }
}
