//! A model class, compiled: interned names, how each value is stored, and the core's schema of the item.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use pydynox_core::codec::ProtectedSchema;
use pydynox_core::expression::action::Actions;
use pydynox_core::index_key::IndexKey;
use pydynox_core::schema::{Index, ItemSchema, KeyAttribute, KeyType, Projected};
use pydynox_core::write::entity::{Entities, Entity};
use pydynox_core::write::rules::Rules;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::connection::settings::Settings;
use crate::exceptions::{
    configuration_error, internal, suggestion, validation_error, validation_errors,
};
use crate::model::constraint::Constraint;
use crate::model::declared::{Declared, DeclaredIndex};
use crate::model::protection;
use crate::model::purposes::purposes_of;
use crate::model::template::Template;
use crate::values::admit::admit_key;
use crate::values::field::{Field, Role};
use crate::values::input::admitted;
use crate::values::layout::Layout;
use crate::values::problem;

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
    /// Whether reads are consistent where nobody says.
    pub(crate) consistent_read: bool,
    /// What its writes go by.
    pub(crate) rules: Rules,
    pub(crate) templates: Vec<Template>,
    /// Which values only one item has.
    pub(crate) unique: Vec<Constraint>,
    /// Whether a unique value that an item has no more is taken from it.
    pub(crate) repairs_orphans: bool,
    /// The schemas of subclasses by entity; grows as they are defined.
    pub(crate) entities: Py<PyDict>,
    pub(crate) item: ItemSchema,
    /// The fields that are keys of indexes, by their places; empty where there are no indexes.
    index_keys: Box<[Option<IndexKey>]>,
    /// The stored names of the key's attributes, partition key first.
    pub(crate) key_names: Arc<[Box<str>]>,
    /// Its protected attributes; see [`protected_in`](Self::protected_in).
    pub(crate) protected: Option<Arc<ProtectedSchema>>,
    /// Whether encrypted values know their table by the name that is sent.
    bound_to_sent_name: bool,
    /// The protected attributes by the name that was sent last.
    protected_as_sent: Mutex<Option<Arc<ProtectedSchema>>>,
    /// Attributes that another class of the table encrypts and this one does not, each with that class; grows as they are defined.
    encrypted_elsewhere: Mutex<Vec<(Box<str>, Box<str>)>>,
    /// Whether there are any: most classes are asked for nothing more.
    is_encrypted_elsewhere: AtomicBool,
}

impl Deref for Schema {
    type Target = Layout;

    fn deref(&self) -> &Layout {
        &self.layout
    }
}

impl Schema {
    /// Attributes of this class that another one of its table encrypts, each with that class.
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

    /// The key's fields and their places, partition key first.
    pub(crate) fn key_indexes(&self) -> impl Iterator<Item = (usize, &Field)> {
        std::iter::once(self.partition_key)
            .chain(self.sort_key)
            .map(|index| (index, self.field(index)))
    }

    /// What an index asks of a field.
    #[inline]
    pub(crate) fn index_key(&self, index: usize) -> Option<&IndexKey> {
        self.index_keys.get(index)?.as_ref()
    }

    /// Refuses a value of a key of an index that `DynamoDB` would refuse.
    #[inline]
    pub(crate) fn fits_index(&self, index: usize, json: &[u8]) -> problem::Checked<()> {
        let problem = self.index_key(index).and_then(|key| key.problem(json));
        problem.map_or(Ok(()), |problem| Err(problem::Problem::new(problem)))
    }

    /// Refuses what an update gives to keys of indexes where `DynamoDB` would.
    pub(crate) fn check_index_keys(&self, py: Python<'_>, actions: &Actions) -> PyResult<()> {
        if self.index_keys.is_empty() {
            return Ok(());
        }
        let problems: Vec<_> = actions
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

    /// Its protected attributes as a client reads and writes them: bound to the name that it sends, unless the class declares one.
    pub(crate) fn protected_in(&self, settings: &Settings) -> Option<Arc<ProtectedSchema>> {
        let declared = self.protected.as_ref()?;
        let Some(table) = self.table.as_deref().filter(|_| self.bound_to_sent_name) else {
            return Some(declared.clone());
        };
        if settings.sends_as_declared(table) {
            return Some(declared.clone());
        }
        let sent = settings.table_named(table);
        let mut last = self
            .protected_as_sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(protected) if *protected.logical_table == *sent => Some(protected.clone()),
            _ => Some(last.insert(Arc::new(declared.in_table(&sent))).clone()),
        }
    }

