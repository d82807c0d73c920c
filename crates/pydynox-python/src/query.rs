//! Queries and scans before they are sent: an immutable value that each builder method copies and checks.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use pydynox_core::cursor::Binding;
use pydynox_core::error::{Error, ErrorKind};
use pydynox_core::expression::condition::{Comparator, Condition as Tree, Operand};
use pydynox_core::expression::key_condition::{KeyCondition, QueriedKey};
use pydynox_core::expression::known_part::Known;
use pydynox_core::expression::path::Path as Place;
use pydynox_core::expression::projection::Projection;
use pydynox_core::operation::reading::{PageRequest, Selection};
use pydynox_core::operation::{query, scan};
use pydynox_core::pagination::Plan;
use pydynox_core::schema::{Index, KeyAttribute};
use pydynox_core::start_key::StartKey;
use pydynox_core::transport::Operation as Name;
use pydynox_core::unique;
use pydynox_core::wire::{Reader, Writer};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::beginning::After;
use crate::client::Client;
use crate::decode;
use crate::encode;
use crate::entity;
use crate::error::{malformed, raise, suggestion, validation_error};
use crate::expression::{Condition, Path, check_owners};
use crate::kept;
use crate::kind::Kind;
use crate::meter::Pace;
use crate::schema::{Field, Role, Schema};
use crate::settings::Settings;

static ANY: Kind = Kind::Any;

/// What the rows of a query are.
#[derive(Clone)]
pub(crate) enum Rows {
    /// Whole items.
    Items,
    /// What stands at these paths.
    Places(Arc<[Py<Path>]>, Arc<Projection>),
    /// The values of the key.
    Keys(Arc<Projection>),
}

/// A query or scan that was not sent.
#[pyclass(frozen, module = "pydynox._core")]
pub(crate) struct Search {
    pub(crate) schema: Option<Py<Schema>>,
    /// The table by the name that a caller gave it; a schema knows its own.
    table: Box<str>,
    pub(crate) index: Option<Box<str>>,
    /// None of a scan.
    pub(crate) key: Option<Arc<KeyCondition>>,
    filter: Option<Tree>,
    pub(crate) rows: Rows,
    descending: bool,
    /// None leaves it to the model and to the client's `options()`.
    consistent_read: Option<bool>,
    pub(crate) limit: Option<usize>,
    page_size: Option<u32>,
    max_reads: Option<u32>,
    pub(crate) segments: u32,
    pub(crate) segment: Option<u32>,
    pub(crate) after: Option<After>,
    pub(crate) audience: Option<Box<str>>,
    /// Seconds for which its cursors are good.
    pub(crate) lifetime: Option<u64>,
    pub(crate) on_invalid: Option<Py<PyAny>>,
    pub(crate) pace: Option<Py<Pace>>,
}

impl Search {
    fn of(schema: Option<Py<Schema>>, table: &str, index: Option<&str>) -> Self {
        Self {
            schema,
            table: table.into(),
            index: index.map(Into::into),
            key: None,
            filter: None,
            rows: Rows::Items,
            descending: false,
            consistent_read: None,
            limit: None,
            page_size: None,
            max_reads: None,
            segments: 1,
            segment: None,
            after: None,
            audience: None,
            lifetime: None,
            on_invalid: None,
            pace: None,
        }
    }

    fn copy(&self, py: Python<'_>) -> Self {
        Self {
            schema: self.schema.as_ref().map(|schema| schema.clone_ref(py)),
            table: self.table.clone(),
            index: self.index.clone(),
            key: self.key.clone(),
            filter: self.filter.clone(),
            rows: self.rows.clone(),
            after: self.after.clone(),
            audience: self.audience.clone(),
            on_invalid: self.on_invalid.as_ref().map(|call| call.clone_ref(py)),
            pace: self.pace.as_ref().map(|pace| pace.clone_ref(py)),
            ..*self
        }
    }

