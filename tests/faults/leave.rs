//! Dropping a stream that lives is cancelling it: the server sees its connection closed, wherever the stream was left.

use crate::stage::serve;
use crate::waiting::{in_each, is_soon};
use crate::watch::{Held, alone};
use crate::ways::{Base, How, Job, client, open};
use mishikallm::Next;
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn a_stream_that_is_dropped_anywhere() {
    alone(|| {
        in_each(|scene| {
            if scene.keeps_the_caller {
                return;
            }
            let stream = open(&scene.client, &scene.request);
            let mut chunks = 0;
            while chunks < scene.deltas || !scene.is_reached() {
                match stream.next(Some(Duration::from_millis(5))) {
                    Ok(Next::Chunk(_)) => chunks += 1,
                    next => assert_eq!(next, Ok(Next::Timeout), "{}", scene.name),
                }
            }
            let began = Instant::now();
            drop(stream);
            scene.is_told();
            is_soon(scene.name, began.elapsed());
        });
    });
}

#[test]
fn a_stream_that_was_not_begun_opens_nothing() {
    alone(|| {
        let before = Held::now();
        let client = client(json!({}));
        let request =
            json!({"model": "triton/m", "prompt": "hi", "api_base": "http://127.0.0.1:1"});
        drop(open(&client, &request));
        assert_eq!(Held::now(), before);
    });
}

/// Each stream that is dropped closes its own connection, and no other.
#[test]
fn every_other_of_many() {
    alone(|| {
        let server = serve(|to| {
            let begin = crate::sound::HEAD.as_bytes();
            to.raw([begin, &crate::sound::chunks(true)[0]].concat())?;
            to.stall()
        });
        let client = client(json!({}));
        let way = How::Stream.at(Base::Endpoint);
        let request = way.request(&server);
        let mut streams: Vec<_> = (0..20).map(|_| open(&client, &request)).collect();
        for stream in &streams {
            assert!(matches!(stream.next(None), Ok(Next::Chunk(_))));
        }
        let mut i = 0;
        streams.retain(|_| {
            i += 1;
            i % 2 == 0
        });
        server.until(|seen| seen.over == 10);
        for stream in &streams {
            assert_eq!(
                stream.next(Some(Duration::from_millis(5))),
                Ok(Next::Timeout)
            );
        }
        assert_eq!(server.seen().over, 10);
    });
}

/// A submitted call goes on without its handle.
#[test]
fn a_handle_that_is_dropped() {
    alone(|| {
        let server = serve(|to| {
            to.pause(Duration::from_millis(100))?;
            to.answer()
        });
        let client = client(json!({}));
        let way = How::SubmitStream.at(Base::Endpoint);
        let Job { handle, told, .. } = Job::submit_stream(&client, &way.request(&server));
        drop((handle, client));
        // Two deltas, the last chunk, and the end; then nobody is left who could tell more.
        assert_eq!(told.iter().count(), 4);
    });
}
