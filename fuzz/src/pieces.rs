//! Cuts bytes in pieces, as a socket would give them.

/// The ways that an input names in its first line: pieces of these sizes, over and over. Always also in one piece.
pub struct Cuts {
    sizes: Vec<usize>,
}

impl Cuts {
    /// Reads sizes between blanks; of what is none, or of no size, nothing is kept.
    pub fn read(line: &str) -> Cuts {
        let numbers = line.split_ascii_whitespace().filter_map(|w| w.parse().ok());
        let sizes: Vec<usize> = numbers.filter(|n| *n > 0).collect();
        match sizes.is_empty() {
            true => Cuts { sizes: vec![1] },
            false => Cuts { sizes },
        }
    }

    /// The pieces, none of them empty.
    pub fn cut<'a>(&self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut pieces = Vec::new();
        for size in self.sizes.iter().cycle() {
            if bytes.is_empty() {
                break;
            }
            let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
            pieces.push(piece);
            bytes = rest;
        }
        pieces
    }
}
