//! Names: attributes whose names are longer than DynamoDB stores.

use pydynox_core::wire::{Reader, WireError};

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-attributes>
const LONGEST: usize = 65_535;

/// Refuses a request that names an attribute with too long a name, in an item or in a placeholder.
pub(crate) fn check(body: &str) -> Result<(), String> {
    // Almost always the only step.
    if body.len() <= LONGEST {
        return Ok(());
    }
    let is_too_long = Reader::new(body.as_bytes())
        .and_then(|mut reader| has_long_name(&mut reader))
        // The engine refuses invalid JSON.
        .unwrap_or(false);
    if is_too_long {
        return Err(format!(
            "One or more parameter values were invalid: Attribute name is too large, must be at most {LONGEST} bytes"
        ));
    }
    Ok(())
}

/// Whether some member has too long a name, or a text is too long where only names of attributes can be: `ExpressionAttributeNames` and
/// `AttributesToGet`.
fn has_long_name(reader: &mut Reader<'_>) -> Result<bool, WireError> {
    match reader.peek()? {
        b'{' => {
            reader.begin_object()?;
            while let Some(name) = reader.next_key()? {
                if name.decode()?.len() > LONGEST {
                    return Ok(true);
                }
                let names =
                    name.equals("ExpressionAttributeNames") || name.equals("AttributesToGet");
                if (names && has_long_text(reader)?) || (!names && has_long_name(reader)?) {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        b'[' => {
            reader.begin_array()?;
            while reader.next_element()? {
                if has_long_name(reader)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => reader.pass().map(|()| false),
    }
}

/// The same of a text, or of the texts in a list or map.
fn has_long_text(reader: &mut Reader<'_>) -> Result<bool, WireError> {
    match reader.peek()? {
        b'"' => Ok(reader.string()?.decode()?.len() > LONGEST),
        b'{' => {
            reader.begin_object()?;
            while reader.next_key()?.is_some() {
                if has_long_text(reader)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        b'[' => {
            reader.begin_array()?;
            while reader.next_element()? {
                if has_long_text(reader)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        _ => reader.pass().map(|()| false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_attributes_have_a_longest_length_and_values_have_none() {
        let (most, more) = ("n".repeat(LONGEST), "n".repeat(LONGEST + 1));
        for (body, is_fine) in [
            (format!(r#"{{"Item":{{"{most}":{{"S":"{more}"}}}}}}"#), true),
            (format!(r#"{{"Item":{{"{more}":{{"S":"a"}}}}}}"#), false),
            (
                format!(r#"{{"Item":{{"m":{{"M":{{"{more}":{{"S":"a"}}}}}}}}}}"#),
                false,
            ),
            (
                format!(r##"{{"ExpressionAttributeNames":{{"#a":"{most}"}}}}"##),
                true,
            ),
            (
                format!(r##"{{"ExpressionAttributeNames":{{"#a":"{more}"}}}}"##),
                false,
            ),
            (format!(r#"{{"AttributesToGet":["a","{more}"]}}"#), false),
            (format!(r#"{{"Item":{{"{more}""#), true),
        ] {
            assert_eq!(check(&body).is_ok(), is_fine, "{}", &body[..40]);
        }
    }
}
