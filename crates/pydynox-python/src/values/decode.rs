//! Wire to instance or plain value: reads a response's buffer once, guided by the schema.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use pydynox_core::number;
use pydynox_core::wire::{Reader, Tag, Text, WireError};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFrozenSet, PyList, PySet, PyString, PyTuple};

use crate::interpreter::ffi;
use crate::values::decode_number::number_text;
use crate::values::kind::{Codec, Kind, Members, Pydantic};
use crate::values::layout::is_same;
use crate::values::record_decode::refused;
use crate::values::unreadable::{Read, Unreadable, wrong_tag};
use crate::values::{json_attribute, scalar};

const CACHED_KEYS: usize = 512;

/// Keys of maps seen before, as interned strings.
struct KeyCache(Vec<Option<(Box<str>, Py<PyString>)>>);

static KEYS: Mutex<Option<KeyCache>> = Mutex::new(None);

/// Reads values; borrows the process's cache of map keys while it lives.
pub(crate) struct Decoder<'py> {
    pub(super) py: Python<'py>,
    keys: KeyCache,
    scratch: Vec<u8>,
}

impl Drop for Decoder<'_> {
    fn drop(&mut self) {
        let keys = std::mem::replace(&mut self.keys, KeyCache(Vec::new()));
        let before = KEYS
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace(keys);
        drop(before);
    }
}

impl<'py> Decoder<'py> {
    pub(crate) fn new(py: Python<'py>) -> Self {
        // A second decoder at the same time (a finaliser that reads) starts with an empty cache.
        let keys = KEYS.lock().unwrap_or_else(PoisonError::into_inner).take();
        Self {
            py,
            keys: keys.unwrap_or(KeyCache(Vec::new())),
            scratch: Vec::new(),
        }
    }

    /// An empty buffer; return it with [`keep_scratch`](Self::keep_scratch).
    pub(crate) fn take_scratch(&mut self) -> Vec<u8> {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch
    }

    pub(crate) fn keep_scratch(&mut self, scratch: Vec<u8>) {
        self.scratch = scratch;
    }