    /// What a field is made of.
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
                    "{} has no table: say class {}(Model[...], table=\"...\")",
                    self.name, self.name
                ),
            )
        })
    }

    /// What is wrong with a key that lacks a part: a name that is none of its parts says more than what it leaves out.
    fn missing_part(
        &self,
        py: Python<'_>,
        named: Option<&Bound<'_, PyDict>>,
        missing: &str,
    ) -> PyErr {
        let mut parts = Vec::new();
        for field in self.key_fields() {
            parts.push(&*field.text);
            if let Some(template) = self.template_of(&field.text) {
                parts.extend(template.sources().map(|index| &*self.field(index).text));
            }
        }
        let unknown = named.map_or(Ok(None), |named| unknown_part(named, &parts));
        match unknown {
            Ok(Some(unknown)) => self.wrong_key(py, &unknown),
            Ok(None) => self.wrong_key(py, &format!("{missing} is missing")),
            Err(failed) => failed,
        }
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
            templates: Template::all(py, &layout)?,
            entities: entities.unwrap_or_else(|| PyDict::new(py).unbind()),
            index_keys: index_keys_of(&layout, &item),
            item,
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
        let py = values.py();
        let mut used = 0;
        let mut sources = Vec::new();
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
                (Err(_), None) => match self.template_of(&field.text) {
                    Some(template) => self.made_of(py, template, named, &mut sources)?,
                    None => return Err(self.missing_part(py, named, &field.text)),
                },
            };
            let admitted =
                admit_key(field, &value).map_err(|problem| problem.raise(py, &self.name, field))?;
            parts.push(admitted);
        }
        if values.len() > parts.len() {
            return Err(self.wrong_key(py, &format!("{} values were given", values.len())));
        }
        if let Some(named) = named
            && named.len() > used + sources.len()
        {
            let keys = self.key_fields().map(|field| &*field.text);
            let part_names: Vec<&str> = keys
                .chain(sources.iter().map(|index| &*self.field(*index).text))
                .collect();
            let unknown = unknown_part(named, &part_names)?;
            return Err(self.wrong_key(py, &unknown.unwrap_or_default()));
        }
        PyTuple::new(py, parts)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.entities)?;
        self.layout.visit(&visit)
    }
}

/// A field of the key by its stored name and the type of its values.
fn key_of<'a>(py: Python<'_>, layout: &'a Layout, index: usize) -> PyResult<(&'a str, KeyType)> {
    let field = layout.field(index);
    let key_type = field.kind.key_type();
    key_type
        .map(|key_type| (&*field.attribute_name, key_type))
        .ok_or_else(|| {
            let message = format!(
                "{}.{} cannot be a key: keys are strings, numbers or bytes",
                layout.name, field.text
            );
            configuration_error(py, &message)
        })
}

/// The fields that are keys of indexes, by their places; empty where there are no indexes.
fn index_keys_of(layout: &Layout, item: &ItemSchema) -> Box<[Option<IndexKey>]> {
    let mut index_keys: Vec<Option<IndexKey>> = Vec::new();
    for key in IndexKey::all(item) {
        if let Some(at) = layout.by_attribute(&key.attribute_name, usize::MAX) {
            index_keys.resize(layout.len(), None);
            index_keys[at] = Some(key);
        }
    }
    index_keys.into()
}

fn constraints_of(
    py: Python<'_>,
    layout: &Layout,
    declared: Vec<(String, Vec<String>)>,
) -> PyResult<Vec<Constraint>> {
    let constraints = declared.into_iter().map(|(of, names)| {
        let stored = |index: usize| layout.field(index).attribute_name.clone();
        let constraint = Constraint::new(&of, names, |name| layout.position(name), stored);
        constraint.ok_or_else(|| internal(py, "a constraint on an attribute that is not there"))
    });
    constraints.collect()
}

