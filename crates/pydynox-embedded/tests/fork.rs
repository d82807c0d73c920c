//! Real forks of a process whose threads are at work inside the engine.
#![allow(clippy::unwrap_used)]
// Nothing but `fork` and friends, which have no safe form.
#![allow(unsafe_code)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use pydynox_embedded::{after_fork_in_parent, before_fork, forget_after_fork};
use serde_json::json;
use support::{Engine, at, create, has, ok, put};

/// A fork concerns the whole process: one test at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// Forks, runs `work` in the child, and gives whether it came to its end within ten seconds.
fn in_child(work: impl FnOnce()) -> bool {
    has_ended_well(start_child(work))
}

fn start_child(work: impl FnOnce()) -> libc::pid_t {
    before_fork();
    let child = fork(work);
    after_fork_in_parent();
    child
}

fn fork(work: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child runs only this crate and the allocator (which glibc and macOS make usable after a fork), and
    // leaves by `_exit`.
    let child = unsafe { libc::fork() };
    if child == 0 {
        forget_after_fork();
        // SAFETY: ends a child that hangs; has no precondition.
        unsafe { libc::alarm(10) };
        let ended = catch_unwind(AssertUnwindSafe(work)).is_ok();
        // SAFETY: ends the process without running what belongs to the parent.
        unsafe { libc::_exit(i32::from(!ended)) };
    }
    assert!(child > 0, "fork failed");
    child
}

fn has_ended_well(child: libc::pid_t) -> bool {
    let mut status = 0;
    // SAFETY: `status` outlives the call, and `child` is a child of ours that nobody else waits for.
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0
}

/// Keeps two threads inside the engine while `work` runs.
fn under_traffic(engine: &Engine, work: impl FnOnce()) {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for name in ["one", "two"] {
            let (engine, stop) = (engine, &stop);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .build()
                    .unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let write = engine.send(support::request(
                        "PutItem",
                        &support::item_of("users", name),
                    ));
                    assert_eq!(runtime.block_on(write).unwrap().status, 200);
                    let scan =
                        engine.send(support::request("Scan", &json!({"TableName": "users"})));
                    assert_eq!(runtime.block_on(scan).unwrap().status, 200);
                }
            });
        }
        let _stop = OnDrop(&stop);
        work();
    });
}

struct OnDrop<'a>(&'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_child_that_is_forked_under_traffic_works_with_the_clients_it_inherited() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = at("memory://");
    create(&engine, "users");

    under_traffic(&engine, || {
        for round in 0..40 {
            assert!(
                in_child(|| {
                    assert_eq!(
                        ok(&engine, "ListTables", &json!({}))["TableNames"],
                        json!([])
                    );
                    create(&engine, "users");
                    put(&engine, "users", "a");
                    assert!(has(&engine, "users", "a"));
                }),
                "round {round}"
            );
        }
    });

    assert!(!has(&engine, "users", "a"));
}

#[test]
fn a_name_is_shared_again_in_the_child_and_begins_empty() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let (one, two) = (at("memory://forked"), at("memory://forked"));
    create(&one, "users");

    assert!(in_child(|| {
        create(&one, "orders");
        let third = at("memory://forked");
        for engine in [&two, &third] {
            assert_eq!(
                ok(engine, "ListTables", &json!({}))["TableNames"],
                json!(["orders"])
            );
        }
    }));

    assert_eq!(
        ok(&two, "ListTables", &json!({}))["TableNames"],
        json!(["users"])
    );
}

#[test]
fn a_file_is_opened_again_in_the_child_and_both_processes_see_what_is_written() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let engine = at(&format!("file://{}/shop.db", directory.path().display()));
    create(&engine, "users");
    put(&engine, "users", "parent");

    under_traffic(&engine, || {
        for round in 0..10 {
            assert!(
                in_child(|| {
                    assert!(has(&engine, "users", "parent"));
                    put(&engine, "users", &format!("child {round}"));
                }),
                "round {round}"
            );
        }
    });

    assert!((0..10).all(|round| has(&engine, "users", &format!("child {round}"))));
}

#[test]
fn a_parent_may_close_a_file_that_its_child_goes_on_using() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let url = format!("file://{}/shop.db", directory.path().display());
    let mark = directory.path().join("closed");
    let mut engine = Some(at(&url));
    create(engine.as_ref().unwrap(), "users");
    put(engine.as_ref().unwrap(), "users", "parent");
    let child = {
        let engine = engine.as_ref().unwrap();
        start_child(|| {
            put(engine, "users", "early");
            while !mark.exists() {
                thread::sleep(Duration::from_millis(1));
            }
            put(engine, "users", "late");
            assert!(has(engine, "users", "parent"));
        })
    };
    while !has(engine.as_ref().unwrap(), "users", "early") {
        thread::sleep(Duration::from_millis(1));
    }

    engine = None;
    // Whoever opens the file now would begin anew if nobody else had it locked.
    put(&at(&url), "users", "between");
    std::fs::write(&mark, "").unwrap();

    assert!(has_ended_well(child));
    let engine = engine.get_or_insert_with(|| at(&url));
    for id in ["parent", "early", "between", "late"] {
        assert!(has(engine, "users", id), "{id}");
    }
}

#[test]
fn a_file_that_was_open_across_a_fork_is_refused_in_the_child() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let engine = at(&format!("file://{}/shop.db", directory.path().display()));
    create(&engine, "users");

    let child = fork(|| {
        let refusal = support::try_call(&engine, "ListTables", &json!({})).unwrap_err();
        assert!(refusal.to_string().contains("os.fork()"), "{refusal}");
    });

    assert!(has_ended_well(child));
}

#[test]
fn a_child_of_a_child_works_too() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = at("memory://");
    create(&engine, "users");

    assert!(in_child(|| {
        create(&engine, "first");
        assert!(in_child(|| {
            create(&engine, "second");
            assert_eq!(
                ok(&engine, "ListTables", &json!({}))["TableNames"],
                json!(["second"])
            );
        }));
        assert_eq!(
            ok(&engine, "ListTables", &json!({}))["TableNames"],
            json!(["first"])
        );
    }));
}

#[test]
fn a_child_may_drop_what_it_inherited() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let directory = tempfile::tempdir().unwrap();
    let file = at(&format!("file://{}/shop.db", directory.path().display()));
    let memory = at("memory://");
    create(&file, "users");
    create(&memory, "users");
    let mut held = Some((file.clone(), memory.clone()));

    assert!(in_child(|| {
        drop(held.take());
        drop((file.clone(), memory.clone()));
    }));

    put(&file, "users", "a");
    assert!(has(&file, "users", "a"));
}

#[test]
fn a_request_waits_while_another_thread_is_about_to_fork() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = at("memory://");
    before_fork();
    let blocked = support::poll_once(engine.send(support::request("ListTables", &json!({}))));
    after_fork_in_parent();

    assert!(blocked.is_pending());
    ok(&engine, "ListTables", &json!({}));
}

#[test]
fn an_unbalanced_end_of_a_fork_does_no_harm() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    after_fork_in_parent();
    let engine = at("memory://");
    ok(&engine, "ListTables", &json!({}));
}
