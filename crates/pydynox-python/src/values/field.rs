//! One attribute of a model or a document, compiled: its name, its kind, its rules, and what pydynox uses it for.

use std::sync::OnceLock;

use pydynox_core::codec::OnPlaintext;
use pydynox_core::codec::compression::Compression;
use pydynox_core::wire::Writer;
use pydynox_core::write::purposes::Purpose;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::interpreter::text;
use crate::values::kind::Kind;
use crate::values::rules::Rules;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    PartitionKey,
    SortKey,
    Attribute,
}

/// What replaces a value that was not given.
#[derive(Debug)]
pub(crate) enum Default {
    Required,
    Value(Py<PyAny>),
    Factory(Py<PyAny>),
}

impl Default {
    /// Whether a value is the same object that the class declared, which was checked there.
    pub(crate) fn is(&self, value: &Bound<'_, PyAny>) -> bool {
        matches!(self, Self::Value(default) if default.is(value))
    }
}

/// One attribute of a model, compiled.
#[derive(Debug)]
#[pyclass(frozen, module = "pydynox._core")]
#[allow(clippy::struct_excessive_bools)] // each is a property of its own
pub(crate) struct Field {
    pub(crate) name: Py<PyString>,
    /// The name as its users know it: that of a field of a repository's class, if the model needs the name for itself.
    pub(crate) text: Box<str>,
    /// The same as an object, to find it among keyword arguments.
    pub(crate) public_name: Py<PyString>,
    pub(crate) attribute_name: Box<str>,
    /// `"name":` as it appears in a body.
    pub(crate) label: Box<[u8]>,
    /// `"name":` as it appears in a dump.
    pub(crate) dump_label: Box<[u8]>,
    pub(crate) kind: Kind,
    pub(crate) scalar: bool,
    /// Whether one value may have several stored forms.
    pub(crate) loose: bool,
    pub(crate) role: Role,
    pub(crate) default: Default,
    /// What stored items without the attribute read as, if declared.
    pub(crate) missing: Option<Py<PyAny>>,
    /// Whether the factory makes the same value each time; determined by the first missing read.
    pub(crate) is_factory_stable: OnceLock<bool>,
    pub(crate) store_null: bool,
    /// The rules for its values besides their type; most fields have none.
    pub(crate) rules: Option<Box<Rules>>,
    pub(crate) immutable: bool,
    /// Whether its values may break any rule: its own, or one of a document within them.
    pub(crate) is_ruled: bool,
    /// What pydynox uses it for, besides a user's value.
    pub(crate) purpose: Option<Purpose>,
    /// What it is built from, as the class declares it.
    pub(crate) template: Option<Py<PyTuple>>,
    /// How its stored form differs from the plain value.
    pub(crate) protected: Option<Box<Protected>>,
}

impl Field {
    /// Whether pydynox decides its value.
    pub(crate) fn is_managed(&self) -> bool {
        self.purpose
            .is_some_and(|purpose| purpose != Purpose::ExpiresAt)
    }

    /// Whether users may not set it: it is managed, or built from others.
    pub(crate) fn is_made(&self) -> bool {
        self.template.is_some() || self.is_managed()
    }

    /// Whether only pydynox uses it.
    pub(crate) fn is_hidden(&self) -> bool {
        matches!(self.purpose, Some(Purpose::WriteId | Purpose::Entity))
    }

    /// Whether no message may repeat any of its values.
    pub(crate) fn is_encrypted(&self) -> bool {
        let protected = self.protected.as_ref();
        protected.is_some_and(|protected| protected.encryption.is_some())
    }

    /// All problems of a value of the right type; if `discreet`, without repeating the value.
    pub(crate) fn broken(&self, value: &Bound<'_, PyAny>, discreet: bool) -> PyResult<Vec<String>> {
        self.rules
            .as_ref()
            .map_or_else(|| Ok(Vec::new()), |rules| rules.broken(value, discreet))
    }

    /// Whether dumps show it.
    pub(crate) fn dumps(&self) -> bool {
        let protected = self.protected.as_ref();
        !self.is_hidden() && protected.is_none_or(|protected| protected.dumps)
    }

    pub(crate) fn is_required(&self) -> bool {
        matches!(self.default, Default::Required)
    }

    /// What a new instance gets without a given value; None where one is required.
    pub(crate) fn initial<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &self.default {
            Default::Required => Ok(None),
            Default::Value(value) => Ok(Some(value.bind(py).clone())),
            Default::Factory(factory) => factory.bind(py).call0().map(Some),
        }
    }
}

