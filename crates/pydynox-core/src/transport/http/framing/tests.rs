//! Tests of `framing`.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn head(text: &str) -> Result<Option<Head>, Malformed> {
    Heads::default().take(&mut BytesMut::from(text))
}

fn sound(text: &str) -> Head {
    head(text).unwrap().unwrap()
}

#[test]
fn a_head_ends_at_its_empty_line_and_not_before() {
    let text =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Amz-Crc32: 7\r\nx-amzn-RequestId: R\r\n\r\n{}";
    let whole = text.len() - 2;

    for cut in 0..whole {
        assert_eq!(head(&text[..cut]), Ok(None), "{cut}");
    }
    let mut bytes = BytesMut::from(text);
    let head = Heads::default().take(&mut bytes).unwrap().unwrap();

    assert_eq!(
        (head.status, head.framing, head.keep_alive),
        (200, Framing::Length(2), true)
    );
    assert_eq!(
        (head.headers.crc32, head.headers.request_id.as_deref()),
        (Some(7), Some("R"))
    );
    assert_eq!(&bytes[..], b"{}");
}

#[test]
fn interim_answers_are_skipped_and_a_switch_is_refused() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(sound(answer).status, 200);
    assert_eq!(head("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 2"), Ok(None));
    assert!(head("HTTP/1.1 101 Switching Protocols\r\n\r\n").is_err());
}

#[test]
fn the_connection_is_kept_as_the_rules_say() {
    for (head, keep_alive) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n", true),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: Close\r\n\r\n",
            false,
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: te, close\r\n\r\n",
            false,
        ),
        ("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n", false),
        (
            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n",
            true,
        ),
        ("HTTP/1.1 200 OK\r\n\r\n", false),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n",
            false,
        ),
    ] {
        assert_eq!(sound(head).keep_alive, keep_alive, "{head}");
    }
}

#[test]
fn the_end_of_a_body_is_where_the_rules_say() {
    for (head, framing) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 12\r\nContent-Length: 12\r\n\r\n",
            Framing::Length(12),
        ),
        (
            "HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n",
            Framing::Length(0),
        ),
        ("HTTP/1.1 304 Not Modified\r\n\r\n", Framing::Length(0)),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 9\r\n\r\n",
            Framing::Chunked,
        ),
        ("HTTP/1.1 500 Oops\r\n\r\n", Framing::Close),
    ] {
        assert_eq!(sound(head).framing, framing, "{head}");
    }
}

#[test]
fn what_is_unclear_is_refused() {
    for headers in [
        "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: -1",
        "Content-Length: +1",
        "Content-Length: 1, 1",
        "Content-Length: ",
        "Content-Length: 99999999999999999999999",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "No colon",
        "Spa ce: x",
    ] {
        let text = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n");
        assert!(head(&text).is_err(), "{headers}");
    }
    for text in ["SSH-2.0-OpenSSH\r\n", "HTTP/2 200\r\n\r\n", "\0\0\0", "{}"] {
        assert!(head(text).is_err(), "{text:?}");
    }
    assert!(head(&format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(MOST_HEAD))).is_err());
    let many = "X: y\r\n".repeat(MOST_HEADERS + 1);
    assert!(head(&format!("HTTP/1.1 200 OK\r\n{many}\r\n")).is_err());
}

#[test]
fn heads_without_an_end_are_refused() {
    let interim = "HTTP/1.1 100 Continue\r\n\r\n";
    let last = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let few = interim.repeat(MOST_INTERIM as usize);
    assert_eq!(sound(&format!("{few}{last}")).status, 200);
    assert!(head(&format!("{few}{interim}{last}")).is_err());
    let long = format!(
        "HTTP/1.1 103 Hints\r\nX: {}\r\n\r\n",
        "x".repeat(MOST_HEAD / 2)
    );
    assert!(head(&format!("{long}{last}")).is_ok());
    assert!(head(&format!("{long}{long}")).is_err());
    // Whole, but too long.
    let whole = format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(MOST_HEAD));
    assert!(head(&whole).is_err());
    let trailer = format!("0\r\n{}", "X: yz\r\n".repeat(MOST_HEAD / 5 + 1));
    assert!(unchunk(&[trailer.as_bytes()]).is_err());
}

