//! Search: a query or scan before it is sent, and what its requests and cursors depend on.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use bytes::Bytes;

use crate::clock;
use crate::cursor::{Binding, Heading, Terms};
use crate::error::{Error, ErrorKind};
use crate::expression::condition::Condition;
use crate::expression::key_condition::KeyCondition;
use crate::expression::path::Path;
use crate::expression::projection::Projection;
use crate::operation::read_request::{PageRequest, Selection};
use crate::operation::{query, scan};
use crate::pagination::Plan;
use crate::schema::{Index, ItemSchema, KeyAttribute, Projected};
use crate::start_key::StartKey;
use crate::transport::Operation;
use crate::wire::Writer;

/// What a caller passed to continue after, or to read the rows before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// A cursor, checked when reading starts.
    Cursor(Box<str>),
    /// A key, checked when it was given.
    Key(Bytes),
}

/// A query or scan that was not sent.
#[derive(Debug, Clone)]
pub struct Search {
    /// The items of the model that is read; None for a table that no model describes.
    pub item: Option<Arc<ItemSchema>>,
    /// The table by the name that a caller gave it; empty for a model, which knows its own.
    pub table: Box<str>,
    /// The index that is read; None for the table.
    pub index: Option<Box<str>>,
    /// None for a scan.
    pub key: Option<Arc<KeyCondition>>,
    /// The caller's conditions.
    pub filter: Option<Condition>,
    /// Whether the largest sort key comes first.
    pub descending: bool,
    /// None leaves it to the model and to the surroundings of the call.
    pub consistent_read: Option<bool>,
    /// Per request; None leaves it to the surroundings of the call.
    pub timeout: Option<Duration>,
    /// Maximum number of rows.
    pub limit: Option<usize>,
    /// Maximum number of items that a request reads.
    pub page_size: Option<u32>,
    /// Maximum number of requests.
    pub max_reads: Option<u32>,
    /// How many segments a scan has.
    pub segments: u32,
    /// The one of them that is read; None for all.
    pub segment: Option<u32>,
    /// Where it begins; None for the beginning.
    pub after: Option<After>,
    /// Backward only with an `after`: the rows before it are read, nearest first.
    pub heading: Heading,
    /// Who its cursors are for.
    pub audience: Option<Box<str>>,
    /// Seconds for which its cursors are valid.
    pub lifetime: Option<u64>,
}

/// What the requests of one reading have in addition to what their search says.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)] // most are members of the request
pub struct Reads<'a> {
    /// The filter of each request: the caller's conditions, and what the model itself leaves out.
    pub filter: Option<Condition>,
    /// The parts of the items that are fetched; None for whole items.
    pub projection: Option<&'a Projection>,
    /// Whether they are strongly consistent.
    pub consistent_read: bool,
    /// Whether items are only counted.
    pub count: bool,
    /// Whether the service says what they cost.
    pub capacity: bool,
    /// Timeout of each request, unless the search has one.
    pub timeout: Option<Duration>,
    /// Whether rows may be dropped that a filter has let through.
    pub drops: bool,
}

impl Search {
    /// A scan of a whole table or index.
    pub fn new(item: Option<Arc<ItemSchema>>, table: &str, index: Option<&str>) -> Self {
        Self {
            item,
            table: table.into(),
            index: index.map(Into::into),
            key: None,
            filter: None,
            descending: false,
            consistent_read: None,
            timeout: None,
            limit: None,
            page_size: None,
            max_reads: None,
            segments: 1,
            segment: None,
            after: None,
            heading: Heading::Forward,
            audience: None,
            lifetime: None,
        }
    }

    /// The index of a model that is read.
    pub fn declared_index(&self) -> Option<&Index> {
        self.item.as_ref()?.index(self.index.as_deref()?)
    }

    /// Whether a global index is read, whose reads are eventually consistent.
    pub fn reads_global_index(&self) -> bool {
        self.declared_index().is_some_and(|index| index.global)
    }

