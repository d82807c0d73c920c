//! Any answer: no panic, and the same is read however the network cuts it.

use pydynox_core::transport::http::read_pieces;

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
    assert_eq!(read_pieces([front, back]), whole, "cut at {at}");
    if bytes.len() <= 4096 {
        assert_eq!(read_pieces(bytes.chunks(1)), whole, "byte by byte");
    }
}
