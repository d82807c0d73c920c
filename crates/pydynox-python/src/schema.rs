//! A model class, compiled: interned names, how each value is stored, and the core's schema of the item.

use std::collections::HashMap;

use pydynox_core::expression::path::Step;
use pydynox_core::schema::ItemSchema;
use pydynox_core::wire::Writer;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::encode;
use crate::error::{configuration_error, validation_error};
use crate::rules::Rules;

/// How a value is stored, and which Python type it is.
#[derive(Debug)]
pub(crate) enum Kind {
    Str,
    Int,
    Float,
    Decimal,
    /// `int` where the stored number is integral, else `float`.
    Number,
    Bool,
    Bytes,
    None,
    Any,
    List(Box<Kind>),
    Dict(Box<Kind>),
    Set(Box<Kind>),
    Optional(Box<Kind>),
}

impl Kind {
    /// Values that cannot be edited in place: compared by identity, then by what they are stored as.
    pub(crate) fn is_scalar(&self) -> bool {
        match self {
            Self::Optional(inner) => inner.is_scalar(),
            Self::List(_) | Self::Dict(_) | Self::Set(_) | Self::Any => false,
            _ => true,
        }
    }

    pub(crate) fn is_optional(&self) -> bool {
        matches!(self, Self::Optional(_) | Self::Any | Self::None)
    }

    /// The kind of a value that is there.
    pub(crate) fn present(&self) -> &Self {
        match self {
            Self::Optional(inner) => inner,
            other => other,
        }
    }

    /// The kind of what stands one step further inside a value; None where no step leads.
    pub(crate) fn inside(&self, step: &Step) -> Option<&Self> {
        match (self.present(), step) {
            (Self::List(inner), Step::Index(_)) | (Self::Dict(inner), Step::Name(_)) => Some(inner),
            (Self::Any, _) => Some(self.present()),
            _ => None,
        }
    }

    /// The kind of what `contains` looks for: an element, or a part of a text.
    pub(crate) fn part(&self) -> &Self {
        match self.present() {
            Self::List(inner) | Self::Set(inner) => inner,
            other => other,
        }
    }

    fn parse(spec: &Bound<'_, PyAny>) -> PyResult<Self> {
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
            "optional" => Self::Optional(inner()?),
            other => {
                return Err(configuration_error(
                    spec.py(),
                    &format!("unknown kind {other:?}"),
                ));
            }
        })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    PartitionKey,
    SortKey,
    Attribute,
}

/// What stands in for a value that was not given.
pub(crate) enum Default {
    Required,
    Value(Py<PyAny>),
    Factory(Py<PyAny>),
}

impl Default {
    /// Whether a value is the very object that the class declared, which was checked there.
    pub(crate) fn is(&self, value: &Bound<'_, PyAny>) -> bool {
        matches!(self, Self::Value(default) if default.is(value))
    }
}

/// One attribute of a model, compiled.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Field {
    pub(crate) name: Py<PyString>,
    pub(crate) text: Box<str>,
    pub(crate) attribute_name: Box<str>,
    /// `"name":` as it stands in a body.
    pub(crate) label: Box<[u8]>,
    pub(crate) kind: Kind,
    pub(crate) scalar: bool,
    pub(crate) role: Role,
    pub(crate) default: Default,
    pub(crate) store_null: bool,
    /// What its values must satisfy beside their type; most fields have none.
    pub(crate) rules: Option<Box<Rules>>,
    pub(crate) immutable: bool,
}

impl Field {
    pub(crate) fn is_required(&self) -> bool {
        matches!(self.default, Default::Required)
    }

    /// What a new instance gets that is made without a value; None where one is needed.
    pub(crate) fn initial<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &self.default {
            Default::Required => Ok(None),
            Default::Value(value) => Ok(Some(value.bind(py).clone())),
            Default::Factory(factory) => factory.bind(py).call0().map(Some),
        }
    }
}