/// What a class declares of an attribute besides its names and kind, as Python passes it; most of it is usually absent.
#[derive(FromPyObject)]
struct Declared<'py> {
    /// What users call it, if not by its name.
    #[pyo3(item, default)]
    public_name: Option<String>,
    /// Whether writes compare it with what is stored: it is part of a unique value or of a template.
    #[pyo3(item, default)]
    is_compared: bool,
    #[pyo3(item, default)]
    role: Option<String>,
    /// In a one-element tuple, so that None can be a default.
    #[pyo3(item)]
    default: Option<Bound<'py, PyTuple>>,
    #[pyo3(item, default)]
    default_factory: Option<Py<PyAny>>,
    #[pyo3(item, default)]
    missing: Option<Bound<'py, PyTuple>>,
    #[pyo3(item, default)]
    store_null: bool,
    #[pyo3(item, default)]
    rules: Option<Bound<'py, PyDict>>,
    #[pyo3(item, default)]
    immutable: bool,
    #[pyo3(item("duty"), default)]
    purpose: Option<String>,
    #[pyo3(item, default)]
    template: Option<Py<PyTuple>>,
    #[pyo3(item, default)]
    protected: Option<DeclaredProtection>,
}

/// A name as it is written before a value.
fn label(name: &str) -> Box<[u8]> {
    let mut label = Writer::with_capacity(name.len() + 3);
    label.string(name);
    label.byte(b':');
    label.into_bytes().into()
}

#[pymethods]
impl Field {
    #[new]
    fn new(
        name: &Bound<'_, PyString>,
        #[pyo3(from_py_with = text::attribute_name)] attribute_name: &str,
        kind: &Bound<'_, PyAny>,
        declared: Declared<'_>,
    ) -> PyResult<Self> {
        let py = name.py();
        let kind = Kind::parse(kind)?;
        let role = match declared.role.as_deref() {
            Some("partition") => Role::PartitionKey,
            Some("sort") => Role::SortKey,
            _ => Role::Attribute,
        };
        let name = text::declared(name, "the name")?;
        let text: Box<str> = declared.public_name.as_deref().unwrap_or(name).into();
        let purpose = declared.purpose.as_deref().and_then(Purpose::parse);
        // A key that others may have written in another form keeps its stored bytes: they are its address. So does what
        // conditions of writes compare, such as `created_at`, which tells an item from another one under the same key.
        let is_compared = declared.is_compared || purpose == Some(Purpose::CreatedAt);
        let is_compared_as_stored = kind.is_loose() && (role != Role::Attribute || is_compared);
        Ok(Self {
            name: PyString::intern(py, name).unbind(),
            public_name: PyString::intern(py, &text).unbind(),
            dump_label: label(&text),
            text,
            attribute_name: attribute_name.into(),
            label: label(attribute_name),
            scalar: kind.is_scalar() && !is_compared_as_stored,
            loose: kind.is_loose(),
            is_ruled: declared.rules.is_some()
                || declared.immutable
                || kind.any_document(&mut |_| true),
            kind,
            role,
            default: match (declared.default, declared.default_factory) {
                (_, Some(factory)) => Default::Factory(factory),
                (Some(value), None) => Default::Value(value.get_item(0)?.unbind()),
                (None, None) => Default::Required,
            },
            missing: declared
                .missing
                .map(|declared| declared.get_item(0).map(Bound::unbind))
                .transpose()?,
            is_factory_stable: OnceLock::new(),
            store_null: declared.store_null,
            rules: declared
                .rules
                .as_ref()
                .map(Rules::parse)
                .transpose()?
                .map(Box::new),
            immutable: declared.immutable,
            purpose,
            template: declared.template,
            protected: declared
                .protected
                .map(|declared| Box::new(Protected::new(declared))),
        })
    }

    /// All problems of a value of the right type.
    pub(crate) fn broken_rules(&self, value: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
        self.broken(value, self.is_encrypted())
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
        if let Some(template) = &self.template {
            visit.call(template)?;
        }
        if let Some(missing) = &self.missing {
            visit.call(missing)?;
        }
        self.kind.visit(&visit)?;
        match &self.default {
            Default::Required => Ok(()),
            Default::Value(value) | Default::Factory(value) => visit.call(value),
        }
    }
}

/// How an attribute is protected.
#[derive(Debug)]
pub(crate) struct Protected {
    pub(crate) compression: Option<Compression>,
    pub(crate) encryption: Option<OnPlaintext>,
    /// Whether dumps show it.
    pub(crate) dumps: bool,
}

/// As Python passes it: None or what happens to plaintext, `"error"` or `"migrate"`; None or level, threshold and
/// largest size; whether dumps show it.
pub(crate) type DeclaredProtection = (Option<String>, Option<(i32, usize, usize)>, bool);

impl Protected {
    pub(crate) fn new((encryption, compression, dumps): DeclaredProtection) -> Self {
        Self {
            compression: compression.map(|(level, threshold, max_size)| Compression {
                level,
                threshold,
                max_size,
            }),
            encryption: encryption.map(|mode| match &*mode {
                "migrate" => OnPlaintext::Migrate,
                _ => OnPlaintext::Error,
            }),
            dumps,
        }
    }
}
