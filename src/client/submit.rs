//! Calls that run on threads of the client's own, and tell how they go through a callback.
//!
//! Threads start with the first submitted call, as many as there is work for up to `workers`, and end when there has been none for
//! a while. Calls wait in a line for each model, and the models take turns, so that a slow model holds no other up longer than it
//! takes a thread to get free.

use super::Client;
use super::cancel::Token;
use super::run::{Progress, Run, Waiter};
use crate::error::{Error, Result};
use crate::limits;
use crate::plan::call::Call;
use std::cell::Cell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use std::{fmt, ptr, thread};

/// What a submitted call tells.
#[derive(Debug)]
pub enum Event<'a> {
    /// A chunk, or the one answer, as JSON.
    Piece(&'a str),
    /// It is over; the last event.
    Done,
    /// It failed; the last event.
    Failed(&'a Error),
}

/// Takes what a submitted call tells, on one of the client's threads, one event after the other.
pub(super) type OnEvent = Box<dyn FnMut(Event<'_>) + Send>;

/// A call that was submitted. Dropping it changes nothing: the call goes on.
pub struct Submitted {
    client: Arc<Client>,
    state: Arc<State>,
}

impl fmt::Debug for Submitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submitted").finish_non_exhaustive()
    }
}

/// What [`Submitted::wait`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The last event was told, and its callback has returned.
    Over,
    /// It is not over yet.
    Timeout,
}

/// What the call and its handle share.
#[derive(Default)]
struct State {
    token: Arc<Token>,
    is_over: Mutex<bool>,
    over: Condvar,
}

thread_local! {
    /// The call whose callback this thread is in.
    static TELLING: Cell<*const State> = const { Cell::new(ptr::null()) };
}

impl Submitted {
    /// Ends the call at once with `CANCELLED`, where it waits for a thread too. Any thread, any number of times.
    pub fn cancel(&self) {
        if self.client.is_forked() {
            return;
        }
        self.state.token.cancel();
        self.client.workers.expedite(&self.state);
    }

    /// Waits until the last event was told and its callback has returned; without `patience`, for ever.
    ///
    /// Errors: `BUSY` from inside the call's own callback, `FORKED` in a child process, where it would never end.
    pub fn wait(&self, patience: Option<Duration>) -> Result<Waited> {
        if self.client.is_forked() {
            return Err(Error::forked());
        }
        if TELLING.get() == Arc::as_ptr(&self.state) {
            return Err(Error::busy(
                "this is the call's own callback, which cannot wait for itself",
            ));
        }
        let until = patience.and_then(|p| Instant::now().checked_add(p));
        let mut is_over = self
            .state
            .is_over
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while !*is_over {
            let Some(until) = until else {
                is_over = self
                    .state
                    .over
                    .wait(is_over)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(Waited::Timeout);
            }
            let waited = self.state.over.wait_timeout(is_over, left);
            is_over = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(Waited::Over)
    }
}

/// Hands a call to the client's threads.
pub(super) fn submit(client: &Arc<Client>, call: Call, on_event: OnEvent) -> Result<Submitted> {
    let state = Arc::<State>::default();
    let line = call
        .route()
        .and_then(|r| r.model_url())
        .unwrap_or_default()
        .to_owned();
    let job = Job {
        client: client.clone(),
        run: Box::new(Run::new(call)),
        on_event,
        state: state.clone(),
    };
    client.workers.take(line, job)?;
    Ok(Submitted {
        client: client.clone(),
        state,
    })
}

/// A call on its way through the threads.
struct Job {
    client: Arc<Client>,
    run: Box<Run>,
    on_event: OnEvent,
    state: Arc<State>,
}

impl Job {
    /// Runs the call, and tells of it.
    fn go(&mut self) -> Result<()> {
        self.run.begin();
        loop {
            let waiter = Waiter {
                patience: None,
                token: Some(&self.state.token),
            };
            match self.run.advance(&self.client, waiter)? {
                Progress::Chunk(chunk) => self.tell(Event::Piece(&chunk)),
                Progress::Answer(answer) if answer.is_empty() => return Ok(()),
                Progress::Answer(answer) => {
                    self.tell(Event::Piece(&answer));
                    return Ok(());
                }
                Progress::Paused => {}
            }
        }
    }

    fn tell(&mut self, event: Event<'_>) {
        let outer = TELLING.replace(Arc::as_ptr(&self.state));
        // The threads serve other calls too.
        let _ = catch_unwind(AssertUnwindSafe(|| (self.on_event)(event)));
        TELLING.set(outer);
    }

