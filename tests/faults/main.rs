//! What goes wrong between a call and its server, in every way of calling, and what a call makes of it.
//!
//! A table of faults (`table.rs` runs it, the files it names hold it), then cancelling, closing, and leaving a stream and coming
//! back, wherever a call may be waiting. Loopback only; no Triton is needed. `FAULTS_TABLE=1` prints the table as Markdown.
//!
//! Each test runs in a process of its own, which has to leave no socket and no thread behind: see `watch.rs`.

// The table's machinery.
mod sound;
mod stage;
mod table;
mod watch;
mod ways;

// The table.
mod connections;
mod events;
mod every_byte;
mod framing;
mod one_byte;
mod silence;
mod strangers;
mod tls;

// What is not one call and one fault.
mod bounds;
mod choices;
mod slow;
mod tries;

// Whoever waits may be ended, or leave and come back.
mod cancel;
mod cancel_others;
mod close;
mod leave;
mod patience;
mod submitted;
mod waiting;

// The scripted server and its company are the client tests' own.
#[allow(dead_code, reason = "the client's tests use all of it")]
#[path = "../client/alone.rs"]
mod alone;
#[allow(dead_code, reason = "the client's tests use all of it")]
#[path = "../client/ask.rs"]
mod ask;
#[allow(dead_code, reason = "the client's tests use all of it")]
#[path = "../client/certificates.rs"]
mod certificates;
#[allow(dead_code, reason = "the client's tests use all of it")]
#[path = "../client/http.rs"]
mod http;
#[allow(dead_code, reason = "the client's tests use all of it")]
#[path = "../client/model.rs"]
mod model;
#[allow(dead_code, reason = "the client's tests use all of it")]
#[path = "../client/proxies.rs"]
mod proxies;
#[allow(dead_code, reason = "the client's tests use all of it")]
#[path = "../client/server.rs"]
mod server;