    pub(crate) fn py(&self) -> Python<'py> {
        self.py
    }

    fn key(&mut self, text: Text<'_>) -> Read<Bound<'py, PyString>> {
        if !text.is_plain() {
            return Ok(PyString::new(self.py, &text.decode()?));
        }
        let raw = text.raw();
        if self.keys.0.is_empty() {
            self.keys.0.resize_with(CACHED_KEYS, || None);
        }
        let entry = &mut self.keys.0[place(raw.as_bytes())];
        if let Some((text_before, key)) = entry
            && is_same(text_before.as_bytes(), raw.as_bytes())
        {
            return Ok(key.bind(self.py).clone());
        }
        let key = PyString::intern(self.py, raw);
        *entry = Some((raw.into(), key.clone().unbind()));
        Ok(key)
    }

    /// One attribute value, `{"S":"x"}`, read as its kind.
    #[inline]
    pub(crate) fn value(&mut self, r: &mut Reader<'_>, kind: &Kind) -> Read<Bound<'py, PyAny>> {
        let tag = r.begin_value()?;
        let value = self.tagged(r, tag, kind)?;
        r.end_value()?;
        Ok(value)
    }

    #[inline]
    fn tagged(&mut self, r: &mut Reader<'_>, tag: Tag, kind: &Kind) -> Read<Bound<'py, PyAny>> {
        match (kind, tag) {
            (Kind::Str, Tag::S) => self.text(r),
            (Kind::Bool, Tag::Bool) => Ok(PyBool::new(self.py, r.boolean()?).to_owned().into_any()),
            (Kind::Int | Kind::Float | Kind::Decimal | Kind::Number, Tag::N) => {
                self.number(number_text(r)?, kind)
            }
            (Kind::Bytes, Tag::B) => self.binary(r),
            (Kind::List(inner), Tag::L) => self.list(r, inner),
            (Kind::Dict(inner), Tag::M) => self.map(r, inner),
            (Kind::Set(inner), Tag::Ss | Tag::Ns | Tag::Bs) => self.set(r, tag, inner),
            (Kind::Optional(_) | Kind::None | Kind::Any, Tag::Null) => {
                r.boolean()?;
                Ok(self.py.None().into_bound(self.py))
            }
            (Kind::Optional(inner), _) => self.tagged(r, tag, inner),
            (Kind::Any, _) => self.any(r, tag),
            _ => self.further(r, tag, kind),
        }
    }

    /// The kinds beyond DynamoDB's own types.
    #[inline(never)]
    fn further(&mut self, r: &mut Reader<'_>, tag: Tag, kind: &Kind) -> Read<Bound<'py, PyAny>> {
        match (kind, tag) {
            (Kind::Datetime(_) | Kind::Date(_) | Kind::Time(_) | Kind::Uuid, Tag::S) => {
                self.worded(r, kind)
            }
            (Kind::Datetime(_) | Kind::Date(_) | Kind::Timedelta, Tag::N) => self.counted(r, kind),
            (Kind::Enum(members) | Kind::Literal(members), _) => {
                let stored = self.tagged(r, tag, &members.inner)?;
                member(members, &stored)
            }
            (Kind::FrozenSet(inner), Tag::Ss | Tag::Ns | Tag::Bs) => {
                let members = self.set_members(r, tag, inner)?;
                Ok(PyFrozenSet::new(self.py, members)?.into_any())
            }
            (Kind::Tuple(kinds), Tag::L) => self.tuple(r, kinds),
            (Kind::TupleOf(inner), Tag::L) => {
                let list = self.list(r, inner)?.cast_into::<PyList>();
                Ok(list.map_err(PyErr::from)?.to_tuple().into_any())
            }
            (Kind::Record(shape), Tag::M) => shape.get().read(self, r),
            (Kind::Pydantic(model), Tag::M) => self.pydantic(r, model),
            (Kind::Json(inner), Tag::S) => {
                let text = r.string()?.decode()?.into_owned();
                json_attribute::parse(self, &text, inner)
            }
            (Kind::Codec(codec), _) => {
                let stored = self.tagged(r, tag, &codec.inner)?;
                from_stored(codec, &stored)
            }
            (Kind::Open, _) => self.any(r, tag),
            _ => Err(wrong_tag(kind, tag)),
        }
    }

    /// A value that is stored as text.
    pub(super) fn worded(&self, r: &mut Reader<'_>, kind: &Kind) -> Read<Bound<'py, PyAny>> {
        let text = r.string()?;
        let value = if text.is_plain() {
            scalar::from_text(self.py, kind, text.raw())
        } else {
            scalar::from_text(self.py, kind, &text.decode()?)
        };
        Ok(value?)
    }

    /// A value that is stored as a number.
    pub(super) fn counted(&self, r: &mut Reader<'_>, kind: &Kind) -> Read<Bound<'py, PyAny>> {
        let number = number::Number::parse(number_text(r)?)
            .map_err(|error| Unreadable::misfit(error.to_string()))?;
        Ok(scalar::from_number(self.py, kind, number.as_str())?)
    }

    fn tuple(&mut self, r: &mut Reader<'_>, kinds: &[Kind]) -> Read<Bound<'py, PyAny>> {
        let mut elements = Vec::with_capacity(kinds.len());
        r.begin_array()?;
        while r.next_element()? {
            let kind = kinds.get(elements.len()).ok_or_else(|| {
                Unreadable::misfit(format!("the stored list has over {} elements", kinds.len()))
            })?;
            let element = self
                .value(r, kind)
                .map_err(|problem| problem.within(&format!("[{}]", elements.len())))?;
            elements.push(element);
        }
        if elements.len() < kinds.len() {
            return Err(Unreadable::misfit(format!(
                "the stored list has {} elements, not {}",
                elements.len(),
                kinds.len()
            )));
        }
        Ok(PyTuple::new(self.py, elements)?.into_any())
    }

    fn pydantic(&mut self, r: &mut Reader<'_>, model: &Pydantic) -> Read<Bound<'py, PyAny>> {
        let py = self.py;
        let members = self.members(r, &Kind::Any)?;
        for name in &model.sets {
            if !members.contains(&**name)? {
                members.set_item(&**name, PySet::empty(py)?)?;
            }
        }
        model
            .class
            .bind(py)
            .call_method(
                intern!(py, "model_validate"),
                (members,),
                Some(model.options.bind(py)),
            )
            .map_err(|error| refused(py, &model.name, error))
    }

    fn any(&mut self, r: &mut Reader<'_>, tag: Tag) -> Read<Bound<'py, PyAny>> {
        match tag {
            Tag::S => self.text(r),
            Tag::N => self.exact_number(number_text(r)?),
            Tag::B => self.binary(r),
            Tag::Bool => Ok(PyBool::new(self.py, r.boolean()?).to_owned().into_any()),
            Tag::Null => {
                r.boolean()?;
                Ok(self.py.None().into_bound(self.py))
            }
            Tag::L => self.list(r, &Kind::Any),
            Tag::M => self.map(r, &Kind::Any),
            Tag::Ss | Tag::Ns | Tag::Bs => self.set(r, tag, &Kind::Any),
        }
    }

    #[inline]
    pub(super) fn text(&self, r: &mut Reader<'_>) -> Read<Bound<'py, PyAny>> {
        let text = r.string()?;
        let string = if text.is_plain() {
            ffi::string(self.py, text.raw())?
        } else {
            ffi::string(self.py, &text.decode()?)?
        };
        Ok(string.into_any())
    }

    pub(super) fn binary(&self, r: &mut Reader<'_>) -> Read<Bound<'py, PyAny>> {
        Ok(PyBytes::new(self.py, &r.binary()?).into_any())
    }

    fn list(&mut self, r: &mut Reader<'_>, inner: &Kind) -> Read<Bound<'py, PyAny>> {
        let list = PyList::empty(self.py);
        r.begin_array()?;
        while r.next_element()? {
            let element = self
                .value(r, inner)
                .map_err(|problem| problem.within(&format!("[{}]", list.len())))?;
            list.append(element)?;
        }
        Ok(list.into_any())
    }

    fn map(&mut self, r: &mut Reader<'_>, inner: &Kind) -> Read<Bound<'py, PyAny>> {
        Ok(self.members(r, inner)?.into_any())
    }

    pub(crate) fn members(&mut self, r: &mut Reader<'_>, inner: &Kind) -> Read<Bound<'py, PyDict>> {
        let dict = PyDict::new(self.py);
        r.begin_object()?;
        while let Some(key) = r.next_key()? {
            let key = self.key(key)?;
            let member = self
                .value(r, inner)
                .map_err(|problem| problem.within(&format!("[{:?}]", key.to_string())))?;
            ffi::set_dict_item(&dict, key.as_borrowed(), &member)?;
        }
        Ok(dict)
    }

    /// A whole item as a dictionary.
    pub(crate) fn item(&mut self, r: &mut Reader<'_>) -> Read<Bound<'py, PyDict>> {
        self.members(r, &Kind::Any)
    }
}

/// The member of an enum or `Literal` that is stored as this value.
pub(crate) fn member<'py>(
    members: &Members,
    stored: &Bound<'py, PyAny>,
) -> Read<Bound<'py, PyAny>> {
    let py = stored.py();
    if let Some(member) = members.by_value.bind(py).get_item(stored)? {
        return Ok(member);
    }
    let unknown = || -> Read<Bound<'py, PyAny>> {
        let what = if members.class.is_some() {
            "not a member of"
        } else {
            "not"
        };
        Err(Unreadable::misfit(format!(
            "the stored value is {what} {}",
            members.name
        )))
    };
    let Some(class) = &members.class else {
        return unknown();
    };
    // The class decides last: flags combine, and `_missing_` may know old values.
    match class.bind(py).call1((stored,)) {
        Ok(member) => Ok(member),
        Err(error) if error.is_instance_of::<PyValueError>(py) => unknown(),
        Err(error) => Err(refused(py, &members.name, error)),
    }
}

/// A stored value as its codec reads it.
pub(crate) fn from_stored<'py>(
    codec: &Codec,
    stored: &Bound<'py, PyAny>,
) -> Read<Bound<'py, PyAny>> {
    let py = stored.py();
    codec
        .object
        .bind(py)
        .call_method1(intern!(py, "from_stored"), (stored,))
        .map_err(|error| refused(py, "the codec", error))
}

fn place(key: &[u8]) -> usize {
    let length = key.len();
    if length == 0 {
        return 0;
    }
    let at = |index: usize| usize::from(key[index]);
    (at(0).wrapping_mul(31)
        ^ at(length - 1).wrapping_mul(131)
        ^ at(length / 2).wrapping_mul(7)
        ^ length.wrapping_mul(17))
        % CACHED_KEYS
}

/// The range of the next value, which is skipped.
pub(crate) fn skipped(r: &mut Reader<'_>) -> Result<Range<usize>, WireError> {
    r.peek()?;
    let start = r.position();
    r.skip()?;
    Ok(start..r.position())
}
