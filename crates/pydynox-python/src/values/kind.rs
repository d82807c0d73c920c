//! Kinds: how a value is stored, and its Python type.

use pydynox_core::expression::path::Step;
use pydynox_core::schema::KeyType;
use pydynox_core::time::{Form, Of};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::exceptions::configuration_error;
use crate::values::record::Shape;

/// How a value is stored, and its Python type.
#[derive(Debug)]
pub(crate) enum Kind {
    Str,
    Int,
    Float,
    Decimal,
    /// `int` if the stored number is integral, else `float`.
    Number,
    Bool,
    Bytes,
    None,
    Any,
    /// What pydantic dumps: `Any`, and any other type with one plain form. Read as `Any`.
    Open,
    List(Box<Kind>),
    Dict(Box<Kind>),
    Set(Box<Kind>),
    FrozenSet(Box<Kind>),
    Tuple(Box<[Kind]>),
    TupleOf(Box<Kind>),
    Optional(Box<Kind>),
    Datetime(Form),
    Date(Form),
    Time(Form),
    Timedelta,
    Uuid,
    Enum(Box<Members>),
    Literal(Box<Members>),
    /// A document, dataclass or `TypedDict`.
    Record(Py<Shape>),
    Pydantic(Box<Pydantic>),
    /// Stored as text.
    Json(Box<Kind>),
    Codec(Box<Codec>),
}

/// The values of an enum's members or of a `Literal`.
#[derive(Debug)]
pub(crate) struct Members {
    /// Its name as users write it.
    pub(crate) name: Box<str>,
    /// The enum; None for a `Literal`.
    pub(crate) class: Option<Py<PyType>>,
    /// The members by their stored value.
    pub(crate) by_value: Py<PyDict>,
    pub(crate) inner: Kind,
}

/// A pydantic model, which validates and dumps itself.
#[derive(Debug)]
pub(crate) struct Pydantic {
    pub(crate) name: Box<str>,
    pub(crate) class: Py<PyType>,
    /// Options for its validation methods besides the value.
    pub(crate) options: Py<PyDict>,
    /// Its fields that are sets: absent when they are empty.
    pub(crate) sets: Box<[Box<str>]>,
}

/// A user's class with its own stored form.
#[derive(Debug)]
pub(crate) struct Codec {
    /// The type of its values, as users write it.
    pub(crate) name: Box<str>,
    /// The object with the two methods.
    pub(crate) object: Py<PyAny>,
    /// What values are instances of, if that can be checked.
    pub(crate) class: Option<Py<PyType>>,
    pub(crate) inner: Kind,
}

impl Kind {
    /// Values that cannot be edited in place: compared by identity, then by their stored form.
    pub(crate) fn is_scalar(&self) -> bool {
        match self {
            Self::Optional(inner) => inner.is_scalar(),
            Self::List(_)
            | Self::Dict(_)
            | Self::Set(_)
            | Self::FrozenSet(_)
            | Self::Tuple(_)
            | Self::TupleOf(_)
            | Self::Record(_)
            | Self::Pydantic(_)
            | Self::Json(_)
            | Self::Codec(_)
            | Self::Open
            | Self::Any => false,
            _ => true,
        }
    }

    /// Whether this holds for any class of documents within a value.
    pub(crate) fn any_document<'a>(&'a self, test: &mut dyn FnMut(&'a Shape) -> bool) -> bool {
        match self {
            Self::Record(shape) => test(shape.get()),
            Self::Optional(inner)
            | Self::List(inner)
            | Self::Dict(inner)
            | Self::TupleOf(inner) => inner.any_document(test),
            Self::Tuple(kinds) => kinds.iter().any(|kind| kind.any_document(test)),
            _ => false,
        }
    }

    /// Whether one value may have several stored forms: others write dates in their own way, a class may drop members.
    pub(crate) fn is_loose(&self) -> bool {
        match self {
            Self::Datetime(_)
            | Self::Date(_)
            | Self::Time(_)
            | Self::Uuid
            | Self::Enum(_)
            | Self::Record(_)
            | Self::Pydantic(_)
            | Self::Json(_)
            | Self::Codec(_) => true,
            Self::List(inner)
            | Self::Dict(inner)
            | Self::Set(inner)
            | Self::FrozenSet(inner)
            | Self::TupleOf(inner)
            | Self::Optional(inner) => inner.is_loose(),
            Self::Tuple(kinds) => kinds.iter().any(Self::is_loose),
            _ => false,
        }
    }

