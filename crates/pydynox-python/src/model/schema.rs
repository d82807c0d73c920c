//! Schema: a compiled model class, with interned names, how each value is stored, and the core's schema of the item.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pydynox_core::codec::ProtectedSchema;
use pydynox_core::expression::actions::Actions;
use pydynox_core::index_key::IndexKey;
use pydynox_core::schema::ItemSchema;
use pydynox_core::write::entity::{Entities, Entity};
use pydynox_core::write::rules::Rules;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::connection::settings::Settings;
use crate::exceptions::{configuration_error, validation_errors};
use crate::model::declared::Declared;
use crate::model::declared_keys::{constraints_of, index_keys_of, indexes_of, key_of};
use crate::model::protection;
use crate::model::purposes::purposes_of;
use crate::model::stored_forms::StoredForms;
use crate::model::template::Template;
use crate::values::field::{Field, Role};
use crate::values::layout::Layout;
use crate::values::problem;
use pydynox_core::write::constraint::Constraint;

/// A model, compiled: what its items look like and which Python values they become.
#[pyclass(frozen, module = "pydynox._core")]
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Schema {
    layout: Layout,
    partition_key: usize,
    sort_key: Option<usize>,
    table: Option<Box<str>>,
    /// Whether a stored value of another type is an error; otherwise it is read as it is.
    pub(crate) strict_reads: bool,
    /// Whether reads are consistent by default.
    pub(crate) consistent_read: bool,
    /// The rules that its writes follow.
    pub(crate) rules: Rules,
    pub(crate) templates: Vec<Template>,
    /// The values that only one item may have.
    pub(crate) unique: Vec<Constraint>,
    /// Whether a unique value that its item no longer has is freed.
    pub(crate) repairs_orphans: bool,
    /// The schemas of subclasses by entity; grows as they are defined.
    pub(crate) entities: Py<PyDict>,
    pub(crate) item: Arc<ItemSchema>,
    /// The fields that are keys of indexes, by position; empty where there are no indexes.
    index_keys: Box<[Option<IndexKey>]>,
    /// Its keys that hold times; None if there are none.
    pub(crate) stored_forms: Option<Box<StoredForms>>,
    /// The stored names of the key's attributes, partition key first.
    pub(crate) key_names: Arc<[Box<str>]>,
    /// Its protected attributes; see [`protected_in`](Self::protected_in).
    pub(crate) protected: Option<Arc<ProtectedSchema>>,
    /// Whether encrypted values know their table by the name that is sent.
    bound_to_sent_name: bool,
    /// The protected attributes under the name that was sent last.
    protected_as_sent: Mutex<Option<Arc<ProtectedSchema>>>,
    /// Attributes that another class of the table encrypts and this one does not, with that class; grows as they are defined.
    encrypted_elsewhere: Mutex<Vec<(Box<str>, Box<str>)>>,
    /// Whether there are any: for most classes this check is enough.
    is_encrypted_elsewhere: AtomicBool,
}

impl Deref for Schema {
    type Target = Layout;

    fn deref(&self) -> &Layout {
        &self.layout
    }
}

impl Schema {
    /// Attributes of this class that another class of its table encrypts, each with that class.
    pub(crate) fn encrypted_elsewhere(&self) -> Vec<(Box<str>, Box<str>)> {
        if !self.is_encrypted_elsewhere.load(Ordering::Relaxed) {
            return Vec::new();
        }
        let names = self.encrypted_elsewhere.lock();
        names.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The key's fields, partition key first.
    pub(crate) fn key_fields(&self) -> impl Iterator<Item = &Field> {
        std::iter::once(self.partition_key)
            .chain(self.sort_key)
            .map(|index| self.field(index))
    }

    /// The key's fields and their positions, partition key first.
    pub(crate) fn key_indexes(&self) -> impl Iterator<Item = (usize, &Field)> {
        std::iter::once(self.partition_key)
            .chain(self.sort_key)
            .map(|index| (index, self.field(index)))
    }

    /// What an index requires of a field.
    #[inline]
    pub(crate) fn index_key(&self, index: usize) -> Option<&IndexKey> {
        self.index_keys.get(index)?.as_ref()
    }

    /// Refuses a value for an index key that `DynamoDB` would refuse.
    #[inline]
    pub(crate) fn fits_index(&self, index: usize, json: &[u8]) -> problem::Checked<()> {
        let problem = self.index_key(index).and_then(|key| key.problem(json));
        problem.map_or(Ok(()), |problem| Err(problem::Problem::new(problem)))
    }

    /// Refuses an update's values for index keys where `DynamoDB` would.
    pub(crate) fn check_index_keys(&self, py: Python<'_>, actions: &Actions) -> PyResult<()> {
        if self.index_keys.is_empty() {
            return Ok(());
        }
        let problems: Vec<_> = actions
            // What DynamoDB computes, such as a sum, only DynamoDB can judge.
            .constants()
            .filter_map(|(name, json)| {
                let index = self.by_attribute(name, usize::MAX)?;
                let problem = self.index_key(index)?.problem(json)?;
                let field = &self.field(index).text;
                Some((
                    field.to_string(),
                    format!("{}.{field} {problem}", self.name),
                ))
            })
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(validation_errors(py, problems))
        }
    }

    /// Whether one of its attributes is encrypted.
    pub(crate) fn encrypts(&self) -> bool {
        let protected = self.protected.as_ref();
        protected.is_some_and(|protected| protected.encrypts())
    }

