//! Rows that come into the database together, out of a journal's lines.

use super::row::{ALL, Row};
use crate::keys::{Money, Time, Token};
use serde::Serialize;
use std::collections::BTreeMap;
use tracing::warn;

/// Rows that come into the database together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Whose they are.
    pub journal: String,
    /// Who has borrowed what they spend.
    pub replica: String,
    /// Bytes of the journal before them.
    pub from: u64,
    /// And with them.
    pub to: u64,
    /// How many they are.
    pub count: usize,
    /// For `spend_logs`, as a list of lists; `None`: sums alone are kept.
    pub(super) rows: Option<String>,
    /// By what they are charged to.
    pub(super) charges: BTreeMap<String, Charge>,
}

/// What rows have cost that are charged to the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Charge {
    /// All of them.
    pub(super) sum: Money,
    /// When each request ended, and what it cost.
    each: Vec<(Time, Money)>,
}

impl Charge {
    /// What is of a period that began then, or of a later one.
    pub(super) fn since(&self, period: Time) -> Money {
        let of_it = self.each.iter().filter(|(ended, _)| *ended >= period);
        of_it.fold(Money::ZERO, |sum, (_, cost)| sum + *cost)
    }
}

/// A row of `spend_logs` in the order of [`COLUMNS`].
#[derive(Serialize)]
struct Columns<'a>(
    &'a str,
    i64,
    Option<i64>,
    i64,
    &'a str,
    Hash,
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    &'a str,
    &'a str,
    &'a str,
    i64,
    i64,
    i64,
    u16,
);

/// A key's hash; nothing: the master key's.
struct Hash(Option<Token>);

impl Serialize for Hash {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(token) => to.collect_str(token),
            None => to.serialize_str(""),
        }
    }
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

impl Batch {
    /// The first rows of some lines that begin after `from` bytes, not more than `most`. A line that cannot be read is told, and passed over.
    pub fn read(from: u64, lines: &[u8], most: usize, keeps_rows: bool) -> Batch {
        let mut batch = Batch {
            from,
            to: from,
            ..Batch::default()
        };
        let mut rows = Vec::new();
        for line in lines.split_inclusive(|byte| *byte == b'\n').take(most) {
            batch.to += line.len() as u64;
            match serde_json::from_slice::<Row<'_>>(line) {
                Ok(row) => {
                    batch.count += 1;
                    batch.charge(&row);
                    if keeps_rows {
                        rows.push(b',');
                        // Into memory, which fails for no row.
                        let _ = serde_json::to_writer(&mut rows, &columns(&row));
                    }
                }
                Err(_) => {
                    let line = String::from_utf8_lossy(line);
                    warn!("a line of a journal of spend is none: {}", line.trim_end());
                }
            }
        }
        if let Some(first) = rows.first_mut() {
            *first = b'[';
            rows.push(b']');
            batch.rows = String::from_utf8(rows).ok();
        }
        batch
    }

    /// Whether there is nothing to be brought anywhere.
    pub fn is_empty(&self) -> bool {
        self.from == self.to
    }

    /// What its rows cost, by what they are charged to: texts of scopes.
    pub fn costs(&self) -> impl Iterator<Item = (&str, Money)> {
        let charges = self.charges.iter();
        charges.map(|(scope, charge)| (scope.as_str(), charge.sum))
    }

    fn charge(&mut self, row: &Row<'_>) {
        if row.spend == Money::ZERO {
            return;
        }
        let scopes = row.scopes().map(|scope| scope.to_string());
        for scope in scopes.chain([ALL.to_owned()]) {
            let charge = self.charges.entry(scope).or_default();
            charge.sum += row.spend;
            charge.each.push((row.ended_at, row.spend));
        }
    }
}

fn columns<'a>(row: &'a Row<'_>) -> Columns<'a> {
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    Columns(
        &row.request_id,
        row.started_at.0,
        row.first_chunk_at.map(|time| time.0),
        row.ended_at.0,
        &row.call_type,
        Hash(row.token),
        row.team_id.as_deref(),
        row.user_id.as_deref(),
        row.end_user.as_deref(),
        &row.model,
        &row.model_group,
        &row.model_id,
        number(row.prompt_tokens),
        number(row.completion_tokens),
        row.spend.0,
        row.status,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spend::row::tests::row;

    fn lines(rows: &[Row<'_>]) -> Vec<u8> {
        let line = |row: &Row<'_>| serde_json::to_string(row).unwrap() + "\n";
        rows.iter().map(line).collect::<String>().into_bytes()
    }

    #[test]
    fn what_rows_cost_is_summed_up_by_what_they_are_charged_to() {
        let master = Row {
            token: None,
            ..row("c", 100)
        };
        let lines = lines(&[row("a", 1), row("b", 10), master, row("d", 0)]);
        let batch = Batch::read(7, &lines, 9, true);
        assert_eq!((batch.from, batch.count), (7, 4));
        assert_eq!(batch.to, 7 + lines.len() as u64);
        let key = format!("key:{}", Token::of(b"sk-1"));
        let costs: Vec<_> = batch.costs().collect();
        assert_eq!(costs, [(key.as_str(), Money(11)), (ALL, Money(111))]);
        let rows: Vec<Vec<serde_json::Value>> = serde_json::from_str(&batch.rows.unwrap()).unwrap();
        assert_eq!(rows.len(), 4);
        assert!(rows.iter().all(|row| row.len() == COLUMNS.len()));
        assert_eq!(rows[2][5], "");
    }

    #[test]
    fn a_batch_has_so_many_rows_at_most_and_passes_over_what_is_none() {
        let mut bytes = lines(&[row("a", 1)]);
        bytes.extend(b"{\"half\n\n");
        bytes.extend(lines(&[row("b", 1), row("c", 1)]));
        let batch = Batch::read(0, &bytes, 4, false);
        assert_eq!((batch.count, batch.rows), (2, None));
        let rest = Batch::read(batch.to, &bytes[batch.to as usize..], 4, false);
        assert_eq!((rest.count, rest.to), (1, bytes.len() as u64));
    }

    #[test]
    fn of_a_period_are_those_that_ended_in_it() {
        let ended = |at: i64, spend| Row {
            ended_at: Time(at),
            ..row("a", spend)
        };
        let batch = Batch::read(
            0,
            &lines(&[ended(9, 1), ended(10, 2), ended(11, 4)]),
            9,
            false,
        );
        let charge = &batch.charges[ALL];
        assert_eq!((charge.sum, charge.since(Time(10))), (Money(7), Money(6)));
    }
}