    /// The index of a model that is read, as the core knows it.
    pub(crate) fn core_index(&self) -> Option<&Index> {
        let schema = self.schema.as_ref()?.get();
        schema.item.index(self.index.as_deref()?)
    }

    /// What messages call the table or index.
    pub(crate) fn what(&self) -> String {
        let name = match &self.schema {
            Some(schema) => &schema.get().name,
            None => &self.table,
        };
        match &self.index {
            Some(index) => format!("the index {name}.{index}"),
            None => name.to_string(),
        }
    }

    /// What each request filters by: what the caller asked for, and what the model leaves out by itself.
    fn filter_of(&self, py: Python<'_>) -> PyResult<Option<Tree>> {
        let refuse = |error: Error| raise(py, &error, None);
        let mut filter = self.filter.clone();
        let Some(schema) = &self.schema else {
            return Ok(filter);
        };
        let schema = schema.get();
        let alive = kept::expired_condition(schema)
            .map(|expired| expired.not().map_err(refuse))
            .transpose()?;
        let own = entity::readable(py, schema)?;
        let sees_guards = self.key.is_none() && self.index.is_none() && !schema.unique.is_empty();
        let no_guard = sees_guards.then(unique::no_guard);
        for condition in [alive, own, no_guard].into_iter().flatten() {
            // An index that does not hold what would be looked at, or has it as its key, is read without that.
            let held = condition.paths().iter().all(|path| {
                let holds = self
                    .core_index()
                    .is_none_or(|index| schema.item.holds(index, path.attribute()));
                holds && !self.is_key(path)
            });
            if held {
                filter = Some(match filter {
                    None => condition,
                    Some(filter) => filter.and(&condition).map_err(refuse)?,
                });
            }
        }
        Ok(filter)
    }

    /// Whether a path is an attribute of the key that a query selects by.
    fn is_key(&self, path: &Place) -> bool {
        let Some(key) = &self.key else {
            return false;
        };
        let name = path.attribute();
        match (&self.schema, self.core_index()) {
            (None, _) => key.names().any(|known| known == name),
            (Some(_), Some(index)) => index
                .key_attributes()
                .any(|known| *known.attribute_name == *name),
            (Some(schema), None) => schema
                .get()
                .item
                .key_attributes()
                .any(|known| *known.attribute_name == *name),
        }
    }

    /// Refuses what the index that is read does not hold.
    fn check_held(&self, path: &Place, verb: &str) -> Result<(), Error> {
        let (Some(schema), Some(index)) = (&self.schema, self.core_index()) else {
            return Ok(());
        };
        if schema.get().item.holds(index, path.attribute()) {
            return Ok(());
        }
        Err(refused(format!(
            "{verb}({path}): {} does not hold this attribute: project it, or read the table",
            self.what()
        )))
    }

    fn check_filter(&self, condition: &Tree) -> Result<(), Error> {
        condition.check_ranges()?;
        for path in condition.paths() {
            self.check_held(path, "filter")?;
            if self.is_key(path) {
                return Err(refused(format!(
                    "filter({condition}): {:?} is a key of {}, and DynamoDB filters by other attributes: give the condition to query()",
                    path.attribute(),
                    self.what()
                )));
            }
        }
        Ok(())
    }

