//! Rows that come into the database together, out of a journal's lines.

use super::row::{ALL, Row};
use crate::keys::{Money, Time, Token};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
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
    /// For `spend_logs`, as a list of lists in JSON; `None`: sums alone are kept.
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

impl Batch {
    /// The first rows of some lines that begin after `from` bytes, not more than `most`. A line that cannot be read is told, and passed over.
    pub fn read(from: u64, lines: &[u8], most: usize, keeps_rows: bool) -> Batch {
        let mut batch = Batch {
            from,
            to: from,
            ..Batch::default()
        };
        let mut rows = String::new();
        let mut owners = Owners::default();
        for line in lines.split_inclusive(|byte| *byte == b'\n').take(most) {
            batch.to += line.len() as u64;
            let text = std::str::from_utf8(line)
                .unwrap_or_default()
                .trim_ascii_end();
            match serde_json::from_str::<Row<'_>>(text) {
                Ok(row) => {
                    batch.count += 1;
                    if keeps_rows {
                        // Read again where they are inserted: what was read here borrows of the lines.
                        rows.push(if rows.is_empty() { '[' } else { ',' });
                        rows.push_str(text);
                    }
                    if row.spend != Money::ZERO {
                        let cost = (row.ended_at, row.spend);
                        let owner = (row.token, row.team_id, row.user_id);
                        owners.entry(owner).or_default().push(cost);
                    }
                }
                Err(_) => {
                    let line = String::from_utf8_lossy(line);
                    warn!("a line of a journal of spend is none: {}", line.trim_end());
                }
            }
        }
        if !rows.is_empty() {
            rows.push(']');
            batch.rows = Some(rows);
        }
        for (owner, costs) in owners {
            batch.charge(owner, &costs);
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

    fn charge(&mut self, (token, team_id, user_id): Owner<'_>, costs: &[(Time, Money)]) {
        let owner = Row {
            token,
            team_id,
            user_id,
            ..Row::default()
        };
        let scopes = owner.scopes().map(|scope| scope.to_string());
        for scope in scopes.chain([ALL.to_owned()]) {
            let charge = self.charges.entry(scope).or_default();
            charge.sum = costs.iter().fold(charge.sum, |sum, (_, cost)| sum + *cost);
            charge.each.extend_from_slice(costs);
        }
    }
}

/// A key, its team and its user.
type Owner<'a> = (Option<Token>, Option<Cow<'a, str>>, Option<Cow<'a, str>>);

/// When each request of an owner ended, and what it cost.
type Owners<'a> = HashMap<Owner<'a>, Vec<(Time, Money)>>;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spend::row::COLUMNS;
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