#[pymethods]
impl Field {
    #[new]
    #[pyo3(signature = (name, attribute_name, kind, *, role=None, default=None, default_factory=None, store_null=false, rules=None, immutable=false))]
    #[allow(clippy::too_many_arguments, clippy::fn_params_excessive_bools)]
    fn new(
        name: &Bound<'_, PyString>,
        attribute_name: &str,
        kind: &Bound<'_, PyAny>,
        role: Option<&str>,
        default: Option<Bound<'_, PyTuple>>,
        default_factory: Option<Py<PyAny>>,
        store_null: bool,
        rules: Option<&Bound<'_, PyDict>>,
        immutable: bool,
    ) -> PyResult<Self> {
        let py = name.py();
        let kind = Kind::parse(kind)?;
        let mut label = Writer::with_capacity(attribute_name.len() + 3);
        label.string(attribute_name);
        label.byte(b':');
        let text: Box<str> = name.to_str()?.into();
        let role = match role {
            Some("partition") => Role::PartitionKey,
            Some("sort") => Role::SortKey,
            _ => Role::Attribute,
        };
        Ok(Self {
            name: PyString::intern(py, &text).unbind(),
            text,
            attribute_name: attribute_name.into(),
            label: label.into_bytes().into(),
            scalar: kind.is_scalar(),
            kind,
            role,
            default: match (default, default_factory) {
                (_, Some(factory)) => Default::Factory(factory),
                (Some(value), None) => Default::Value(value.get_item(0)?.unbind()),
                (None, None) => Default::Required,
            },
            store_null,
            rules: rules.map(Rules::parse).transpose()?.map(Box::new),
            immutable,
        })
    }

    /// All that is wrong with a value of the right type.
    pub(crate) fn broken_rules(&self, value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
        self.rules
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), |rules| rules.broken(value))
    }

    #[getter]
    fn name(&self, py: Python<'_>) -> Py<PyString> {
        self.name.clone_ref(py)
    }

    #[getter]
    fn attribute_name(&self) -> &str {
        &self.attribute_name
    }

    #[getter]
    fn required(&self) -> bool {
        self.is_required()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(rules) = &self.rules {
            rules.traverse(&visit)?;
        }
        match &self.default {
            Default::Required => Ok(()),
            Default::Value(value) | Default::Factory(value) => visit.call(value),
        }
    }
}

/// A model, compiled: what its items look like and which Python values they become.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Schema {
    model: Py<PyType>,
    pub(crate) name: Box<str>,
    fields: Vec<Py<Field>>,
    by_attribute: HashMap<Box<str>, usize>,
    by_name: HashMap<Box<str>, usize>,
    partition_key: usize,
    sort_key: Option<usize>,
    table: Option<Box<str>>,
    pub(crate) item: ItemSchema,
}

impl Schema {
    pub(crate) fn fields(&self) -> impl ExactSizeIterator<Item = &Field> {
        self.fields.iter().map(Py::get)
    }

    pub(crate) fn field(&self, index: usize) -> &Field {
        self.fields[index].get()
    }

    pub(crate) fn len(&self) -> usize {
        self.fields.len()
    }

    pub(crate) fn model<'py>(&self, py: Python<'py>) -> &Bound<'py, PyType> {
        self.model.bind(py)
    }

    pub(crate) fn partition_key(&self) -> &Field {
        self.field(self.partition_key)
    }

    /// The key's fields, partition key first.
    pub(crate) fn key_fields(&self) -> impl Iterator<Item = &Field> {
        std::iter::once(self.partition_key)
            .chain(self.sort_key)
            .map(|index| self.field(index))
    }

    /// The field that is stored under this name; most items hold their attributes in the order of the last one.
    #[inline]
    pub(crate) fn by_attribute(&self, name: &str, expected: usize) -> Option<usize> {
        if let Some(field) = self.fields.get(expected)
            && *field.get().attribute_name == *name
        {
            return Some(expected);
        }
        self.by_attribute.get(name).copied()
    }

    /// The field of this Python name; interned names are found by address.
    #[inline]
    pub(crate) fn by_name(&self, name: &Bound<'_, PyString>, expected: usize) -> Option<usize> {
        let address = name.as_ptr();
        if let Some(field) = self.fields.get(expected)
            && field.get().name.as_ptr() == address
        {
            return Some(expected);
        }
        self.fields
            .iter()
            .position(|field| field.get().name.as_ptr() == address)
            .or_else(|| {
                name.to_str()
                    .ok()
                    .and_then(|text| self.by_name.get(text).copied())
            })
    }

    /// Where a field stands in the class.
    pub(crate) fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// The table of the model as the client names it.
    pub(crate) fn table(&self, py: Python<'_>) -> PyResult<&str> {
        self.table.as_deref().ok_or_else(|| {
            configuration_error(
                py,
                &format!(
                    "{} has no table: say class {}(Model[...], table=\"...\")",
                    self.name, self.name
                ),
            )
        })
    }
}

