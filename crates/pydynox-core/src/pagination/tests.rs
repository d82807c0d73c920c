//! The paging loop over a service that holds numbered rows.

#![allow(clippy::unwrap_used)]

use std::sync::Mutex;

use super::*;
use crate::client::config::ClientConfig;
use crate::operation::read_request::Selection;
use crate::operation::scan;
use crate::transport::{Exchange, Request, Response, Transport};

/// Rows 0 to `rows`, of which every `match_every`-th matches; logs what it was asked.
struct Table {
    rows: usize,
    match_every: usize,
    /// Items that one answer reads at most.
    page: usize,
    fails_at: Option<usize>,
    /// Answers without rows lead in a circle of as many positions.
    circle: Option<usize>,
    requests: Mutex<Vec<String>>,
}

impl Table {
    fn new(rows: usize) -> Self {
        Self {
            rows,
            match_every: 1,
            page: 10,
            fails_at: None,
            circle: None,
            requests: Mutex::default(),
        }
    }

    fn times_asked(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

fn number_after(body: &str, name: &str) -> Option<usize> {
    let (_, rest) = body.split_once(&format!("\"{name}\":"))?;
    let digits: String = rest
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

impl Transport for Table {
    fn send(&self, request: Request) -> Exchange<'_> {
        let body = String::from_utf8(request.body.to_vec()).unwrap();
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push(body.clone());
            requests.len()
        };
        if self.fails_at == Some(number) {
            return Box::pin(async { Ok(response(400, r#"{"__type":"x#ValidationException"}"#)) });
        }
        if let Some(length) = self.circle {
            // The members of a key come in any order.
            let (n, m) = (
                format!(r#""n":{{"N":"{}"}}"#, number % length),
                r#""m":{"N":"1"}"#,
            );
            let key = if number % 3 == 0 {
                format!("{n},{m}")
            } else {
                format!("{m},{n}")
            };
            let text = format!(r#"{{"Count":0,"ScannedCount":1,"LastEvaluatedKey":{{{key}}}}}"#);
            return Box::pin(async move { Ok(response(200, &text)) });
        }
        let segment = number_after(&body, "Segment").unwrap_or(0);
        let total = number_after(&body, "TotalSegments").unwrap_or(1);
        let rows: Vec<usize> = (0..self.rows)
            .filter(|row| row % total == segment)
            .collect();
        let start = number_after(&body, "ExclusiveStartKey")
            .map_or(0, |last| rows.iter().filter(|row| **row <= last).count());
        let end = (start
            + number_after(&body, "Limit")
                .unwrap_or(usize::MAX)
                .min(self.page))
        .min(rows.len());
        let items: Vec<String> = rows[start..end]
            .iter()
            .filter(|row| **row % self.match_every == 0)
            .map(|row| format!(r#"{{"n":{{"N":"{row}"}}}}"#))
            .collect();
        let last = if end < rows.len() {
            format!(r#","LastEvaluatedKey":{{"n":{{"N":"{}"}}}}"#, rows[end - 1])
        } else {
            String::new()
        };
        let text = format!(
            r#"{{"Count":{},"ScannedCount":{},"Items":[{}]{last}}}"#,
            items.len(),
            end - start,
            items.join(",")
        );
        Box::pin(async move { Ok(response(200, &text)) })
    }
}

fn response(status: u16, body: &str) -> Response {
    let mut response = Response {
        status,
        body: Bytes::copy_from_slice(body.as_bytes()),
        ..Response::default()
    };
    response.headers.request_id = Some("REQUEST1".into());
    response
}

fn plan() -> Plan {
    let mut writer = Writer::with_capacity(64);
    scan::begin(&mut writer, "t", &Selection::default()).unwrap();
    Plan {
        operation: Operation::Scan,
        table: "t".into(),
        head: writer.into_bytes().into(),
        page_size: None,
        filtered: false,
        exact: false,
        total_segments: 1,
        timeout: None,
        reads_left: None,
    }
}

fn client(table: &Arc<Table>) -> Client {
    Client::new(table.clone(), ClientConfig::default()).unwrap()
}

fn pager(plan: Plan) -> Pager {
    Pager::new(Arc::new(plan), None, 0, Position::Start)
}

fn rows(fetched: &Fetched) -> Vec<usize> {
    let pages = fetched.pages.iter();
    pages
        .flat_map(|page| {
            page.items.iter().map(|item| {
                let item = &page.body[item.start as usize..item.end as usize];
                number_after(std::str::from_utf8(item).unwrap(), "N").unwrap()
            })
        })
        .collect()
}

fn filtered(page_size: Option<u32>) -> Plan {
    Plan {
        filtered: true,
        page_size,
        ..plan()
    }
}

#[tokio::test]
async fn without_a_filter_the_limit_is_what_is_wanted() {
    let table = Arc::new(Table::new(100));
    let mut pager = pager(plan());

    let fetched = pager.fetch(&client(&table), 7, Some(7)).await.unwrap();

    assert_eq!(rows(&fetched), (0..7).collect::<Vec<_>>());
    assert_eq!(table.times_asked(), 1);
    assert!(table.requests.lock().unwrap()[0].contains(r#""Limit":7}"#));
    assert!(matches!(fetched.after, Position::After(_)));
}

#[tokio::test]
async fn answers_without_rows_are_followed() {
    let table = Arc::new(Table {
        match_every: 45,
        ..Table::new(100)
    });
    let mut pager = pager(filtered(None));
    let client = client(&table);

    let first = pager.fetch(&client, 2, Some(2)).await.unwrap();
    let rest = pager.fetch(&client, 2, Some(2)).await.unwrap();

    assert_eq!((rows(&first), first.requests), (vec![0, 45], 5));
    assert_eq!((rows(&rest), rest.requests), (vec![90], 5));
    assert_eq!(rest.after, Position::End);
    assert!(!table.requests.lock().unwrap()[0].contains("Limit"));
}

#[tokio::test]
async fn where_no_row_says_where_it_ends_no_more_than_wanted_is_read() {
    let table = Arc::new(Table {
        match_every: 2,
        ..Table::new(20)
    });
    let mut pager = pager(Plan {
        exact: true,
        ..filtered(Some(8))
    });

    let fetched = pager.fetch(&client(&table), 3, Some(3)).await.unwrap();

    assert_eq!(rows(&fetched), [0, 2, 4]);
    let limits: Vec<_> = table
        .requests
        .lock()
        .unwrap()
        .iter()
        .map(|body| number_after(body, "Limit").unwrap())
        .collect();
    assert_eq!(limits, [3, 1, 1]);
}

#[tokio::test]
async fn what_fails_leaves_the_position_where_it_was() {
    let table = Arc::new(Table {
        fails_at: Some(2),
        ..Table::new(30)
    });
    let mut pager = pager(plan());
    let client = client(&table);

    pager.fetch(&client, 15, Some(15)).await.unwrap_err();
    let again = pager.fetch(&client, 15, Some(15)).await.unwrap();

    assert_eq!(rows(&again), (0..15).collect::<Vec<_>>());
}

#[tokio::test]
async fn requests_are_counted_against_their_bound() {
    let table = Arc::new(Table {
        match_every: 1000,
        ..Table::new(100)
    });
    let plan = Plan {
        reads_left: Some(AtomicU32::new(3)),
        ..filtered(Some(10))
    };
    let mut pager = pager(plan);

    let fetched = pager.fetch(&client(&table), 2, None).await.unwrap();

    assert_eq!((fetched.requests, fetched.scanned), (3, 30));
    assert!(pager.plan.is_spent() && !pager.is_over());
}

#[tokio::test]
async fn counting_reads_to_the_end_or_to_what_is_wanted() {
    let table = Arc::new(Table::new(95));
    let client = client(&table);

    let all = pager(plan()).count(&client, None).await.unwrap();
    let some = pager(plan()).count(&client, Some(12)).await.unwrap();

    assert_eq!(all.count, 95);
    assert_eq!(some.count, 12);
}

#[tokio::test]
async fn segments_bring_every_row_once_and_hold_one_page_each() {
    let table = Arc::new(Table::new(500));
    let plan = Arc::new(Plan {
        total_segments: 4,
        ..plan()
    });
    let gate = Arc::new(Semaphore::new(2));
    let (sender, mut receiver) = mpsc::channel(1);
    for segment in 0..4 {
        let pager = Pager::new(
            plan.clone(),
            Some(segment),
            segment as usize,
            Position::Start,
        );
        tokio::spawn(read_segment(
            pager,
            client(&table),
            gate.clone(),
            sender.clone(),
        ));
    }
    drop(sender);
    tokio::task::yield_now().await;
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(
        table.times_asked() <= 4,
        "nobody takes pages, so nobody reads on"
    );

    let mut rows_read = Vec::new();
    while let Some(fetched) = receiver.recv().await {
        rows_read.extend(rows(&fetched.unwrap()));
    }

    rows_read.sort_unstable();
    assert_eq!(rows_read, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_service_that_leads_in_a_circle_is_an_error() {
    for length in [1, 2, 5] {
        let mut table = Table::new(0);
        table.circle = Some(length);
        let table = Arc::new(table);
        let mut pager = Pager::new(Arc::new(plan()), None, 0, Position::Start);

        let error = pager.fetch(&client(&table), 1, None).await.unwrap_err();

        assert_eq!(error.kind(), &ErrorKind::InvalidResponse);
        assert!(error.to_string().contains("would never end"), "{error}");
        assert!(table.times_asked() <= 3 * length + 2, "{length}");
    }
}

#[tokio::test]
async fn pages_that_are_read_again_after_an_error_are_no_circle() {
    for fails_at in 1..12 {
        let mut table = Table::new(100);
        table.match_every = 1000;
        table.fails_at = Some(fails_at);
        let table = Arc::new(table);
        let mut pager = Pager::new(Arc::new(plan()), None, 0, Position::Start);
        let failed = pager.fetch(&client(&table), 5, None).await;

        let read = pager.fetch(&client(&table), 5, None).await.unwrap();

        assert_eq!(failed.is_err(), fails_at <= 10, "{fails_at}");
        assert!(pager.is_over());
        assert!(read.count <= 1);
    }
}

#[tokio::test]
async fn a_position_that_is_no_key_is_an_invalid_response() {
    struct Odd;
    impl Transport for Odd {
        fn send(&self, _: Request) -> Exchange<'_> {
            let text = r#"{"Count":0,"LastEvaluatedKey":{"n":{"M":{}}}}"#;
            Box::pin(async move { Ok(response(200, text)) })
        }
    }
    let client = Client::new(Arc::new(Odd), ClientConfig::default()).unwrap();
    let mut pager = Pager::new(Arc::new(plan()), None, 0, Position::Start);

    let error = pager.fetch(&client, 1, None).await.unwrap_err();

    assert_eq!(error.kind(), &ErrorKind::InvalidResponse);
    assert_eq!(error.request_id(), Some("REQUEST1"));
}
