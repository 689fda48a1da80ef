//! Finding words in a text that comes a character at a time.

/// Watches a text for words, and holds back what may be the beginning of one.
#[derive(Clone, Debug)]
pub struct Watch {
    words: Vec<String>,
    held: String,
}

impl Watch {
    /// An empty word is never found. No word may be the beginning of another.
    pub fn new<W: Into<String>>(words: impl IntoIterator<Item = W>) -> Watch {
        Watch {
            words: words
                .into_iter()
                .map(Into::into)
                .filter(|word: &String| !word.is_empty())
                .collect(),
            held: String::new(),
        }
    }

    /// How many bytes at the beginning of `text` are certain to be no part of a word.
    pub fn free(&self, text: &str) -> usize {
        if !self.held.is_empty() {
            return 0;
        }
        let begins = |c: char| self.words.iter().any(|word| word.starts_with(c));
        text.find(begins).unwrap_or(text.len())
    }

    /// Takes the next character. What is certain to be no part of a word goes to `free`; the number of a word that is now
    /// whole is given.
    pub fn push(&mut self, c: char, free: &mut String) -> Option<usize> {
        self.held.push(c);
        while !self.held.is_empty() {
            if let Some(found) = self.words.iter().position(|word| *word == self.held) {
                self.held.clear();
                return Some(found);
            }
            if self.words.iter().any(|word| word.starts_with(&self.held)) {
                return None;
            }
            free.push(self.held.remove(0));
        }
        None
    }

    /// The text is over: what was held back was no word.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }
}

/// Where one of a few words has to come.
#[derive(Clone, Debug, Default)]
pub struct Expect {
    typed: String,
}

/// What a character is to the words that are expected.
pub enum Expected {
    /// One of them goes on.
    Part,
    /// This one is whole.
    Found(usize),
    /// None of them goes on so.
    Wrong,
}

impl Expect {
    /// Whether no character came yet.
    pub fn is_fresh(&self) -> bool {
        self.typed.is_empty()
    }

    /// Takes the next character. The words are the same each time until one is found.
    pub fn push(&mut self, c: char, words: &[&str]) -> Expected {
        self.typed.push(c);
        if let Some(found) = words.iter().position(|word| *word == self.typed) {
            self.typed.clear();
            return Expected::Found(found);
        }
        match words.iter().any(|word| word.starts_with(&self.typed)) {
            true => Expected::Part,
            false => Expected::Wrong,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_after_what_looked_like_one() {
        let mut watch = Watch::new(["<ab>", "<b"]);
        let mut free = String::new();
        let found: Vec<_> = "x<<a<ab><a<b"
            .chars()
            .filter_map(|c| watch.push(c, &mut free))
            .collect();
        assert_eq!((found, free.as_str()), (vec![0, 1], "x<<a<a"));
        assert_eq!(watch.finish(), "");
    }

    #[test]
    fn what_is_free_is_told_at_once() {
        let mut watch = Watch::new(["<ab>"]);
        assert_eq!(watch.free("é and < b"), 7);
        assert_eq!(watch.push('<', &mut String::new()), None);
        assert_eq!(watch.free("x"), 0);
        assert_eq!(watch.finish(), "<");
    }

    #[test]
    fn an_empty_word_is_never_found() {
        let mut free = String::new();
        assert_eq!(Watch::new([""]).push('a', &mut free), None);
        assert_eq!(free, "a");
    }
}
