//! The ways of calling, and what a call came to.

use crate::ask::{prompt, with};
use crate::server::Server;
use mishikallm::client::{Event, Waited};
use mishikallm::openai::Operation;
use mishikallm::{Client, Error, Next, Result, Status, Stream, Submitted};
use serde_json::{Value, json};
use std::fmt;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A client whose calls end within the time of a test, unless its configuration says otherwise.
pub fn client(config: Value) -> Arc<Client> {
    let defaults = json!({"timeout": 20});
    Arc::new(crate::ask::client(with(defaults, config)))
}

/// How a call is made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum How {
    Invoke,
    Stream,
    /// A stream whose caller never waits for longer than a millisecond.
    Polled,
    Submit,
    SubmitStream,
}

/// What its `api_base` is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Base {
    /// A gateway's endpoint, called as it stands.
    Endpoint,
    /// A server, whose model is looked up, and is decoupled.
    Server,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Way {
    pub how: How,
    pub base: Base,
}

impl How {
    /// At this `api_base`.
    pub const fn at(self, base: Base) -> Way {
        Way { how: self, base }
    }
}

impl Way {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Way> {
        let bases = [Base::Endpoint, Base::Server];
        let hows = [
            How::Invoke,
            How::Stream,
            How::Polled,
            How::Submit,
            How::SubmitStream,
        ];
        bases
            .into_iter()
            .flat_map(move |base| hows.map(|how| how.at(base)))
    }

    /// Whether the caller gets deltas.
    pub fn is_told_in_deltas(self) -> bool {
        !matches!(self.how, How::Invoke | How::Submit)
    }

    /// Whether the server is asked for events. A decoupled model is, whatever the caller gets.
    pub fn reads_events(self) -> bool {
        self.is_told_in_deltas() || self.base == Base::Server
    }

    /// A request to a server.
    pub fn request(self, server: &Server) -> Value {
        self.request_to(&server.url())
    }

    /// A request to the server at this URL.
    pub fn request_to(self, server: &str) -> Value {
        match self.base {
            Base::Endpoint => prompt(&format!("{server}/generate")),
            Base::Server => prompt(server),
        }
    }

    /// Calls, and waits for the end.
    pub fn call(self, client: &Arc<Client>, request: &Value) -> Ended {
        match self.how {
            How::Invoke => invoke(client, request),
            How::Stream => read(&open(client, request), || None),
            How::Polled => {
                let mut waits = false;
                read(&open(client, request), move || {
                    waits = !waits;
                    Some(Duration::from_millis(waits.into()))
                })
            }
            How::Submit => Job::submit(client, request).end(),
            How::SubmitStream => Job::submit_stream(client, request).end(),
        }
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.how {
            How::Invoke => "one-shot",
            How::Stream => "stream",
            How::Polled => "stream, polled",
            How::Submit => "submitted",
            How::SubmitStream => "submitted stream",
        };
        let base = match self.base {
            Base::Endpoint => "endpoint",
            Base::Server => "looked up",
        };
        write!(f, "{how}, {base}")
    }
}

/// What a call came to.
#[derive(Debug, Default)]
pub struct Ended {
    /// The text as it came; one piece where the answer came whole.
    pub deltas: Vec<String>,
    pub error: Option<Error>,
    pub took: Duration,
    /// How often a stream's caller was told that nothing had come yet.
    pub timeouts: usize,
}

impl Ended {
    /// All of the text.
    pub fn text(&self) -> String {
        self.deltas.concat()
    }

    /// The error of a call that has to fail.
    #[track_caller]
    pub fn error(self) -> Error {
        let text = self.text();
        self.error
            .unwrap_or_else(|| panic!("expected an error, got {text:?}"))
    }

    /// The text of a call that must not fail.
    #[track_caller]
    pub fn whole(self) -> String {
        assert_eq!(self.error, None);
        self.text()
    }

    /// Takes a chunk or an answer, and says whether it told the end.
    fn take(&mut self, json: &str) -> bool {
        let piece: Value = serde_json::from_str(json).expect("JSON");
        let choice = &piece["choices"][0];
        let text = choice["text"].as_str().expect("a text");
        let is_last = !choice["finish_reason"].is_null();
        if !is_last || !text.is_empty() {
            self.deltas.push(text.to_owned());
        }
        is_last
    }
}

fn invoke(client: &Client, request: &Value) -> Ended {
    let (began, mut ended) = (Instant::now(), Ended::default());
    match client.invoke("completions", &request.to_string()) {
        Ok(answer) => assert!(ended.take(&answer), "an answer without an end"),
        Err(error) => ended.error = Some(error),
    }
    ended.took = began.elapsed();
    ended
}

