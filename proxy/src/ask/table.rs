//! Lines in columns. A table is printed page by page, so that a long one needs no more room than a short one.

/// A table of `N` columns: a column is as wide as the widest that has been in it so far.
pub struct Table<const N: usize> {
    header: Option<[&'static str; N]>,
    widths: [usize; N],
}

/// Between two columns.
const GAP: usize = 2;

impl<const N: usize> Table<N> {
    /// With names over the columns.
    pub fn new(header: [&'static str; N]) -> Table<N> {
        Table {
            header: Some(header),
            widths: [0; N],
        }
    }

    /// Without them.
    pub fn bare() -> Table<N> {
        Table {
            header: None,
            widths: [0; N],
        }
    }

    /// The lines of some more rows; the names before the first.
    pub fn lines(&mut self, rows: &[[String; N]]) -> String {
        if rows.is_empty() {
            return String::new();
        }
        let header = self.header.take().map(|names| names.map(str::to_owned));
        let all = || header.iter().chain(rows);
        for row in all() {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut lines = String::new();
        for row in all() {
            let mut line = String::new();
            for (width, cell) in self.widths.iter().zip(row) {
                line += &format!("{cell:<width$}", width = width + GAP);
            }
            lines += line.trim_end();
            lines.push('\n');
        }
        lines
    }
}

/// What is known of one thing, a fact on each line.
pub fn facts(facts: &[(&str, String)]) -> String {
    let rows = facts.iter();
    let rows: Vec<_> = rows
        .map(|(name, fact)| [(*name).to_owned(), fact.clone()])
        .collect();
    Table::bare().lines(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cells: [&str; 2]) -> [String; 2] {
        cells.map(str::to_owned)
    }

    #[test]
    fn columns_stand_under_their_names() {
        let mut table = Table::new(["NAME", "WHAT"]);
        assert_eq!(table.lines(&[]), "");
        let first = table.lines(&[row(["Zoë", "x"]), row(["abcdef", "y"])]);
        assert_eq!(first, "NAME    WHAT\nZoë     x\nabcdef  y\n");
        // On the next page a column is not narrower, and the names are not told again.
        assert_eq!(table.lines(&[row(["a", ""])]), "a\n");
        assert_eq!(table.lines(&[row(["a", "z"])]), "a       z\n");
    }

    #[test]
    fn facts_have_no_names_over_them() {
        let lines = facts(&[("a", "1".to_owned()), ("long", "2".to_owned())]);
        assert_eq!(lines, "a     1\nlong  2\n");
    }
}
