//! One settled request: what it was, and what it cost.

use crate::keys::{Money, Scope, Time, Token};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// The scope of all spend together, also of the master key's calls.
pub const ALL: &str = "proxy";

/// Bytes of a text that are kept: clients choose some of them.
const LONGEST: usize = 256;

/// A row of the table `spend_logs`. What it is charged to follows from it: see [`Row::scopes`]. As JSON it is the list of its values, in the
/// order of [`COLUMNS`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row<'a> {
    /// Of `x-mishikallm-call-id`.
    pub request_id: Cow<'a, str>,
    /// When its header was there.
    pub started_at: Time,
    /// Of a stream.
    pub first_chunk_at: Option<Time>,
    /// When its end was known.
    pub ended_at: Time,
    /// The operation.
    pub call_type: Cow<'a, str>,
    /// The key's; `None`: the master key's.
    pub token: Option<Token>,
    /// The key's.
    pub team_id: Option<Cow<'a, str>>,
    /// The key's.
    pub user_id: Option<Cow<'a, str>>,
    /// The request's own field `user`.
    pub end_user: Option<Cow<'a, str>>,
    /// The model as the request named it.
    pub model: Cow<'a, str>,
    /// The configuration's name for it.
    pub model_group: Cow<'a, str>,
    /// The deployment's.
    pub model_id: Cow<'a, str>,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// What it cost.
    pub spend: Money,
    /// Of HTTP; 499: the client hung up.
    pub status: u16,
}

/// Those of `spend_logs`, and whether each is a number.
pub(super) const COLUMNS: [(&str, bool); 16] = [
    ("request_id", false),
    ("started_at", true),
    ("first_chunk_at", true),
    ("ended_at", true),
    ("call_type", false),
    ("token", false),
    ("team_id", false),
    ("user_id", false),
    ("end_user", false),
    ("model", false),
    ("model_group", false),
    ("model_id", false),
    ("prompt_tokens", true),
    ("completion_tokens", true),
    ("spend", true),
    ("status", true),
];

/// The values of [`COLUMNS`].
#[derive(Serialize, Deserialize)]
struct Values<'a>(
    #[serde(borrow)] Text<'a>,
    i64,
    Option<i64>,
    i64,
    #[serde(borrow)] Text<'a>,
    Hash,
    #[serde(borrow)] Option<Text<'a>>,
    #[serde(borrow)] Option<Text<'a>>,
    #[serde(borrow)] Option<Text<'a>>,
    #[serde(borrow)] Text<'a>,
    #[serde(borrow)] Text<'a>,
    #[serde(borrow)] Text<'a>,
    i64,
    i64,
    i64,
    u16,
);

/// A text as it is kept.
#[derive(Serialize, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A key's hash; an empty text: the master key's.
struct Hash(Option<Token>);

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Values(
            kept(&self.request_id),
            self.started_at.0,
            self.first_chunk_at.map(|time| time.0),
            self.ended_at.0,
            kept(&self.call_type),
            Hash(self.token),
            self.team_id.as_deref().map(kept),
            self.user_id.as_deref().map(kept),
            self.end_user.as_deref().map(kept),
            kept(&self.model),
            kept(&self.model_group),
            kept(&self.model_id),
            number(self.prompt_tokens),
            number(self.completion_tokens),
            self.spend.0,
            self.status,
        )
        .serialize(to)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Row<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let number = |count: i64| u64::try_from(count).unwrap_or(0);
        let values = Values::deserialize(from)?;
        Ok(Row {
            request_id: values.0.0,
            started_at: Time(values.1),
            first_chunk_at: values.2.map(Time),
            ended_at: Time(values.3),
            call_type: values.4.0,
            token: values.5.0,
            team_id: values.6.map(|text| text.0),
            user_id: values.7.map(|text| text.0),
            end_user: values.8.map(|text| text.0),
            model: values.9.0,
            model_group: values.10.0,
            model_id: values.11.0,
            prompt_tokens: number(values.12),
            completion_tokens: number(values.13),
            spend: Money(values.14),
            status: values.15,
        })
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(token) => {
                to.serialize_str(std::str::from_utf8(&token.digits()).unwrap_or_default())
            }
            None => to.serialize_str(""),
        }
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(from)?.0;
        match Token::parse(&text) {
            None if !text.is_empty() => Err(D::Error::custom("expected the hash of a key")),
            token => Ok(Hash(token)),
        }
    }
}

impl Row<'_> {
    /// What it is charged to beside [`ALL`]: its key, and its key's team or else its key's user.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        let key = self.token.map(Scope::Key);
        let team = self.team_id.as_deref().map(|id| Scope::Team(id.to_owned()));
        let user = self.user_id.as_deref().map(|id| Scope::User(id.to_owned()));
        // The master key's calls are nobody's.
        let other = team.or(user).filter(|_| key.is_some());
        key.into_iter().chain(other)
    }
}

/// Not longer than [`LONGEST`], and without NUL, which PostgreSQL has not.
fn kept(text: &str) -> Text<'_> {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    Text(match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A request of a key of a team.
    pub(crate) fn row(id: &str, spend: i64) -> Row<'_> {
        Row {
            request_id: id.into(),
            started_at: Time(1_000),
            ended_at: Time(2_000),
            call_type: "chat".into(),
            token: Some(Token::of(b"sk-1")),
            model: "llm".into(),
            model_group: "llm".into(),
            model_id: "d1".into(),
            prompt_tokens: 7,
            completion_tokens: 5,
            spend: Money(spend),
            status: 200,
            ..Row::default()
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let all = Row {
            first_chunk_at: Some(Time(1_500)),
            team_id: Some("t".into()),
            user_id: Some("u \"1\"".into()),
            end_user: Some("é".into()),
            ..row("a", i64::MAX)
        };
        for row in [all, row("b", 0), Row::default()] {
            let line = serde_json::to_string(&row).unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(serde_json::from_str::<Row<'_>>(&line).unwrap(), row);
        }
    }

    #[test]
    fn a_text_that_a_client_chose_is_cut_and_has_nothing_that_a_database_refuses() {
        let name = "é".repeat(LONGEST);
        let row = Row {
            end_user: Some("a\0b".into()),
            model: name.as_str().into(),
            ..row("a", 1)
        };
        let line = serde_json::to_string(&row).unwrap();
        let read: Row<'_> = serde_json::from_str(&line).unwrap();
        assert_eq!(read.end_user.as_deref(), Some("a\u{fffd}b"));
        assert_eq!(read.model.len(), LONGEST);
    }

    #[test]
    fn a_row_is_charged_to_its_key_and_to_the_team_or_else_the_user() {
        let scopes = |team: Option<&'static str>, user: Option<&'static str>| {
            let row = Row {
                team_id: team.map(Cow::from),
                user_id: user.map(Cow::from),
                ..row("a", 1)
            };
            let kinds: Vec<_> = row.scopes().map(|scope| scope.kind()).collect();
            kinds.join(" ")
        };
        assert_eq!(scopes(Some("t"), Some("u")), "key team");
        assert_eq!(scopes(None, Some("u")), "key user");
        assert_eq!(scopes(None, None), "key");
        assert_eq!(Row::default().scopes().count(), 0);
    }
}
