//! The inputs of an embeddings request in as many infer requests as the model needs, and their rows put together in order.

use super::Request;
use super::embed::{self, Ask, Fit};
use super::model::Model;
use super::reply::Reply;
use crate::config::Options;
use crate::error::{Error, Result};
use crate::openai::response::Matrix;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// Batches on their way.
#[derive(Debug, Default)]
pub struct Batches {
    fit: Fit,
    /// What the rows that came were asked of.
    model: Option<Arc<Model>>,
    /// Not sent yet, the next one first.
    left: VecDeque<Range<usize>>,
    /// The first of those, as requests.
    made: VecDeque<Arc<Request>>,
    sent: Range<usize>,
    rows: Option<(Matrix, Option<String>)>,
    /// Inputs that have their rows.
    received: usize,
}

impl Batches {
    /// Begins, or goes on after a failure: the rows of a model that is still the same are kept.
    pub fn begin(&mut self, ask: &Ask, options: &Options, model: Option<Arc<Model>>) -> Result<()> {
        if self.model != model {
            (self.rows, self.received) = (None, 0);
        }
        self.fit = Fit::new(ask, self.received, options, model.as_deref())?;
        self.left = std::mem::take(&mut self.fit.batches).into();
        self.made.clear();
        self.model = model;
        Ok(())
    }

    /// How many inputs have their rows.
    pub fn received(&self) -> usize {
        self.received
    }

    /// The next request.
    pub fn next(
        &mut self,
        ask: &Ask,
        options: &Options,
        model: Option<&Model>,
        url: &str,
    ) -> Result<Request> {
        self.sent = self.left.pop_front().unwrap_or(0..0);
        match self.made.pop_front() {
            Some(made) => Ok(Arc::unwrap_or_clone(made)),
            None => self.make(self.sent.clone(), ask, options, model, url),
        }
    }

    /// The requests after that, as far as they can be made, no more than `most`.
    pub fn ahead(
        &mut self,
        most: usize,
        ask: &Ask,
        options: &Options,
        model: Option<&Model>,
        url: &str,
    ) -> Vec<Arc<Request>> {
        let most = most.min(self.left.len());
        while self.made.len() < most {
            let rows = self.left[self.made.len()].clone();
            match self.make(rows, ask, options, model, url) {
                Ok(request) => self.made.push_back(Arc::new(request)),
                Err(_) => break,
            }
        }
        self.made.iter().take(most).cloned().collect()
    }

    fn make(
        &self,
        rows: Range<usize>,
        ask: &Ask,
        options: &Options,
        model: Option<&Model>,
        url: &str,
    ) -> Result<Request> {
        let (body, json_length) = embed::encode(ask, &self.fit, rows, options, model)?;
        Ok(Request {
            json_length,
            ..Request::post(url.to_owned(), body)
        })
    }

    /// Takes the reply to the present request; gives the version of the model that answered.
    pub fn read(
        &mut self,
        reply: Reply,
        ask: &Ask,
        options: &Options,
        model: Option<&Model>,
    ) -> Result<Option<String>> {
        let rows = embed::decode(reply, ask, &self.fit, self.sent.clone(), options, model)?;
        match &mut self.rows {
            None => self.rows = Some((rows.matrix, rows.model_name)),
            Some((all, _)) if all.columns == rows.matrix.columns => {
                let left: usize = self.left.iter().map(Range::len).sum();
                all.values
                    .append(rows.matrix.values, left.saturating_mul(all.columns));
            }
            Some((all, _)) => {
                return Err(Error::protocol(format!(
                    "the model gave rows of {} numbers and then rows of {}",
                    all.columns, rows.matrix.columns
                )));
            }
        }
        self.received += self.sent.len();
        Ok(rows.model_version)
    }

    /// All rows, who made them, and how many tokens the inputs had; `None`: there is more to send.
    pub fn finish(&mut self) -> Option<(Matrix, Option<String>, Option<u64>)> {
        if !self.left.is_empty() {
            return None;
        }
        let (matrix, name) = self.rows.take()?;
        Some((matrix, name, self.fit.spent))
    }
}
