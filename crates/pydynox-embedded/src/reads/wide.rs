//! Wide: reads of an index that need more of the items than the engine would return, cut to what was asked for afterwards.

use std::collections::HashMap;

use dynoxide::DynoxideError;
use dynoxide::actions::get_item::GetItemRequest;
use dynoxide::actions::query::{QueryRequest, QueryResponse};
use dynoxide::actions::scan::{ScanRequest, ScanResponse};
use dynoxide::types::Item;

use crate::gate::{self, Context, Path, Step};
use crate::session::Session;
use crate::tables::{Index, Table};

type Names = Option<HashMap<String, String>>;

/// A query or a scan.
pub(super) trait Read {
    type Page: Page;
    /// Whether the engine itself reads the whole items of a local index for `ALL_ATTRIBUTES`.
    const FETCHES: bool;

    fn table(&self) -> &str;
    fn index(&self) -> Option<&str>;
    fn filter(&self) -> Option<&str>;
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
    ($request:ty, $response:ty, $key:expr, $fetches:literal) => {
        impl Read for $request {
            type Page = $response;
            const FETCHES: bool = $fetches;

            fn table(&self) -> &str {
                &self.table_name
            }
            fn index(&self) -> Option<&str> {
                self.index_name.as_deref()
            }
            fn filter(&self) -> Option<&str> {
                self.filter_expression.as_deref()
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
    true
);
read!(ScanRequest, ScanResponse, |_| None, false);

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
    let wanted = wanted(&mut request);
    let missing = missing(&table, index, wanted.as_deref().unwrap_or_default());
    if !index.is_local && !missing.is_empty() {
        return Err(DynoxideError::ValidationException(format!(
            "One or more parameter values were invalid: Global secondary index {name} does not project [{}]",
            missing.join(", ")
        )));
    }
    let selects_all = request.select().as_deref() == Some("ALL_ATTRIBUTES");
    let fetches = index.is_local
        && (!missing.is_empty()
            || filters_missing(&table, index, &mut request)
            || (selects_all && !R::FETCHES));
    let has_unfit = !index.is_local && session.memory.tables.has_unfit(request.table(), &name);
    if !fetches && !has_unfit {
        return run(request);
    }
    let counts_only = request.select().as_deref() == Some("COUNT");
    let default = wanted.is_none() && !selects_all && fetches;
    let table_name = request.table().to_owned();
    widen(&mut request, fetches);
    let mut page = run(request)?;
    let mut items = page.items().take().unwrap_or_default();
    if fetches && !R::FETCHES {
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
    } else if default {
        for item in &mut items {
            item.retain(|attribute, _| table.holds(index, attribute));
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

fn filters_missing(table: &Table, index: &Index, request: &mut impl Read) -> bool {
    let Some(text) = request.filter().map(str::to_owned) else {
        return false;
    };
    let names = request.names().as_ref();
    let mut is_missing = false;
    gate::each_attribute(
        &text,
        Context {
            names,
            values: None,
        },
        &mut |name| {
            is_missing |= !table.holds(index, name);
        },
    );
    is_missing
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
