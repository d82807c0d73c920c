//! Wide: reads of an index that need more of the items than the engine would return, cut to what was asked for afterwards.

use std::collections::{BTreeSet, HashMap};

use dynoxide::DynoxideError;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::query::{QueryRequest, QueryResponse};
use dynoxide::actions::scan::{ScanRequest, ScanResponse};
use dynoxide::types::Item;
use serde_json::Value;

use crate::gate::{self, Context, Path, Step};
use crate::session::Session;
use crate::tables::{Index, Table};

type Names = Option<HashMap<String, String>>;

/// A query or a scan.
pub(super) trait Read {
    type Page: Page;
    /// The engine itself reads the whole items of a local index for `ALL_ATTRIBUTES`, and DynamoDB refuses filters on attributes that the
    /// index does not have; a scan finds nothing under them.
    const IS_QUERY: bool;

    fn table(&self) -> &str;
    fn index(&self) -> Option<&str>;
    fn filter(&self) -> Option<&str>;
    /// The older form of a filter.
    fn conditions(&self) -> Option<&Value>;
    fn key(&self) -> Option<&str>;
    fn names(&mut self) -> &mut Names;
    fn projection(&mut self) -> &mut Option<String>;
    fn attributes(&mut self) -> &mut Option<Vec<String>>;
    fn select(&mut self) -> &mut Option<String>;
}

pub(super) trait Page {
    fn items(&mut self) -> &mut Option<Vec<Item>>;
    fn counts(&mut self) -> (&mut usize, &mut usize);
}

macro_rules! read {
    ($request:ty, $response:ty, $key:expr, $conditions:ident, $is_query:literal) => {
        impl Read for $request {
            type Page = $response;
            const IS_QUERY: bool = $is_query;

            fn table(&self) -> &str {
                &self.table_name
            }
            fn index(&self) -> Option<&str> {
                self.index_name.as_deref()
            }
            fn filter(&self) -> Option<&str> {
                self.filter_expression.as_deref()
            }
            fn conditions(&self) -> Option<&Value> {
                self.$conditions.as_ref()
            }
            fn key(&self) -> Option<&str> {
                let key: fn(&Self) -> Option<&str> = $key;
                key(self)
            }
            fn names(&mut self) -> &mut Names {
                &mut self.expression_attribute_names
            }
            fn projection(&mut self) -> &mut Option<String> {
                &mut self.projection_expression
            }
            fn attributes(&mut self) -> &mut Option<Vec<String>> {
                &mut self.attributes_to_get
            }
            fn select(&mut self) -> &mut Option<String> {
                &mut self.select
            }
        }

        impl Page for $response {
            fn items(&mut self) -> &mut Option<Vec<Item>> {
                &mut self.items
            }
            fn counts(&mut self) -> (&mut usize, &mut usize) {
                (&mut self.count, &mut self.scanned_count)
            }
        }
    };
}

read!(
    QueryRequest,
    QueryResponse,
    |query| query.key_condition_expression.as_deref(),
    query_filter,
    true
);
read!(ScanRequest, ScanResponse, |_| None, scan_filter, false);

/// A path whose steps are owned.
type OwnedPath = Vec<OwnedStep>;

enum OwnedStep {
    Name(String),
    Index(String),
}

pub(super) fn read<R: Read>(
    session: Session<'_>,
    mut request: R,
    run: impl FnOnce(R) -> Result<R::Page, DynoxideError>,
) -> Result<R::Page, DynoxideError> {
    let Some(name) = request.index().map(str::to_owned) else {
        return run(request);
    };
    let Some(table) = session.memory.tables.get(session.database, request.table()) else {
        return run(request);
    };
    let Some(index) = table.index(&name) else {
        return run(request);
    };
    let has_unfit = !index.is_local && session.memory.tables.has_unfit(request.table(), &name);
    if index.is_whole() && !has_unfit {
        return run(request);
    }
    let wanted = wanted(&mut request);
    let missing = missing(&table, index, wanted.as_deref().unwrap_or_default());
    if !index.is_local && !missing.is_empty() {
        return Err(DynoxideError::ValidationException(format!(
            "One or more parameter values were invalid: Global secondary index {name} does not project [{}]",
            missing.join(", ")
        )));
    }
    let unfiltered = filters_missing(&table, index, &mut request);
    if R::IS_QUERY && !unfiltered.is_empty() {
        return Err(DynoxideError::ValidationException(format!(
            "One or more parameter values were invalid: Secondary index {name} does not project one or more filter attributes: [{}]",
            Vec::from_iter(unfiltered).join(", ")
        )));
    }
    let selects_all = request.select().as_deref() == Some("ALL_ATTRIBUTES");
    let fetches = index.is_local && (!missing.is_empty() || (selects_all && !R::IS_QUERY));
    if !fetches && !has_unfit {
        return run(request);
    }
    let counts_only = request.select().as_deref() == Some("COUNT");
    let table_name = request.table().to_owned();
    widen(&mut request, fetches);
    let mut page = run(request)?;
    let mut items = page.items().take().unwrap_or_default();
    if fetches && !R::IS_QUERY {
        for item in &mut items {
            fetch(session, &table_name, &table, item)?;
        }
    }
    if has_unfit {
        let before = items.len();
        items.retain(|item| index.keys.fit(item));
        let (count, scanned) = page.counts();
        let dropped = before - items.len();
        *count -= dropped;
        *scanned = scanned.saturating_sub(dropped);
    }
    if let Some(wanted) = &wanted {
        let paths: Vec<Path<'_>> = wanted.iter().map(|path| borrowed(path)).collect();
        for item in &mut items {
            *item = gate::project(item, &paths);
        }
    }
    *page.items() = (!counts_only).then_some(items);
    Ok(page)
}