    pub(crate) fn is_optional(&self) -> bool {
        matches!(self, Self::Optional(_) | Self::Any | Self::None)
    }

    /// The kind of a value that is present.
    pub(crate) fn present(&self) -> &Self {
        match self {
            Self::Optional(inner) => inner,
            other => other,
        }
    }

    /// How a time is stored, where a value that is present is one.
    #[inline]
    pub(crate) fn time_form(&self) -> Option<(&Form, Of)> {
        match self.present() {
            Self::Datetime(form) => Some((form, Of::Datetime)),
            Self::Date(form) => Some((form, Of::Date)),
            Self::Time(form) => Some((form, Of::Time)),
            _ => None,
        }
    }

    /// The forms of two times, or of the times inside two containers, if they are stored differently.
    pub(crate) fn unlike_forms<'a>(&'a self, other: &'a Self) -> Option<(&'a Form, &'a Form)> {
        match (self.present(), other.present()) {
            (Self::List(one) | Self::TupleOf(one), Self::List(two) | Self::TupleOf(two))
            | (Self::Set(one) | Self::FrozenSet(one), Self::Set(two) | Self::FrozenSet(two))
            | (Self::Dict(one), Self::Dict(two)) => one.unlike_forms(two),
            (Self::Tuple(ones), Self::Tuple(twos)) => {
                let mut pairs = ones.iter().zip(twos);
                pairs.find_map(|(one, two)| one.unlike_forms(two))
            }
            (one, two) => {
                let ((one, _), (two, _)) = one.time_form().zip(two.time_form())?;
                (!one.stores_like(two)).then_some((one, two))
            }
        }
    }

    /// The type of a key of this kind, if it can be one.
    pub(crate) fn key_type(&self) -> Option<KeyType> {
        match self {
            Self::Datetime(form) | Self::Date(form) | Self::Time(form) if form.is_number() => {
                Some(KeyType::N)
            }
            Self::Str | Self::Uuid | Self::Datetime(_) | Self::Date(_) | Self::Time(_) => {
                Some(KeyType::S)
            }
            Self::Int | Self::Float | Self::Decimal | Self::Number | Self::Timedelta => {
                Some(KeyType::N)
            }
            Self::Bytes => Some(KeyType::B),
            Self::Enum(members) | Self::Literal(members) => members.inner.key_type(),
            Self::Codec(codec) => codec.inner.key_type(),
            _ => None,
        }
    }

    /// The kind one step further inside a value; None if the step leads nowhere.
    pub(crate) fn inside(&self, step: &Step) -> Option<&Self> {
        static ANY: Kind = Kind::Any;
        match (self.present(), step) {
            (Self::List(inner) | Self::TupleOf(inner), Step::Index(_))
            | (Self::Dict(inner), Step::Name(_)) => Some(inner),
            (Self::Tuple(kinds), Step::Index(index)) => kinds.get(*index as usize),
            (Self::Record(shape), Step::Name(name)) => shape.get().inside(name),
            (Self::Pydantic(_) | Self::Codec(_) | Self::Any, _) => Some(&ANY),
            _ => None,
        }
    }

    /// The kind that `contains` looks for: an element, or a part of a text.
    pub(crate) fn part(&self) -> &Self {
        match self.present() {
            Self::List(inner)
            | Self::TupleOf(inner)
            | Self::Set(inner)
            | Self::FrozenSet(inner) => inner,
            other => other,
        }
    }

    pub(crate) fn parse(spec: &Bound<'_, PyAny>) -> PyResult<Self> {
        let py = spec.py();
        let spec = spec.cast::<PyTuple>()?;
        let tag = spec.get_item(0)?;
        let inner = || Self::parse(&spec.get_item(1)?).map(Box::new);
        Ok(match tag.cast::<PyString>()?.to_str()? {
            "str" => Self::Str,
            "int" => Self::Int,
            "float" => Self::Float,
            "decimal" => Self::Decimal,
            "number" => Self::Number,
            "bool" => Self::Bool,
            "bytes" => Self::Bytes,
            "none" => Self::None,
            "any" => Self::Any,
            "list" => Self::List(inner()?),
            "dict" => Self::Dict(inner()?),
            "set" => Self::Set(inner()?),
            "frozenset" => Self::FrozenSet(inner()?),
            "tuple" => Self::Tuple(
                spec.get_item(1)?
                    .try_iter()?
                    .map(|kind| Self::parse(&kind?))
                    .collect::<PyResult<_>>()?,
            ),
            "tuple_of" => Self::TupleOf(inner()?),
            "optional" => Self::Optional(inner()?),
            "datetime" => Self::Datetime(form_of(spec, Of::Datetime)?),
            "date" => Self::Date(form_of(spec, Of::Date)?),
            "time" => Self::Time(form_of(spec, Of::Time)?),
            "timedelta" => Self::Timedelta,
            "uuid" => Self::Uuid,
            "enum" => Self::Enum(Box::new(Members::parse(spec)?)),
            "literal" => Self::Literal(Box::new(Members::parse(spec)?)),
            "record" => Self::Record(spec.get_item(1)?.cast_into::<Shape>()?.unbind()),
            "pydantic" => Self::Pydantic(Box::new(Pydantic::parse(spec)?)),
            "json" => Self::Json(inner()?),
            "codec" => Self::Codec(Box::new(Codec {
                inner: Self::parse(&spec.get_item(1)?)?,
                object: spec.get_item(2)?.unbind(),
                class: spec.get_item(3)?.extract()?,
                name: spec.get_item(4)?.extract::<String>()?.into(),
            })),
            other => {
                return Err(configuration_error(py, &format!("unknown kind {other:?}")));
            }
        })
    }

    /// For the garbage collector: the Python objects it references.
    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Self::List(inner)
            | Self::Dict(inner)
            | Self::Set(inner)
            | Self::FrozenSet(inner)
            | Self::TupleOf(inner)
            | Self::Json(inner)
            | Self::Optional(inner) => inner.visit(visit),
            Self::Tuple(kinds) => kinds.iter().try_for_each(|kind| kind.visit(visit)),
            Self::Enum(members) | Self::Literal(members) => {
                visit.call(&members.class)?;
                visit.call(&members.by_value)
            }
            Self::Record(shape) => visit.call(shape),
            Self::Pydantic(model) => visit.call(&model.class),
            Self::Codec(codec) => {
                visit.call(&codec.object)?;
                visit.call(&codec.class)?;
                codec.inner.visit(visit)
            }
            _ => Ok(()),
        }
    }
}

