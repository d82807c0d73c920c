//! Capacity: requests above what a partition or a table can do in a second are throttled, with the service's reasons.

use std::collections::HashMap;

use pydynox_core::clock;
use pydynox_core::transport::{Operation, Request, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::access::{Access, list, of_index};
use super::refusal;

/// Units per second.
type Rate = f64;

/// What something can do in a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Throughput {
    /// Read units.
    pub read: f64,
    /// Write units.
    pub write: f64,
}

/// The limits of a partition and of a table.
pub(super) type Limits = (Option<Throughput>, Option<Throughput>);

/// A table or index, one of its partition keys or none, and whether it is for writes.
type Name = (String, Option<String>, bool);

/// What is left of each limit, in units. A request is admitted while something is left, and may use more than that.
#[derive(Debug, Default)]
pub(super) struct Buckets(HashMap<Name, (f64, Instant)>);

impl Buckets {
    fn level(&mut self, name: Name, rate: Rate) -> &mut f64 {
        let now = clock::instant();
        let (level, at) = self.0.entry(name).or_insert((rate, now));
        let elapsed = now.saturating_duration_since(*at).as_secs_f64();
        (*level, *at) = ((*level + elapsed * rate).min(rate), now);
        level
    }

    /// Why an access is throttled; otherwise it is promised the least that it can cost.
    fn over(
        &mut self,
        limits: Limits,
        access: &Access,
        promised: &mut HashMap<Name, f64>,
    ) -> Option<Over> {
        let parts = || Part::of(access).flat_map(|part| part.names(limits));
        let over = parts().find_map(|(name, rate, reason)| {
            let promised = promised.get(&name).copied().unwrap_or_default();
            let place = name.0.clone();
            (*self.level(name, rate) <= promised).then_some(Over { place, reason })
        });
        if over.is_none() {
            let least = if access.is_write { 1.0 } else { 0.5 };
            for (name, _, _) in parts() {
                *promised.entry(name).or_default() += least;
            }
        }
        over
    }
}

/// What is used up, and the service's word for it.
struct Over {
    place: String,
    reason: &'static str,
}

/// A part of a table or index whose throughput an access uses.
struct Part {
    place: String,
    partition: Option<String>,
    is_index: bool,
    is_write: bool,
}

impl Part {
    /// The parts that an access uses: a write also that of the global indexes that it changes.
    fn of(access: &Access) -> impl Iterator<Item = Self> {
        let own = (!access.table.is_empty()).then(|| Self {
            place: access.place(),
            partition: access.partition.clone(),
            is_index: access.is_global,
            is_write: access.is_write,
        });
        let entries = access.entries.iter().map(|(index, partition)| Self {
            place: of_index(&access.table, index),
            partition: Some(partition.clone()),
            is_index: true,
            is_write: true,
        });
        own.into_iter().chain(entries)
    }

    /// The buckets that it has: whose, at which rate, and why a request is throttled that finds one empty.
    fn names(self, limits: Limits) -> impl Iterator<Item = (Name, Rate, &'static str)> {
        let is_write = self.is_write;
        let rate = move |limit: Throughput| if is_write { limit.write } else { limit.read };
        let (key_range, provisioned) = match (self.is_index, is_write) {
            (false, false) => (
                "TableReadKeyRangeThroughputExceeded",
                "TableReadProvisionedThroughputExceeded",
            ),
            (false, true) => (
                "TableWriteKeyRangeThroughputExceeded",
                "TableWriteProvisionedThroughputExceeded",
            ),
            (true, false) => (
                "IndexReadKeyRangeThroughputExceeded",
                "IndexReadProvisionedThroughputExceeded",
            ),
            (true, true) => (
                "IndexWriteKeyRangeThroughputExceeded",
                "IndexWriteProvisionedThroughputExceeded",
            ),
        };
        let place = self.place.clone();
        let partition = limits.0.zip(self.partition);
        let partition = partition
            .map(move |(limit, key)| ((place, Some(key), is_write), rate(limit), key_range));
        let whole = limits
            .1
            .map(move |limit| ((self.place, None, is_write), rate(limit), provisioned));
        partition.into_iter().chain(whole)
    }
}