    /// What messages call the table or index.
    pub fn what(&self) -> String {
        let name = match &self.item {
            Some(item) => &item.model,
            None => &self.table,
        };
        match &self.index {
            Some(index) => format!("the index {name}.{index}"),
            None => name.to_string(),
        }
    }

    /// The filter of each request: the caller's conditions, and those by which the model itself leaves items out.
    ///
    /// # Errors
    ///
    /// All of them together are too long.
    pub fn filter_with(
        &self,
        own: impl IntoIterator<Item = Condition>,
    ) -> Result<Option<Condition>, Error> {
        let mut filter = self.filter.clone();
        for condition in own {
            // If the index lacks the attributes of this condition, or has one as its key, it is read without it.
            let held = condition.paths().iter().all(|path| {
                let holds = match (&self.item, self.declared_index()) {
                    (Some(item), Some(index)) => item.holds(index, path.attribute()),
                    _ => true,
                };
                holds && !self.is_key(path)
            });
            if held {
                filter = Some(match filter {
                    None => condition,
                    Some(filter) => filter.and(&condition)?,
                });
            }
        }
        Ok(filter)
    }

    /// Whether a path is an attribute of the key that a query selects by.
    pub fn is_key(&self, path: &Path) -> bool {
        let Some(key) = &self.key else {
            return false;
        };
        let name = path.attribute();
        let is_it = |key: &KeyAttribute| *key.attribute_name == *name;
        match (&self.item, self.declared_index()) {
            (None, _) => key.names().any(|key_name| key_name == name),
            (Some(_), Some(index)) => index.key_attributes().any(is_it),
            (Some(item), None) => item.key_attributes().any(is_it),
        }
    }

    /// Refuses paths that the index that is read does not contain.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`] names the path, and the verb that it was passed to.
    pub fn check_held(&self, path: &Path, verb: &str) -> Result<(), Error> {
        let (Some(item), Some(index)) = (&self.item, self.declared_index()) else {
            return Ok(());
        };
        if item.holds(index, path.attribute()) {
            return Ok(());
        }
        Err(not_valid(format!(
            "{verb}({path}): {} does not contain this attribute: project it, or read the table",
            self.what()
        )))
    }

    /// The same with one more condition on what is returned.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`] when the condition is about a key, or about what the index does not contain.
    pub fn add_filter(&mut self, condition: &Condition) -> Result<(), Error> {
        condition.check_ranges()?;
        for path in condition.paths() {
            self.check_held(path, "filter")?;
            if self.is_key(path) {
                return Err(not_valid(format!(
                    "filter({condition}): {:?} is a key of {}, and DynamoDB filters only by other attributes: pass =, <, <=, >, >=, between() or begins_with() to query(), and test anything else in Python",
                    path.attribute(),
                    self.what()
                )));
            }
        }
        self.filter = Some(match &self.filter {
            None => condition.clone(),
            Some(filter) => filter.and(condition)?,
        });
        Ok(())
    }

    /// Reads the largest sort key first.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`] for a scan.
    pub fn descend(&mut self) -> Result<(), Error> {
        if self.key.is_none() {
            let message = "a scan has no order: query() a partition, then descending()";
            return Err(not_valid(message));
        }
        self.descending = true;
        Ok(())
    }

    /// Whether its reads are to be strongly consistent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`] where no read can be.
    pub fn set_consistent(&mut self, value: bool) -> Result<(), Error> {
        if value && self.reads_global_index() {
            return Err(not_valid(format!(
                "{} is global, and DynamoDB's reads of global indexes are eventually consistent",
                self.what()
            )));
        }
        self.consistent_read = Some(value);
        Ok(())
    }

    /// The attributes that identify a row's position; empty if they are not declared.
    pub fn position_attributes(&self) -> impl Iterator<Item = &KeyAttribute> {
        let index = self.declared_index();
        let item = self.item.iter();
        item.flat_map(move |item| item.position_attributes(index))
    }

    /// Their names.
    pub fn position_names(&self) -> Vec<&str> {
        let attributes = self.position_attributes();
        attributes.map(|key| &*key.attribute_name).collect()
    }

