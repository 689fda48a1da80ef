//! The buffers of a connection: small while little comes, so that many open streams cost little, and larger when a lot does.

use ureq::unversioned::transport::Buffers;

/// What a token's event and a small answer fit in.
const INPUT_LEAST: usize = 4 << 10;

/// Under glibc's threshold for `mmap`: buffers of 128 KiB would be mapped and unmapped for each connection, and make a large
/// reply cost twice the CPU. A reply's header has to fit.
const INPUT_MOST: usize = 64 << 10;

/// A header's line has to fit.
const OUTPUT: usize = 64 << 10;

/// Grows its input while reads fill it.
#[derive(Debug, Default)]
pub struct Growing {
    input: Vec<u8>,
    begin: usize,
    end: usize,
    /// The last read filled the buffer.
    filled: bool,
    progress: bool,
    output: Vec<u8>,
}

impl Growing {
    /// Gives the output's memory back: nothing more is sent for a while.
    pub fn forget_output(&mut self) {
        self.output = Vec::new();
    }

    fn make_room(&mut self) {
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        }
        let grown = match self.input.len() {
            0 => INPUT_LEAST,
            size if self.filled || self.end - self.begin == size => (size * 4).min(INPUT_MOST),
            size => size,
        };
        self.filled = false;
        if grown > self.input.len() {
            self.input.resize(grown, 0);
        }
        if self.end == self.input.len() && self.begin > 0 {
            self.input.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
    }
}

impl Buffers for Growing {
    fn output(&mut self) -> &mut [u8] {
        if self.output.is_empty() {
            self.output = vec![0; OUTPUT];
        }
        &mut self.output
    }

    fn input(&self) -> &[u8] {
        &self.input[self.begin..self.end]
    }

    fn input_append_buf(&mut self) -> &mut [u8] {
        self.make_room();
        &mut self.input[self.end..]
    }

    fn input_appended(&mut self, amount: usize) {
        self.end += amount;
        self.filled = self.end == self.input.len();
    }

    fn input_consume(&mut self, amount: usize) {
        self.progress = amount > 0;
        self.begin += amount;
    }

    fn tmp_and_output(&mut self) -> (&mut [u8], &mut [u8]) {
        self.make_room();
        self.output();
        (&mut self.input[self.end..], &mut self.output)
    }

    fn can_use_input(&self) -> bool {
        self.begin < self.end && self.progress
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(buffers: &mut Growing, amount: usize) {
        let room = buffers.input_append_buf();
        let amount = amount.min(room.len());
        room[..amount].fill(7);
        buffers.input_appended(amount);
    }

    #[test]
    fn little_input_takes_little_room() {
        let mut buffers = Growing::default();
        for _ in 0..1000 {
            fill(&mut buffers, 100);
            assert_eq!(buffers.input().len(), 100);
            buffers.input_consume(100);
        }
        assert_eq!(buffers.input.len(), INPUT_LEAST);
    }

    #[test]
    fn full_reads_make_room_for_more() {
        let mut buffers = Growing::default();
        for _ in 0..4 {
            fill(&mut buffers, usize::MAX);
            let all = buffers.input().len();
            buffers.input_consume(all);
        }
        assert_eq!(buffers.input.len(), INPUT_MOST);
    }

    #[test]
    fn what_is_not_consumed_stays_until_there_is_no_more_room() {
        let mut buffers = Growing::default();
        fill(&mut buffers, usize::MAX);
        buffers.input_consume(INPUT_LEAST - 1);
        fill(&mut buffers, 10);
        assert_eq!(buffers.input(), [7; 11]);
        while !buffers.input_append_buf().is_empty() {
            fill(&mut buffers, usize::MAX);
        }
        assert_eq!(buffers.input().len(), INPUT_MOST);
    }
}