    /// The attributes that say where a row stands; none where nobody declared them.
    pub(crate) fn position_attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        let schema = self.schema.iter();
        schema.flat_map(|schema| schema.get().item.position_attributes(self.core_index()))
    }

    /// Their names.
    pub(crate) fn position_names(&self) -> Vec<&str> {
        let attributes = self.position_attributes();
        attributes.map(|key| &*key.attribute_name).collect()
    }

    /// How many parts of the table or index are read beside each other.
    pub(crate) fn slots(&self) -> usize {
        match self.segment {
            Some(_) => 1,
            None => self.segments as usize,
        }
    }

    /// Whether a key has the names and types of what is read, as far as anybody declared them.
    pub(crate) fn has_key(&self, key: &StartKey) -> bool {
        self.schema.is_none() || key.is_of(self.position_attributes())
    }

    /// Whether a key, as JSON text, lies in the partition and range that are read.
    pub(crate) fn admits(&self, key: &[u8]) -> bool {
        let condition = self.key.as_ref();
        condition.is_none_or(|condition| condition.admits(key).unwrap_or(false))
    }

    fn table_name(&self, py: Python<'_>, settings: &Settings) -> PyResult<String> {
        match &self.schema {
            Some(schema) => settings.table_of(py, schema.get()),
            None => Ok(settings.table_named(&self.table)),
        }
    }

    /// What its cursors are bound to.
    pub(crate) fn binding(&self, table: &str) -> Binding {
        let segments = format!("{} {:?}", self.segments, self.segment);
        let partition = self.key.as_ref().map(|key| key.partition());
        Binding::of(&[
            table.as_bytes(),
            self.index.as_deref().unwrap_or_default().as_bytes(),
            if self.key.is_some() {
                b"query"
            } else {
                b"scan"
            },
            if self.descending { b"descending" } else { b"" },
            partition.as_deref().unwrap_or_default(),
            segments.as_bytes(),
        ])
    }

    /// What its requests have in common. `count` asks for numbers alone, `capacity` for what the requests cost.
    pub(crate) fn plan(
        &self,
        py: Python<'_>,
        client: &Client,
        count: bool,
        capacity: bool,
    ) -> PyResult<Plan> {
        let table = self.table_name(py, &client.settings)?;
        let refuse = |error: Error| raise(py, &error, None);
        if !count && matches!(self.rows, Rows::Items) {
            self.check_whole().map_err(refuse)?;
        }
        let filter = self.filter_of(py)?;
        let projection = match &self.rows {
            Rows::Items => None,
            Rows::Places(_, projection) | Rows::Keys(projection) => Some(&**projection),
        };
        let selection = Selection {
            index: self.index.as_deref(),
            key_condition: self.key.as_deref(),
            filter: filter.as_ref(),
            projection,
            descending: self.descending,
            consistent_read: self.is_consistent(py, client)?,
            count,
            capacity,
        };
        let mut head = Writer::with_capacity(512);
        let operation = if self.key.is_some() {
            query::begin(&mut head, &table, &selection).map_err(refuse)?;
            Name::Query
        } else {
            scan::begin(&mut head, &table, &selection).map_err(refuse)?;
            Name::Scan
        };
        Ok(Plan {
            operation,
            table: table.into(),
            head: head.into_bytes().into(),
            page_size: self.page_size,
            filtered: filter.is_some() || self.on_invalid.is_some(),
            exact: self.schema.is_none(),
            total_segments: self.segments,
            reads_left: self.max_reads.map(AtomicU32::new),
            timeout: client.timeout(py)?,
        })
    }

    /// Whether reads are consistent: as the caller, the block around the call, or the model says; those of a global index never are.
    fn is_consistent(&self, py: Python<'_>, client: &Client) -> PyResult<bool> {
        if self.core_index().is_some_and(|index| index.global) {
            return Ok(false);
        }
        let otherwise = self
            .schema
            .as_ref()
            .is_some_and(|schema| schema.get().consistent_read);
        client.is_consistent(py, self.consistent_read, otherwise)
    }

    /// Whether rows can be whole items: not of an index that holds a part of them.
    fn check_whole(&self) -> Result<(), Error> {
        let (Some(schema), Some(index)) = (&self.schema, self.core_index()) else {
            return Ok(());
        };
        let item = &schema.get().item;
        let missing = item
            .attribute_names
            .iter()
            .find(|name| !item.holds(index, name));
        match missing {
            None if matches!(index.projected, pydynox_core::schema::Projected::All) => Ok(()),
            None => Err(refused(format!(
                "{} does not hold whole items: read rows with select(), keys() or hydrate()",
                self.what()
            ))),
            Some(name) => Err(refused(format!(
                "{} does not hold {name:?}, so its rows are no whole items: read them with select(), keys() or hydrate()",
                self.what()
            ))),
        }
    }
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::Validation, message)
}

