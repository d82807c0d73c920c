//! Stream records: no event causes a panic, and every part of a record is in the text where the record says.

use pydynox_core::stream_record::{Records, canonical, changed};

pub(super) fn check(bytes: &[u8]) {
    let Ok(all) = Records::of(bytes) else {
        return;
    };
    for record in &all.records {
        assert!(
            bytes.get(record.whole.clone()).is_some_and(is_map),
            "a record is somewhere else"
        );
        if let Some(table) = record.table {
            assert!(table < all.tables.len(), "a record names no table");
        }
        for place in [&record.sequence_number, &record.event_id] {
            let text = place.as_ref().map(|place| bytes.get(place.clone()));
            assert!(text != Some(None), "a number is somewhere else");
        }
        let Ok(change) = &record.change else {
            continue;
        };
        let part = |place| {
            let json = record.part(bytes, place);
            // Its end is found by counting brackets; the code that reads it checks the rest.
            assert!(json.starts_with(b"{"), "a part is somewhere else");
            json
        };
        let keys = change.keys.as_ref().map(part);
        let (old, new) = (change.old.as_ref().map(part), change.new.as_ref().map(part));
        if let Some(Ok(key)) = keys.map(canonical) {
            assert_eq!(
                canonical(&key).ok().as_ref(),
                Some(&key),
                "a canonical key has another form"
            );
        }
        if new.is_some() {
            assert!(
                !changed(new, new).is_ok_and(|names| !names.is_empty()),
                "an item differs from itself"
            );
        }
        let _ = changed(old, new);
    }
}

fn is_map(json: &[u8]) -> bool {
    json.starts_with(b"{") && json.ends_with(b"}")
}
