//! Documents, dataclasses and `TypedDict`s written as maps.

use pydynox_core::wire::Writer;
use pyo3::prelude::*;

use crate::values::document::Document;
use crate::values::encode::{self, is_absent, write_attribute};
use crate::values::field::Field;
use crate::values::missing;
use crate::values::problem::{Checked, python_error};
use crate::values::record::{Make, Shape};
use pydynox_core::problem::depth::{check_level, deeper};

impl Shape {
    /// Write a value, `{"M":{...}}`.
    pub(crate) fn write(
        &self,
        w: &mut Writer,
        value: &Bound<'_, PyAny>,
        depth: usize,
    ) -> Checked<()> {
        let members = self.checked_members(value)?;
        let depth = deeper(depth)?;
        let document = value
            .cast::<Document>()
            .ok()
            .map(|document| document.borrow());
        w.raw(br#"{"M":{"#);
        let empty = w.len();
        for (index, field) in members.layout.fields().enumerate() {
            let member = self
                .member(field, value)
                .map_err(|error| python_error(value, &error).within(&self.step(field)))?;
            let Some(member) = member else {
                if members.flags[index] && !missing::is_set(&field.kind) {
                    return Err(self.lacks(field));
                }
                continue;
            };
            if self.leaves_out(field, members.flags[index], &member) {
                continue;
            }
            let start = w.len();
            if start > empty {
                w.byte(b',');
            } else {
                check_level(depth)?;
            }
            w.raw(&field.label);
            let at = w.len();
            write_attribute(w, field, &member, depth)
                .map_err(|problem| problem.within(&self.step(field)))?;
            if document
                .as_ref()
                .is_some_and(|document| document.is_filled(index, &w.as_bytes()[at..]))
            {
                w.truncate(start);
            }
        }
        if let Some(document) = &document
            && !document.unknown.is_empty()
        {
            if w.len() > empty {
                w.byte(b',');
            } else {
                check_level(depth)?;
            }
            w.raw(&document.unknown);
        }
        w.raw(b"}}");
        Ok(())
    }

    /// Whether a member is not written. The members of a `TypedDict` are all written as they are, but for an empty set in place
    /// of a required one: DynamoDB stores no empty set.
    #[inline]
    fn leaves_out(&self, field: &Field, is_required: bool, member: &Bound<'_, PyAny>) -> bool {
        if self.make == Make::TypedDict {
            is_required && missing::is_set(&field.kind) && encode::is_empty_set(member)
        } else {
            is_absent(field, member)
        }
    }

    /// Write a value as a plain JSON object.
    pub(crate) fn write_json(
        &self,
        w: &mut Writer,
        value: &Bound<'_, PyAny>,
        depth: usize,
        lossy: bool,
    ) -> Checked<()> {
        let members = self.checked_members(value)?;
        let depth = deeper(depth)?;
        w.byte(b'{');
        let empty = w.len();
        for (index, field) in members.layout.fields().enumerate() {
            let member = self
                .member(field, value)
                .map_err(|error| python_error(value, &error).within(&self.step(field)))?;
            let Some(member) = member else {
                if members.flags[index] {
                    return Err(self.lacks(field));
                }
                continue;
            };
            if w.len() > empty {
                w.byte(b',');
            }
            w.string(&field.text);
            w.byte(b':');
            crate::values::json_encode::write(w, &field.kind, &member, depth, lossy)
                .map_err(|problem| problem.within(&self.step(field)))?;
        }
        w.byte(b'}');
        Ok(())
    }
}
