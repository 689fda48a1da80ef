//! `strftime_now(format)`: the day in the system messages of some models. The time is told, not asked for.

use crate::limits;
use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use minijinja::{Error, ErrorKind, Value};

/// The function for templates, at this time in seconds since 1970, UTC. A format is as Python's `datetime.strftime` has
/// it; a date there has no zone, so that `%Z` and `%z` are empty.
pub fn strftime_now(unix_time: i64) -> Value {
    Value::from_function(move |format: &str| -> Result<String, Error> {
        let wrong = |_: jiff::Error| Error::new(ErrorKind::InvalidOperation, "strftime_now");
        if format.len() > limits::TIME_FORMAT_BYTES {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "strftime_now: the format is too long",
            ));
        }
        let now = Timestamp::from_second(unix_time).map_err(wrong)?;
        let now = now.to_zoned(TimeZone::UTC).datetime();
        strtime::format(without_zone(format), now).map_err(wrong)
    })
}

fn without_zone(format: &str) -> String {
    let mut out = String::with_capacity(format.len());
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        match c {
            '%' => match chars.next() {
                Some('Z' | 'z') => {}
                Some(directive) => out.extend(['%', directive]),
                None => out.push_str("%%"),
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::template::Template;
    use serde_json::{Map, json};

    #[test]
    fn a_date_is_written_as_python_does() {
        // Friday, 5 July 2024, 09:08:07 UTC
        let at = |format: &str| {
            let source = format!("{{{{ strftime_now('{format}') }}}}");
            Template::compile(&source).unwrap().render(
                &[json!({})],
                None,
                &Map::new(),
                1_720_170_487,
            )
        };
        assert_eq!(at("%d %b %Y").unwrap(), "05 Jul 2024");
        assert_eq!(at("%B %d, %Y").unwrap(), "July 05, 2024");
        assert_eq!(
            at("%A %-d.%-m. %H:%M:%S %j %Z%%").unwrap(),
            "Friday 5.7. 09:08:07 187 %"
        );
        assert!(at("%!").is_err());
    }
}
