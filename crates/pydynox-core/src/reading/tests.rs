//! What a reading gives, where it stands, and which searches and cursors are refused, without a service.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::expression::condition::{Comparator, Condition, Operand};
use crate::expression::key_condition::KeyCondition;
use crate::expression::path::Path;
use crate::pagination::Fetched;
use crate::schema::{Index, ItemSchema, KeyAttribute, KeyType, Projected};

fn equals(name: &str, json: &str) -> Condition {
    let value = Operand::Value(json.as_bytes().into());
    Condition::compare(Comparator::Equal, Operand::Path(Path::new(name)), value)
}

fn key(json: &str) -> Position {
    Position::After(Bytes::copy_from_slice(json.as_bytes()))
}

/// Orders of customers, with a global index that holds the keys alone.
fn orders(index: Option<&str>) -> Search {
    let names = ["customer", "number", "state", "total"];
    let keys = ("customer", KeyType::S);
    let item = ItemSchema::new("Order", names, keys, Some(("number", KeyType::N))).unwrap();
    let by_state = Index {
        name: "by_state".into(),
        global: true,
        partition: [KeyAttribute {
            attribute_name: "state".into(),
            key_type: KeyType::S,
        }]
        .into(),
        sort: [].into(),
        projected: Projected::KeysOnly,
    };
    let item = item.with_indexes(vec![by_state]).unwrap();
    Search::new(Some(Arc::new(item)), "", index)
}

