//! Stored sets as Python's.

use pydynox_core::wire::{Reader, Tag};
use pyo3::prelude::*;
use pyo3::types::PySet;

use crate::values::decode::{Decoder, member};
use crate::values::decode_number::number_text;
use crate::values::kind::Kind;
use crate::values::unreadable::{Read, wrong_tag};

impl<'py> Decoder<'py> {
    pub(super) fn set(
        &self,
        r: &mut Reader<'_>,
        tag: Tag,
        inner: &Kind,
    ) -> Read<Bound<'py, PyAny>> {
        Ok(PySet::new(self.py, self.set_members(r, tag, inner)?)?.into_any())
    }

    pub(super) fn set_members(
        &self,
        r: &mut Reader<'_>,
        tag: Tag,
        inner: &Kind,
    ) -> Read<Vec<Bound<'py, PyAny>>> {
        let mut members = Vec::new();
        r.begin_array()?;
        while r.next_element()? {
            members.push(self.set_member(r, tag, inner)?);
        }
        Ok(members)
    }

    fn set_member(&self, r: &mut Reader<'_>, tag: Tag, inner: &Kind) -> Read<Bound<'py, PyAny>> {
        Ok(match (tag, inner) {
            (Tag::Ss, Kind::Str | Kind::Any) => self.text(r)?,
            (Tag::Bs, Kind::Bytes | Kind::Any) => self.binary(r)?,
            (Tag::Ns, Kind::Any) => self.exact_number(number_text(r)?)?,
            (Tag::Ns, Kind::Int | Kind::Float | Kind::Decimal | Kind::Number) => self
                .number(number_text(r)?, inner)
                .map_err(|problem| problem.within("{...}"))?,
            (Tag::Ss, Kind::Datetime(_) | Kind::Date(_) | Kind::Time(_) | Kind::Uuid) => self
                .worded(r, inner)
                .map_err(|problem| problem.within("{...}"))?,
            (Tag::Ns, Kind::Datetime(_) | Kind::Date(_) | Kind::Timedelta) => self
                .counted(r, inner)
                .map_err(|problem| problem.within("{...}"))?,
            (_, Kind::Enum(members) | Kind::Literal(members)) => {
                let stored = self.set_member(r, tag, &members.inner)?;
                member(members, &stored).map_err(|problem| problem.within("{...}"))?
            }
            _ => return Err(wrong_tag(inner, tag).within("{...}")),
        })
    }
}
