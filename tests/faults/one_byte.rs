//! A small stream with one wrong byte in it, at every place: whatever that makes of it, the call ends, and says so or has an answer.

use crate::sound;
use crate::stage::serve;
use crate::watch::alone;
use crate::ways::{Base, How, at_once, client};
use mishikallm::Status;
use serde_json::json;
use std::time::Duration;

/// What stands there instead.
const WRONG: [u8; 8] = [0, 0xff, b' ', b'\n', b'\r', b'9', b'{', b'"'];

#[test]
fn at_every_place() {
    alone(|| {
        let server = serve(|to| {
            let request = to.request.json();
            let place: Vec<&str> = request["text_input"]
                .as_str()
                .expect("a prompt")
                .split(' ')
                .collect();
            let [at, wrong] = [0, 1].map(|i| place[i].parse::<usize>().expect("a number"));
            let mut reply = sound::reply(true);
            reply[at] = wrong as u8;
            to.raw(reply)?;
            to.fin()
        });
        let client = client(json!({"timeout": 10}));
        let places = 0..sound::reply(true).len();
        let pairs = places.flat_map(|at| WRONG.map(|wrong| (at, wrong)));
        at_once(2, pairs.collect(), |(at, wrong)| {
            let way = How::Stream.at(Base::Endpoint);
            let mut request = way.request(&server);
            request["prompt"] = format!("{at} {wrong}").into();
            let ended = way.call(&client, &request);
            let place = format!("{wrong:?} at {at}: {:?}", ended.error);
            assert!(
                ended.took < Duration::from_secs(5),
                "{place}, after {:?}",
                ended.took
            );
            let status = ended.error.map_or(Status::Done, |error| error.status());
            let known = [
                Status::Done,
                Status::Protocol,
                Status::Server,
                Status::Limit,
            ];
            assert!(known.contains(&status), "{place}");
        });
    });
}
