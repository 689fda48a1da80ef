//! What stands behind a management path's question mark.

use super::fields::change::told;
use mishikallm::Result;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// Fields in which a plus sign is itself, as in the reference: addresses have one.
const PLAIN: [&str; 3] = ["user_id", "user_ids", "user_email"];

/// A query's fields.
#[derive(Clone, Debug, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads one. A field without a value is none.
    pub fn read(query: Option<&str>) -> Query {
        let fields = query.unwrap_or_default().split('&');
        let fields = fields.filter_map(|field| field.split_once('='));
        let read = fields.filter(|(_, value)| !value.is_empty());
        let read = read.map(|(name, value)| {
            let name = decoded(name);
            let value = match PLAIN.contains(&name.as_str()) {
                true => Cow::Borrowed(value),
                false => Cow::Owned(value.replace('+', " ")),
            };
            let value = decoded(&value);
            (name, value)
        });
        Query(read.collect())
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A number.
    pub fn number(&self, name: &str, default: u32, most: u32) -> Result<u32> {
        let Some(text) = self.text(name) else {
            return Ok(default);
        };
        let number = text.parse().ok().filter(|n| (1..=most).contains(n));
        let expected = format!("a whole number from 1 to {most}");
        number.ok_or_else(|| told(name, &expected, "something else"))
    }

    /// A switch.
    pub fn switch(&self, name: &str, default: bool) -> Result<bool> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None => Ok(default),
            Some("true" | "1" | "yes" | "on") => Ok(true),
            Some("false" | "0" | "no" | "off") => Ok(false),
            Some(_) => Err(told(name, "true or false", "something else")),
        }
    }

    /// One of these words, and its place among them.
    pub fn word(&self, name: &str, words: &[&str]) -> Result<Option<usize>> {
        let Some(text) = self.text(name) else {
            return Ok(None);
        };
        let at = words
            .iter()
            .position(|word| text.eq_ignore_ascii_case(word));
        let expected = format!("one of {}", words.join(", "));
        at.map(Some)
            .ok_or_else(|| told(name, &expected, "something else"))
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Entries of a list that are told at once where nobody says how many.
pub const MOST: u32 = 1_000;

/// A part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Counted from 1.
    pub page: u32,
    /// Entries of a page.
    pub size: u32,
}

/// Pages, beyond which nobody turns.
const MOST_PAGES: u32 = 1_000_000;

impl Page {
    /// `size`: what the field is called, and its default.
    pub fn read(query: &Query, size: (&str, u32)) -> Result<Page> {
        Ok(Page {
            page: query.number("page", 1, MOST_PAGES)?,
            size: query.number(size.0, size.1, 100)?,
        })
    }

    /// Of a list that the reference tells at once: it is one page here, but where it is too long for that.
    pub fn of_long(query: &Query) -> Result<Page> {
        Ok(Page {
            page: query.number("page", 1, MOST_PAGES)?,
            size: query.number("page_size", MOST, MOST)?,
        })
    }

    /// How many pages so many entries have.
    pub fn count(self, entries: u64) -> u64 {
        entries.div_ceil(u64::from(self.size))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_empty_ones_are_none() {
        let query = Query::read(Some("key=a%2Fb+c&team_id=&user_id=a+b%40c&flag"));
        assert_eq!(query.text("key"), Some("a/b c"));
        assert_eq!(query.text("user_id"), Some("a+b@c"));
        assert_eq!((query.text("team_id"), query.text("flag")), (None, None));
    }

    #[test]
    fn pages_begin_at_one_and_end() {
        let page = |query: &str| Page::read(&Query::read(Some(query)), ("size", 10));
        assert_eq!(page("").unwrap(), Page { page: 1, size: 10 });
        assert_eq!(
            page("page=3&size=100").unwrap(),
            Page { page: 3, size: 100 }
        );
        for (query, param) in [
            ("page=0", "page"),
            ("page=-1", "page"),
            ("size=101", "size"),
            ("size=x", "size"),
        ] {
            let e = page(query).unwrap_err();
            assert_eq!((e.http_status(), e.param()), (400, Some(param)));
        }
        let long = |query: &str| Page::of_long(&Query::read(Some(query)));
        let first = Page {
            page: 1,
            size: MOST,
        };
        assert_eq!(long("").unwrap(), first);
        assert_eq!(
            long("page=2&page_size=5").unwrap(),
            Page { page: 2, size: 5 }
        );
        assert_eq!(
            long("page_size=1001").unwrap_err().param(),
            Some("page_size")
        );
        let ten = page("").unwrap();
        assert_eq!([0, 1, 10, 11].map(|n| ten.count(n)), [0, 1, 1, 2]);
    }

    #[test]
    fn words_and_switches() {
        let query = Query::read(Some("a=TRUE&b=0&sort_order=DESC"));
        assert!(query.switch("a", false).unwrap() && !query.switch("b", true).unwrap());
        assert!(query.switch("c", true).unwrap());
        assert!(query.switch("sort_order", true).is_err());
        assert_eq!(query.word("sort_order", &["asc", "desc"]).unwrap(), Some(1));
        assert_eq!(query.word("a", &["x"]).unwrap_err().param(), Some("a"));
    }
}