#[pymethods]
impl Schema {
    #[new]
    fn new(
        model: &Bound<'_, PyType>,
        fields: Vec<Py<Field>>,
        table: Option<&str>,
    ) -> PyResult<Self> {
        let py = model.py();
        let name: Box<str> = model.name()?.to_str()?.into();
        let position = |role| fields.iter().position(|field| field.get().role == role);
        let Some(partition_key) = position(Role::PartitionKey) else {
            return Err(configuration_error(
                py,
                &format!("{name} has no partition key"),
            ));
        };
        let sort_key = position(Role::SortKey);
        let key_of = |index: usize| {
            let field = fields[index].get();
            encode::key_type(&field.kind)
                .map(|kind| (field.attribute_name.as_ref(), kind))
                .ok_or_else(|| {
                    configuration_error(
                        py,
                        &format!(
                            "{name}.{} cannot be a key: keys are strings, numbers or bytes",
                            field.text
                        ),
                    )
                })
        };
        let others = fields
            .iter()
            .map(|field| field.get().attribute_name.as_ref());
        let item = ItemSchema::new(
            &name,
            others,
            key_of(partition_key)?,
            sort_key.map(key_of).transpose()?,
        )
        .map_err(|error| configuration_error(py, error.message()))?;
        let by = |text: fn(&Field) -> &str| {
            fields
                .iter()
                .enumerate()
                .map(|(index, field)| (text(field.get()).into(), index))
                .collect()
        };
        Ok(Self {
            model: model.clone().unbind(),
            by_attribute: by(|field| &field.attribute_name),
            by_name: by(|field| &field.text),
            name,
            partition_key,
            sort_key,
            table: table.map(Into::into),
            item,
            fields,
        })
    }

    #[getter]
    fn get_table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    #[getter]
    fn get_fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.fields.iter().map(|field| field.clone_ref(py)))
    }

    /// The checked key values, partition key first.
    pub(crate) fn key<'py>(
        &self,
        values: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let py = values.py();
        let mut used = 0;
        let mut parts = Vec::with_capacity(2);
        for (position, field) in self.key_fields().enumerate() {
            let given = match named {
                Some(named) => named.get_item(&field.name)?,
                None => None,
            };
            used += usize::from(given.is_some());
            let value = match (values.get_item(position), given) {
                (Ok(_), Some(_)) => {
                    return Err(self.wrong_key(py, &format!("{} is given twice", field.text)));
                }
                (Ok(value), None) | (Err(_), Some(value)) => value,
                (Err(_), None) => {
                    return Err(self.wrong_key(py, &format!("{} is missing", field.text)));
                }
            };
            let admitted = encode::admit_key(field, &value)
                .map_err(|problem| problem.raise(py, &self.name, field))?;
            parts.push(admitted);
        }
        if values.len() > parts.len() {
            return Err(self.wrong_key(py, &format!("{} values were given", values.len())));
        }
        if let Some(named) = named
            && named.len() > used
        {
            let known: Vec<&str> = self.key_fields().map(|field| &*field.text).collect();
            let unknown = named
                .keys()
                .iter()
                .map(|key| key.to_string())
                .find(|key| !known.contains(&key.as_str()));
            return Err(self.wrong_key(
                py,
                &format!("{} is no key attribute", unknown.unwrap_or_default()),
            ));
        }
        PyTuple::new(py, parts)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.model)?;
        self.fields.iter().try_for_each(|field| visit.call(field))
    }
}

impl Schema {
    fn wrong_key(&self, py: Python<'_>, what: &str) -> PyErr {
        let names: Vec<&str> = self.key_fields().map(|field| &*field.text).collect();
        validation_error(
            py,
            &format!("the key of {} is ({}): {what}", self.name, names.join(", ")),
        )
    }
}