    /// How many parts of the table or index are read in parallel.
    pub fn slots(&self) -> usize {
        match self.segment {
            Some(_) => 1,
            None => self.segments as usize,
        }
    }

    /// Whether a key has the names and types of what is read, where they are declared.
    pub fn has_key(&self, key: &StartKey) -> bool {
        self.item.is_none() || key.is_of(self.position_attributes())
    }

    /// Whether a key, as JSON text, lies in the partition and range that are read.
    pub fn admits(&self, key: &[u8]) -> bool {
        let condition = self.key.as_ref();
        condition.is_none_or(|condition| condition.admits(key).unwrap_or(false))
    }

    /// Whether the rows before a position are read, nearest first.
    pub fn is_backward(&self) -> bool {
        self.heading == Heading::Backward
    }

    /// What its cursors are bound to.
    pub fn binding(&self, table: &str) -> Binding {
        // Neither the filter nor the range of the sort key: they may change between pages, and a position is checked against the
        // present range.
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

    /// Who may use its cursors, and for how long.
    pub fn terms(&self) -> Terms<'_> {
        Terms {
            audience: self.audience.as_deref(),
            expires_at: self
                .lifetime
                .map(|seconds| seconds_now().saturating_add(seconds)),
            left: None,
        }
    }

    /// What its requests have in common.
    ///
    /// # Errors
    ///
    /// The expressions are too long for a request.
    pub fn plan(&self, table: &str, reads: &Reads<'_>) -> Result<Plan, Error> {
        let selection = Selection {
            index: self.index.as_deref(),
            key_condition: self.key.as_deref(),
            filter: reads.filter.as_ref(),
            projection: reads.projection,
            descending: self.descending != self.is_backward(),
            consistent_read: reads.consistent_read,
            count: reads.count,
            capacity: reads.capacity,
        };
        let mut head = Writer::with_capacity(512);
        let operation = if self.key.is_some() {
            query::begin(&mut head, table, &selection)?;
            Operation::Query
        } else {
            scan::begin(&mut head, table, &selection)?;
            Operation::Scan
        };
        Ok(Plan {
            operation,
            table: table.into(),
            head: head.into_bytes().into(),
            page_size: self.page_size,
            // A row that is dropped is one that a filter would drop: the rows still wanted do not bound the items to read.
            filtered: reads.filter.is_some() || reads.drops,
            // Without known keys there is no position inside a page, so a page must not hold more than is wanted.
            exact: self.item.is_none(),
            total_segments: self.segments,
            reads_left: self.max_reads.map(AtomicU32::new),
            timeout: self.timeout.or(reads.timeout),
        })
    }

    /// The body of the first request of a plan.
    pub fn first_body(&self, plan: &Plan) -> Bytes {
        plan.body(PageRequest {
            limit: plan.first_limit(self.limit),
            after: None,
            segment: self.segment.map(|segment| (segment, self.segments)),
        })
    }

    /// Refuses rows that are whole items, for an index that contains only a part of them.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Validation`] says how rows of the index can be read.
    pub fn check_whole(&self) -> Result<(), Error> {
        let (Some(item), Some(index)) = (&self.item, self.declared_index()) else {
            return Ok(());
        };
        let mut names = item.attribute_names.iter();
        match names.find(|name| !item.holds(index, name)) {
            None if matches!(index.projected, Projected::All) => Ok(()),
            None => Err(not_valid(format!(
                "{} does not contain whole items: read rows with select(), keys() or hydrate()",
                self.what()
            ))),
            Some(name) => Err(not_valid(format!(
                "{} does not contain {name:?}, so its rows are not whole items: read them with select(), keys() or hydrate()",
                self.what()
            ))),
        }
    }
}

/// Now, in seconds since 1970.
pub(super) fn seconds_now() -> u64 {
    u64::try_from(clock::microseconds() / 1_000_000).unwrap_or(0)
}

pub(super) fn not_valid(message: impl Into<Box<str>>) -> Error {
    Error::new(ErrorKind::Validation, message)
}
