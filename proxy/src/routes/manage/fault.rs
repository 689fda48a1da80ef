//! What goes wrong beside a wrong field.

use crate::store::Failure;
use mishikallm::Error;
use std::time::Duration;

/// Between tries of somebody who waits for the database.
const AGAIN: Duration = Duration::from_secs(1);

/// What a failure of the database means for who asked.
pub fn of_store(failure: Failure) -> Error {
    match failure {
        Failure::Away => Error::unavailable(
            503,
            "the database of keys is away, or does not answer: ask again later whether it is done",
        )
        .with_retry_after(Some(AGAIN)),
        Failure::Taken("token") => taken(400, "key", "another key"),
        Failure::Taken("key_alias") => taken(400, "key_alias", "another name: a key has this one"),
        Failure::Taken("team_id") => taken(400, "team_id", "another id: a team has this one"),
        Failure::Missing("team_id") => unknown("team_id", "team"),
        Failure::Missing(column) => unknown(column, "user"),
        Failure::Taken(column) => taken(409, column, "another one: a user has this one"),
        Failure::Unfit(column) => Error::argument(
            column,
            format!("{column}: expected a text without NUL characters, got one with them"),
        ),
        // Why, the log says: it is not the caller's doing.
        Failure::Broken(_) => {
            Error::server(500, "the database of keys cannot do this: the log says why")
        }
    }
}

fn taken(status: u16, field: &str, expected: &str) -> Error {
    let message = format!("{field}: expected {expected}");
    match status {
        400 => Error::argument(field, message),
        _ => Error::server(status, message).with_param(field),
    }
}

/// There is no such key, and what was asked for by it is not repeated: it may be a key.
pub fn no_key(field: &str) -> Error {
    Error::server(404, "there is no such key").with_param(field)
}

/// There is no such team or user: `what`. An id that was asked for is not repeated either: somebody may have sent a key in its place.
pub fn none(field: &str, what: &str) -> Error {
    Error::server(404, format!("{field}: there is no such {what}")).with_param(field)
}

/// The same where it is no path to something, but a field of something else.
pub fn unknown(field: &str, what: &str) -> Error {
    Error::argument(
        field,
        format!("{field}: expected the id of a {what} that there is, got another"),
    )
}

/// The first of several ids that is none, as a field's name.
pub fn first_missing(
    field: &str,
    ids: &[String],
    is_there: impl Fn(&str) -> bool,
) -> Option<String> {
    let at = ids.iter().position(|id| !is_there(id))?;
    Some(format!("{field}[{at}]"))
}

/// Somebody may see only what is theirs.
pub fn not_yours(field: &str) -> Error {
    let message = format!("{field}: expected this key itself, for it may not manage others");
    Error::server(403, message).with_param(field)
}

/// A route that needs another key.
pub fn forbidden() -> Error {
    Error::server(
        403,
        "this route needs the master key, or a key that may manage keys",
    )
}