/// A query of a table that no model describes.
fn query() -> Search {
    let conditions = [equals("id", r#"{"S":"a"}"#)];
    let mut search = Search::new(None, "users", None);
    search.key = Some(Arc::new(KeyCondition::undeclared(&conditions, 1).unwrap()));
    search
}

fn reading(search: &Search) -> Reading {
    let plan = Arc::new(search.plan("users", &Reads::default()).unwrap());
    let beginning = Beginning::of(search, "users", &CursorKeys::default()).unwrap();
    Reading::new(search, plan, beginning)
}

/// What a call returns: rows `a`, `b`, ..., after which the reading is at `after`.
fn fetched(rows: usize, after: Position) -> Fetched {
    let items: Vec<String> = (0..rows)
        .map(|row| format!(r#"{{"id":{{"S":"{}"}}}}"#, char::from(b'a' + row as u8)))
        .collect();
    let mut ranges = Vec::new();
    let mut body = String::new();
    for item in items {
        let start = body.len() as u32;
        body += &item;
        ranges.push(start..body.len() as u32);
    }
    let page = Page {
        body: body.into(),
        items: ranges,
        after: after.clone(),
        segment: 0,
        sealed: None,
        opened: None,
    };
    Fetched {
        pages: if rows > 0 { vec![page] } else { Vec::new() },
        after,
        segment: 0,
        count: rows as u64,
        scanned: rows as u64,
        capacity: Some(0.5),
        requests: 1,
        answer: None,
    }
}

fn arrive(reading: &Reading, fetched: Fetched) -> u64 {
    *lock(&reading.brought) = Some(Brought {
        source: None,
        fetched: vec![fetched],
        opened: Vec::new(),
    });
    reading.settle()
}

/// Gives as many rows as are taken, and stands behind them.
fn give(reading: &Reading, wanted: usize) -> usize {
    let mut rows = reading.take_rows(Some(wanted), false).unwrap();
    let page = &rows.pages[0];
    let given = rows.most.min(page.items.len() - rows.given_of_first);
    rows.given_of_first += given;
    let position = page
        .position_after(rows.given_of_first, &["id"])
        .unwrap()
        .unwrap();
    if rows.given_of_first == page.items.len() {
        rows.pages.pop_front();
        rows.given_of_first = 0;
    }
    reading.put_back(rows, given, vec![(0, position)], false);
    given
}

#[test]
fn a_step_fetches_only_the_rows_that_are_missing() {
    let reading = reading(&query());
    assert!(!reading.step(Some(2)).is_ok_and(|step| step.is_nothing()));
    assert_eq!(arrive(&reading, fetched(3, key("{}"))), 3);

    assert!(reading.step(Some(2)).is_ok_and(|step| step.is_nothing()));
    assert!(reading.step(None).is_ok_and(|step| step.is_nothing()));
    assert_eq!(reading.capacity(), Some(0.5));
}

#[test]
fn a_position_is_behind_the_last_row_that_was_given() {
    let reading = reading(&query());
    arrive(&reading, fetched(3, Position::End));

    assert_eq!(give(&reading, 2), 2);
    assert_eq!(reading.positions(), (vec![key(r#"{"id":{"S":"b"}}"#)], 2));
    assert_eq!(give(&reading, 2), 1);
    assert_eq!(reading.positions(), (vec![Position::End], 3));
}

#[test]
fn what_was_read_without_a_row_belongs_to_the_rows_before_it() {
    let reading = reading(&query());
    arrive(&reading, fetched(1, key("{}")));
    arrive(&reading, fetched(0, Position::End));
    assert_eq!(reading.positions().0, [Position::Start]);

    give(&reading, 1);
    assert_eq!(reading.positions().0, [Position::End]);
}

#[test]
fn a_limit_is_never_exceeded_and_leaves_no_cursor() {
    let search = Search {
        limit: Some(2),
        ..query()
    };
    let (reading, keys) = (reading(&search), CursorKeys::default());
    arrive(&reading, fetched(3, key("{}")));
    assert_eq!(give(&reading, 9), 2);

    let (positions, given) = reading.positions();
    let cursor = |heading| {
        reading
            .cursor(&search, &keys, heading, (&positions, given))
            .unwrap()
    };
    assert!(reading.is_over());
    assert_eq!(cursor(Heading::Forward), None);
    assert!(cursor(Heading::Backward).is_some());
}

#[test]
fn a_page_that_begins_at_the_start_leads_nowhere_back() {
    let search = query();
    let reading = reading(&search);
    reading.begin_page(&search);
    arrive(&reading, fetched(3, key("{}")));
    give(&reading, 2);
    assert_eq!(reading.way_back(), (Back::Nowhere, 0));

    reading.begin_page(&search);
    give(&reading, 1);
    let (back, given) = reading.way_back();
    assert!(matches!(back, Back::Before { row, .. } if row == r#"{"id":{"S":"c"}}"#));
    assert_eq!(given, 2);
}

#[test]
fn a_reading_that_keeps_its_rows_can_say_where_each_of_them_is() {
    let reading = reading(&query());
    arrive(&reading, fetched(2, Position::End));
    let rows = reading.take_rows(None, true).unwrap();
    reading.put_back(rows, 2, Vec::new(), false);
    let after = |page: &Page, given| page.position_after(given, &["id"]).map(Option::unwrap);

    let one = reading.positions_after(1, 1, after).unwrap();
    assert_eq!(one, Some((vec![key(r#"{"id":{"S":"a"}}"#)], 1)));
    // Of two that were taken, one turned out to be unreadable.
    let both = reading.positions_after(2, 1, after).unwrap();
    assert_eq!(both, Some((vec![Position::End], 1)));
    reading.take_back(1);
    assert_eq!(reading.positions().1, 1);
}

#[test]
fn a_reading_that_was_ended_stays_ended() {
    let reading = reading(&query());
    reading.stop();
    arrive(&reading, fetched(0, Position::End));

    assert!(reading.is_over());
    assert!(reading.prefetch(None).is_none());
}

#[test]
fn a_page_is_fetched_ahead_once_there_was_a_second_one() {
    let reading = reading(&query());
    for _ in 0..2 {
        assert!(reading.prefetch(None).is_none());
        arrive(&reading, fetched(1, key("{}")));
        give(&reading, 1);
    }
    assert!(reading.prefetch(None).is_some());
    assert!(reading.prefetch(None).is_none(), "one page, not two");
}

#[test]
fn the_limit_of_a_cursor_and_that_of_the_query_both_hold() {
    let keys = CursorKeys::default();
    let cursor = |left| {
        let (search, terms) = (
            query(),
            Terms {
                left,
                ..Terms::default()
            },
        );
        let at = [key(r#"{"id":{"S":"a"}}"#)];
        keys.seal(search.binding("users"), terms, Heading::Forward, &at)
            .unwrap()
    };
    for (limit, left, rows) in [
        (Some(5), Some(3), Some(3)),
        (Some(2), Some(3), Some(2)),
        (None, Some(3), Some(3)),
        (None, None, None),
    ] {
        let search = Search {
            limit,
            after: Some(After::Cursor(cursor(left).into())),
            ..query()
        };
        let beginning = Beginning::of(&search, "users", &keys).unwrap();
        assert_eq!(
            (beginning.limit, beginning.left),
            (rows, rows.map(|rows| rows as u64))
        );
        assert!(beginning.is_unsealed);
    }
}

#[test]
fn a_cursor_is_refused_by_another_query() {
    let keys = CursorKeys::default();
    let at = [key(r#"{"id":{"S":"a"}}"#)];
    let search = query();
    let terms = Terms::default();
    let cursor = keys
        .seal(search.binding("users"), terms, Heading::Forward, &at)
        .unwrap();
    let descending = Search {
        descending: true,
        after: Some(After::Cursor(cursor.into())),
        ..query()
    };

    assert!(Beginning::of(&descending, "users", &keys).is_err());
}

#[test]
fn a_key_must_be_one_of_what_is_read() {
    let orders = orders(None);
    let text = |json: &str| {
        orders
            .at_key(json.as_bytes(), "after")
            .unwrap_err()
            .message()
            .to_owned()
    };

    let whole = br#"{"number":{"N":"1"},"customer":{"S":"c"}}"#;
    assert!(matches!(orders.at_key(whole, "after"), Ok(After::Key(_))));
    assert_eq!(
        text(r#"{"customer":{"S":"c"}}"#),
        "after({...}): a LastEvaluatedKey of Order has customer (S), number (N) and nothing else"
    );
    let other = query()
        .at_key(br#"{"id":{"S":"b"}}"#, "before")
        .unwrap_err();
    assert_eq!(
        other.message(),
        "before({...}): the key is outside what the query reads"
    );
}

#[test]
fn a_scan_goes_one_way_and_has_no_order() {
    let mut scan = orders(None);
    assert!(scan.turns(Heading::Backward).is_err() && scan.descend().is_err());
    assert!(scan.turns(Heading::Forward).is_ok_and(|turns| !turns));

    let mut search = query();
    search.after = Some(After::Key(Bytes::new()));
    assert!(search.turns(Heading::Backward).is_ok_and(|turns| turns));
    search.rewind(Heading::Backward);
    assert!(
        search.after.is_some(),
        "what was given for the other way stays"
    );
    search.rewind(Heading::Forward);
    assert!(search.after.is_none());
}

#[test]
fn an_index_is_read_by_what_it_contains() {
    let mut by_state = orders(Some("by_state"));
    assert_eq!(by_state.what(), "the index Order.by_state");
    assert!(by_state.set_consistent(true).is_err() && by_state.set_consistent(false).is_ok());
    assert!(
        by_state
            .check_held(&Path::new("customer"), "select")
            .is_ok()
    );
    assert!(by_state.check_held(&Path::new("total"), "select").is_err());
    assert!(by_state.check_whole().is_err() && orders(None).check_whole().is_ok());

    let own = [
        equals("total", r#"{"N":"1"}"#),
        equals("number", r#"{"N":"1"}"#),
    ];
    let filter = by_state.filter_with(own.clone()).unwrap();
    assert_eq!(
        filter.as_ref(),
        Some(&own[1]),
        "a condition that the index cannot answer is left out"
    );
}

#[test]
fn a_filter_is_not_about_the_key_that_selects() {
    let mut search = query();
    assert!(search.add_filter(&equals("id", r#"{"S":"a"}"#)).is_err());
    assert!(search.add_filter(&equals("age", r#"{"N":"1"}"#)).is_ok());
    assert!(search.filter.is_some());
}
