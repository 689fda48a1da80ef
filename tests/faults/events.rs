//! Bodies that come as they should, with events in them that are odd, wrong, or none.

use crate::http::chunk;
use crate::sound::{DELTAS, HEAD, LAST, answer, body, event};
use crate::table::{Fault, fault, run};
use crate::watch::alone;
use mishikallm::Status;

/// A server that sends this body, each piece in a chunk of its own, and keeps the connection.
fn sends<P: AsRef<[u8]> + Send + Sync + 'static>(name: &str, pieces: Vec<P>) -> Fault {
    let script = move |to: &mut crate::stage::Post<'_>| {
        to.raw(HEAD)?;
        for piece in &pieces {
            to.raw(chunk(piece))?;
        }
        to.raw(LAST)
    };
    fault(name, script).of_events()
}

/// The first delta, something else, and the second delta.
fn between(name: &str, something: &str) -> Fault {
    let [first, second] = DELTAS.map(event);
    sends(name, vec![first + something + &second])
}

/// An event with this JSON, or with what is none.
fn frame(json: &str) -> String {
    format!("data: {json}\n\n")
}

#[test]
fn what_is_no_fault() {
    alone(|| {
        let [first, second] = DELTAS.map(answer);
        let sound = body(true);
        let pretty = |text: &str| format!("{{\n  \"text_output\" : \"{text}\"\n}}\n");
        run(vec![
            sends("lines that end in CRLF", vec![sound.replace('\n', "\r\n")]),
            sends("lines that end in CR", vec![sound.replace('\n', "\r")]),
            sends("a byte order mark", vec![format!("\u{feff}{sound}")]),
            sends(
                "no space after the colon",
                vec![sound.replace("data: ", "data:")],
            ),
            sends(
                "no empty line at the end",
                vec![sound.trim_end().to_owned()],
            ),
            sends(
                "one event over several lines",
                vec![frame(&pretty("Hel").trim_end().replace('\n', "\ndata: ")) + &event("lo")],
            ),
            between("comments", ": ping\n\n:\n\n"),
            between(
                "other fields",
                "event: token\nid: 7\nretry: 10\nx-more: 1\n",
            ),
            between("empty lines", "\n\n\r\n\r\n\n"),
            between("an event without text", &event("")),
            between(
                "an event that only tells of its end",
                &frame(r#"{"finish_reason":"stop"}"#),
            ),
            sends("JSON lines", vec![format!("{first}\n{second}\n")]),
            sends("pretty JSON, twice", vec![pretty("Hel") + &pretty("lo")]),
            sends(
                "JSON values with nothing between",
                vec![first.clone() + &second],
            ),
        ]);
    });
}

#[test]
fn one_answer_instead_of_events() {
    alone(|| {
        let whole = answer("Hello");
        let pretty = "{\n  \"text_output\": \"Hello\"\n}\n";
        let faults = [
            sends("plain JSON", vec![whole.clone()]),
            sends("pretty JSON", vec![pretty.to_owned()]),
            sends(
                "JSON byte by byte",
                whole.chars().map(String::from).collect(),
            ),
            sends(
                "the text as a list",
                vec![frame(r#"{"text_output":["Hel",["lo"]]}"#)],
            ),
            sends(
                "a key that stands there twice",
                vec![frame(r#"{"text_output":"no","text_output":"Hello"}"#)],
            ),
        ];
        run(faults.into_iter().map(|f| f.gives(&["Hello"])).collect());
    });
}

/// The character may be cut anywhere; the text is the same.
#[test]
fn characters_that_are_cut_by_chunks() {
    alone(|| {
        let text = "é漢🦀\u{10ffff}";
        let bytes = event(text).into_bytes();
        let faults = (1..bytes.len()).map(|at| {
            let (begin, end) = bytes.split_at(at);
            sends(
                &format!("a cut after byte {at}"),
                vec![begin.to_vec(), end.to_vec()],
            )
            .gives(&[text])
            .only(|way| way.is_told_in_deltas())
        });
        run(faults.collect());
    });
}

#[test]
fn the_end_that_openai_has() {
    alone(|| {
        let sound = body(true);
        let more = event("more");
        let mut faults = Vec::new();
        for end in [
            "data: [DONE]\n\n",
            "data:[DONE]\n\n",
            "data: [DONE]\r\n\r\n",
            "[DONE]\n",
        ] {
            faults.push(sends(&format!("{end:?}"), vec![sound.clone() + end]));
            faults.push(sends(
                &format!("{end:?}, and more"),
                vec![sound.clone() + end + &more],
            ));
        }
        for end in ["data: [DONE] \n\n", "data:  [DONE]\n\n", "data: [DONE]"] {
            faults.push(sends(&format!("{end:?}"), vec![sound.clone() + end]));
        }
        // Nobody waits for a server that said so.
        let stays = move |to: &mut crate::stage::Post<'_>| {
            to.raw(HEAD)?;
            to.raw(chunk(body(true) + "data: [DONE]\n\n"))?;
            to.stall()
        };
        faults.push(fault("[DONE], and the connection stays open", stays).of_events());
        run(faults);
    });
}

/// A stream that holds this where the second event would be.
fn odd(name: &str, something: impl AsRef<[u8]>) -> Fault {
    let mut body = event(DELTAS[0]).into_bytes();
    body.extend(something.as_ref());
    body.extend(event(DELTAS[1]).bytes());
    sends(name, vec![body]).gives(&DELTAS[..1])
}

#[test]
fn events_that_are_no_answers() {
    alone(|| {
        let no_json =
            |json: &str| odd(json, frame(json)).ends(Status::Protocol, 502, &["is not JSON"]);
        let no_object =
            |json: &str| odd(json, frame(json)).ends(Status::Protocol, 502, &["is no JSON object"]);
        let no_text = |json: &str| {
            odd(json, frame(json)).ends(Status::Protocol, 502, &["a string was expected"])
        };
        let missing = |json: &str, names: &str| {
            let words = ["has no text_output", names];
            odd(json, frame(json)).ends(Status::Protocol, 502, &words)
        };
        run(vec![
            no_json("hello"),
            no_json(""),
            no_json("{\"text_output\":\"a\""),
            no_json("{\"text_output\":\"a\"}}"),
            no_json("{\"text_output\":NaN}"),
            no_json("{\"text_output\":\"a\",\"score\":NaN}"),
            no_json("{\"text_output\":\"a\",\"score\":Infinity}"),
            no_json("{\"text_output\":\"\\ud800\"}"),
            no_json("{'text_output':'a'}"),
            no_json("<html>"),
            no_object("5"),
            no_object("\"text\""),
            no_object("null"),
            no_object("true"),
            no_object("[{\"text_output\":\"a\"}]"),
            no_text("{\"text_output\":5}"),
            no_text("{\"text_output\":null}"),
            no_text("{\"text_output\":{\"a\":1}}"),
            no_text("{\"text_output\":[\"a\",5]}"),
            no_text("{\"text_output\":5,\"text_output\":\"a\"}"),
            missing("{}", "nothing"),
            missing("{\"output\":\"a\",\"id\":1}", "output, id"),
            missing("{\"model_name\":\"m\"}", "model_name"),
        ]);
    });
}

#[test]
fn bytes_that_are_no_text() {
    alone(|| {
        let no_json = ["is not JSON"];
        run(vec![
            odd(
                "UTF-8 that is none, in the text",
                b"data: {\"text_output\":\"\xff\xfe\"}\n\n",
            )
            .ends(Status::Protocol, 502, &no_json),
            odd(
                "half of a character",
                b"data: {\"text_output\":\"\xf0\x9f\"}\n\n",
            )
            .ends(Status::Protocol, 502, &no_json),
            odd(
                "a character in too many bytes",
                b"data: {\"text_output\":\"\xc0\xaf\"}\n\n",
            )
            .ends(Status::Protocol, 502, &no_json),
            odd("binary junk in an event", b"data: \x00\x01\x02\xff\n\n").ends(
                Status::Protocol,
                502,
                &no_json,
            ),
            odd(
                "UTF-8 that is none, beside the text",
                b"data: {\"text_output\":\"\",\"x\":\"\xff\"}\n\n",
            )
            .ends(Status::Protocol, 502, &no_json),
            odd(
                "JSON that is very deep",
                frame(&format!("{{\"text_output\":{}", "[".repeat(100_000))),
            )
            .ends(Status::Protocol, 502, &no_json),
            // What is beside the text is passed over, however deep it is.
            odd("JSON that is very deep, beside the text", {
                let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
                frame(&format!("{{\"text_output\":\"\",\"x\":{deep}}}"))
            })
            .gives(&DELTAS),
        ]);
    });
}

#[test]
fn errors_among_the_events() {
    alone(|| {
        let shapes = [
            (r#"{"error":"the model broke"}"#, "the model broke"),
            (
                r#"{"error":{"message":"the model broke","type":"x"}}"#,
                "the model broke",
            ),
            (
                r#"{"model_name":"m","error":"the model broke"}"#,
                "the model broke",
            ),
            (r#"{"error":null}"#, "without words"),
        ];
        let mut faults = Vec::new();
        for (json, words) in shapes {
            let ends = |fault: Fault| fault.ends(Status::Server, 500, &[words]);
            let first = frame(json) + &event("more");
            faults.push(ends(
                sends(&format!("{json}, first"), vec![first]).gives(&[]),
            ));
            faults.push(ends(odd(&format!("{json}, in the middle"), frame(json))));
            faults.push(ends(odd(
                &format!("{json}, as a line of its own"),
                format!("{json}\n"),
            )));
            let last = body(true) + &frame(json);
            faults.push(ends(sends(&format!("{json}, last"), vec![last])));
        }
        // An error beside a text is an output like any other.
        let beside = frame(r#"{"text_output":"lo","error":"x"}"#);
        faults.push(sends(
            "an error beside the text",
            vec![event("Hel") + &beside],
        ));
        run(faults);
    });
}
