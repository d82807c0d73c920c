//! Scan: read every item of a table or index, in no order, whole or in segments.

use super::read_request::{self, Selection};
use crate::error::{Error, ErrorKind};
use crate::wire::Writer;

/// Most segments that a scan can have.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html>
pub const MAX_SEGMENTS: u32 = 1_000_000;

/// Begins the body, which every page shares; [`read_request::finish`] ends it.
///
/// # Errors
///
/// An expression is longer than `DynamoDB` accepts.
pub fn begin(writer: &mut Writer, table: &str, selection: &Selection<'_>) -> Result<(), Error> {
    read_request::begin(writer, table, selection)
}

/// Whether a table can be scanned in this many segments, and has this one.
///
/// # Errors
///
/// Says what is out of range.
pub fn check_segments(total: i64, segment: Option<i64>) -> Result<(u32, Option<u32>), Error> {
    let refused = |message: String| Error::new(ErrorKind::Validation, message);
    let total = u32::try_from(total)
        .ok()
        .filter(|total| (1..=MAX_SEGMENTS).contains(total))
        .ok_or_else(|| {
            refused(format!(
                "segments={total}: a scan can have 1 to {MAX_SEGMENTS} segments"
            ))
        })?;
    let Some(segment) = segment else {
        return Ok((total, None));
    };
    match u32::try_from(segment) {
        Ok(segment) if segment < total => Ok((total, Some(segment))),
        _ => Err(refused(format!(
            "segment={segment}: segments are numbered from 0, and there are {total}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::read_request::PageRequest;
    use super::super::tests::written;
    use super::*;

    #[test]
    fn a_segment_is_named_with_how_many_there_are() {
        let body = written(|writer| {
            begin(writer, "t", &Selection::default()).unwrap();
            let page = PageRequest {
                segment: Some((2, 4)),
                ..PageRequest::default()
            };
            read_request::finish(writer, page);
        });

        assert_eq!(body, r#"{"TableName":"t","Segment":2,"TotalSegments":4}"#);
    }

    #[test]
    fn a_segment_that_is_not_there_is_refused() {
        assert_eq!(check_segments(4, Some(3)).unwrap(), (4, Some(3)));
        assert_eq!(check_segments(1, None).unwrap(), (1, None));
        for (total, segment) in [
            (0, None),
            (-1, None),
            (1_000_001, None),
            (4, Some(4)),
            (4, Some(-1)),
        ] {
            assert!(
                check_segments(total, segment).is_err(),
                "{total} {segment:?}"
            );
        }
    }
}
