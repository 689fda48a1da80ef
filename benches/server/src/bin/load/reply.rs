//! A reply as it comes in: its status, how much body there was, and where it ends. The body is not kept.

/// A line of a chunk's size is shorter; a head that is longer is none of the benchmarks'.
const LONGEST_HEAD: usize = 64 * 1024;

#[derive(Default)]
pub struct Reply {
    pub status: u16,
    /// Bytes of the body, without what chunks add to them.
    pub length: usize,
    state: State,
    /// Of a head, or of the line before a chunk, what has come so far.
    begun: Vec<u8>,
}

#[derive(Default)]
enum State {
    #[default]
    Head,
    /// A body with a length: what is left of it.
    Plain(usize),
    ChunkSize,
    /// What is left of a chunk, and of the line end after it.
    Chunk {
        data: usize,
        line_end: usize,
    },
    LastLineEnd,
    Done,
}

impl Reply {
    /// Whether it is complete with this.
    pub fn take(&mut self, mut bytes: &[u8]) -> Result<bool, &'static str> {
        while !bytes.is_empty() {
            bytes = match &mut self.state {
                State::Head => self.head(bytes)?,
                State::Plain(left) => {
                    let count = bytes.len().min(*left);
                    *left -= count;
                    self.length += count;
                    if *left == 0 {
                        self.state = State::Done;
                    }
                    &bytes[count..]
                }
                State::ChunkSize => self.chunk_size(bytes)?,
                State::Chunk { data, line_end } => {
                    let of_data = bytes.len().min(*data);
                    let of_end = (bytes.len() - of_data).min(*line_end);
                    *data -= of_data;
                    *line_end -= of_end;
                    self.length += of_data;
                    if *line_end == 0 {
                        self.state = State::ChunkSize;
                    }
                    &bytes[of_data + of_end..]
                }
                State::LastLineEnd => {
                    self.begun.extend_from_slice(bytes);
                    match self.begun.as_slice() {
                        b"\r" => {}
                        b"\r\n" => self.state = State::Done,
                        _ => return Err("trailers, or more than one reply"),
                    }
                    &[]
                }
                State::Done => return Err("more than one reply"),
            };
        }
        Ok(matches!(self.state, State::Done))
    }

    fn head<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], &'static str> {
        let before = self.begun.len();
        self.begun.extend_from_slice(bytes);
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut head = httparse::Response::new(&mut headers);
        match head.parse(&self.begun).map_err(|_| "not HTTP")? {
            httparse::Status::Partial if self.begun.len() > LONGEST_HEAD => Err("an endless head"),
            httparse::Status::Partial => Ok(&[]),
            httparse::Status::Complete(length) => {
                self.status = head.code.unwrap_or_default();
                self.state = body(head.headers)?;
                self.begun.clear();
                Ok(&bytes[length - before..])
            }
        }
    }

    fn chunk_size<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], &'static str> {
        let before = self.begun.len();
        let line = bytes.iter().position(|&byte| byte == b'\n');
        self.begun
            .extend_from_slice(&bytes[..line.map_or(bytes.len(), |at| at + 1)]);
        match httparse::parse_chunk_size(&self.begun).map_err(|_| "not a chunk's size")? {
            httparse::Status::Partial => Ok(&[]),
            httparse::Status::Complete((length, size)) => {
                self.state = match size as usize {
                    0 => State::LastLineEnd,
                    data => State::Chunk { data, line_end: 2 },
                };
                self.begun.clear();
                Ok(&bytes[length - before..])
            }
        }
    }
}

fn body(headers: &[httparse::Header]) -> Result<State, &'static str> {
    let value = |name: &str| {
        let header = headers.iter().find(|h| h.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok()
    };
    if value("transfer-encoding").is_some() {
        return Ok(State::ChunkSize);
    }
    match value("content-length").map(str::parse) {
        Some(Ok(0)) => Ok(State::Done),
        Some(Ok(length)) => Ok(State::Plain(length)),
        _ => Err("neither a length nor chunks"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n";
    const PLAIN: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\nnone";

    #[test]
    fn wherever_it_is_cut() {
        for (whole, status, length) in [(CHUNKED, 200, 31), (PLAIN, 404, 4)] {
            for piece in 1..=whole.len() {
                let mut reply = Reply::default();
                let mut pieces = whole.chunks(piece).peekable();
                while let Some(bytes) = pieces.next() {
                    assert_eq!(reply.take(bytes), Ok(pieces.peek().is_none()));
                }
                assert_eq!((reply.status, reply.length), (status, length));
            }
        }
    }

    #[test]
    fn what_is_no_reply_is_said() {
        let twice = [PLAIN, PLAIN].concat();
        assert!(Reply::default().take(&twice).is_err());
        assert!(Reply::default().take(b"+OK ready\r\n\r\n").is_err());
        assert!(Reply::default().take(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
