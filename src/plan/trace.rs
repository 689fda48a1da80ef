//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): the trace that a caller's request is part of, for the model's server to
//! join. It is passed on as it came: no span of our own is put in between.

use super::credentials::Header;
use http::header::{HeaderMap, HeaderName, HeaderValue};

const PARENT: HeaderName = HeaderName::from_static("traceparent");
const STATE: HeaderName = HeaderName::from_static("tracestate");

/// `00-` and a trace's id, `-` and a span's, `-` and flags.
const PARENT_LENGTH: usize = 55;

/// Where the trace's id is in it.
const ID: std::ops::Range<usize> = 3..35;

/// Vendors in a `tracestate`.
const MEMBERS: usize = 32;

/// The trace of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    parent: HeaderValue,
    state: Option<HeaderValue>,
}

impl Trace {
    /// The trace that a request's headers tell; `None`: they tell none, or not in a valid form. A `tracestate` of no valid form is left out.
    pub fn read(headers: &HeaderMap) -> Option<Trace> {
        let mut parents = headers.get_all(PARENT).iter();
        let parent = parents.next()?;
        if parents.next().is_some() || !is_parent(parent.as_bytes()) {
            return None;
        }
        let states: Vec<&[u8]> = headers
            .get_all(STATE)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        let state = states.join(&b","[..]);
        let state = is_state(&state).then(|| HeaderValue::from_bytes(&state).ok());
        Some(Trace {
            parent: parent.clone(),
            state: state.flatten(),
        })
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn id(&self) -> &str {
        self.parent.to_str().map_or("", |parent| &parent[ID])
    }

    /// For a request to a server.
    pub(super) fn headers(&self) -> impl Iterator<Item = Header> {
        let state = self.state.clone().map(|state| (STATE, state));
        std::iter::once((PARENT, self.parent.clone())).chain(state)
    }
}

/// Whether a header tells a trace: it is another for each request, and no credential.
pub(super) fn is_of_trace(name: &HeaderName) -> bool {
    *name == PARENT || *name == STATE
}

/// Of version `00` nothing follows the flags; of a later one something may.
fn is_parent(value: &[u8]) -> bool {
    let Some((known, more)) = value.split_at_checked(PARENT_LENGTH) else {
        return false;
    };
    let mut parts = known.split(|b| *b == b'-');
    let mut is_hexadecimal = |length: usize| {
        let part = parts.next().filter(|part| part.len() == length)?;
        let is = |b: &u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        part.iter().all(is).then_some(part)
    };
    let (version, trace) = (is_hexadecimal(2), is_hexadecimal(32));
    let (span, flags) = (is_hexadecimal(16), is_hexadecimal(2));
    let is_some = |id: Option<&[u8]>| id.is_some_and(|id| id.iter().any(|b| *b != b'0'));
    let follows_well = match version {
        Some(b"00") => more.is_empty(),
        Some(b"ff") | None => false,
        Some(_) => matches!(more, [] | [b'-', ..]) && more.iter().all(u8::is_ascii_graphic),
    };
    follows_well && is_some(trace) && is_some(span) && flags.is_some()
}

/// A list of `vendor=value`.
fn is_state(value: &[u8]) -> bool {
    let members = value.split(|b| *b == b',').map(<[u8]>::trim_ascii);
    let members: Vec<&[u8]> = members.filter(|member| !member.is_empty()).collect();
    (1..=MEMBERS).contains(&members.len()) && members.into_iter().all(is_member)
}

fn is_member(member: &[u8]) -> bool {
    let Some(at) = member.iter().position(|b| *b == b'=') else {
        return false;
    };
    let (key, value) = (&member[..at], &member[at + 1..]);
    let of_key = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/' | b'@');
    let of_value = |b: &u8| matches!(b, b' '..=b'~') && *b != b'=';
    let begins = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    key.first().is_some_and(begins)
        && key.len() <= 256
        && key.iter().all(of_key)
        && (1..=256).contains(&value.len())
        && value.iter().all(of_value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WELL: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn read(headers: &[(&'static str, &str)]) -> Option<Trace> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Trace::read(&map)
    }

    fn passed_on(headers: &[(&'static str, &str)]) -> Vec<String> {
        let trace = read(headers).expect("a trace");
        let told = trace.headers();
        told.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect()
    }

    #[test]
    fn a_trace_is_passed_on_as_it_came() {
        let trace = read(&[("traceparent", WELL)]).unwrap();
        assert_eq!(trace.id(), "0af7651916cd43dd8448eb211c80319c");
        let headers = [
            ("traceparent", WELL),
            ("tracestate", "congo=t61rcWkgMzE, rojo=00f067"),
            ("tracestate", "fw529a3039@dt=FfffffeC9"),
        ];
        assert_eq!(
            passed_on(&headers),
            [
                format!("traceparent: {WELL}"),
                "tracestate: congo=t61rcWkgMzE, rojo=00f067,fw529a3039@dt=FfffffeC9".to_owned()
            ]
        );
        // A version of the future may have more to say.
        let later = WELL.replacen("00", "cc", 1) + "-what-the-future-will-be";
        assert!(read(&[("traceparent", &later)]).is_some());
    }

    #[test]
    fn one_of_no_valid_form_is_none() {
        let wrong = [
            "",
            "00",
            &WELL[1..],
            &WELL[..54],
            &(WELL.to_owned() + "-"),
            &(WELL.to_owned() + "0"),
            &WELL.to_uppercase(),
            &WELL.replacen("00", "ff", 1),
            &WELL.replacen('-', "_", 1),
            &WELL.replace("0af7651916cd43dd8448eb211c80319c", &"0".repeat(32)),
            &WELL.replace("b7ad6b7169203331", &"0".repeat(16)),
            &WELL.replace("b7ad", "b7aé"),
            &(WELL.replacen("00", "cc", 1) + "x"),
        ];
        for parent in wrong {
            assert_eq!(read(&[("traceparent", parent)]), None, "{parent}");
        }
        assert_eq!(
            read(&[("traceparent", WELL), ("traceparent", WELL)]),
            None,
            "two of them"
        );
        assert_eq!(read(&[("tracestate", "a=b")]), None);
    }

    #[test]
    fn a_state_of_no_valid_form_is_left_out() {
        let many: Vec<String> = (0..33).map(|i| format!("v{i}=1")).collect();
        let long = format!("a={}", "b".repeat(257));
        for state in [
            "",
            ",",
            "a",
            "=b",
            "a=",
            "A=b",
            "a=b=c",
            "a=b\tc",
            &many.join(","),
            &long,
        ] {
            let told = passed_on(&[("traceparent", WELL), ("tracestate", state)]);
            assert_eq!(told, [format!("traceparent: {WELL}")], "{state}");
        }
    }
}