/// A request that may be over a limit.
pub(super) struct Limited<'a> {
    pub(super) limits: Limits,
    pub(super) request: &'a Request,
    pub(super) body: &'a Value,
    pub(super) accesses: &'a [Access],
}

/// What of a request is within the limits.
pub(super) enum Admitted {
    All,
    None(Response),
    /// Of a batch: the body of what is, and the members that are not.
    Some(Value, Value),
    /// Of a batch of statements: the body of what is, and the answers of those that are not, at their places.
    Statements(Value, Vec<Option<Value>>),
}

impl Limited<'_> {
    pub(super) fn admit(&self, buckets: &mut Buckets) -> Admitted {
        let mut promised = HashMap::new();
        let over: Vec<_> = self
            .accesses
            .iter()
            .map(|access| buckets.over(self.limits, access, &mut promised))
            .collect();
        let Some(first) = over.iter().flatten().next() else {
            return Admitted::All;
        };
        match self.request.operation {
            Operation::TransactGetItems
            | Operation::TransactWriteItems
            | Operation::ExecuteTransaction => {
                let codes: Vec<_> = over
                    .iter()
                    .map(|over| over.as_ref().map(|_| "ThrottlingError"))
                    .collect();
                Admitted::None(refusal::cancelled(&codes))
            }
            Operation::BatchGetItem | Operation::BatchWriteItem
                if over.iter().any(Option::is_none) =>
            {
                let mut over = over.iter().map(Option::is_some);
                let (mut part, mut rest) = (self.body.clone(), json!({}));
                let items = self.body["RequestItems"].as_object();
                for (table, entry) in items.into_iter().flatten() {
                    let (within, beyond) = halves(entry, &mut over);
                    part["RequestItems"][table] = within;
                    if !beyond.is_null() {
                        rest[table] = beyond;
                    }
                }
                if let Some(items) = part["RequestItems"].as_object_mut() {
                    items.retain(|_, entry| !entry.is_null());
                }
                Admitted::Some(part, rest)
            }
            Operation::BatchExecuteStatement => {
                let mut part = self.body.clone();
                let mut place = over.iter();
                if let Some(statements) = part["Statements"].as_array_mut() {
                    statements.retain(|_| place.next().is_none_or(Option::is_none));
                }
                let refused = over.iter().map(|over| over.as_ref().map(statement_refused));
                Admitted::Statements(part, refused.collect())
            }
            _ => Admitted::None(throttled(first)),
        }
    }
}

/// The entries of one table of a batch that are within the limits, and those that are not; null where there are none.
fn halves(entry: &Value, over: &mut impl Iterator<Item = bool>) -> (Value, Value) {
    let entries = entry.as_array().or_else(|| entry["Keys"].as_array());
    let (mut within, mut beyond) = (vec![], vec![]);
    for one in entries.into_iter().flatten() {
        let list = if over.next().unwrap_or(false) {
            &mut beyond
        } else {
            &mut within
        };
        list.push(one.clone());
    }
    let whole = |list: Vec<Value>| {
        if list.is_empty() {
            return Value::Null;
        }
        if entry.is_array() {
            return list.into();
        }
        let mut get = entry.clone();
        get["Keys"] = list.into();
        get
    };
    (whole(within), whole(beyond))
}

const EXCEEDED: &str = "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.";

fn throttled(over: &Over) -> Response {
    let resource = format!(
        "arn:aws:dynamodb:us-east-1:000000000000:table/{}",
        over.place
    );
    refusal::with(
        "ProvisionedThroughputExceededException",
        EXCEEDED,
        json!({"ThrottlingReasons": [{"reason": over.reason, "resource": resource}]}),
    )
}

fn statement_refused(over: &Over) -> Value {
    let table = over.place.split('/').next();
    json!({"TableName": table, "Error": {"Code": "ProvisionedThroughputExceeded", "Message": EXCEEDED}})
}

