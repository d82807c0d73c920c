//! Usage: what calls did and cost, counted for all observers; and budgets, which refuse calls that would exceed them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::capacity::Consumed;
use crate::error::{Error, ErrorKind};
use crate::transport::Operation;

/// Number of call sites that a message names.
const SITES_NAMED: usize = 5;

/// Totals of some calls.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tally {
    /// Calls that were sent, each once.
    pub requests: u64,
    /// Further attempts of those calls.
    pub retries: u64,
    /// Attempts that the service throttled.
    pub throttles: u64,
    /// Read units, as the service reported them.
    pub read_units: f64,
    /// Write units, as the service reported them.
    pub write_units: f64,
}

/// What may be used; None means unlimited.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Budget {
    /// Read units.
    pub read_units: Option<f64>,
    /// Write units.
    pub write_units: Option<f64>,
    /// Requests.
    pub requests: Option<u64>,
    /// Whether calls that would exceed it are refused.
    pub refuses: bool,
}

/// What calls did and cost so far. It is exact at any moment: a call counts when it is sent, its retries when they are, its units
/// when its answer arrives.
#[derive(Debug, Default)]
pub struct Usage {
    budget: Budget,
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    total: Tally,
    by_operation: BTreeMap<Box<str>, Tally>,
    by_table: BTreeMap<Box<str>, Tally>,
    migrated: u64,
    /// Number of calls by call site.
    by_site: BTreeMap<Box<str>, u64>,
}

impl Counted {
    /// Updates the total, and the tallies of this operation and table.
    fn count(&mut self, operation: &str, table: &str, change: impl Fn(&mut Tally)) {
        change(&mut self.total);
        change(entry(&mut self.by_operation, operation));
        if !table.is_empty() {
            change(entry(&mut self.by_table, table));
        }
    }
}

fn entry<'a>(tallies: &'a mut BTreeMap<Box<str>, Tally>, name: &str) -> &'a mut Tally {
    if !tallies.contains_key(name) {
        tallies.insert(name.into(), Tally::default());
    }
    tallies.entry(name.into()).or_default()
}

impl Usage {
    /// A usage with nothing counted.
    pub fn new(budget: Budget) -> Self {
        Self {
            budget,
            counted: Mutex::default(),
        }
    }

    /// All calls together.
    pub fn total(&self) -> Tally {
        self.counted().total
    }

    /// Values that were read as plaintext where they should have been encrypted.
    pub fn migrated(&self) -> u64 {
        self.counted().migrated
    }

    /// Tallies by the name of the operation.
    pub fn by_operation(&self) -> Vec<(String, Tally)> {
        list(&self.counted().by_operation)
    }

    /// Tallies by table. A request to several tables counts in each.
    pub fn by_table(&self) -> Vec<(String, Tally)> {
        list(&self.counted().by_table)
    }

    /// Call sites and their numbers of calls, highest first.
    pub fn sites(&self) -> Vec<(String, u64)> {
        let counted = self.counted();
        let sites = counted.by_site.iter();
        let mut sites: Vec<_> = sites
            .map(|(site, count)| (site.to_string(), *count))
            .collect();
        sites.sort_by_key(|site| std::cmp::Reverse(site.1));
        sites
    }

    /// What exceeds the budget, as text; None while nothing does.
    pub fn excess(&self) -> Option<String> {
        let total = self.total();
        let mut words = Vec::new();
        let requests = self.budget.requests.filter(|most| total.requests > *most);
        words.extend(requests.map(|most| format!("{} requests (budget: {most})", total.requests)));
        for (what, used, most) in [
            ("read", total.read_units, self.budget.read_units),
            ("write", total.write_units, self.budget.write_units),
        ] {
            let most = most.filter(|most| used > *most);
            words.extend(most.map(|most| format!("{used} {what} units (budget: {most})")));
        }
        (!words.is_empty()).then(|| self.describe(&words.join(" and ")))
    }

