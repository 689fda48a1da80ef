//! Texts → the chunks of a stream, choice after choice.

use crate::openai::chunk::Writer;
use crate::openai::response::{Generated, Usage};
use std::collections::VecDeque;

/// Tells the answers of a call in chunks.
#[derive(Debug)]
pub(super) struct Speaking {
    writer: Writer,
    /// The choice that is being told.
    index: usize,
    /// Nothing of it was told yet.
    first: bool,
    spent: Usage,
    /// Chunks that are ready.
    ready: VecDeque<String>,
}

impl Speaking {
    pub(super) fn new(writer: Writer) -> Speaking {
        Speaking {
            writer,
            index: 0,
            first: true,
            spent: Usage::completion(0, 0, false),
            ready: VecDeque::new(),
        }
    }

    /// Whether any chunk was made.
    pub(super) fn has_begun(&self) -> bool {
        self.index > 0 || !self.first
    }

    /// How many choices are whole.
    pub(super) fn choices(&self) -> usize {
        self.index
    }

    pub(super) fn next_chunk(&mut self) -> Option<String> {
        self.ready.pop_front()
    }

    pub(super) fn delta(&mut self, text: &str) -> String {
        let first = std::mem::take(&mut self.first);
        self.writer.delta(self.index, first, text)
    }

    /// A choice is over: its text, where it did not come in deltas, and its end. Gives the first chunk of that.
    pub(super) fn finish(&mut self, generated: &Generated, is_last: bool) -> String {
        self.spent = self.spent.plus(generated.usage);
        let delta = (!generated.text.is_empty()).then(|| self.delta(&generated.text));
        let finish = self.writer.finish(self.index, generated.finish_reason);
        self.index += 1;
        self.first = true;
        let first = match delta {
            Some(delta) => {
                self.ready.push_back(finish);
                delta
            }
            None => finish,
        };
        if is_last {
            self.ready.extend(self.writer.usage(&self.spent));
        }
        first
    }
}