#[test]
fn a_head_that_comes_byte_by_byte_is_the_same() {
    let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
    let (mut heads, mut bytes) = (Heads::default(), BytesMut::new());
    let mut head_read = None;

    for byte in text.bytes() {
        bytes.extend_from_slice(&[byte]);
        if head_read.is_none() {
            head_read = heads.take(&mut bytes).unwrap();
        }
    }

    assert_eq!(head_read, Some(sound(text)));
    assert_eq!(&bytes[..], b"{}");
}

#[test]
fn of_a_good_answer_little_is_kept() {
    let lines = "Date: D\r\nContent-Type: application/x-amz-json-1.0\r\nx-amz-retry-after: 5\r\nContent-Length: 0";
    let good = sound(&format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n"));
    let bad = sound(&format!("HTTP/1.1 400 No\r\n{lines}\r\n\r\n"));
    let foreign = sound("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n");

    assert_eq!(good.headers, Headers::default());
    assert_eq!(
        (bad.headers.date.as_deref(), bad.headers.retry_after_ms),
        (Some("D"), Some(5))
    );
    assert_eq!(foreign.headers.content_type.as_deref(), Some("text/html"));
}

fn unchunk(pieces: &[&[u8]]) -> Result<Option<(Bytes, usize)>, Malformed> {
    let mut chunks = Chunks::default();
    let mut bytes = BytesMut::new();
    for piece in pieces {
        bytes.extend_from_slice(piece);
        if chunks.take(&mut bytes)? {
            return Ok(Some((chunks.into_body(), bytes.len())));
        }
    }
    Ok(None)
}

#[test]
fn chunks_are_put_together() {
    let text = b"3;ext=1\r\nabc\r\n1\r\nd\r\n0\r\nTrailer: x\r\n\r\n";
    let (body, left) = unchunk(&[text]).unwrap().unwrap();
    assert_eq!((&body[..], left), (&b"abcd"[..], 0));
    assert_eq!(unchunk(&[&text[..text.len() - 1]]), Ok(None));
}

#[test]
fn broken_chunks_are_refused() {
    for text in [
        &b"x\r\n"[..],
        b"3\r\nabcd\r\n0\r\n\r\n",
        b"-1\r\n",
        b"fffffffffffffffff\r\n",
        b"\r\n",
    ] {
        assert!(unchunk(&[text]).is_err(), "{text:?}");
    }
    let endless = [b"0\r\nX: ".to_vec(), vec![b'x'; MOST_LINE + 1]].concat();
    assert!(unchunk(&[&endless]).is_err());
}

proptest! {
    #[test]
    fn chunks_do_not_depend_on_how_they_arrive(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
        size in 1usize..30,
    ) {
        let mut text = Vec::new();
        for chunk in &chunks {
            text.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
            text.extend_from_slice(chunk);
            text.extend_from_slice(b"\r\n");
        }
        text.extend_from_slice(b"0\r\n\r\nrest");
        let pieces: Vec<&[u8]> = text.chunks(size).collect();

        let (body, _) = unchunk(&pieces).unwrap().unwrap();

        prop_assert_eq!(&body[..], &chunks.concat()[..]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "HTTP/1.1 [0-9]{3} [ -~\r\n:]{0,80}") {
        let _ = Heads::default().take(&mut BytesMut::from(&bytes[..]));
        let _ = Heads::default().take(&mut BytesMut::from(text.as_str()));
        let _ = unchunk(&[&bytes]);
        let _ = unchunk(&[text.as_bytes()]);
    }
}
