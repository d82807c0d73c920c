//! Capacity: requests above what a partition or a table can do in a second are throttled, with the service's reasons.

use std::collections::HashMap;

use pydynox_core::clock;
use pydynox_core::transport::{Operation, Request, Response};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::access::Access;
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

    /// The reason why an access is throttled; otherwise it is promised the least that it can cost.
    fn over(
        &mut self,
        limits: Limits,
        access: &Access,
        promised: &mut HashMap<Name, f64>,
    ) -> Option<&'static str> {
        let over = names(limits, access).find_map(|(name, rate, scope)| {
            let promised = promised.get(&name).copied().unwrap_or_default();
            (*self.level(name, rate) <= promised).then_some(scope)
        });
        let Some(scope) = over else {
            let least = if access.is_write { 1.0 } else { 0.5 };
            for (name, _, _) in names(limits, access) {
                *promised.entry(name).or_default() += least;
            }
            return None;
        };
        Some(match (scope, access.index.is_some(), access.is_write) {
            (Scope::Partition, false, false) => "TableReadKeyRangeThroughputExceeded",
            (Scope::Partition, false, true) => "TableWriteKeyRangeThroughputExceeded",
            (Scope::Partition, true, _) => "IndexReadKeyRangeThroughputExceeded",
            (Scope::Table, false, false) => "TableReadProvisionedThroughputExceeded",
            (Scope::Table, false, true) => "TableWriteProvisionedThroughputExceeded",
            (Scope::Table, true, _) => "IndexReadProvisionedThroughputExceeded",
        })
    }
}

#[derive(Clone, Copy)]
enum Scope {
    Partition,
    Table,
}

/// The buckets that an access uses: whose, at which rate.
fn names(limits: Limits, access: &Access) -> impl Iterator<Item = (Name, Rate, Scope)> {
    let place = match &access.index {
        None => access.table.clone(),
        Some(index) => format!("{}/index/{index}", access.table),
    };
    let is_write = access.is_write;
    let rate = move |limit: Throughput| if is_write { limit.write } else { limit.read };
    let partition = limits.0.zip(access.partition.clone()).map({
        let place = place.clone();
        move |(limit, key)| ((place, Some(key), is_write), rate(limit), Scope::Partition)
    });
    let table = limits
        .1
        .map(move |limit| ((place, None, is_write), rate(limit), Scope::Table));
    partition.into_iter().chain(table)
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
}

impl Limited<'_> {
    pub(super) fn admit(&self, buckets: &mut Buckets) -> Admitted {
        let mut promised = HashMap::new();
        let over: Vec<_> = self
            .accesses
            .iter()
            .map(|access| buckets.over(self.limits, access, &mut promised))
            .collect();
        let Some(place) = over.iter().position(Option::is_some) else {
            return Admitted::All;
        };
        match self.request.operation {
            Operation::TransactGetItems | Operation::TransactWriteItems => {
                let codes: Vec<_> = over
                    .iter()
                    .map(|reason| reason.map(|_| "ThrottlingError"))
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
            _ => Admitted::None(throttled(
                &self.accesses[place],
                over[place].unwrap_or_default(),
            )),
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

fn throttled(access: &Access, reason: &str) -> Response {
    let resource = format!(
        "arn:aws:dynamodb:us-east-1:000000000000:table/{}",
        access.table
    );
    let resource = match &access.index {
        None => resource,
        Some(index) => format!("{resource}/index/{index}"),
    };
    refusal::with(
        "ProvisionedThroughputExceededException",
        "The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API.",
        json!({"ThrottlingReasons": [{"reason": reason, "resource": resource}]}),
    )
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

/// The request that also asks what it costs, and whether that was added.
pub(super) fn asking(request: &Request) -> (Request, bool) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&request.body) else {
        return (request.clone(), false);
    };
    let asks = body["ReturnConsumedCapacity"]
        .as_str()
        .is_some_and(|asks| asks != "NONE");
    if asks || !body.is_object() {
        return (request.clone(), false);
    }
    body["ReturnConsumedCapacity"] = "INDEXES".into();
    let request = Request {
        body: body.to_string().into(),
        ..request.clone()
    };
    (request, true)
}

/// Takes what an answer says it cost from the limits, spread over what the request touched; `added` removes the statement again.
pub(super) fn charge(
    buckets: &mut Buckets,
    limits: Limits,
    accesses: &[Access],
    response: &mut Response,
    added: bool,
) {
    let Ok(mut body) = serde_json::from_slice::<Value>(&response.body) else {
        return;
    };
    let consumed = &body["ConsumedCapacity"];
    let all = match consumed.as_array() {
        Some(all) => all.clone(),
        None => vec![consumed.clone()],
    };
    for consumed in all {
        let table = consumed["TableName"].as_str().unwrap_or_default();
        // What its indexes cost does not count for the table, as far as the answer tells them apart.
        let of_table = &consumed["Table"]["CapacityUnits"];
        let total = &consumed["CapacityUnits"];
        let units = of_table
            .as_f64()
            .filter(|units| *units > 0.0)
            .or(total.as_f64());
        let units = units.unwrap_or_default();
        let of_table: Vec<_> = accesses
            .iter()
            .filter(|access| access.table == table)
            .collect();
        #[allow(clippy::cast_precision_loss)] // at most a hundred
        let each = units / of_table.len().max(1) as f64;
        for access in of_table {
            for (name, rate, _) in names(limits, access) {
                *buckets.level(name, rate) -= each;
            }
        }
    }
    if added
        && let Some(members) = body.as_object_mut()
        && members.remove("ConsumedCapacity").is_some()
    {
        response.body = body.to_string().into_bytes().into();
        response.headers.crc32 = None;
    }
}
