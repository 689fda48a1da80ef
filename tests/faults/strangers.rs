//! Answers of somebody who is not Triton: a proxy's pages, errors of many shapes, junk.

use crate::http::{chunk, reply};
use crate::sound::{DELTAS, HEAD, LAST, event};
use crate::table::{Fault, fault, run};
use crate::watch::alone;
use mishikallm::Status;

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body>nginx</body></html>\n";

/// A server whose every answer is this.
fn always(name: &str, status: u16, body: impl AsRef<[u8]>) -> Fault {
    let bytes = reply(status, &[("content-type", "text/html")], body);
    fault(name, move |to| to.raw(&bytes)).gives(&[])
}

#[test]
fn pages() {
    alone(|| {
        let html = ["HTML page", "a proxy in between?"];
        run(vec![
            always("a page, HTTP 502", 502, PAGE).ends(Status::Server, 502, &html),
            always("a page, HTTP 404", 404, PAGE).ends(Status::Server, 404, &html),
            always("a page, HTTP 200", 200, PAGE)
                .ends(Status::Protocol, 502, &html)
                .json_ends(Status::Protocol, 502, &["is not JSON"]),
            always(
                "a page after an empty line, HTTP 200",
                200,
                format!("\r\n\n  {PAGE}"),
            )
            .ends(Status::Protocol, 502, &html)
            .json_ends(Status::Protocol, 502, &["is not JSON"]),
        ]);
    });
}

/// Somebody in between gave the stream up and said so in the middle of it: half of a text is not all of it.
#[test]
fn a_page_in_the_middle_of_a_stream() {
    alone(|| {
        let in_the_middle = |name: &str, page: String| {
            let script = move |to: &mut crate::stage::Post<'_>| {
                to.raw(HEAD)?;
                to.raw(chunk(event(DELTAS[0])))?;
                to.raw(chunk(&page))?;
                to.raw(LAST)
            };
            fault(name, script).of_events().gives(&DELTAS[..1])
        };
        run(vec![
            in_the_middle("a page in the middle of a stream", PAGE.to_owned()).ends(
                Status::Protocol,
                502,
                &["HTML page"],
            ),
            in_the_middle(
                "a page on one line in the middle of a stream",
                PAGE.replace('\n', ""),
            )
            .ends(Status::Protocol, 502, &["HTML page"]),
        ]);
    });
}

#[test]
fn errors_of_many_shapes() {
    alone(|| {
        let words = ["too busy"];
        let answers = [
            r#"{"error":"too busy"}"#,
            r#"{"error":{"message":"too busy","code":503}}"#,
            r#"{"detail":"too busy"}"#,
            r#"{"message":"too busy"}"#,
            "data: {\"error\":\"too busy\"}\n\n",
            "too busy",
        ];
        let faults = answers.map(|body| always(body, 503, body).ends(Status::Server, 503, &words));
        run(faults.into());
    });
}

#[test]
fn junk() {
    alone(|| {
        let binary: Vec<u8> = (0..=255).cycle().take(5000).collect();
        // Without a line's end.
        let one_line: Vec<u8> = binary
            .iter()
            .copied()
            .filter(|b| !b"\r\n{[<".contains(b))
            .collect();
        let faults = [
            always("binary junk", 200, &binary),
            always("binary junk on one line", 200, one_line),
            always(
                "words",
                200,
                "upstream connect error or disconnect/reset before headers",
            ),
            always("words and a line's end", 200, "no healthy upstream\n"),
        ];
        let ends = |fault: Fault| {
            fault
                .ends(Status::Protocol, 502, &["not with events"])
                .json_ends(Status::Protocol, 502, &["is not JSON"])
        };
        let mut faults: Vec<Fault> = faults.into_iter().map(ends).collect();
        faults.push(always("binary junk, HTTP 500", 500, &binary).ends(
            Status::Server,
            500,
            &["no text"],
        ));
        run(faults);
    });
}