    /// Its protected attributes as a client reads and writes them: bound to the sent name, unless the class declares one.
    pub(crate) fn protected_in(&self, settings: &Settings) -> Option<Arc<ProtectedSchema>> {
        let declared = self.protected.as_ref()?;
        let Some(table) = self.table.as_deref().filter(|_| self.bound_to_sent_name) else {
            return Some(declared.clone());
        };
        if settings.sends_as_declared(table) {
            return Some(declared.clone());
        }
        // Bound to the name that is sent, so that a value copied from another table does not open.
        let sent = settings.table_named(table);
        // Only the last name is kept: most programs send a model under one name.
        let mut last = self
            .protected_as_sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(protected) if *protected.logical_table == *sent => Some(protected.clone()),
            _ => Some(last.insert(Arc::new(declared.in_table(&sent))).clone()),
        }
    }

    /// What a field is built from.
    pub(crate) fn template_of(&self, name: &str) -> Option<&Template> {
        let index = self.position(name)?;
        self.templates
            .iter()
            .find(|template| template.target == index)
    }

    /// The table of the model as a client sends it.
    pub(crate) fn table_in(&self, py: Python<'_>, settings: &Settings) -> PyResult<String> {
        settings.table_of(py, (&self.name, self.table(py)?))
    }

    /// The table of the model as the client names it.
    pub(crate) fn table(&self, py: Python<'_>) -> PyResult<&str> {
        self.table.as_deref().ok_or_else(|| {
            configuration_error(
                py,
                &format!(
                    "{} has no table: declare class {}(Model[...], table=\"...\")",
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
        mut declared: Declared<'_>,
    ) -> PyResult<Self> {
        let py = model.py();
        let indexes = std::mem::take(&mut declared.indexes);
        let unique = std::mem::take(&mut declared.unique);
        let entities = declared.entities.take();
        let (table, logical_table) = (declared.table()?, declared.logical_table()?);
        let layout = Layout::new(model, fields)?;
        let (name, fields) = (&layout.name, layout.field_objects());
        let position = |role| fields.iter().position(|field| field.get().role == role);
        let Some(partition_key) = position(Role::PartitionKey) else {
            return Err(configuration_error(
                py,
                &format!("{name} has no partition key"),
            ));
        };
        let sort_key = position(Role::SortKey);
        let others = fields
            .iter()
            .map(|field| field.get().attribute_name.as_ref());
        let item = ItemSchema::new(
            name,
            others,
            key_of(py, &layout, partition_key)?,
            sort_key
                .map(|index| key_of(py, &layout, index))
                .transpose()?,
        )
        .and_then(|item| item.with_indexes(indexes_of(&layout, indexes)))
        .map_err(|error| configuration_error(py, error.message()))?;
        let keys = (item.partition_key.clone(), item.sort_key.clone());
        let key_names = std::iter::once(partition_key)
            .chain(sort_key)
            .map(|index| fields[index].get().attribute_name.clone())
            .collect();
        let protected = protection::schema_of_fields(py, &layout, logical_table.or(table), keys)?;
        let unique = constraints_of(py, &layout, unique)?;
        let index_keys = index_keys_of(&layout, &item);
        let templates = Template::all(py, &layout)?;
        let stored_forms = StoredForms::of(&layout, &templates, |index| {
            index_keys.get(index).is_some_and(Option::is_some)
        });
        let rules = Rules {
            partition_key: item.partition_key.attribute_name.clone(),
            purposes: purposes_of(layout.fields()),
            entities: Entities {
                attribute: declared.entity_attribute()?.into(),
                own: declared.entity()?.map(Entity::new),
                only_named: declared.only_entities,
            },
            hides_expired: declared.hide_expired,
            has_unique: !unique.is_empty(),
        };
        Ok(Self {
            unique,
            repairs_orphans: declared.repair_orphans,
            partition_key,
            sort_key,
            bound_to_sent_name: logical_table.is_none(),
            table: table.map(Into::into),
            strict_reads: declared.strict_reads,
            consistent_read: declared.consistent_read,
            rules,
            templates,
            entities: entities.unwrap_or_else(|| PyDict::new(py).unbind()),
            stored_forms,
            index_keys,
            item: Arc::new(item),
            key_names,
            protected,
            protected_as_sent: Mutex::default(),
            encrypted_elsewhere: Mutex::default(),
            is_encrypted_elsewhere: AtomicBool::new(false),
            layout,
        })
    }

    #[getter(model)]
    fn class<'py>(&self, py: Python<'py>) -> Bound<'py, PyType> {
        self.model(py).clone()
    }

    /// Whether an attribute is stored encrypted or compressed.
    #[getter]
    fn is_protected(&self) -> bool {
        self.protected.is_some()
    }

    /// Another class of its table encrypts these attributes: by stored name, the class.
    #[allow(clippy::needless_pass_by_value)] // what pyo3 extracts is owned
    fn refuse_envelopes(&self, names: Vec<(String, String)>) {
        let refused = self.encrypted_elsewhere.lock();
        let mut refused = refused.unwrap_or_else(PoisonError::into_inner);
        *refused = names
            .into_iter()
            .map(|(name, class)| (name.into(), class.into()))
            .collect();
        self.is_encrypted_elsewhere
            .store(!refused.is_empty(), Ordering::Relaxed);
    }

    #[getter]
    fn get_table(&self) -> Option<&str> {
        self.table.as_deref()
    }

    #[getter]
    fn get_fields<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(
            py,
            self.field_objects().iter().map(|field| field.clone_ref(py)),
        )
    }

    /// The checked key values, partition key first.
    pub(crate) fn key<'py>(
        &self,
        values: &Bound<'py, PyTuple>,
        named: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        self.checked_key(values, named)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.entities)?;
        self.layout.visit(&visit)
    }
}
