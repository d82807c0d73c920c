//! Images: the old and the new item of a record, compared by value, and the key that they share.

use crate::wire::{Reader, Value, WireError, Writer};

/// A key in the form that all texts of an equal key share.
///
/// # Errors
///
/// It is not a map of attribute values.
pub fn canonical(key: &[u8]) -> Result<Vec<u8>, WireError> {
    let mut reader = Reader::new(key)?;
    let mut writer = Writer::with_capacity(key.len());
    Value::write_map(&Value::read_map(&mut reader)?, &mut writer);
    reader.end()?;
    Ok(writer.into_bytes())
}

/// The attributes whose values differ between two images, by stored name: first those of the new one, then those that it lacks.
/// Equal numbers and sets are equal however they are written.
///
/// # Errors
///
/// An image is not a map of attribute values.
pub fn changed(old: Option<&[u8]>, new: Option<&[u8]>) -> Result<Vec<String>, WireError> {
    let (old, new) = (attributes(old)?, attributes(new)?);
    let value_in = |image: &[(String, &[u8])], name: &str| -> Option<Vec<u8>> {
        let (_, json) = image.iter().find(|(other, _)| other == name)?;
        Some(json.to_vec())
    };
    let mut names = Vec::new();
    for (name, json) in &new {
        let is_same = match value_in(&old, name) {
            None => false,
            Some(before) if before == *json => true,
            Some(before) => Value::parse(&before)? == Value::parse(json)?,
        };
        if !is_same {
            names.push(name.clone());
        }
    }
    let gone = old
        .into_iter()
        .filter(|(name, _)| !new.iter().any(|(other, _)| other == name));
    names.extend(gone.map(|(name, _)| name));
    Ok(names)
}

/// The attributes of an image with the JSON text of their values.
fn attributes(image: Option<&[u8]>) -> Result<Vec<(String, &[u8])>, WireError> {
    let mut attributes = Vec::new();
    let Some(image) = image else {
        return Ok(attributes);
    };
    let mut r = Reader::new(image)?;
    r.begin_object()?;
    while let Some(name) = r.next_key()? {
        let name = name.decode()?.into_owned();
        r.peek()?;
        let start = r.position();
        r.skip()?;
        attributes.push((name, &image[start..r.position()]));
    }
    Ok(attributes)
}
