//! One settled request: what it was, and what it cost.

use crate::keys::{Money, Scope, Time, Token};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// The scope of all spend together, also of the master key's calls.
pub const ALL: &str = "proxy";

/// Bytes of a text that are kept: clients choose some of them.
const LONGEST: usize = 256;

/// A row of the table `spend_logs`. What it is charged to follows from it: see [`Row::scopes`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row<'a> {
    /// Of `x-mishikallm-call-id`.
    #[serde(borrow, serialize_with = "text")]
    pub request_id: Cow<'a, str>,
    /// When its header was there.
    #[serde(with = "time")]
    pub started_at: Time,
    /// Of a stream.
    #[serde(with = "maybe_time", skip_serializing_if = "Option::is_none", default)]
    pub first_chunk_at: Option<Time>,
    /// When its end was known.
    #[serde(with = "time")]
    pub ended_at: Time,
    /// The operation.
    #[serde(borrow, serialize_with = "text")]
    pub call_type: Cow<'a, str>,
    /// The key's; `None`: the master key's.
    #[serde(with = "token", skip_serializing_if = "Option::is_none", default)]
    pub token: Option<Token>,
    /// The key's.
    #[serde(
        borrow,
        serialize_with = "maybe_text",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub team_id: Option<Cow<'a, str>>,
    /// The key's.
    #[serde(
        borrow,
        serialize_with = "maybe_text",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub user_id: Option<Cow<'a, str>>,
    /// The request's own field `user`.
    #[serde(
        borrow,
        serialize_with = "maybe_text",
        skip_serializing_if = "Option::is_none",
        default
    )]
    pub end_user: Option<Cow<'a, str>>,
    /// The model as the request named it.
    #[serde(borrow, serialize_with = "text")]
    pub model: Cow<'a, str>,
    /// The configuration's name for it.
    #[serde(borrow, serialize_with = "text")]
    pub model_group: Cow<'a, str>,
    /// The deployment's.
    #[serde(borrow, serialize_with = "text")]
    pub model_id: Cow<'a, str>,
    /// Tokens of the prompt.
    pub prompt_tokens: u64,
    /// Tokens of the answer.
    pub completion_tokens: u64,
    /// What it cost.
    #[serde(with = "money")]
    pub spend: Money,
    /// Of HTTP; 499: the client hung up.
    pub status: u16,
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

/// A text as it is kept: not longer than [`LONGEST`], and without NUL, which PostgreSQL has not.
fn kept(text: &str) -> Cow<'_, str> {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = &text[..end];
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

#[expect(clippy::ptr_arg, reason = "serde hands a field over as it is")]
fn text<S: Serializer>(text: &Cow<'_, str>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&kept(text))
}

fn maybe_text<S: Serializer>(text: &Option<Cow<'_, str>>, to: S) -> Result<S::Ok, S::Error> {
    text.as_deref().map(kept).serialize(to)
}

mod time {
    use super::*;

    pub fn serialize<S: Serializer>(time: &Time, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(time.0)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Time, D::Error> {
        i64::deserialize(from).map(Time)
    }
}

mod maybe_time {
    use super::*;

    pub fn serialize<S: Serializer>(time: &Option<Time>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| time.0).serialize(to)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Time>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(Time))
    }
}

mod money {
    use super::*;

    pub fn serialize<S: Serializer>(money: &Money, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(money.0)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Money, D::Error> {
        i64::deserialize(from).map(Money)
    }
}

mod token {
    use super::*;
    use serde::de::Error;

    pub fn serialize<S: Serializer>(token: &Option<Token>, to: S) -> Result<S::Ok, S::Error> {
        match token {
            Some(token) => to.collect_str(token),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Option<Token>, D::Error> {
        let text = Option::<Cow<'a, str>>::deserialize(from)?;
        let token = |text: Cow<'_, str>| {
            Token::parse(&text).ok_or_else(|| D::Error::custom("expected the hash of a key"))
        };
        text.map(token).transpose()
    }
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
