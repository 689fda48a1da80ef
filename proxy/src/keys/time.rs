//! Points in time as the database keeps them, and as JSON tells them.

use serde::{Serialize, Serializer};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// By the system's clock.
    pub fn now() -> Time {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Time(since.map_or(0, |since| since.as_millis() as i64))
    }

    /// How long it is until then; zero: it is past.
    pub fn until(self, then: Time) -> Duration {
        Duration::from_millis(then.0.saturating_sub(self.0).max(0) as u64)
    }

    /// As ISO 8601 writes it: `2026-01-31T23:59:59.5Z`.
    pub fn text(self) -> String {
        jiff::Timestamp::from_millisecond(self.0).map_or_else(|_| String::new(), |t| t.to_string())
    }

    /// Out of what [`Time::text`] writes, a date, or a time with another offset. A date is its beginning in UTC.
    pub fn parse(text: &str) -> Option<Time> {
        let text = text.trim();
        if let Ok(date) = text.parse::<jiff::civil::Date>() {
            if text.len() <= "2026-01-31".len() {
                let at = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
                return Some(Time(at.timestamp().as_millisecond()));
            }
        }
        let at = text.parse::<jiff::Timestamp>().ok()?;
        Some(Time(at.as_millisecond()))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let time = Time(1_769_903_999_500);
        assert_eq!(time.text(), "2026-01-31T23:59:59.5Z");
        assert_eq!(Time::parse(&time.text()), Some(time));
        assert_eq!(Time::parse("2026-02-01T00:59:59.5+01:00"), Some(time));
        assert_eq!(Time::parse("1970-01-02"), Some(Time(86_400_000)));
        assert_eq!(Time::parse("tomorrow"), None);
    }

    #[test]
    fn what_is_past_is_no_time_away() {
        assert_eq!(Time(5).until(Time(3)), Duration::ZERO);
        assert_eq!(Time(3).until(Time(5)), Duration::from_millis(2));
    }
}
