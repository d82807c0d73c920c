//! A transaction that takes over unique values which other items hold no more.

use crate::operation::transact_write_items::Verb;
use crate::schema::{ItemSchema, KeyType};
use crate::unique::Claim;

use super::*;
use crate::expression::condition::Condition;
use crate::expression::path::Path;

const OTHERS: &str = r#"{"__type":"x#TransactionCanceledException","message":"no","CancellationReasons":[{"Code":"ConditionalCheckFailed","Message":"no","Item":{"id":{"S":"g"},"_pydynox_unique":{"M":{"owner":{"M":{"id":{"S":"u2"}}}}}}}]}"#;
const THROTTLED: &str = r#"{"__type":"x#ThrottlingException","message":"no"}"#;
const INVALID: &str = r#"{"__type":"x#ValidationException","message":"no"}"#;
const STILL_THEIRS: &str = r#"{"__type":"x#TransactionCanceledException","message":"no","CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed","Message":"no"}]}"#;

async fn commit(script: &Arc<Script>, config: ClientConfig) -> Result<Answer, Error> {
    let schema = ItemSchema::new("User", ["id", "email"], ("id", KeyType::S), None).unwrap();
    let claim = Claim::new("user", &[("email", br#"{"S":"a"}"#)]).unwrap();
    let owner = br#"{"id":{"S":"u1"}}"#.to_vec();
    let mut transaction = Transaction::default();
    let take = claim.take(&schema, "users", &owner, None).unwrap();
    let key = claim.key(&schema);
    transaction.add(Verb::Put, "users", &key, take).unwrap();
    let taken = [Taken {
        position: 0,
        claim,
        table: "users".into(),
        owner,
        schema,
        is_free: Condition::not_exists(Path::new("email")),
    }];
    let sealed = transaction.clone().seal(None).unwrap();
    let call = Call {
        body: sealed.body,
        own_token: sealed.own_token,
        ..call(Operation::TransactWriteItems, Resend::Token)
    };
    client_with(script, config)
        .call_repairing(call, Progress::default(), &transaction, &taken)
        .await
}

#[tokio::test(start_paused = true)]
async fn values_that_are_free_are_taken_over() {
    let script = Script::new(|n| {
        if n == 0 {
            answer(400, OTHERS)
        } else {
            served()
        }
    });

    commit(&script, config()).await.unwrap();

    assert_eq!(script.times_sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_repair_that_is_refused_for_sure_is_the_first_refusal() {
    let script = Script::new(|n| answer(400, if n == 0 { OTHERS } else { STILL_THEIRS }));

    let error = commit(&script, config()).await.unwrap_err();

    assert!(
        matches!(error.kind(), ErrorKind::TransactionCanceled { reasons } if reasons.len() == 1)
    );
    assert!(!error.ambiguous());
}

#[tokio::test(start_paused = true)]
async fn a_repair_that_may_have_been_applied_is_no_definite_failure() {
    let script = Script::new(|n| match n {
        0 => answer(400, OTHERS),
        1 => reset(),
        _ => answer(400, STILL_THEIRS),
    });

    let error = commit(&script, config()).await.unwrap_err();

    assert_eq!(script.times_sent(), 3);
    assert!(matches!(
        error.kind(),
        ErrorKind::TransactionCanceled { .. }
    ));
    assert!(
        error.ambiguous(),
        "an attempt of the repair may have been applied"
    );
}

#[tokio::test(start_paused = true)]
async fn attempts_and_time_are_those_of_both_sendings() {
    for (refusals, attempts) in [
        (vec![STILL_THEIRS], 2),
        (vec![THROTTLED, STILL_THEIRS], 3),
        (vec![INVALID], 2),
    ] {
        let script = Script::new(move |n| {
            let text = match n {
                0 => OTHERS,
                n => refusals[(n - 1).min(refusals.len() - 1)],
            };
            Step::After(Duration::from_secs(2), Box::new(answer(400, text)))
        });
        let begun = Instant::now();

        let error = commit(&script, config()).await.unwrap_err();

        assert_eq!(error.attempts(), attempts, "{error}");
        assert_eq!(script.times_sent(), attempts as usize);
        assert_eq!(error.elapsed(), Some(begun.elapsed()));
    }
    let script = Script::new(|n| {
        if n == 0 {
            answer(400, OTHERS)
        } else {
            served()
        }
    });
    assert_eq!(commit(&script, config()).await.unwrap().attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn both_sendings_have_one_deadline() {
    let script = Script::new(|n| {
        let then = if n == 0 {
            answer(400, OTHERS)
        } else {
            served()
        };
        Step::After(Duration::from_secs(4), Box::new(then))
    });
    let config = ClientConfig {
        timeout: Some(Duration::from_secs(6)),
        ..config()
    };
    let begun = Instant::now();

    let error = commit(&script, config).await.unwrap_err();

    assert_eq!(error.cause().map(Error::kind), Some(&ErrorKind::Timeout));
    assert_eq!(begun.elapsed().as_secs(), 6);
}