    fn describe(&self, used: &str) -> String {
        let sites = self.sites();
        let mut text = format!("this block used {used}");
        for (position, (site, count)) in sites.iter().take(SITES_NAMED).enumerate() {
            let start = if position == 0 { ": " } else { ", " };
            let times = if *count == 1 {
                "once".to_owned()
            } else {
                format!("{count} times")
            };
            let _ = write!(text, "{start}{site} {times}");
        }
        if sites.len() > SITES_NAMED {
            let _ = write!(text, ", and {} other places", sites.len() - SITES_NAMED);
        }
        let repeats = |(site, count): &(String, u64)| *count > 1 && site.contains(" GetItem");
        if sites.iter().any(repeats) {
            text.push_str("; to read items together instead of one by one, use batch_get or a batching() block");
        }
        text
    }

    /// A call is about to be sent.
    fn begin(&self, operation: &Operation, table: &str, site: Option<&str>) -> Result<(), Error> {
        // One lock for the check and the count: two calls must not both fit into the same rest of a budget.
        let mut counted = self.counted();
        if let Some(site) = site {
            let on = if table.is_empty() { "" } else { " on " };
            let site = format!("{site} {operation}{on}{table}");
            *counted.by_site.entry(site.into()).or_default() += 1;
        }
        let total = counted.total;
        let over = |used: f64, most: Option<f64>| most.is_some_and(|most| used > most);
        let is_too_much = self
            .budget
            .requests
            .is_some_and(|most| total.requests >= most)
            || over(total.read_units, self.budget.read_units)
            || over(total.write_units, self.budget.write_units);
        if self.budget.refuses && is_too_much {
            drop(counted);
            return Err(self.refusal(total));
        }
        counted.count(operation.name(), table, |tally| tally.requests += 1);
        Ok(())
    }

    fn refusal(&self, total: Tally) -> Error {
        let budget = self.excess().unwrap_or_else(|| {
            self.describe(&format!("all {} requests of its budget", total.requests))
        });
        let message = format!("{budget}; nothing more is sent");
        Error::new(
            ErrorKind::BudgetExceeded {
                sites: self.sites(),
            },
            message,
        )
    }

    /// Another observer's budget refused the call, and it is not sent.
    fn take_back(&self, operation: &Operation, table: &str) {
        self.counted()
            .count(operation.name(), table, |tally| tally.requests -= 1);
    }

    fn retried(&self, operation: &Operation, table: &str, change: impl Fn(&mut Tally)) {
        self.counted().count(operation.name(), table, change);
    }