/// The fields of the key that a query of a model or of an index selects by, and how many of them are the partition key.
fn queried<'a>(
    py: Python<'_>,
    schema: &'a Schema,
    index: Option<&str>,
) -> PyResult<(Vec<KeyAttribute>, Vec<KeyAttribute>, Vec<&'a Field>)> {
    let field = |key: &KeyAttribute| {
        schema
            .by_attribute(&key.attribute_name, usize::MAX)
            .map(|at| schema.field(at))
    };
    let (partition, sort) = match index {
        None => (
            vec![schema.item.partition_key.clone()],
            schema.item.sort_key.iter().cloned().collect(),
        ),
        Some(name) => {
            let index = schema.item.index(name).ok_or_else(|| {
                validation_error(py, &format!("{} has no index {name:?}", schema.name))
            })?;
            (index.partition.to_vec(), index.sort.to_vec())
        }
    };
    let fields = partition.iter().chain(&sort).filter_map(field).collect();
    Ok((partition, sort, fields))
}

fn equality(place: Place, json: Vec<u8>) -> Tree {
    Tree::compare(
        Comparator::Equal,
        Operand::Path(place),
        Operand::Value(json.into()),
    )
}

/// What the named parts of a query tell of the attributes of its key, and which of them do.
#[derive(Default)]
struct Parts {
    known: Vec<Known>,
    used: Vec<String>,
    /// Parts that stand behind one that is not given: which, of which attribute, and what is missing there.
    behind: Vec<(String, String)>,
}

impl Parts {
    /// Take in what is known of one attribute of the key; nothing where it is not made of others.
    fn of(
        &mut self,
        py: Python<'_>,
        schema: &Schema,
        field: &Field,
        is_partition: bool,
        named: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let Some(template) = schema.template_of(&field.text) else {
            return Ok(());
        };
        let (text, missing) = schema.prefix(py, &field.text, named)?;
        let mut is_behind = false;
        let mut given = false;
        for index in template.sources() {
            let source = schema.field(index);
            is_behind |= missing.as_deref() == Some(&*source.text);
            let Some(value) = named.get_item(&source.name)? else {
                continue;
            };
            let name = source.text.to_string();
            // None says as much as nothing.
            if !is_behind || value.is_none() {
                given |= !value.is_none();
                if !self.used.contains(&name) {
                    self.used.push(name);
                }
            } else if let Some(missing) = &missing {
                given = true;
                let why = format!(
                    "{}.{} is made of {:?}, and {name} stands behind {missing}, which is missing: give {missing}= too, or filter() by {name}",
                    schema.name,
                    field.text,
                    template.describe(schema)
                );
                self.behind.push((name, why));
            }
        }
        match missing {
            Some(missing) if is_partition && given => {
                return Err(validation_error(
                    py,
                    &format!(
                        "{}.{} is made of {:?}, and a query needs all of it: {missing} is missing",
                        schema.name,
                        field.text,
                        template.describe(schema)
                    ),
                ));
            }
            Some(_) if is_partition || text.is_empty() => {}
            missing => self.known.push(Known {
                attribute_name: field.attribute_name.clone(),
                text: text.into(),
                whole: missing.is_none(),
            }),
        }
        Ok(())
    }

    /// Refuses a part that tells nothing of any attribute of the key.
    fn check(&self, py: Python<'_>) -> PyResult<()> {
        let lost = |(name, _): &&(String, String)| !self.used.contains(name);
        match self.behind.iter().find(lost) {
            Some((_, why)) => Err(validation_error(py, why)),
            None => Ok(()),
        }
    }
}