/// `(_, format, naive texts are UTC, finer digits are cut off)`; what `epoch=` and `ttl()` declare are formats here.
fn form_of(spec: &Bound<'_, PyTuple>, of: Of) -> PyResult<Form> {
    let (_, format, naive_utc, truncate): (Bound<'_, PyAny>, String, bool, bool) =
        spec.extract()?;
    let form = match &*format {
        "seconds" => Form::SECONDS,
        "milliseconds" => Form::MILLISECONDS,
        "whole_seconds" => Form::WHOLE_SECONDS,
        format => Form::declared(format, of)
            .map_err(|error| configuration_error(spec.py(), &error.to_string()))?,
    };
    Ok(form.reading_naive_as_utc(naive_utc).truncating(truncate))
}

impl Members {
    /// `(_, kind, name, class or None, {value: member})`
    fn parse(spec: &Bound<'_, PyTuple>) -> PyResult<Self> {
        Ok(Self {
            inner: Kind::parse(&spec.get_item(1)?)?,
            name: spec.get_item(2)?.extract::<String>()?.into(),
            class: spec.get_item(3)?.extract()?,
            by_value: spec.get_item(4)?.extract()?,
        })
    }
}

impl Pydantic {
    /// `(_, class, options, names of sets)`
    fn parse(spec: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let class = spec.get_item(1)?.cast_into::<PyType>()?;
        let sets: Vec<String> = spec.get_item(3)?.extract()?;
        Ok(Self {
            name: class.name()?.to_str()?.into(),
            class: class.unbind(),
            options: spec.get_item(2)?.extract()?,
            sets: sets.into_iter().map(Into::into).collect(),
        })
    }
}