/// What a class declares, for the core to check.
fn indexes_of(layout: &Layout, declared: Vec<DeclaredIndex>) -> Vec<Index> {
    let keys = |names: Vec<String>| -> Box<[KeyAttribute]> {
        let key = |name: String| {
            let field = layout
                .by_attribute(&name, usize::MAX)
                .map(|at| layout.field(at));
            let key_type = field.and_then(|field| field.kind.present().key_type());
            KeyAttribute {
                attribute_name: name.into(),
                // Of an attribute that is not there the core says so.
                key_type: key_type.unwrap_or(KeyType::S),
            }
        };
        names.into_iter().map(key).collect()
    };
    let index = |(name, global, partition, sort, included): DeclaredIndex| Index {
        name: name.into(),
        global,
        partition: keys(partition),
        sort: keys(sort),
        projected: match included {
            None => Projected::All,
            Some(names) if names.is_empty() => Projected::KeysOnly,
            Some(names) => Projected::Include(names.into_iter().map(Into::into).collect()),
        },
    };
    declared.into_iter().map(index).collect()
}

impl Schema {
    /// What a template's text begins with as far as the named values go, and the name of the first one that is missing.
    pub(crate) fn prefix(
        &self,
        py: Python<'_>,
        name: &str,
        named: &Bound<'_, PyDict>,
    ) -> PyResult<(String, Option<String>)> {
        let Some(template) = self.template_of(name) else {
            return Err(internal(py, "the prefix of what has no template"));
        };
        let mut wrong = None;
        let prefix_text = template.prefix(self, |index| {
            let field = self.field(index);
            let value = named.get_item(&field.name).ok().flatten()?;
            match admitted(field, &value) {
                Ok(value) => Some(value),
                Err(problem) => {
                    wrong = Some(problem.raise(py, &self.name, field));
                    None
                }
            }
        });
        if let Some(wrong) = wrong {
            return Err(wrong);
        }
        match prefix_text {
            Ok((text, missing)) => Ok((
                text,
                missing.map(|index| self.field(index).text.to_string()),
            )),
            Err((index, problem)) => Err(problem.raise(py, &self.name, self.field(index))),
        }
    }

    /// A part of the key by the fields that it is made of; `used` are those that were.
    fn made_of<'py>(
        &self,
        py: Python<'py>,
        template: &Template,
        named: Option<&Bound<'py, PyDict>>,
        used: &mut Vec<usize>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let text = template.text(self, |index| {
            let field = self.field(index);
            let given = match named {
                Some(named) => named.get_item(&field.name)?,
                None => None,
            };
            let Some(given) = given else {
                return Err(self.missing_part(py, named, &field.text));
            };
            if !used.contains(&index) {
                used.push(index);
            }
            if given.is_none() {
                return Err(self.wrong_key(py, &format!("{} is None", field.text)));
            }
            admitted(field, &given).map_err(|problem| problem.raise(py, &self.name, field))
        })?;
        match text {
            Ok(text) => Ok(PyString::new(py, &text.unwrap_or_default()).into_any()),
            Err((index, problem)) => Err(problem.raise(py, &self.name, self.field(index))),
        }
    }

    fn wrong_key(&self, py: Python<'_>, what: &str) -> PyErr {
        let names: Vec<String> = self
            .key_fields()
            .map(|field| match self.template_of(&field.text) {
                Some(template) => format!("{}={:?}", field.text, template.describe(self)),
                None => field.text.to_string(),
            })
            .collect();
        validation_error(
            py,
            &format!("the key of {} is ({}): {what}", self.name, names.join(", ")),
        )
    }
}

/// What is wrong with the first name that is none of these.
fn unknown_part(named: &Bound<'_, PyDict>, parts: &[&str]) -> PyResult<Option<String>> {
    for name in named.keys() {
        if !parts.contains(&&*name.to_string()) {
            let suggestion = suggestion(&name, parts)?;
            return Ok(Some(format!("{name} is no key attribute{suggestion}")));
        }
    }
    Ok(None)
}
