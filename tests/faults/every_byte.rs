//! A small stream that is cut at every byte, in order and by a reset: the deltas that are whole come, then an error, and never an
//! end that is none.

use crate::server::Server;
use crate::sound::{self, DELTAS, HEAD, LAST};
use crate::stage::{Post, serve};
use crate::watch::alone;
use crate::ways::{Base, Way, at_once, client};
use mishikallm::Status;
use serde_json::json;
use std::io;

/// Two at a time keep a machine of two cores busy.
const AT_ONCE: usize = 2;

/// A server that cuts the sound stream where the request's prompt says.
fn cutting(end: fn(&mut Post<'_>) -> io::Result<()>) -> Server {
    serve(move |to| {
        let at = to.request.json()["text_input"].as_str().map(str::parse);
        let at: usize = at.expect("a prompt").expect("a number");
        let all = sound::reply(true);
        to.raw(&all[..at])?;
        match at == all.len() {
            // Nothing is cut, and the connection serves the next call.
            true => Ok(()),
            false => end(to),
        }
    })
}

/// How many deltas are whole in so many bytes of the reply.
fn whole(bytes: usize) -> usize {
    // An event ends with its empty line, before its chunk does.
    let [first, second] = sound::chunks(true).map(|chunk| chunk.len());
    let ends = [HEAD.len() + first - 2, HEAD.len() + first + second - 2];
    ends.iter().filter(|end| **end <= bytes).count()
}

fn cut_everywhere(end: fn(&mut Post<'_>) -> io::Result<()>, is_enough: usize) {
    let server = cutting(end);
    let client = client(json!({"timeout": 10}));
    let all = sound::reply(true).len();
    let ways: Vec<Way> = Way::all()
        .filter(|way| way.is_told_in_deltas() && way.base == Base::Endpoint)
        .collect();
    let cuts = ways
        .iter()
        .flat_map(|way| (0..=all).map(move |at| (*way, at)));
    at_once(AT_ONCE, cuts.collect(), |(way, at)| {
        let mut request = way.request(&server);
        request["prompt"] = at.to_string().into();
        let ended = way.call(&client, &request);
        assert_eq!(
            ended.deltas,
            DELTAS[..whole(at)],
            "{way}, cut at {at} of {all}"
        );
        match &ended.error {
            None => assert!(at >= is_enough, "{way}, an end at {at} of {all}"),
            Some(error) => {
                let came = (error.status(), error.http_status());
                assert_eq!(
                    came,
                    (Status::Protocol, 502),
                    "{way}, cut at {at} of {all}: {error}"
                );
                // Where nothing of the body is missing, either will do.
                assert!(at < all, "{way}, no end at {at} of {all}: {error}");
            }
        }
    });
    assert_eq!(server.posts().len(), ways.len() * (all + 1));
}

#[test]
fn in_order() {
    alone(|| {
        // With the last chunk's size all of the body is there.
        let is_enough = sound::reply(true).len() - LAST.len() + "0\r\n".len();
        cut_everywhere(|to| to.fin(), is_enough);
    });
}

#[test]
fn by_a_reset() {
    alone(|| cut_everywhere(|to| to.reset(), sound::reply(true).len()));
}
