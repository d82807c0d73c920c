//! Engines in files: they persist, are shared by canonical path, and survive `kill -9`.
#![allow(clippy::unwrap_used)]

mod support;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write, stdout};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use pydynox_core::error::{Error, ErrorKind};
use pydynox_embedded::{Location, open};
use serde_json::json;
use support::{Engine, at, create, has, item_of, key_of, ok, put, request};
use tempfile::tempdir;

fn url(directory: &Path, rest: &str) -> String {
    format!("file://{}/{rest}", directory.display())
}

fn refusal(url: &str) -> Error {
    let location = Location::parse(url).unwrap().unwrap();
    match open(&location) {
        Ok(_) => panic!("{url} was opened"),
        Err(error) => error,
    }
}

#[test]
fn what_was_written_is_there_when_the_file_is_opened_again() {
    let directory = tempdir().unwrap();
    let file = url(directory.path(), "shop.db");
    let engine = at(&file);
    create(&engine, "users");
    put(&engine, "users", "a");
    drop(engine);

    let again = at(&file);

    assert!(has(&again, "users", "a"));
}

/// What the API Reference of each operation says to be described until it is changed.
#[test]
fn settings_are_there_when_the_file_is_opened_again() {
    let directory = tempdir().unwrap();
    let file = url(directory.path(), "shop.db");
    let engine = at(&file);
    let arn = create(&engine, "users")["TableDescription"]["TableArn"].clone();
    create(&engine, "others");
    let users = json!({"TableName": "users"});
    for (operation, body) in [
        (
            "UpdateContinuousBackups",
            json!({"TableName": "users", "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true, "RecoveryPeriodInDays": 9}}),
        ),
        (
            "UpdateContributorInsights",
            json!({"TableName": "users", "ContributorInsightsAction": "ENABLE"}),
        ),
        (
            "PutResourcePolicy",
            json!({"ResourceArn": arn, "Policy": "{}"}),
        ),
        (
            "UpdateTable",
            json!({"TableName": "users", "WarmThroughput": {"ReadUnitsPerSecond": 20_000}}),
        ),
        (
            "UpdateTable",
            json!({"TableName": "users", "DeletionProtectionEnabled": true}),
        ),
        (
            "TagResource",
            json!({"ResourceArn": arn, "Tags": [{"Key": "team", "Value": "shop"}]}),
        ),
    ] {
        ok(&engine, operation, &body);
    }
    drop(engine);

    let again = at(&file);
    let described = ok(&again, "DescribeTable", &users)["Table"].clone();
    let backups = ok(&again, "DescribeContinuousBackups", &users)["ContinuousBackupsDescription"]
        ["PointInTimeRecoveryDescription"]
        .clone();
    let of_arn = json!({"ResourceArn": arn});

    assert_eq!(described["WarmThroughput"]["ReadUnitsPerSecond"], 20_000);
    assert_eq!(described["DeletionProtectionEnabled"], true);
    assert_eq!(backups["RecoveryPeriodInDays"], 9);
    assert_eq!(
        ok(&again, "DescribeContributorInsights", &users)["ContributorInsightsStatus"],
        "ENABLED"
    );
    assert_eq!(ok(&again, "GetResourcePolicy", &of_arn)["Policy"], "{}");
    assert_eq!(
        ok(&again, "ListTagsOfResource", &of_arn)["Tags"][0]["Value"],
        "shop"
    );
    // A table that is made again has no settings, and no tables were added to what is listed.
    ok(
        &again,
        "UpdateTable",
        &json!({"TableName": "users", "DeletionProtectionEnabled": false}),
    );
    ok(&again, "DeleteTable", &users);
    assert_eq!(
        ok(&again, "ListTables", &json!({}))["TableNames"],
        json!(["others"])
    );
    create(&again, "users");
    assert!(
        ok(&again, "DescribeTable", &users)["Table"]
            .get("WarmThroughput")
            .is_none()
    );
    assert_eq!(
        ok(&again, "DescribeContributorInsights", &users)["ContributorInsightsStatus"],
        "DISABLED"
    );
}

#[tokio::test]
async fn a_file_is_used_on_a_blocking_thread() {
    let directory = tempdir().unwrap();
    let engine = at(&url(directory.path(), "shop.db"));
    let mut list = engine.send(request("ListTables", &json!({})));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());

    assert!(list.as_mut().poll(&mut context).is_pending());
    assert_eq!(list.await.unwrap().status, 200);
}

#[test]
fn paths_that_mean_one_file_share_one_engine() {
    let directory = tempdir().unwrap();
    fs::create_dir(directory.path().join("deep")).unwrap();
    let plain = at(&url(directory.path(), "a%20b.db"));
    create(&plain, "users");
    std::os::unix::fs::symlink(
        directory.path().join("a b.db"),
        directory.path().join("link.db"),
    )
    .unwrap();

    let (round, link) = (
        at(&url(directory.path(), "deep/../a%20b.db")),
        at(&url(directory.path(), "link.db")),
    );
    put(&round, "users", "a");
    put(&link, "users", "b");

    assert!(has(&plain, "users", "a") && has(&plain, "users", "b"));
    assert!(directory.path().join("a b.db").exists());
}

#[test]
fn one_file_cannot_be_open_in_two_ways() {
    let directory = tempdir().unwrap();
    let normal = at(&url(directory.path(), "shop.db"));

    let error = refusal(&url(directory.path(), "shop.db?sync=full"));

    assert_eq!(error.kind(), &ErrorKind::Configuration);
    assert!(error.to_string().contains("different sync="), "{error}");
    drop(normal);
    create(&at(&url(directory.path(), "shop.db?sync=full")), "users");
}

#[test]
fn a_file_that_cannot_be_opened_says_why() {
    let directory = tempdir().unwrap();
    fs::write(
        directory.path().join("text.db"),
        "no database at all, but long enough to look at it twice".repeat(50),
    )
    .unwrap();
    fs::create_dir(directory.path().join("folder")).unwrap();

    let missing = refusal(&url(directory.path(), "nowhere/shop.db"));
    let text = refusal(&url(directory.path(), "text.db"));
    let folder = refusal(&url(directory.path(), "folder"));

    assert!(
        missing.to_string().contains("directory must exist"),
        "{missing}"
    );
    assert!(text.to_string().contains("not a database"), "{text}");
    for error in [missing, text, folder] {
        assert_eq!(error.kind(), &ErrorKind::Configuration, "{error}");
        assert!(error.to_string().contains("file:"), "{error}");
    }
}

#[test]
fn time_to_live_of_an_earlier_life_goes_on() {
    let directory = tempdir().unwrap();
    let file = url(directory.path(), "shop.db");
    let engine = at(&file);
    create(&engine, "users");
    ok(
        &engine,
        "PutItem",
        &json!({"TableName": "users", "Item": {"id": {"S": "a"}, "expires": {"N": "1000"}}}),
    );
    ok(
        &engine,
        "UpdateTimeToLive",
        &json!({
            "TableName": "users", "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": true},
        }),
    );
    drop(engine);

    assert!(!has(&at(&file), "users", "a"));
}

