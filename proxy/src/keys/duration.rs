//! Durations as keys have them: `30s`, `15m`, `2h`, `30d`, `2w`, `1mo`.

use super::time::Time;
use jiff::{Span, Timestamp, tz::TimeZone};
use std::fmt;

/// What is expected where a duration is.
pub const EXPECTED: &str = "a number with s, m, h, d, w or mo, such as \"30d\"";

/// A duration: seconds, or months by the calendar in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Every {
    count: u32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
    Weeks,
    Months,
}

const UNITS: [(&str, Unit, i64); 6] = [
    // The longer name first: 1mo does not end in m.
    ("mo", Unit::Months, 0),
    ("s", Unit::Seconds, 1),
    ("m", Unit::Minutes, 60),
    ("h", Unit::Hours, 3_600),
    ("d", Unit::Days, 86_400),
    ("w", Unit::Weeks, 604_800),
];

/// Years; who wants more wants none.
const MOST_YEARS: i64 = 1_000;

impl Every {
    /// `None`: no duration, of nothing, or of more than a thousand years.
    pub fn parse(text: &str) -> Option<Every> {
        let text = text.trim();
        let (count, unit) = UNITS
            .iter()
            .find_map(|(name, unit, _)| Some((text.strip_suffix(name)?, *unit)))?;
        let is_number = count.bytes().all(|b| b.is_ascii_digit());
        let count: u32 = count.parse().ok().filter(|n| is_number && *n > 0)?;
        let every = Every { count, unit };
        let most = match unit {
            Unit::Months => i64::from(count) <= MOST_YEARS * 12,
            _ => every.seconds() <= MOST_YEARS * 365 * 86_400,
        };
        most.then_some(every)
    }

    fn seconds(self) -> i64 {
        let (_, _, seconds) = UNITS[UNITS.iter().position(|u| u.1 == self.unit).unwrap_or(0)];
        i64::from(self.count) * seconds
    }

    /// That much later.
    pub fn after(self, time: Time) -> Time {
        let later = || {
            let at = Timestamp::from_millisecond(time.0).ok()?;
            let at = at.to_zoned(TimeZone::UTC);
            let months = Span::new().try_months(self.count).ok()?;
            Some(Time(
                at.checked_add(months).ok()?.timestamp().as_millisecond(),
            ))
        };
        match self.unit {
            Unit::Months => later().unwrap_or(Time(i64::MAX)),
            _ => Time(time.0.saturating_add(self.seconds() * 1_000)),
        }
    }

    /// The first of the times that are this far apart, beginning with `first`, that is not over at `now`.
    pub fn next(self, first: Time, now: Time) -> Time {
        let mut at = first;
        if let (true, step @ 1..) = (self.unit != Unit::Months, self.seconds() * 1_000) {
            if at <= now {
                at.0 += ((now.0 - at.0) / step) * step;
            }
        }
        while at <= now {
            at = self.after(at);
        }
        at
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = UNITS.iter().find(|u| u.1 == self.unit).map_or("", |u| u.0);
        write!(f, "{}{name}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn units_and_what_is_none() {
        let start = at("2026-01-31T12:00:00Z");
        for (text, end) in [
            ("30s", "2026-01-31T12:00:30Z"),
            ("15m", "2026-01-31T12:15:00Z"),
            ("2h", "2026-01-31T14:00:00Z"),
            ("1d", "2026-02-01T12:00:00Z"),
            ("1w", "2026-02-07T12:00:00Z"),
            // February is shorter.
            ("1mo", "2026-02-28T12:00:00Z"),
        ] {
            let every = Every::parse(text).unwrap();
            assert_eq!(every.after(start), at(end), "{text}");
            assert_eq!(every.to_string(), text);
        }
        for text in [
            "",
            "30",
            "d",
            "0d",
            "-1d",
            "1.5h",
            "+1h",
            "1y",
            "99999999d",
            "1 d",
        ] {
            assert_eq!(Every::parse(text), None, "{text}");
        }
    }

    #[test]
    fn periods_that_nobody_saw_are_passed_over() {
        let day = Every::parse("1d").unwrap();
        let first = at("2026-01-01");
        assert_eq!(
            day.next(first, at("2026-03-01T05:00:00Z")),
            at("2026-03-02")
        );
        assert_eq!(day.next(first, at("2025-12-31")), first);
        assert_eq!(day.next(first, first), at("2026-01-02"));
    }
}
