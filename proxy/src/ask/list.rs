//! `/key/list`, page by page.

use super::call;
use super::http::Peer;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Keys on a page: the reference gives no more. The oldest first, so that one that is made meanwhile moves none to another page.
const LIST: &str = "/key/list?return_full_object=true&sort_by=created_at&sort_order=asc&size=100";

/// The pages of a list of keys.
pub struct Pages<'a> {
    peer: &'a Peer,
    filters: String,
    page: u64,
    is_over: bool,
}

impl<'a> Pages<'a> {
    /// Of those keys that have all these fields.
    pub fn new(peer: &'a Peer, filters: &[(&str, Option<&str>)]) -> Pages<'a> {
        let given = filters
            .iter()
            .filter_map(|(name, value)| value.map(|value| format!("&{name}={}", encoded(value))));
        Pages {
            peer,
            filters: given.collect(),
            page: 0,
            is_over: false,
        }
    }

    /// The next answer; `None`: there are no more.
    pub async fn next(&mut self) -> Result<Option<Value>, String> {
        if self.is_over {
            return Ok(None);
        }
        self.page += 1;
        let (page, filters) = (self.page, &self.filters);
        let path = format!("{LIST}&page={page}{filters}");
        let answer = call(self.peer, Method::GET, &path, None).await?;
        if !answer["keys"].is_array() {
            return Err("/key/list: expected \"keys\" in the proxy's answer".to_owned());
        }
        self.is_over = is_last(&answer, page);
        Ok(Some(answer))
    }
}

/// Whether nothing follows. Keys that are made meanwhile may make the list longer, but not without end.
fn is_last(answer: &Value, page: u64) -> bool {
    keys(answer).is_empty() || page >= answer["total_pages"].as_u64().unwrap_or(0)
}

/// Those on a page.
pub fn keys(answer: &Value) -> &[Value] {
    answer["keys"].as_array().map_or(&[], Vec::as_slice)
}

/// As it stands in a query.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_last_page_is_the_one_that_the_answer_says_or_an_empty_one() {
        let answer = |keys: Value, pages: Value| json!({"keys": keys, "total_pages": pages});
        assert!(!is_last(&answer(json!([{}]), json!(2)), 1));
        assert!(is_last(&answer(json!([{}]), json!(2)), 2));
        assert!(is_last(&answer(json!([]), json!(9)), 3));
        assert!(is_last(&answer(json!([{}]), Value::Null), 1));
    }
}
