//! How an input is read. Text, so that a seed can be read and written by hand: parts stand between lines of three
//! dashes, and a reply has a first line of its own.

use crate::pieces::Cuts;
use mishikallm::triton::reply::Reply;
use serde::de::IgnoredAny;
use std::time::Duration;

/// Cuts an input at its lines of three dashes. There is always a first part; a part ends before its last line break.
pub fn parts(input: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let (mut begin, mut line) = (0, 0);
    while line <= input.len() {
        let end = input[line..]
            .iter()
            .position(|b| *b == b'\n')
            .map_or(input.len(), |i| line + i);
        if &input[line..end] == b"---" {
            parts.push(&input[begin..line.saturating_sub(1).max(begin)]);
            begin = input.len().min(end + 1);
        }
        line = end + 1;
    }
    parts.push(&input[begin..]);
    parts
}

/// A part's first line, empty where it is no text, and what follows it.
pub fn head(part: &[u8]) -> (&str, &[u8]) {
    let end = part.iter().position(|b| *b == b'\n').unwrap_or(part.len());
    let line = std::str::from_utf8(&part[..end]).unwrap_or_default();
    (line.trim(), part.get(end + 1..).unwrap_or_default())
}

/// The last second that a date in a header can name, since 1970.
const LAST_DATE: u64 = 253_402_300_799;

/// What a server answers.
pub struct Answer {
    pub reply: Reply,
    /// The connection ends before the body does.
    pub is_cut: bool,
    /// The body's pieces, where it is read as it comes.
    cuts: Cuts,
}

impl Answer {
    /// Reads a part. Its first line: `[STATUS] [json | json=LENGTH] [retry=SECONDS] [cut] [pieces=SIZE]`; the body is
    /// in the lines below.
    ///
    /// `json` is `inference-header-content-length` where it has to be: at the end of the JSON. Without it hardly a
    /// mutation of the JSON in front of raw tensors would be read any further.
    pub fn read(part: &[u8]) -> Answer {
        let (line, body) = head(part);
        let mut reply = Reply {
            status: 200,
            body: body.to_vec(),
            ..Default::default()
        };
        let mut is_cut = false;
        let mut size = "16384";
        for word in line.split_ascii_whitespace() {
            match word.split_once('=').unwrap_or((word, "")) {
                ("json", "") => reply.json_length = Some(end_of_json(body)),
                ("json", length) => reply.json_length = length.parse().ok(),
                ("retry", seconds) => {
                    let seconds = seconds.parse::<u64>().ok();
                    reply.retry_after = seconds.map(|s| Duration::from_secs(s.min(LAST_DATE)));
                }
                ("pieces", bytes) => size = bytes,
                ("cut", "") => is_cut = true,
                (status, _) => reply.status = status.parse().unwrap_or(reply.status),
            }
        }
        Answer {
            reply,
            is_cut,
            cuts: Cuts::read(size),
        }
    }

    /// Whether the client reads the body as it comes.
    pub fn is_stream(&self) -> bool {
        matches!(self.reply.status, 200..=203 | 206..=299)
    }

    /// The body as it comes.
    pub fn pieces(&self) -> Vec<&[u8]> {
        self.cuts.cut(&self.reply.body)
    }
}

/// A reply that came whole.
pub fn reply(part: &[u8]) -> Reply {
    Answer::read(part).reply
}

fn end_of_json(body: &[u8]) -> usize {
    let mut values = serde_json::Deserializer::from_slice(body).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => values.byte_offset(),
        _ => body.len(),
    }
}
