//! The first poll outside of any runtime: answers are delivered, and no timer is made.

use super::*;

#[test]
fn an_answer_that_is_ready_is_delivered_on_the_first_poll_outside_of_any_runtime() {
    let client = client(&Script::new(|_| served()));
    assert!(client.answers_inline(&Operation::GetItem) && !client.answers_inline(&Operation::Scan));

    let mut call = pin!(client.call(get()));

    // A tokio timer would panic here.
    let Poll::Ready(answer) = poll_inline(call.as_mut()) else {
        panic!("not ready")
    };
    assert_eq!(answer.unwrap().attempts, 1);
}

#[test]
fn an_error_that_is_ready_is_delivered_on_the_first_poll_outside_of_any_runtime() {
    let client = client(&Script::new(|_| answer(400, GUARD_FAILED)));

    let mut call = pin!(client.call(put(Resend::OwnGuard)));

    assert!(matches!(poll_inline(call.as_mut()), Poll::Ready(Err(_))));
}

#[test]
fn a_call_that_is_not_ready_outside_goes_on_inside_of_a_runtime() {
    // The first attempt is throttled, so that the call rests in its pause; the next falls silent.
    for silent in [0, 1] {
        let script = Script::new(move |n| {
            if n == silent {
                Step::Silence
            } else {
                throttled()
            }
        });
        let config = ClientConfig {
            jitter: Jitter::new(|| 0.01),
            timeout: Some(Duration::from_millis(50)),
            ..config()
        };
        let client = client_with(&script, config);
        let mut call = pin!(client.call(get()));

        assert!(poll_inline(call.as_mut()).is_pending());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let error = runtime.block_on(call).unwrap_err();

        assert_eq!(error.kind(), &ErrorKind::Timeout);
        assert_eq!(script.times_sent(), silent + 1);
    }
}

#[test]
fn waiting_for_a_table_that_is_ready_at_once_needs_no_runtime() {
    let client = client(&Script::new(|_| table("ACTIVE")));
    let waiter = Waiter::new(client, "users", Some(TABLE_WAIT_TIMEOUT));

    let mut call = pin!(waiter.wait(Goal::Active));

    assert!(matches!(poll_inline(call.as_mut()), Poll::Ready(Ok(_))));
}
