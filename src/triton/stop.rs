//! Stop sequences, enforced here because a request parameter of Triton can be no list and many models know none.
//!
//! The text ends before the stop sequence that is complete first, as an engine that watches its own output would have
//! it: so a text that comes in pieces is cut where the whole of it would be.

/// Cuts a text that comes in pieces of any size.
#[derive(Clone, Debug, Default)]
pub struct Stopper {
    stops: Vec<String>,
    longest: usize,
    /// What may be the beginning of a stop sequence.
    held: String,
    stopped: bool,
}

impl Stopper {
    /// None of the stop sequences is empty.
    pub fn new<'a>(stops: impl IntoIterator<Item = &'a String>) -> Stopper {
        let stops: Vec<String> = stops.into_iter().cloned().collect();
        Stopper {
            longest: stops.iter().map(String::len).max().unwrap_or(0),
            stops,
            ..Default::default()
        }
    }

    /// Whether there is anything to look for.
    pub fn has_stops(&self) -> bool {
        !self.stops.is_empty()
    }

    /// Whether a stop sequence came: the rest of the text is of no interest.
    pub fn stopped(&self) -> bool {
        self.stopped
    }

    /// Takes the next piece, and gives what is certain to be text.
    pub fn push(&mut self, piece: String) -> String {
        if self.stopped {
            return String::new();
        }
        if self.stops.is_empty() {
            return piece;
        }
        let before = self.held.len();
        let mut text = std::mem::take(&mut self.held);
        text.push_str(&piece);
        if let Some(begin) = self.first_complete(&text, before) {
            self.stopped = true;
            text.truncate(begin);
            return text;
        }
        let keep = self.possible_beginning(&text);
        self.held = text.split_off(keep);
        text
    }

    /// The text is over: what was held back is text after all.
    pub fn finish(&mut self) -> String {
        std::mem::take(&mut self.held)
    }

    /// Where the stop sequence begins that ends first; of several that end there, the longest. The first `before` bytes
    /// hold none whole.
    fn first_complete(&self, text: &str, before: usize) -> Option<usize> {
        let ends = |stop: &String| {
            let mut from = before.saturating_sub(stop.len() - 1);
            while !text.is_char_boundary(from) {
                from -= 1;
            }
            let begin = from + text[from..].find(stop.as_str())?;
            Some((begin + stop.len(), begin))
        };
        self.stops
            .iter()
            .filter_map(ends)
            .min()
            .map(|(_, begin)| begin)
    }

    /// Where the longest tail begins that a stop sequence may begin with.
    fn possible_beginning(&self, text: &str) -> usize {
        let from = (text.len() + 1).saturating_sub(self.longest);
        let is_beginning = |tail: &str| {
            let begins = |stop: &String| stop.len() > tail.len() && stop.starts_with(tail);
            self.stops.iter().any(begins)
        };
        (from..text.len())
            .find(|at| text.is_char_boundary(*at) && is_beginning(&text[*at..]))
            .unwrap_or(text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(pieces: &[&str], stops: &[&str]) -> (Vec<String>, bool) {
        let stops: Vec<String> = stops.iter().map(|s| (*s).to_owned()).collect();
        let mut stopper = Stopper::new(&stops);
        let mut given: Vec<String> = pieces
            .iter()
            .map(|piece| stopper.push((*piece).to_owned()))
            .collect();
        given.push(stopper.finish());
        (given, stopper.stopped())
    }

    #[test]
    fn a_stop_sequence_across_pieces_is_found() {
        let (given, stopped) = cut(&["abc ", "def E", "ND ghi", "more"], &["END"]);
        assert_eq!((given.concat().as_str(), stopped), ("abc def ", true));
        assert_eq!(given[..2], ["abc ", "def "]);
    }

    #[test]
    fn what_only_looked_like_one_is_text() {
        let (given, stopped) = cut(&["the E", "N of it, EN"], &["END"]);
        assert_eq!(given, ["the ", "EN of it, ", "EN"]);
        assert!(!stopped);
    }

    #[test]
    fn the_one_that_is_complete_first_wins_however_the_text_is_cut() {
        let text = "xéxabcé two three";
        for stops in [
            &["three", "two"][..],
            &["ab", "xabc"],
            &["éxabcé", "c"],
            &["aa", "é"],
            &["none", "tw"],
            &["e", "three"],
        ] {
            let (whole, _) = cut(&[text], stops);
            for size in 1..6 {
                let letters: Vec<char> = text.chars().collect();
                let pieces: Vec<String> =
                    letters.chunks(size).map(|c| c.iter().collect()).collect();
                let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
                let (given, _) = cut(&pieces, stops);
                assert_eq!(
                    given.concat(),
                    whole.concat(),
                    "{stops:?} in pieces of {size}"
                );
            }
        }
    }

    #[test]
    fn without_stop_sequences_nothing_is_held_back() {
        assert_eq!(cut(&["a", "b"], &[]).0, ["a", "b", ""]);
    }
}
