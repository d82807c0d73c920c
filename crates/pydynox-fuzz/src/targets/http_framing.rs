//! Any answer: no panic, and the same is read however the network cuts it.

use pydynox_core::transport::http::{Answer, read_pieces};

type Read = Result<Option<Answer>, &'static str>;

/// The first two bytes say where the answer is cut; it is read whole, in two parts, and byte by byte.
pub(super) fn check(bytes: &[u8]) {
    let Some((&[high, low], bytes)) = bytes.split_first_chunk() else {
        return;
    };
    let whole = read_pieces([bytes]);
    if let Ok(Some(answer)) = &whole {
        assert!((200..1000).contains(&answer.status) || answer.status < 100);
        assert!(answer.body.len() <= bytes.len(), "a body from nowhere");
    }
    let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
    let (front, back) = bytes.split_at(at);
    let cut = read_pieces([front, back]);
    assert!(agree(&whole, &cut), "{whole:?}, but cut at {at} {cut:?}");
    if bytes.len() <= 4096 {
        let cut = read_pieces(bytes.chunks(1));
        assert!(agree(&whole, &cut), "{whole:?}, but byte by byte {cut:?}");
    }
}

/// What is wrong may be seen later where it comes in parts, and be called something else; what is right is the same.
fn agree(whole: &Read, cut: &Read) -> bool {
    match (whole, cut) {
        (Err(_), Err(_) | Ok(None)) => true,
        _ => whole == cut,
    }
}
