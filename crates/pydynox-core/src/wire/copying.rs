//! Copying: stored values whose plain JSON is a copy of what is stored, so that nothing has to be read to write it.

use super::{Reader, WireError, Writer};

/// The digits that a number can have in `DynamoDB`.
const MAX_DIGITS: usize = 38;
/// The digits of which every float has at most one text.
const FLOAT_DIGITS: usize = 15;

/// Write JSON that was found, if it was.
#[inline]
pub fn put(json: Option<&[u8]>, w: &mut Writer) -> bool {
    json.inspect(|json| w.raw(json)).is_some()
}

/// A stored string with its quotes, unless it has escapes.
///
/// # Errors
///
/// No string follows.
#[inline]
pub fn text<'a>(r: &mut Reader<'a>) -> Result<Option<&'a [u8]>, WireError> {
    r.peek()?;
    let start = r.position();
    let is_plain = r.string()?.is_plain();
    Ok(is_plain.then(|| r.slice(start)))
}

/// A stored number whose text is a whole one as JSON has it; other forms have to be read.
///
/// # Errors
///
/// No string follows.
#[inline]
pub fn integer<'a>(r: &mut Reader<'a>) -> Result<Option<&'a [u8]>, WireError> {
    let text = r.string()?.raw();
    Ok(is_whole(text, MAX_DIGITS).then_some(text.as_bytes()))
}

/// Copies a stored number as a float; false where it has to be read. The shortest text of a float is the stored one if it has so
/// few digits that no two of them are the same float.
///
/// # Errors
///
/// No string follows.
pub fn float(r: &mut Reader<'_>, w: &mut Writer) -> Result<bool, WireError> {
    let text = r.string()?.raw();
    let Some((whole, fraction)) = text.split_once('.') else {
        let is_copied = is_whole(text, FLOAT_DIGITS);
        if is_copied {
            w.raw(text.as_bytes());
            w.raw(b".0");
        }
        return Ok(is_copied);
    };
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    // Python writes what is smaller with an exponent.
    let is_small = unsigned == "0" && fraction.starts_with("0000");
    let is_copied = (unsigned == "0" || is_whole(unsigned, FLOAT_DIGITS))
        && unsigned.len() + fraction.len() <= FLOAT_DIGITS
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && !fraction.is_empty()
        && !fraction.ends_with('0')
        && !is_small;
    if is_copied {
        w.raw(text.as_bytes());
    }
    Ok(is_copied)
}

/// Whether a text is a whole number of at most `most` digits, as JSON and Python write it.
#[inline]
fn is_whole(text: &str, most: usize) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    match digits {
        [b'0'] => text.len() == 1,
        [b'1'..=b'9', rest @ ..] => rest.len() < most && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Copies an array by its elements; false as soon as one of them has to be read.
///
/// # Errors
///
/// No array follows.
#[inline]
pub fn elements<'a>(
    r: &mut Reader<'a>,
    w: &mut Writer,
    element: impl Fn(&mut Reader<'a>, &mut Writer) -> Result<bool, WireError>,
) -> Result<bool, WireError> {
    r.begin_array()?;
    w.byte(b'[');
    let begin = w.len();
    while r.next_element()? {
        if w.len() > begin {
            w.byte(b',');
        }
        if !element(r, w)? {
            return Ok(false);
        }
    }
    w.byte(b']');
    Ok(true)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{elements, float, integer, put, text};
    use crate::wire::{Reader, Writer};

    /// The JSON of a stored number as a float; None where it has to be read.
    fn as_float(stored: &str) -> Option<String> {
        let json = format!("\"{stored}\"");
        let mut w = Writer::with_capacity(32);
        let is_copied = float(&mut Reader::new(json.as_bytes()).unwrap(), &mut w).unwrap();
        is_copied.then(|| String::from_utf8(w.into_bytes()).unwrap())
    }

    #[test]
    fn a_float_is_copied_where_python_writes_the_same_digits() {
        for (stored, json) in [
            ("1.5", Some("1.5")),
            ("-0.25", Some("-0.25")),
            ("3", Some("3.0")),
            ("0", Some("0.0")),
            ("0.0001", Some("0.0001")),
            ("0.00001", None),
            ("1.50", None),
            ("1E+20", None),
            ("0.1234567890123456", None),
            ("1234567890123456", None),
        ] {
            assert_eq!(as_float(stored).as_deref(), json, "{stored}");
        }
    }

    #[test]
    fn a_whole_number_is_copied_without_its_quotes() {
        let copied = |json: &str| {
            let mut r = Reader::new(json.as_bytes()).unwrap();
            integer(&mut r).unwrap().map(<[u8]>::to_vec)
        };

        assert_eq!(copied(r#""-12""#).as_deref(), Some(&b"-12"[..]));
        assert_eq!(copied(r#""1.0""#), None);
        assert_eq!(copied(r#""007""#), None);
        assert_eq!(copied(r#""-0""#), None);
    }

    #[test]
    fn an_array_is_copied_unless_one_of_its_strings_has_escapes() {
        let copied = |json: &str| {
            let mut w = Writer::with_capacity(32);
            let mut r = Reader::new(json.as_bytes()).unwrap();
            let is_copied = elements(&mut r, &mut w, |r, w| Ok(put(text(r)?, w))).unwrap();
            is_copied.then(|| String::from_utf8(w.into_bytes()).unwrap())
        };

        assert_eq!(copied(r#"["a", "b"]"#).as_deref(), Some(r#"["a","b"]"#));
        assert_eq!(copied(r#"["a","\n"]"#), None);
    }
}