    /// Runs the call to its end, in every case.
    fn finish(mut self, workers: &Workers) {
        let ended =
            catch_unwind(AssertUnwindSafe(|| self.go())).unwrap_or_else(|_| Err(Error::panicked()));
        // Whoever submits the next call from the last event finds the place of this one free.
        workers.lock().in_flight -= 1;
        match &ended {
            Ok(()) => self.tell(Event::Done),
            Err(error) => self.tell(Event::Failed(error)),
        }
        let Job {
            client,
            run,
            on_event,
            state,
        } = self;
        drop((run, on_event, client));
        *state.is_over.lock().unwrap_or_else(PoisonError::into_inner) = true;
        state.over.notify_all();
    }
}

/// The threads of one client, and what waits for them.
pub(super) struct Workers {
    state: Mutex<Queue>,
    work: Condvar,
    most_threads: usize,
    most_jobs: usize,
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Queue {
    /// A line for each model; the first is next.
    lines: VecDeque<(String, VecDeque<Job>)>,
    waiting: usize,
    /// Calls that ended before a thread took them, and have to be told so.
    ended: VecDeque<Job>,
    /// Calls that have not ended.
    in_flight: usize,
    threads: usize,
    idle: usize,
    /// A thread beyond the others is telling the ended ones.
    has_extra: bool,
    closed: bool,
}

impl Queue {
    fn push(&mut self, line: String, job: Job) {
        self.waiting += 1;
        match self.lines.iter_mut().find(|(name, _)| *name == line) {
            Some((_, jobs)) => jobs.push_back(job),
            None => self.lines.push_back((line, VecDeque::from([job]))),
        }
    }

    fn pop(&mut self) -> Option<Job> {
        if let Some(job) = self.ended.pop_front() {
            return Some(job);
        }
        let (line, mut jobs) = self.lines.pop_front()?;
        let job = jobs.pop_front();
        self.waiting -= usize::from(job.is_some());
        if !jobs.is_empty() {
            self.lines.push_back((line, jobs));
        }
        job
    }

    /// Takes a call out of its line.
    fn remove(&mut self, state: &Arc<State>) -> Option<Job> {
        let is_it = |job: &Job| Arc::ptr_eq(&job.state, state);
        let (at, place) = self
            .lines
            .iter()
            .enumerate()
            .find_map(|(at, (_, jobs))| jobs.iter().position(is_it).map(|place| (at, place)))?;
        let jobs = &mut self.lines.get_mut(at)?.1;
        let job = jobs.remove(place);
        let is_empty = jobs.is_empty();
        if is_empty {
            self.lines.remove(at);
        }
        self.waiting -= usize::from(job.is_some());
        job
    }
}

impl Workers {
    pub(super) fn new(threads: usize, queue: usize) -> Workers {
        Workers {
            state: Mutex::default(),
            work: Condvar::new(),
            most_threads: threads,
            most_jobs: threads + queue,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, line: String, job: Job) -> Result<()> {
        let mut queue = self.lock();
        if queue.closed {
            return Err(Error::closed());
        }
        if queue.in_flight >= self.most_jobs {
            return Err(Error::busy(format!(
                "{} submitted calls are under way or waiting, which is all that this client takes (workers, queue_size)",
                queue.in_flight
            ))
            .with_code("queue_full"));
        }
        let state = job.state.clone();
        queue.push(line, job);
        queue.in_flight += 1;
        if queue.waiting > queue.idle && queue.threads < self.most_threads {
            match self.start(Self::work) {
                true => queue.threads += 1,
                false if queue.threads == 0 => {
                    drop(queue.remove(&state));
                    queue.in_flight -= 1;
                    return Err(Error::busy("the system lets no thread start for this call"));
                }
                false => {}
            }
        }
        drop(queue);
        self.work.notify_one();
        Ok(())
    }

    /// Has a cancelled call told so without waiting for its turn.
    fn expedite(self: &Arc<Self>, state: &Arc<State>) {
        let mut queue = self.lock();
        if let Some(job) = queue.remove(state) {
            queue.ended.push_back(job);
            self.serve_ended(&mut queue);
        }
    }

    /// Lets nothing more in. What waits is told that the client was closed.
    pub(super) fn close(self: &Arc<Self>) {
        let mut queue = self.lock();
        queue.closed = true;
        let lines = std::mem::take(&mut queue.lines);
        queue.waiting = 0;
        queue
            .ended
            .extend(lines.into_iter().flat_map(|(_, jobs)| jobs));
        self.serve_ended(&mut queue);
    }

    fn serve_ended(self: &Arc<Self>, queue: &mut Queue) {
        self.work.notify_all();
        if !queue.ended.is_empty() && queue.idle == 0 && !queue.has_extra {
            queue.has_extra = self.start(Self::tell_ended);
        }
    }

    fn start(self: &Arc<Self>, body: fn(&Workers)) -> bool {
        let workers = self.clone();
        let thread = thread::Builder::new().name("mishikallm".to_owned());
        thread.spawn(move || body(&workers)).is_ok()
    }

    /// A thread's life.
    fn work(&self) {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.pop() {
                drop(queue);
                job.finish(self);
                queue = self.lock();
                continue;
            }
            if queue.closed {
                break;
            }
            queue.idle += 1;
            let (woken, waited) = self
                .work
                .wait_timeout(queue, limits::WORKER_IDLE)
                .unwrap_or_else(PoisonError::into_inner);
            queue = woken;
            queue.idle -= 1;
            if waited.timed_out() && queue.waiting == 0 && queue.ended.is_empty() {
                break;
            }
        }
        queue.threads -= 1;
    }

    /// The extra thread's life.
    fn tell_ended(&self) {
        let mut queue = self.lock();
        while let Some(job) = queue.ended.pop_front() {
            drop(queue);
            job.finish(self);
            queue = self.lock();
        }
        queue.has_extra = false;
    }
}