/// The answer to a part of a batch, with what was throttled as unprocessed.
pub(super) fn with_rest(mut response: Response, operation: &Operation, rest: &Value) -> Response {
    let name = if *operation == Operation::BatchGetItem {
        "UnprocessedKeys"
    } else {
        "UnprocessedItems"
    };
    if response.status == 200
        && let Ok(mut body) = serde_json::from_slice::<Value>(&response.body)
    {
        body[name] = rest.clone();
        response.body = body.to_string().into_bytes().into();
        response.headers.crc32 = None;
    }
    response
}

/// The answer to a part of the statements of a batch, with the answers of those that were throttled at their places.
pub(super) fn with_refused(mut response: Response, refused: Vec<Option<Value>>) -> Response {
    if response.status == 200
        && let Ok(mut body) = serde_json::from_slice::<Value>(&response.body)
    {
        let mut answered = list(&body["Responses"])
            .cloned()
            .collect::<Vec<_>>()
            .into_iter();
        body["Responses"] = refused
            .into_iter()
            .filter_map(|refused| refused.or_else(|| answered.next()))
            .collect();
        response.body = body.to_string().into_bytes().into();
        response.headers.crc32 = None;
    }
    response
}

/// The request that also asks what each index cost, and what of that the caller did not ask for.
pub(super) fn asking(request: &Request) -> (Request, Unasked) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&request.body) else {
        return (request.clone(), Unasked::Nothing);
    };
    let unasked = match &body["ReturnConsumedCapacity"] {
        Value::Null => Unasked::All,
        Value::String(mode) if mode == "NONE" => Unasked::All,
        Value::String(mode) if mode == "TOTAL" => Unasked::Parts,
        _ => return (request.clone(), Unasked::Nothing),
    };
    if !body.is_object() {
        return (request.clone(), Unasked::Nothing);
    }
    body["ReturnConsumedCapacity"] = "INDEXES".into();
    let request = Request {
        body: body.to_string().into(),
        ..request.clone()
    };
    (request, unasked)
}

/// What an answer says about its cost that its caller did not ask for.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unasked {
    Nothing,
    Parts,
    All,
}

/// Takes what an answer says it cost from the limits, spread over what the request touched, and removes what was not asked for.
pub(super) fn charge(
    buckets: &mut Buckets,
    limits: Limits,
    accesses: &[Access],
    response: &mut Response,
    unasked: Unasked,
) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) else {
        return;
    };
    let mut places = Vec::new();
    let consumed = &body["ConsumedCapacity"];
    for consumed in consumed.as_array().unwrap_or(&vec![consumed.clone()]) {
        let table = consumed["TableName"].as_str().unwrap_or_default();
        let units = |member: &str| {
            let parts = consumed[member].as_object().into_iter().flatten();
            parts.map(|(name, part)| {
                (
                    name.clone(),
                    part["CapacityUnits"].as_f64().unwrap_or_default(),
                )
            })
        };
        let own = consumed["Table"]["CapacityUnits"].as_f64();
        // A local index has no throughput of its own.
        let local: f64 = units("LocalSecondaryIndexes").map(|(_, units)| units).sum();
        places.push((table.to_owned(), own.unwrap_or_default() + local));
        places.extend(
            units("GlobalSecondaryIndexes").map(|(name, units)| (of_index(table, &name), units)),
        );
    }
    for (place, units) in places {
        let parts = || {
            accesses
                .iter()
                .flat_map(Part::of)
                .filter(|part| part.place == place)
        };
        #[allow(clippy::cast_precision_loss)] // at most a few hundred
        let each = units / parts().count().max(1) as f64;
        for (name, rate, _) in parts().flat_map(|part| part.names(limits)) {
            *buckets.level(name, rate) -= each;
        }
    }
    let Some(members) = body.as_object_mut().filter(|_| unasked != Unasked::Nothing) else {
        return;
    };
    match members.get_mut("ConsumedCapacity") {
        None => return,
        Some(_) if unasked == Unasked::All => {
            members.remove("ConsumedCapacity");
        }
        Some(Value::Array(all)) => all.iter_mut().for_each(only_totals),
        Some(one) => only_totals(one),
    }
    response.body = body.to_string().into_bytes().into();
    response.headers.crc32 = None;
}

fn only_totals(consumed: &mut Value) {
    if let Some(members) = consumed.as_object_mut() {
        members.retain(|_, member| !member.is_object());
    }
}