/// Opens a stream of a text completion.
pub fn open(client: &Arc<Client>, request: &Value) -> Stream {
    let stream = client.stream(Operation::Text, &request.to_string());
    stream.unwrap_or_else(|e| panic!("no stream: {e}"))
}

/// Reads a stream to its end with this patience, and sees that it stays ended.
pub fn read(stream: &Stream, patience: impl FnMut() -> Option<Duration>) -> Ended {
    let mut ended = Ended::default();
    read_on(stream, patience, &mut ended);
    ended
}

/// The same after some of it was read.
pub fn read_on(
    stream: &Stream,
    mut patience: impl FnMut() -> Option<Duration>,
    so_far: &mut Ended,
) {
    let (began, mut is_finished) = (Instant::now(), false);
    let end = loop {
        match stream.next(patience()) {
            Ok(Next::Chunk(chunk)) => {
                assert!(!is_finished, "a chunk after the last one");
                is_finished = so_far.take(&chunk);
            }
            Ok(Next::Timeout) => so_far.timeouts += 1,
            end => break end,
        }
    };
    so_far.took += began.elapsed();
    let was_ended = |e: &Error| matches!(e.status(), Status::Cancelled | Status::Closed);
    let is_late = is_finished && end.as_ref().is_err_and(was_ended);
    assert!(
        end.is_ok() == is_finished || is_late,
        "after the last chunk: {end:?}"
    );
    // Whoever asks again is told the same, and nothing that comes later changes it.
    assert_eq!(stream.next(None), end);
    stream.cancel();
    assert_eq!(stream.next(Some(Duration::ZERO)), end);
    so_far.error = end.err();
}

/// What a submitted call told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Piece(String),
    Done,
    Failed(Error),
}

/// A submitted call, and what it tells.
pub struct Job {
    pub handle: Submitted,
    pub told: Receiver<Told>,
    began: Instant,
}

impl Job {
    /// Submits a call that gives one answer.
    pub fn submit(client: &Arc<Client>, request: &Value) -> Job {
        Job::try_submit(client, request).unwrap_or_else(|e| panic!("not submitted: {e}"))
    }

    /// Submits a call that gives chunks.
    pub fn submit_stream(client: &Arc<Client>, request: &Value) -> Job {
        Job::submit(client, &with(request.clone(), json!({"stream": true})))
    }

    pub fn try_submit(client: &Arc<Client>, request: &Value) -> Result<Job> {
        let (tell, told) = channel();
        let began = Instant::now();
        let handle = client.submit(Operation::Text, &request.to_string(), move |event| {
            let event = match event {
                Event::Piece(json) => Told::Piece(json.to_owned()),
                Event::Done => Told::Done,
                Event::Failed(error) => Told::Failed(error.clone()),
            };
            let _ = tell.send(event);
        })?;
        Ok(Job {
            handle,
            told,
            began,
        })
    }

    /// Waits for the end, and sees that it was told once, and last.
    pub fn end(self) -> Ended {
        let mut ended = Ended::default();
        assert_eq!(self.handle.wait(None), Ok(Waited::Over));
        ended.took = self.began.elapsed();
        let mut told: Vec<Told> = self.told.try_iter().collect();
        let last = told.pop().expect("a last event");
        let mut is_finished = false;
        for event in told {
            match event {
                Told::Piece(json) => {
                    assert!(!is_finished, "a piece after the last one");
                    is_finished = ended.take(&json);
                }
                other => panic!("{other:?} before {last:?}"),
            }
        }
        match last {
            Told::Done => assert!(is_finished, "an end without a last piece"),
            Told::Failed(error) => ended.error = Some(error),
            Told::Piece(json) => panic!("no end after {json}"),
        }
        // A call that is over is cancelled in vain.
        self.handle.cancel();
        assert_eq!(self.handle.wait(Some(Duration::ZERO)), Ok(Waited::Over));
        assert!(
            self.told.try_iter().next().is_none(),
            "an event after the last"
        );
        ended
    }
}

/// Does it for each item, some at a time: most of them only wait.
pub fn at_once<T: Send, R: Send>(
    threads: usize,
    items: Vec<T>,
    each: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let items = Mutex::new(items.into_iter().enumerate());
    let results = Mutex::new(Vec::new());
    let next = || items.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((i, item)) = next() {
                    let result = each(item);
                    let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                    results.push((i, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, result)| result).collect()
}