    fn settle(&self, operation: &Operation, table: &str, consumed: &[Consumed]) {
        let mut counted = self.counted();
        for one in consumed {
            let add = |tally: &mut Tally| {
                tally.read_units += one.read_units;
                tally.write_units += one.write_units;
            };
            // A request to one table is counted under the name that it was sent with.
            let name = if table.is_empty() { &one.table } else { table };
            counted.count(operation.name(), name, add);
            if table.is_empty() && !one.table.is_empty() {
                entry(&mut counted.by_table, &one.table).requests += 1;
            }
        }
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn list(tallies: &BTreeMap<Box<str>, Tally>) -> Vec<(String, Tally)> {
    tallies
        .iter()
        .map(|(name, tally)| (name.to_string(), *tally))
        .collect()
}

/// The usages that count a client's calls.
#[derive(Debug)]
pub struct Observers {
    usages: Vec<Arc<Usage>>,
    /// The call site in the program, for budgets.
    site: Option<Box<str>>,
}

impl Observers {
    /// Observers that count into these usages.
    pub fn new(usages: Vec<Arc<Usage>>, site: Option<&str>) -> Self {
        Self {
            usages,
            site: site.map(Into::into),
        }
    }

    /// Whether both count into the same usages.
    pub(crate) fn counts_for(&self, other: &Self) -> bool {
        let mut pairs = self.usages.iter().zip(&other.usages);
        self.usages.len() == other.usages.len() && pairs.all(|(one, other)| Arc::ptr_eq(one, other))
    }

    /// This many values of an answer were plaintext but should have been encrypted.
    pub(crate) fn migrated(&self, values: u64) {
        for usage in &self.usages {
            usage.counted().migrated += values;
        }
    }

    /// A call is about to be sent.
    ///
    /// # Errors
    /// [`ErrorKind::BudgetExceeded`]: a budget refuses it.
    pub fn begin(&self, operation: &Operation, table: &str) -> Result<(), Error> {
        for (position, usage) in self.usages.iter().enumerate() {
            if let Err(error) = usage.begin(operation, table, self.site.as_deref()) {
                for earlier in &self.usages[..position] {
                    earlier.take_back(operation, table);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    pub(crate) fn retried(&self, operation: &Operation, table: &str) {
        for usage in &self.usages {
            usage.retried(operation, table, |tally| tally.retries += 1);
        }
    }

    pub(crate) fn throttled(&self, operation: &Operation, table: &str) {
        for usage in &self.usages {
            usage.retried(operation, table, |tally| tally.throttles += 1);
        }
    }

    /// The answer of a call says that it consumed this.
    pub fn settle(&self, operation: &Operation, table: &str, consumed: &[Consumed]) {
        for usage in &self.usages {
            usage.settle(operation, table, consumed);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp)]

    use super::*;

    fn begin(usage: &Usage, site: &str) -> Result<(), Error> {
        usage.begin(&Operation::GetItem, "users", Some(site))
    }

    #[test]
    fn a_request_to_several_tables_counts_in_each() {
        let usage = Usage::default();
        let operation = Operation::BatchGetItem;
        usage.begin(&operation, "", None).unwrap();

        let of = |table: &str, read_units| Consumed {
            table: table.to_owned(),
            read_units,
            write_units: 0.0,
        };
        usage.settle(&operation, "", &[of("a", 1.5), of("b", 2.0)]);

        let total = usage.total();
        assert_eq!((total.requests, total.read_units), (1, 3.5));
        let tables = usage.by_table();
        assert_eq!(
            (
                tables[0].0.as_str(),
                tables[0].1.requests,
                tables[0].1.read_units
            ),
            ("a", 1, 1.5)
        );
        assert_eq!(
            (
                tables[1].0.as_str(),
                tables[1].1.requests,
                tables[1].1.read_units
            ),
            ("b", 1, 2.0)
        );
        assert_eq!(usage.by_operation()[0].1.requests, 1);
    }

    #[test]
    fn a_budget_refuses_the_request_over_it_and_says_where_they_came_from() {
        let usage = Usage::new(Budget {
            requests: Some(2),
            refuses: true,
            ..Budget::default()
        });
        begin(&usage, "app.py:7").unwrap();
        begin(&usage, "app.py:7").unwrap();

        let error = begin(&usage, "app.py:9").unwrap_err();

        assert_eq!(
            error.message(),
            "this block used all 2 requests of its budget: app.py:7 GetItem on users 2 times, app.py:9 GetItem on users once; to read items together instead of one by one, use batch_get or a batching() block; nothing more is sent"
        );
        assert_eq!(usage.total().requests, 2);
    }

    #[test]
    fn units_over_the_budget_refuse_the_next_request() {
        let usage = Usage::new(Budget {
            read_units: Some(1.0),
            refuses: true,
            ..Budget::default()
        });
        begin(&usage, "app.py:7").unwrap();
        assert_eq!(usage.excess(), None);
        usage.settle(
            &Operation::GetItem,
            "users",
            &[Consumed {
                table: "users".into(),
                read_units: 2.5,
                write_units: 0.0,
            }],
        );

        assert!(
            usage
                .excess()
                .unwrap()
                .starts_with("this block used 2.5 read units (budget: 1)")
        );
        assert!(begin(&usage, "app.py:7").is_err());
    }

    #[test]
    fn what_one_observer_refuses_no_other_counts() {
        let outer = Arc::new(Usage::default());
        let inner = Arc::new(Usage::new(Budget {
            requests: Some(0),
            refuses: true,
            ..Budget::default()
        }));
        let observers = Observers::new(vec![outer.clone(), inner], Some("app.py:1"));

        assert!(observers.begin(&Operation::GetItem, "t").is_err());

        assert_eq!(outer.total().requests, 0);
    }
}
