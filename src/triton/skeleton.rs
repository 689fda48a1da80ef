//! The JSON of a large reply without the lists of numbers in it: those are megabytes, and a JSON reader that steps over them takes
//! as long as one that reads them.

use std::ops::Range;

/// JSON in which every list of nothing but numbers that is called `data` is empty.
#[derive(Debug)]
pub struct Skeleton<'a> {
    /// The rest of the text.
    pub json: Vec<u8>,
    /// Where a list was, in `json`, and the list.
    cuts: Vec<(usize, &'a [u8])>,
}

const KEY: &[u8] = b"\"data\"";

impl<'a> Skeleton<'a> {
    /// Takes the lists out. What is in them is not looked at, but that it has no string, which may hold a bracket.
    ///
    /// Text that is no JSON stays none.
    pub fn of(json: &'a [u8]) -> Skeleton<'a> {
        let mut skeleton = Skeleton {
            json: Vec::with_capacity(1024),
            cuts: Vec::new(),
        };
        let find = memchr::memmem::Finder::new(KEY);
        // What is looked through, and what is not yet kept.
        let (mut at, mut rest) = (0, 0);
        while let Some(key) = find.find(&json[at..]).map(|key| at + key) {
            at = key + KEY.len();
            // A quote that is escaped belongs to a string.
            if key > 0 && json[key - 1] == b'\\' {
                continue;
            }
            if let Some(list) = list(json, at) {
                skeleton.json.extend_from_slice(&json[rest..list.start]);
                let place = skeleton.json.len();
                skeleton.cuts.push((place, &json[list.clone()]));
                skeleton.json.extend_from_slice(b"[]");
                (at, rest) = (list.end, list.end);
            }
        }
        skeleton.json.extend_from_slice(&json[rest..]);
        skeleton
    }

    /// The list that was taken out where `part`, a piece of `json`, begins.
    pub fn cut(&self, part: &str) -> Option<&'a [u8]> {
        let place = (part.as_ptr() as usize).checked_sub(self.json.as_ptr() as usize)?;
        let at = self.cuts.binary_search_by_key(&place, |(place, _)| *place);
        at.ok().map(|at| self.cuts[at].1)
    }
}

/// A list without strings behind a key that ends at `at`.
fn list(json: &[u8], at: usize) -> Option<Range<usize>> {
    let not_space = |at: usize| {
        let rest = json.get(at..)?;
        rest.iter()
            .position(|b| !b.is_ascii_whitespace())
            .map(|n| at + n)
    };
    let colon = not_space(at).filter(|at| json[*at] == b':')?;
    let begin = not_space(colon + 1).filter(|at| json[*at] == b'[')?;
    let mut depth = 0usize;
    for at in memchr::memchr3_iter(b'[', b']', b'"', &json[begin..]) {
        match json[begin + at] {
            b'[' => depth += 1,
            b']' => depth -= 1,
            _ => return None,
        }
        if depth == 0 {
            return Some(begin..begin + at + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_numbers_are_taken_out_and_found_again() {
        let json = br#"{"outputs":[{"data" : [[1,2],[3]],"name":"a"},{"data":["x]"]},{"data":[]},{"data":5},{"data":[4]}]}"#;
        let skeleton = Skeleton::of(json);
        let text = std::str::from_utf8(&skeleton.json).unwrap();
        assert_eq!(
            text,
            r#"{"outputs":[{"data" : [],"name":"a"},{"data":["x]"]},{"data":[]},{"data":5},{"data":[]}]}"#
        );
        let lists: Vec<_> = text
            .match_indices('[')
            .filter_map(|(at, _)| skeleton.cut(&text[at..]))
            .collect();
        assert_eq!(lists, [&b"[[1,2],[3]]"[..], b"[]", b"[4]"]);
        assert_eq!(skeleton.cut("elsewhere"), None);
    }

    #[test]
    fn what_only_looks_like_it_is_left() {
        for json in [
            r#"{"a":"\"data\":[1]"}"#,
            r#"{"x\"data":[1]}"#,
            r#"{"a":"data"}"#,
            r#"{"data":[1"#,
            r#"{"data""#,
            r#"{"data":"#,
            r#"{"data":{"a":[1]}}"#,
        ] {
            let skeleton = Skeleton::of(json.as_bytes());
            assert_eq!(skeleton.json, json.as_bytes());
        }
    }
}
