//! Replies as servers send them, in one piece and in many.

use super::*;
use http::HeaderValue;

fn post(body: &'static str) -> Dialogue {
    let mut request = Request::new(());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = "/v2/models/m/infer?a=1".parse().expect("a path");
    let host = HeaderValue::from_static("triton:8000");
    request.headers_mut().insert(header::HOST, host);
    Dialogue::new(request, Bytes::from_static(body.as_bytes())).expect("a request")
}

/// What is left of a dialogue when so much has come.
#[derive(Debug, PartialEq)]
struct Heard {
    status: u16,
    body: String,
    is_whole: bool,
    may_go_on: bool,
    /// Bytes that are none of the reply.
    left: usize,
}

/// Sends a request and takes pieces of a reply.
fn hear<'a>(pieces: impl Iterator<Item = &'a [u8]>, ends: bool) -> Result<Heard> {
    let mut dialogue = post("{}");
    while !dialogue.is_sent() {
        dialogue.was_sent(1);
    }
    let (mut kept, mut head, mut body) = (Vec::new(), None, Vec::new());
    for piece in pieces {
        kept.extend_from_slice(piece);
        loop {
            let used = match &head {
                None => {
                    let (used, whole) = dialogue.head(&kept)?;
                    head = whole;
                    used
                }
                Some(_) => dialogue.body(&kept, &mut body)?,
            };
            kept.drain(..used);
            if used == 0 || kept.is_empty() {
                break;
            }
        }
    }
    let is_whole = match ends {
        true => dialogue.end(),
        false => dialogue.is_over(),
    };
    Ok(Heard {
        status: head.map_or(0, |head| head.status().as_u16()),
        body: String::from_utf8(body).expect("UTF-8"),
        is_whole,
        may_go_on: dialogue.may_go_on(),
        left: kept.len(),
    })
}

fn in_one(reply: &str) -> Result<Heard> {
    hear(std::iter::once(reply.as_bytes()), false)
}

#[test]
fn a_request_is_a_line_its_headers_and_its_body() {
    let dialogue = post("{\"a\":1}");
    let [head, body] = dialogue.unsent();
    let head = std::str::from_utf8(&head).expect("UTF-8");
    let mut lines: Vec<_> = head.split("\r\n").collect();
    assert_eq!(lines.remove(0), "POST /v2/models/m/infer?a=1 HTTP/1.1");
    assert_eq!(lines.split_off(lines.len() - 2), ["", ""]);
    lines.sort_unstable();
    assert_eq!(lines, ["content-length: 7", "host: triton:8000"]);
    assert_eq!(&*body, b"{\"a\":1}");
}

#[test]
fn what_was_sent_is_not_sent_again() {
    let mut dialogue = post("abc");
    let whole: Vec<u8> = dialogue.unsent().iter().flat_map(|p| p.to_vec()).collect();
    for at in 0..whole.len() {
        let left: Vec<u8> = dialogue.unsent().iter().flat_map(|p| p.to_vec()).collect();
        assert_eq!(left, whole[at..]);
        assert!(!dialogue.is_sent());
        assert_eq!(dialogue.is_begun(), at > 0);
        dialogue.was_sent(1);
    }
    assert!(dialogue.is_sent() && dialogue.is_begun());
}

#[test]
fn a_get_has_no_length() {
    let mut request = Request::new(());
    let host = HeaderValue::from_static("triton");
    request.headers_mut().insert(header::HOST, host);
    let dialogue = Dialogue::new(request, Bytes::new()).expect("a request");
    let [head, body] = dialogue.unsent();
    assert_eq!(&*head, b"GET / HTTP/1.1\r\nhost: triton\r\n\r\n");
    assert!(body.is_empty());
}

#[test]
fn a_reply_is_the_same_however_it_is_cut() {
    let told = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nX-Sum: 1\r\n\r\n";
    let after_interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
    let both = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
    for reply in [told, chunked, after_interim, both] {
        let expected = Heard {
            status: 200,
            body: "hello".into(),
            is_whole: true,
            may_go_on: true,
            left: 0,
        };
        assert_eq!(in_one(reply).expect("a reply"), expected, "{reply}");
        for size in 1..reply.len() {
            let heard = hear(reply.as_bytes().chunks(size), false).expect("a reply");
            assert_eq!(heard, expected, "{reply} in pieces of {size}");
        }
    }
}

#[test]
fn a_reply_without_a_length_ends_with_its_connection() {
    let reply = "HTTP/1.1 200 OK\r\n\r\nhello";
    let open = in_one(reply).expect("a reply");
    assert_eq!((&*open.body, open.is_whole), ("hello", false));
    let closed = hear(reply.as_bytes().chunks(7), true).expect("a reply");
    assert_eq!((&*closed.body, closed.is_whole), ("hello", true));
    assert!(!closed.may_go_on);
}

#[test]
fn a_reply_that_is_cut_is_not_whole() {
    for reply in [
        "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "",
    ] {
        let heard = hear(reply.as_bytes().chunks(9), true).expect("half a reply");
        assert!(!heard.is_whole, "{reply}");
        assert!(!heard.may_go_on, "{reply}");
    }
}

#[test]
fn a_reply_without_a_body_is_whole_with_its_header() {
    for (reply, status, may_go_on) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, true),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, true),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", 304, true),
        (
            "HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
            302,
            true,
        ),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, false),
    ] {
        let heard = in_one(reply).expect("a reply");
        let expected = (status, true, may_go_on);
        assert_eq!(
            (heard.status, heard.is_whole, heard.may_go_on),
            expected,
            "{reply}"
        );
    }
}

#[test]
fn a_connection_that_the_server_will_close_is_not_kept() {
    for reply in [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let heard = in_one(reply).expect("a reply");
        assert_eq!((&*heard.body, heard.may_go_on), ("ok", false), "{reply}");
    }
}

#[test]
fn a_reply_before_the_request_is_out_leaves_no_use_for_the_connection() {
    let mut dialogue = post("a long body");
    dialogue.was_sent(3);
    let reply = b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
    let (used, head) = dialogue.head(reply).expect("a reply");
    assert_eq!(used, reply.len());
    assert_eq!(head.expect("a header").status(), 413);
    assert!(dialogue.is_over() && !dialogue.may_go_on());
}

#[test]
fn what_follows_a_reply_is_left() {
    let heard =
        in_one("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK").expect("a reply");
    assert_eq!((&*heard.body, heard.left), ("ok", 15));
}

#[test]
fn what_is_no_reply_is_said_to_be_none() {
    let too_many: String = (0..200).map(|i| format!("X-{i}: 1\r\n")).collect();
    let too_many = format!("HTTP/1.1 200 OK\r\n{too_many}\r\n");
    let too_long = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "a".repeat(64 << 10));
    let no_last = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(2 << 10);
    let endless_size = format!(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        "0".repeat(10 << 10)
    );
    for (reply, words) in [
        ("SSH-2.0-OpenSSH_9.2\r\n", "does not answer in HTTP/1.1"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n",
            "does not answer in HTTP/1.1",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            "does not answer in HTTP/1.1",
        ),
        (&endless_size, "does not answer in HTTP/1.1"),
        (&too_many, "too many fields"),
        (&too_long, "is longer than"),
        (&no_last, "is longer than"),
    ] {
        for size in [1 << 10, 1 << 20] {
            let e = hear(reply.as_bytes().chunks(size), false).expect_err("no reply");
            let begin = &reply[..40.min(reply.len())];
            assert!(e.message().contains(words), "{begin}: {}", e.message());
        }
    }
}
