//! Wire to instance or plain value: reads a response's buffer once, guided by the schema.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pydynox_core::number;
use pydynox_core::wire::{Reader, Tag, Text, WireError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PySet, PyString};

use crate::encode::decimal_type;
use crate::ffi;
use crate::schema::Kind;

/// Why a stored value cannot be read.
pub(crate) enum Unreadable {
    /// The body is not what DynamoDB's protocol allows.
    Malformed(WireError),
    /// The value is well formed and of another type than declared: where in it, and what is wrong.
    Misfit { place: String, what: String },
    /// Python said no.
    Python(PyErr),
}

impl From<WireError> for Unreadable {
    fn from(error: WireError) -> Self {
        Self::Malformed(error)
    }
}

impl From<PyErr> for Unreadable {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl Unreadable {
    #[cold]
    fn misfit(what: impl Into<String>) -> Self {
        Self::Misfit {
            place: String::new(),
            what: what.into(),
        }
    }

    #[cold]
    fn within(self, step: &str) -> Self {
        match self {
            Self::Misfit { place, what } => Self::Misfit {
                place: format!("{step}{place}"),
                what,
            },
            other => other,
        }
    }
}

pub(crate) type Read<T> = Result<T, Unreadable>;

const CACHED_KEYS: usize = 512;

/// Keys of maps seen before, as interned strings.
struct KeyCache(Vec<Option<(Box<str>, Py<PyString>)>>);

static KEYS: Mutex<Option<KeyCache>> = Mutex::new(None);

/// Reads values; borrows the process's cache of map keys while it lives.
pub(crate) struct Decoder<'py> {
    py: Python<'py>,
    keys: KeyCache,
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
        }
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
        if let Some((known, key)) = entry
            && **known == *raw
        {
            return Ok(key.bind(self.py).clone());
        }
        let key = PyString::intern(self.py, raw);
        *entry = Some((raw.into(), key.clone().unbind()));
        Ok(key)
    }

    /// One attribute value, `{"S":"x"}`, as the kind says.
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
            _ => Err(wrong_tag(kind, tag)),
        }
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
    fn text(&self, r: &mut Reader<'_>) -> Read<Bound<'py, PyAny>> {
        let text = r.string()?;
        let string = if text.is_plain() {
            ffi::string(self.py, text.raw())?
        } else {
            ffi::string(self.py, &text.decode()?)?
        };
        Ok(string.into_any())
    }

    fn binary(&self, r: &mut Reader<'_>) -> Read<Bound<'py, PyAny>> {
        Ok(PyBytes::new(self.py, &r.binary()?).into_any())
    }

    /// `int` where the number is integral, else `Decimal`: what an undeclared number is read as.
    fn exact_number(&self, text: &str) -> Read<Bound<'py, PyAny>> {
        let kind = if text.contains(['.', 'E', 'e']) {
            Kind::Decimal
        } else {
            Kind::Int
        };
        self.number(text, &kind)
    }

    #[inline]
    fn number(&self, text: &str, kind: &Kind) -> Read<Bound<'py, PyAny>> {
        match kind {
            Kind::Float => self.float(text),
            Kind::Decimal => self.decimal(text),
            Kind::Number if text.contains(['.', 'E', 'e']) => self.float(text),
            _ => self.integer(text),
        }
    }

    /// Python's own constructor takes more than DynamoDB has: words, blanks, any exponent.
    fn decimal(&self, text: &str) -> Read<Bound<'py, PyAny>> {
        number::Number::parse(text).map_err(|error| Unreadable::misfit(error.to_string()))?;
        Ok(decimal_type(self.py)?.call1((ffi::string(self.py, text)?,))?)
    }

    #[inline]
    fn integer(&self, text: &str) -> Read<Bound<'py, PyAny>> {
        if let Some(value) = number::parse_i64(text) {
            return Ok(value
                .into_pyobject(self.py)
                .map_err(PyErr::from)?
                .into_any());
        }
        self.large_integer(text)
    }

    #[cold]
    fn large_integer(&self, text: &str) -> Read<Bound<'py, PyAny>> {
        let canonical =
            number::Number::parse(text).map_err(|error| Unreadable::misfit(error.to_string()))?;
        if canonical.as_str().contains('.') {
            return Err(Unreadable::misfit(
                "the stored number has a fraction, which an int cannot hold",
            ));
        }
        Ok(self.py.get_type::<PyInt>().call1((canonical.as_str(),))?)
    }

    #[inline]
    fn float(&self, text: &str) -> Read<Bound<'py, PyAny>> {
        let value: f64 = text
            .parse()
            .map_err(|_| Unreadable::misfit("the stored number is no number"))?;
        if !number::f64_is_exact(text, value) {
            return Err(Unreadable::misfit(
                "the stored number has more digits than a float can hold: declare it as Decimal",
            ));
        }
        Ok(PyFloat::new(self.py, value).into_any())
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

    fn members(&mut self, r: &mut Reader<'_>, inner: &Kind) -> Read<Bound<'py, PyDict>> {
        let dict = PyDict::new(self.py);
        r.begin_object()?;
        while let Some(key) = r.next_key()? {
            let key = self.key(key)?;
            let member = self
                .value(r, inner)
                .map_err(|problem| problem.within(&format!("[{key:?}]")))?;
            ffi::set_dict_item(&dict, key.as_borrowed(), &member)?;
        }
        Ok(dict)
    }

    /// A whole item as a dictionary.
    pub(crate) fn item(&mut self, r: &mut Reader<'_>) -> Read<Bound<'py, PyDict>> {
        self.members(r, &Kind::Any)
    }

    fn set(&self, r: &mut Reader<'_>, tag: Tag, inner: &Kind) -> Read<Bound<'py, PyAny>> {
        let set = PySet::empty(self.py)?;
        r.begin_array()?;
        while r.next_element()? {
            let member = match (tag, inner) {
                (Tag::Ss, Kind::Str | Kind::Any) => self.text(r)?,
                (Tag::Bs, Kind::Bytes | Kind::Any) => self.binary(r)?,
                (Tag::Ns, Kind::Any) => self.exact_number(number_text(r)?)?,
                (Tag::Ns, Kind::Int | Kind::Float | Kind::Decimal | Kind::Number) => self
                    .number(number_text(r)?, inner)
                    .map_err(|problem| problem.within("{...}"))?,
                _ => return Err(wrong_tag(inner, tag).within("{...}")),
            };
            set.add(member)?;
        }
        Ok(set.into_any())
    }
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

fn number_text<'a>(r: &mut Reader<'a>) -> Read<&'a str> {
    let text = r.string()?;
    if text.is_plain() {
        Ok(text.raw())
    } else {
        Err(Unreadable::misfit("the stored number is no number"))
    }
}

#[cold]
fn wrong_tag(kind: &Kind, tag: Tag) -> Unreadable {
    let declared = match kind.present() {
        Kind::Str => "a string (S)",
        Kind::Int | Kind::Float | Kind::Decimal | Kind::Number => "a number (N)",
        Kind::Bool => "a boolean (BOOL)",
        Kind::Bytes => "binary (B)",
        Kind::None => "NULL",
        Kind::List(_) => "a list (L)",
        Kind::Dict(_) => "a map (M)",
        Kind::Set(_) => "a set (SS, NS, BS)",
        Kind::Any | Kind::Optional(_) => "any type",
    };
    let stored = match tag {
        Tag::S => "a string (S)",
        Tag::N => "a number (N)",
        Tag::B => "binary (B)",
        Tag::Bool => "a boolean (BOOL)",
        Tag::Null => "NULL",
        Tag::M => "a map (M)",
        Tag::L => "a list (L)",
        Tag::Ss => "a string set (SS)",
        Tag::Ns => "a number set (NS)",
        Tag::Bs => "a binary set (BS)",
    };
    Unreadable::misfit(format!("the stored value is {stored}, not {declared}"))
}

/// Any JSON, as `json.loads` reads it: what operations without a model of ours answer.
pub(crate) fn json<'py>(py: Python<'py>, r: &mut Reader<'_>) -> Read<Bound<'py, PyAny>> {
    Ok(match r.peek()? {
        b'{' => {
            let dict = PyDict::new(py);
            r.begin_object()?;
            while let Some(key) = r.next_key()? {
                let key = PyString::new(py, &key.decode()?);
                dict.set_item(key, json(py, r)?)?;
            }
            dict.into_any()
        }
        b'[' => {
            let list = PyList::empty(py);
            r.begin_array()?;
            while r.next_element()? {
                list.append(json(py, r)?)?;
            }
            list.into_any()
        }
        b'"' => PyString::new(py, &r.string()?.decode()?).into_any(),
        b't' | b'f' => PyBool::new(py, r.boolean()?).to_owned().into_any(),
        b'n' => {
            r.null()?;
            py.None().into_bound(py)
        }
        _ => {
            let text = r.json_number()?;
            if text.contains(['.', 'E', 'e']) {
                py.get_type::<PyFloat>().call1((text,))?
            } else {
                py.get_type::<PyInt>().call1((text,))?
            }
        }
    })
}

/// The text of a byte string as the wire holds it.
pub(crate) fn base64_text(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Where the next value stands.
pub(crate) fn skipped(r: &mut Reader<'_>) -> Result<Range<usize>, WireError> {
    r.peek()?;
    let start = r.position();
    r.skip()?;
    Ok(start..r.position())
}