const CHILD: &str = "PYDYNOX_TEST_FILE";

/// Not a test of its own: the process that is killed below. Writes, and says so after each acknowledgement.
#[test]
#[allow(clippy::print_stdout)]
fn child_that_writes_until_it_is_killed() {
    let Ok(file) = env::var(CHILD) else { return };
    let engine = at(&file);
    for n in 0.. {
        put(&engine, "users", &n.to_string());
        // Not `println!`: the harness would keep it.
        writeln!(stdout(), "written {n}").unwrap();
        stdout().flush().unwrap();
    }
}

#[test]
fn nothing_that_was_acknowledged_is_lost_when_the_process_is_killed() {
    for round in 0..6 {
        let directory = tempdir().unwrap();
        let file = url(directory.path(), "shop.db");
        create(&at(&file), "users");
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "child_that_writes_until_it_is_killed",
                "--nocapture",
            ])
            .env(CHILD, &file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut acknowledged = Vec::new();
        let note = |line: String, acknowledged: &mut Vec<String>| {
            if let Some(at) = line.find("written ") {
                acknowledged.push(line[at + 8..].to_owned());
            }
        };

        while acknowledged.len() < 50 + 37 * round {
            note(lines.next().unwrap().unwrap(), &mut acknowledged);
        }
        child.kill().unwrap();
        child.wait().unwrap();
        for line in lines.map_while(Result::ok) {
            note(line, &mut acknowledged);
        }

        let engine = at(&file);
        let lost: Vec<_> = acknowledged
            .iter()
            .filter(|id| !has(&engine, "users", id))
            .collect();
        assert!(lost.is_empty(), "{lost:?} of {}", acknowledged.len());
    }
}

#[test]
#[ignore = "a measurement of the disk: cargo test -p pydynox-embedded --test files -- --ignored --nocapture"]
#[allow(clippy::print_stdout)]
fn full_sync_waits_for_the_disk_and_normal_does_not() {
    let directory =
        tempfile::tempdir_in(env::var_os("PYDYNOX_TEST_DISK").unwrap_or_else(|| "/var/tmp".into()))
            .unwrap();
    let time = |engine: &Engine| {
        create(engine, "users");
        let begun = Instant::now();
        for n in 0..200 {
            ok(engine, "PutItem", &item_of("users", &n.to_string()));
        }
        let put = begun.elapsed() / 200;
        let begun = Instant::now();
        for n in 0..200 {
            ok(engine, "GetItem", &key_of("users", &n.to_string()));
        }
        (put, begun.elapsed() / 200)
    };

    let normal = time(&at(&url(directory.path(), "normal.db")));
    let full = time(&at(&url(directory.path(), "full.db?sync=full")));

    println!("put, get: normal {normal:?}, full {full:?}");
    assert!(full.0 > normal.0);
}
