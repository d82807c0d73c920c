//! Tests of `transport`.

use super::*;

#[test]
fn a_call_that_is_given_up_before_it_leaves_never_leaves() {
    let progress = Progress::default();
    assert!(progress.is_held() && progress.release() && !progress.is_held());
    progress.hold();

    assert!(progress.cancel());

    assert!(!progress.release() && progress.is_held());
}

#[test]
fn what_may_have_left_or_been_applied_is_not_taken_back() {
    let under_way = Progress::default();
    assert!(under_way.release());
    assert!(!under_way.cancel());

    for (ambiguous, untouched) in [(false, true), (true, false)] {
        let between = Progress::default();
        assert!(between.release());
        between.attempted(ambiguous);
        assert_eq!(between.cancel(), untouched, "ambiguous: {ambiguous}");
    }
}

#[test]
fn every_name_finds_its_operation_back() {
    for name in [
        "GetItem",
        "TransactWriteItems",
        "UpdateTimeToLive",
        "RestoreTableToPointInTime",
        "",
    ] {
        assert_eq!(Operation::from_name(name).name(), name);
    }
    assert_eq!(Operation::from_name("GetItem"), Operation::GetItem);
    assert_eq!(
        Operation::from_name("CreateBackup"),
        Operation::Other("CreateBackup".into())
    );
}

#[test]
fn what_is_not_known_to_be_a_read_counts_as_a_write() {
    for read in [
        "GetItem",
        "Query",
        "Scan",
        "BatchGetItem",
        "TransactGetItems",
        "DescribeLimits",
        "ListExports",
        "GetResourcePolicy",
    ] {
        assert!(Operation::from_name(read).is_read(), "{read}");
    }
    for write in [
        "PutItem",
        "BatchWriteItem",
        "ExecuteStatement",
        "DeleteTable",
        "TagResource",
        "Unheard",
    ] {
        assert!(!Operation::from_name(write).is_read(), "{write}");
    }
}