/// The paths that a request asks for; none if it asks for what the index has.
fn wanted(request: &mut impl Read) -> Option<Vec<OwnedPath>> {
    if let Some(attributes) = request.attributes() {
        let paths = attributes
            .iter()
            .map(|name| vec![OwnedStep::Name(name.clone())]);
        return Some(paths.collect());
    }
    let text = request.projection().clone()?;
    let names = request.names().as_ref();
    gate::with_projection(&text, |paths| {
        let context = Context {
            names,
            values: None,
        };
        let resolved = paths.iter().filter_map(|path| context.resolve(path));
        resolved
            .map(|path| path.0.iter().map(owned).collect())
            .collect()
    })
}

fn owned(step: &Step<'_>) -> OwnedStep {
    match step {
        Step::Name(name) => OwnedStep::Name((*name).to_owned()),
        Step::Index(index) => OwnedStep::Index((*index).to_owned()),
    }
}

fn borrowed(path: &[OwnedStep]) -> Path<'_> {
    fn step(step: &OwnedStep) -> Step<'_> {
        match step {
            OwnedStep::Name(name) => Step::Name(name),
            OwnedStep::Index(index) => Step::Index(index),
        }
    }
    Path(path.iter().map(step).collect())
}

/// The attributes among these that the index does not hold.
fn missing(table: &Table, index: &Index, paths: &[OwnedPath]) -> Vec<String> {
    let first = paths.iter().filter_map(|path| match path.first() {
        Some(OwnedStep::Name(name)) => Some(name),
        _ => None,
    });
    first
        .filter(|name| !table.holds(index, name))
        .cloned()
        .collect()
}

/// The attributes of a filter that the index does not hold.
fn filters_missing(table: &Table, index: &Index, request: &mut impl Read) -> BTreeSet<String> {
    let mut missing = BTreeSet::new();
    let mut see = |name: &str| {
        if !table.holds(index, name) {
            missing.insert(name.to_owned());
        }
    };
    if let Some(Value::Object(conditions)) = request.conditions() {
        conditions.keys().for_each(|name| see(name));
    }
    if let Some(text) = request.filter().map(str::to_owned) {
        let names = request.names().as_ref();
        let context = Context {
            names,
            values: None,
        };
        gate::each_attribute(&text, context, &mut see);
    }
    missing
}

/// Asks for everything that the engine can return.
fn widen(request: &mut impl Read, fetches: bool) {
    let projection = request.projection().take();
    *request.attributes() = None;
    *request.select() = fetches.then(|| "ALL_ATTRIBUTES".to_owned());
    let Some(projection) = projection else { return };
    // Placeholders that only the projection used would be refused as unused.
    let others: Vec<String> = [request.filter(), request.key()]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .collect();
    if let Some(names) = request.names() {
        names.retain(|name, _| {
            !gate::mentions(&projection, name)
                || others.iter().any(|text| gate::mentions(text, name))
        });
        if names.is_empty() {
            *request.names() = None;
        }
    }
}

/// Replaces an item of the index with the whole item of the table.
fn fetch(
    session: Session<'_>,
    name: &str,
    table: &Table,
    item: &mut Item,
) -> Result<(), DynoxideError> {
    let key = table
        .keys
        .names()
        .filter_map(|name| Some((name.to_owned(), item.get(name)?.clone())));
    let request = GetItemRequest {
        table_name: name.to_owned(),
        key: key.collect(),
        ..GetItemRequest::default()
    };
    if let Some(whole) = session.database.get_item(request)?.item {
        *item = whole;
    }
    Ok(())
}
