//! Stop sequences, enforced here because a request parameter of Triton can be no list and many models know none.

/// Where the text ends: before the stop sequence that begins first.
pub fn cut(text: &str, stops: &[String]) -> Option<usize> {
    stops
        .iter()
        .filter_map(|stop| text.find(stop.as_str()))
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_in_the_text_wins_not_the_first_in_the_list() {
        let stops = ["three".to_owned(), "two".to_owned()];
        assert_eq!(cut("one two three", &stops), Some(4));
        assert_eq!(cut("one", &stops), None);
    }
}
