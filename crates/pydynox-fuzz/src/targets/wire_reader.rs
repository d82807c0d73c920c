//! Any bytes: the reader never panics, accepts what `serde_json` accepts, and gives back what it read.

use pydynox_core::size::item_size;
use pydynox_core::wire::{MAX_DEPTH, Reader, Value, Writer, validate};

pub(super) fn check(body: &[u8]) {
    let valid = validate(body);
    let expected = serde_json::from_slice::<serde_json::Value>(body);
    // Well formed, but no number that a float can hold: `serde_json` stops there.
    let too_large = (expected.as_ref())
        .is_err_and(|error| error.to_string().starts_with("number out of range"));
    // Beyond this depth the two stop at different levels.
    if !too_large && depth(body) < MAX_DEPTH - 1 {
        assert_eq!(valid.is_ok(), expected.is_ok(), "one of the two takes it");
    }
    let item = Reader::new(body).and_then(|mut reader| {
        let item = Value::read_map(&mut reader)?;
        reader.end()?;
        Ok(item)
    });
    let Ok(item) = item else { return };
    assert!(valid.is_ok(), "an item that is not JSON");
    assert!(item_size(body).is_ok_and(|size| size.total <= body.len()));

    let mut writer = Writer::default();
    Value::write_map(&item, &mut writer);

    let again = Reader::new(writer.as_bytes()).and_then(|mut reader| Value::read_map(&mut reader));
    assert_eq!(again, Ok(item));
}

/// Not less than the levels that are open at once.
fn depth(body: &[u8]) -> usize {
    body.iter()
        .filter(|byte| matches!(byte, b'{' | b'['))
        .count()
}