/// What the parts tell of the key of a table by the models of a collection, which must agree; parts that none of them uses are
/// left over.
fn parts_of_all(
    py: Python<'_>,
    models: &[Bound<'_, Schema>],
    fields: &[&Field],
    named: &Bound<'_, PyDict>,
) -> PyResult<Parts> {
    let mut all: Vec<(&Schema, Parts)> = Vec::with_capacity(models.len());
    for model in models {
        let model = model.get();
        let mut parts = Parts::default();
        for (position, field) in fields.iter().enumerate() {
            let own = model
                .by_attribute(&field.attribute_name, usize::MAX)
                .map(|at| model.field(at));
            if let Some(own) = own
                && !named.contains(&field.name)?
            {
                parts.of(py, model, own, position == 0, named)?;
            }
        }
        parts.check(py)?;
        all.push((model, parts));
    }
    let Some(((first, mut parts), others)) = all
        .split_first_mut()
        .map(|(first, others)| ((first.0, std::mem::take(&mut first.1)), others))
    else {
        return Ok(Parts::default());
    };
    for (model, other) in others {
        for field in fields {
            let of = |parts: &Parts| {
                let name = &field.attribute_name;
                parts
                    .known
                    .iter()
                    .find(|known| known.attribute_name == *name)
                    .cloned()
            };
            let (one, two) = (of(&parts), of(other));
            if one == two {
                continue;
            }
            let is_asked = |schema: &Schema| {
                let own = schema.by_attribute(&field.attribute_name, usize::MAX);
                let template = own.and_then(|at| schema.template_of(&schema.field(at).text));
                template.is_some_and(|template| {
                    template
                        .sources()
                        .any(|index| named.contains(&schema.field(index).name).unwrap_or(false))
                })
            };
            // Models may differ in what nobody asked for: then all of the partition is read.
            if field.role == Role::PartitionKey || is_asked(first) || is_asked(model) {
                let shown = |known: &Option<Known>| match known {
                    None => "no text".to_owned(),
                    Some(known) if known.whole => format!("{:?}", known.text),
                    Some(known) => format!("{:?} and more", known.text),
                };
                return Err(validation_error(
                    py,
                    &format!(
                        "by these parts {} has {} for {}, and {} has {}: query them one by one",
                        first.name,
                        shown(&one),
                        field.text,
                        model.name,
                        shown(&two)
                    ),
                ));
            }
            parts
                .known
                .retain(|known| known.attribute_name != field.attribute_name);
        }
        parts.used.retain(|name| other.used.contains(name));
    }
    Ok(parts)
}

/// That an attribute of a key has this value.
fn equals(
    py: Python<'_>,
    schema: &Schema,
    field: &Field,
    value: &Bound<'_, PyAny>,
) -> PyResult<Tree> {
    let failed = |problem: encode::Problem| problem.raise(py, &schema.name, field);
    if value.is_none() {
        return Err(failed(encode::Problem::new("is a key, and None is none")));
    }
    let value = encode::admit(field.kind.present(), value).map_err(failed)?;
    let mut w = Writer::with_capacity(48);
    encode::write_value(&mut w, field.kind.present(), &value, 0).map_err(failed)?;
    Ok(equality(Place::new(&field.attribute_name), w.into_bytes()))
}

#[pymethods]
impl Search {
    /// A query of a model, or of one of its indexes. `values` are values of the partition key, then conditions; `named` are values
    /// by name. `models` are those of a collection, which know what its keys are made of.
    #[staticmethod]
    #[pyo3(signature = (schema, index, values, named, models=None))]
    fn query(
        schema: &Bound<'_, Schema>,
        index: Option<&str>,
        values: &Bound<'_, PyTuple>,
        named: &Bound<'_, PyDict>,
        models: Option<Vec<Bound<'_, Schema>>>,
    ) -> PyResult<Self> {
        let py = schema.py();
        let model = schema.get();
        let search = Self::of(Some(schema.clone().unbind()), "", index);
        let what = search.what();
        let (partition, sort, fields) = queried(py, model, index)?;
        let mut conditions = Vec::with_capacity(2);
        let mut given = 0;
        let by_value = values
            .iter()
            .take_while(|value| !value.is_instance_of::<Condition>() && !value.is_none())
            .count();
        let parts = match models {
            Some(models) if by_value == 0 => parts_of_all(py, &models, &fields, named)?,
            Some(_) => Parts::default(),
            None => {
                let mut parts = Parts::default();
                for (position, field) in fields.iter().enumerate() {
                    let is_partition = position < partition.len();
                    let is_given = is_partition && by_value > position;
                    if !is_given && !named.contains(&field.name)? {
                        parts.of(py, model, field, is_partition, named)?;
                    }
                }
                parts.check(py)?;
                parts
            }
        };
        let sources = &parts.used;
        for value in values.iter() {
            if let Ok(condition) = value.cast::<Condition>() {
                check_owners(condition, model)?;
                conditions.push(condition.get().tree.clone());
            } else if given < partition.len() {
                conditions.push(equals(py, model, fields[given], &value)?);
                given += 1;
            } else if !value.is_none() {
                return Err(validation_error(
                    py,
                    &format!(
                        "a query of {what} takes its partition key by value and conditions after that, such as {}.{} == ...; not {}",
                        model.name,
                        fields.get(given).map_or("age", |field| &field.text),
                        value.repr()?
                    ),
                ));
            }
        }
        for (name, value) in named.iter() {
            let text = name.to_string();
            if sources.contains(&text) {
                continue;
            }
            let Some(field) = fields.iter().find(|field| *field.text == *text) else {
                let known: Vec<&str> = fields.iter().map(|field| &*field.text).collect();
                return Err(validation_error(
                    py,
                    &format!(
                        "a query of {what} takes {} by name, and {text:?} is none of them: use filter() for other attributes{}",
                        known.join(", "),
                        suggestion(&name, &known)?
                    ),
                ));
            };
            conditions.push(if let Ok(condition) = value.cast::<Condition>() {
                return Err(validation_error(
                    py,
                    &format!(
                        "{text}= takes a value; give the condition {} without a name",
                        condition.get().tree
                    ),
                ));
            } else {
                equals(py, model, field, &value)?
            });
        }
        let key = QueriedKey {
            what: &what,
            partition: &partition,
            sort: &sort,
        };
        let key = KeyCondition::new(key, &conditions, &parts.known)
            .map_err(|error| raise(py, &error, None))?;
        Ok(Self {
            key: Some(Arc::new(key)),
            ..search
        })
    }

    /// A scan of a model's table, or of one of its indexes.
    #[staticmethod]
    fn scan(
        schema: &Bound<'_, Schema>,
        index: Option<&str>,
        segments: i64,
        segment: Option<i64>,
    ) -> PyResult<Self> {
        let py = schema.py();
        queried(py, schema.get(), index)?;
        let (segments, segment) =
            scan::check_segments(segments, segment).map_err(|error| raise(py, &error, None))?;
        Ok(Self {
            segments,
            segment,
            ..Self::of(Some(schema.clone().unbind()), "", index)
        })
    }

    /// A query of a table that no model describes.
    #[staticmethod]
    fn plain_query(
        table: &str,
        index: Option<&str>,
        partition: &Bound<'_, PyAny>,
        sort: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let py = partition.py();
        let mut conditions = Vec::with_capacity(2);
        let mut equalities = 1;
        if let Ok(named) = partition.cast::<PyDict>() {
            equalities = named.len();
            for (name, value) in named.iter() {
                let name = name.extract::<String>()?;
                let mut w = Writer::with_capacity(48);
                encode::write_value(&mut w, &ANY, &value, 0)
                    .map_err(|problem| validation_error(py, &problem.describe("", &name)))?;
                conditions.push(equality(Place::new(&name), w.into_bytes()));
            }
        } else if let Ok(condition) = partition.cast::<Condition>() {
            conditions.push(condition.get().tree.clone());
        } else {
            return Err(PyTypeError::new_err(format!(
                "the partition key is given as {{\"name\": value}} or as attr(\"name\") == value, not {}",
                partition.repr()?
            )));
        }
        if let Ok(condition) = sort.cast::<Condition>() {
            conditions.push(condition.get().tree.clone());
        } else if !sort.is_none() {
            return Err(PyTypeError::new_err(format!(
                "the sort key takes a condition such as attr(\"number\") > 3, not {}",
                sort.repr()?
            )));
        }
        let key = KeyCondition::undeclared(&conditions, equalities)
            .map_err(|error| raise(py, &error, None))?;
        Ok(Self {
            key: Some(Arc::new(key)),
            ..Self::of(None, table, index)
        })
    }

    /// A scan of a table that no model describes.
    #[staticmethod]
    fn plain_scan(
        py: Python<'_>,
        table: &str,
        index: Option<&str>,
        segments: i64,
        segment: Option<i64>,
    ) -> PyResult<Self> {
        let (segments, segment) =
            scan::check_segments(segments, segment).map_err(|error| raise(py, &error, None))?;
        Ok(Self {
            segments,
            segment,
            ..Self::of(None, table, index)
        })
    }

    /// The same with more conditions on what comes back.
    fn filtered(&self, conditions: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let py = conditions.py();
        let mut filter = self.filter.clone();
        for condition in conditions.iter() {
            let Ok(condition) = condition.cast::<Condition>() else {
                return Err(PyTypeError::new_err(format!(
                    "filter() takes conditions such as User.age > 3, not {}",
                    condition.repr()?
                )));
            };
            if let Some(schema) = &self.schema {
                check_owners(condition, schema.get())?;
            }
            let tree = &condition.get().tree;
            self.check_filter(tree)
                .map_err(|error| raise(py, &error, None))?;
            filter = Some(match &filter {
                None => tree.clone(),
                Some(filter) => filter.and(tree).map_err(|error| raise(py, &error, None))?,
            });
        }
        Ok(Self {
            filter,
            ..self.copy(py)
        })
    }

    /// The same with rows of what stands at these paths.
    fn selected(&self, paths: &Bound<'_, PyTuple>) -> PyResult<Self> {
        let py = paths.py();
        if paths.is_empty() {
            return Err(validation_error(
                py,
                "select() needs at least one path; keys() selects the key",
            ));
        }
        let mut chosen = Vec::with_capacity(paths.len());
        for path in paths.iter() {
            let Ok(path) = path.cast::<Path>() else {
                return Err(PyTypeError::new_err(format!(
                    "select() takes paths such as User.name, not {}",
                    path.repr()?
                )));
            };
            self.check_held(&path.get().place, "select")
                .map_err(|error| raise(py, &error, None))?;
            chosen.push(path.clone().unbind());
        }
        let places: Vec<Place> = chosen.iter().map(|path| path.get().place.clone()).collect();
        let projection = Projection::new(&places, &self.position_names());
        Ok(Self {
            rows: Rows::Places(chosen.into(), Arc::new(projection)),
            ..self.copy(py)
        })
    }

    /// The same at a pace.
    fn paced(&self, py: Python<'_>, pace: Py<Pace>) -> Self {
        Self {
            pace: Some(pace),
            ..self.copy(py)
        }
    }

    /// The same with the values of the key as rows.
    fn keys(&self, py: Python<'_>) -> Self {
        let projection = Projection::new(&[], &self.position_names());
        Self {
            rows: Rows::Keys(Arc::new(projection)),
            ..self.copy(py)
        }
    }

    fn descending(&self, py: Python<'_>) -> PyResult<Self> {
        if self.key.is_none() {
            return Err(validation_error(
                py,
                "a scan has no order: query() a partition, then descending()",
            ));
        }
        Ok(Self {
            descending: true,
            ..self.copy(py)
        })
    }

    fn consistent_read(&self, py: Python<'_>, value: bool) -> PyResult<Self> {
        if value && self.core_index().is_some_and(|index| index.global) {
            return Err(validation_error(
                py,
                &format!(
                    "{} is global, and DynamoDB reads those eventually consistent only",
                    self.what()
                ),
            ));
        }
        Ok(Self {
            consistent_read: Some(value),
            ..self.copy(py)
        })
    }

    /// The same with a number of rows, items a request, or requests; they are in range.
    fn bounded(
        &self,
        py: Python<'_>,
        limit: Option<usize>,
        page_size: Option<u32>,
        max_reads: Option<u32>,
    ) -> Self {
        Self {
            limit: limit.or(self.limit),
            page_size: page_size.or(self.page_size),
            max_reads: max_reads.or(self.max_reads),
            ..self.copy(py)
        }
    }

    /// The same behind a cursor or a key; from the beginning without one.
    fn after(&self, given: Option<&Bound<'_, PyAny>>, py: Python<'_>) -> PyResult<Self> {
        Ok(Self {
            after: given.map(|given| After::given(self, given)).transpose()?,
            ..self.copy(py)
        })
    }

    fn cursors(&self, py: Python<'_>, audience: Option<&str>, lifetime: Option<u64>) -> Self {
        Self {
            audience: audience.map(Into::into),
            lifetime,
            ..self.copy(py)
        }
    }

    fn on_invalid(&self, py: Python<'_>, call: Py<PyAny>) -> Self {
        Self {
            on_invalid: Some(call),
            ..self.copy(py)
        }
    }

    #[getter]
    fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// Who takes the errors of rows that cannot be read.
    #[getter]
    fn invalid(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.on_invalid.as_ref().map(|call| call.clone_ref(py))
    }

    /// What would be sent, without sending it.
    fn explain<'py>(&self, py: Python<'py>, client: &Client) -> PyResult<Bound<'py, PyDict>> {
        let plan = self.plan(py, client, false, false)?;
        let filter = self.filter_of(py)?.map(|filter| filter.explain());
        let projection = match &self.rows {
            Rows::Items => None,
            Rows::Places(_, projection) | Rows::Keys(projection) => Some(projection.explain()),
        };
        let page = PageRequest {
            limit: plan.first_limit(self.limit),
            after: None,
            segment: self.segment.map(|segment| (segment, self.segments)),
        };
        let body = plan.body(page);
        let request = || decode::json(py, &mut Reader::new(&body)?);
        let request = request().map_err(|problem| match problem {
            decode::Unreadable::Malformed(error) => malformed(py, &error),
            decode::Unreadable::Python(error) => error,
            decode::Unreadable::Misfit { what, .. } => crate::error::internal(py, &what),
        })?;
        let explained = PyDict::new(py);
        explained.set_item("operation", plan.operation.name())?;
        explained.set_item("table", &*plan.table)?;
        explained.set_item("index_name", self.index.as_deref())?;
        let key = self.key.as_ref().map(|key| key.explain());
        explained.set_item("key_condition", key)?;
        explained.set_item("filter", filter)?;
        explained.set_item("projection", projection)?;
        explained.set_item("consistent_read", self.is_consistent(py, client)?)?;
        explained.set_item("segments", self.segments)?;
        explained.set_item("request", request)?;
        Ok(explained)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Some(schema) = &self.schema {
            visit.call(schema)?;
        }
        if let Rows::Places(paths, _) = &self.rows {
            paths.iter().try_for_each(|path| visit.call(path))?;
        }
        if let Some(call) = &self.on_invalid {
            visit.call(call)?;
        }
        Ok(())
    }
}
