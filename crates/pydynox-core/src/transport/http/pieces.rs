//! An answer read as a connection reads it, from bytes at hand: what the fuzzer drives.

use bytes::{Bytes, BytesMut};

use super::framing::{Chunks, Framing, Head, Heads};

/// What was read of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, up to where the pieces end.
    pub body: Bytes,
    /// Whether it is known to be all of the body.
    pub complete: bool,
    /// Whether the connection could serve another request.
    pub keep_alive: bool,
}

/// The answer in these pieces, which come one after the other; `None` where its head is not complete.
///
/// # Errors
///
/// What is wrong with it.
pub fn read_pieces<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Option<Answer>, &'static str> {
    let mut buffer = BytesMut::new();
    let mut heads = Heads::default();
    let mut head = None;
    let mut chunks = Chunks::default();
    let mut complete = false;
    for piece in pieces {
        buffer.extend_from_slice(piece);
        if head.is_none() {
            head = heads.take(&mut buffer).map_err(|malformed| malformed.0)?;
        }
        if let Some(Head { framing, .. }) = &head
            && *framing == Framing::Chunked
            && !complete
        {
            complete = chunks.take(&mut buffer).map_err(|malformed| malformed.0)?;
        }
    }
    let Some(head) = head else { return Ok(None) };
    let body = match head.framing {
        Framing::Chunked => chunks.into_body(),
        Framing::Close => buffer.freeze(),
        Framing::Length(length) => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            complete = buffer.len() >= length;
            buffer.truncate(length);
            buffer.freeze()
        }
    };
    Ok(Some(Answer {
        status: head.status,
        body,
        complete,
        keep_alive: head.keep_alive,
    }))
}
