//! Embeddings as rows of 32-bit floats: no JSON of the numbers is made, and those that came as such are not copied.

use super::Client;
use super::http::Spare;
use super::run::{Progress, Run, Waiter};
use crate::error::{Error, Result};
use crate::openai::Operation;
use crate::openai::floats::Floats;
use crate::plan::call::Manner;
use std::sync::{Arc, Weak};

/// One row for each input, in order.
#[derive(Debug)]
pub struct Embeddings {
    data: Floats,
    columns: usize,
    info: String,
    /// Where the memory goes when it is not needed any more.
    spare: Weak<Spare>,
}

impl Drop for Embeddings {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.data).into_bytes();
        if let (Some(spare), Some(bytes)) = (self.spare.upgrade(), bytes) {
            spare.put(bytes);
        }
    }
}

impl Embeddings {
    /// The numbers of a call that is done, and what it was done with.
    pub(super) fn take(run: &mut Run, info: String, client: &Client) -> Result<Embeddings> {
        let rows = run.call.take_rows();
        let matrix = rows.ok_or_else(|| Error::protocol("the answer has no numbers"))?;
        Ok(Embeddings {
            columns: matrix.columns,
            data: matrix.values.into_f32(),
            info,
            spare: Arc::downgrade(&client.http.spare),
        })
    }

    /// All numbers, row after row.
    pub fn data(&self) -> &[f32] {
        &self.data
    }

    /// How many rows there are; one for each input.
    pub fn rows(&self) -> usize {
        self.data.len() / self.columns.max(1)
    }

    /// How many numbers a row has.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// `{"model", "usage"}`, as the JSON of an answer has them.
    pub fn info(&self) -> &str {
        &self.info
    }
}

impl Client {
    /// Asks for embeddings as numbers; blocks until all are there. The request is that of the operation `embeddings`, whose
    /// `encoding_format` has no meaning here.
    ///
    /// Errors as [`Client::call`], and `PROTOCOL` where a model gives doubles that no 32-bit float comes near.
    pub fn embedding_f32(&self, request_json: &str) -> Result<Embeddings> {
        let call = self.prepare(Operation::Embeddings, request_json, Manner::Rows)?;
        let mut run = Run::new(call);
        match run.advance(self, Waiter::default())? {
            Progress::Answer(info) => Embeddings::take(&mut run, info, self),
            Progress::Chunk(_) | Progress::Paused => {
                Err(Error::protocol("the answer came in chunks"))
            }
        }
    }
}
