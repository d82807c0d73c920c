//! Each verb's plan, as a sentence about it.

#![allow(clippy::unwrap_used)]

use super::super::conditions::holds;
use super::super::managed::tests::read;
use super::super::managed::{ManagedValues, Stored};
use super::super::rules::Rules;
use super::super::rules::tests::{managed, mortal, plain, shared, versioned};
use super::*;
use crate::expression::action::{Action, Source, Term};
use crate::expression::path::Path;

const CHANGED: Changes = Changes {
    is_empty: false,
    has_parents: false,
};
const UNCHANGED: Changes = Changes {
    is_empty: true,
    has_parents: false,
};

fn condition_of_caller() -> Condition {
    holds("color", Some(br#"{"S":"red"}"#))
}

/// What a template or a unique value needs of the stored item.
fn rest() -> Condition {
    holds("tenant", Some(br#"{"S":"t1"}"#))
}

fn text(plan: &Plan<'_>) -> String {
    plan.condition
        .as_deref()
        .map_or_else(String::new, Condition::explain)
}

fn nothing() -> ManagedValues {
    ManagedValues::default()
}

/// What a change of an item of version 3 adds.
fn third(rules: &Rules) -> ManagedValues {
    ManagedValues::of_change(rules, &read(r#"{"N":"3"}"#)).unwrap()
}

/// What a check of an item of version 3 relies on.
fn checked(rules: &Rules) -> ManagedValues {
    ManagedValues::of_check(rules, &read(r#"{"N":"3"}"#)).unwrap()
}

fn set() -> Actions {
    let value = Source::Value(br#"{"S":"x"}"#.as_slice().into());
    Actions::new(vec![Action::set(Path::new("name"), Term::Source(value))]).unwrap()
}

fn add() -> Actions {
    Actions::new(vec![Action::add(Path::new("count"), br#"{"N":"1"}"#)]).unwrap()
}

fn inner() -> Actions {
    let value = Source::Value(br#"{"S":"x"}"#.as_slice().into());
    let path = Path::new("address").name("city").unwrap();
    Actions::new(vec![Action::set(path, Term::Source(value))]).unwrap()
}

#[test]
fn a_create_fails_where_there_is_an_item() {
    let rules = plain();
    let plan = Plan::create(&rules, &nothing(), None).unwrap();

    assert_eq!(plan.guard, Guard::NotExists("id"));
    assert_eq!(
        (plan.terms.intent, text(&plan)),
        (Intent::Create, String::new())
    );
}

#[test]
fn a_create_cannot_be_applied_twice() {
    let rules = plain();
    let condition_of_caller = condition_of_caller();
    for condition in [None, Some(&condition_of_caller)] {
        let plan = Plan::create(&rules, &nothing(), condition).unwrap();
        assert_eq!(plan.terms.resend, Resend::OwnGuard);
    }
}

#[test]
fn a_create_with_a_condition_may_fail_by_that_condition() {
    let (rules, condition_of_caller) = (plain(), condition_of_caller());
    let plan = Plan::create(&rules, &nothing(), Some(&condition_of_caller)).unwrap();

    assert_eq!(plan.terms.intent, Intent::CreateIf);
    assert_eq!(text(&plan), r#"color = "red""#);
}

#[test]
fn a_create_replaces_an_item_whose_time_is_over() {
    let rules = mortal();
    let plan = Plan::create(&rules, &nothing(), None).unwrap();

    assert_eq!(plan.guard, Guard::None);
    assert!(text(&plan).starts_with("attribute_not_exists(id) OR gone <= "));
    assert_eq!(plan.terms.resend, Resend::OwnGuard);
}

#[test]
fn a_create_over_an_ended_item_asks_the_callers_condition_too() {
    let (rules, condition_of_caller) = (mortal(), condition_of_caller());
    let plan = Plan::create(&rules, &nothing(), Some(&condition_of_caller)).unwrap();

    assert!(text(&plan).starts_with("(attribute_not_exists(id) OR gone <= "));
    assert!(text(&plan).ends_with(r#") AND color = "red""#));
}

#[test]
fn a_create_of_a_managed_item_knows_its_own_item_again() {
    let rules = managed();
    let values = ManagedValues::of_create(&rules.purposes).unwrap();
    let plan = Plan::create(&rules, &values, None).unwrap();

    assert!(plan.terms.proof.unwrap().mark.is_some());
}

#[test]
fn a_put_replaces_whatever_has_its_key_and_may_be_sent_again() {
    let plan = Plan::put(&nothing(), None, None).unwrap();

    assert_eq!((plan.guard, text(&plan)), (Guard::None, String::new()));
    assert_eq!(plan.terms, Terms::idempotent());
}

#[test]
fn a_put_with_a_condition_is_not_sent_again() {
    let condition_of_caller = condition_of_caller();
    let plan = Plan::put(&nothing(), None, Some(&condition_of_caller)).unwrap();

    assert_eq!(plan.terms.resend, Resend::Never);
    assert_eq!(text(&plan), r#"color = "red""#);
}

#[test]
fn a_put_over_a_known_version_is_guarded_by_what_was_read() {
    let plan = Plan::put(&third(&versioned()), None, None).unwrap();

    assert_eq!(text(&plan), "version = 3");
    assert_eq!(
        (plan.terms.resend, plan.terms.intent),
        (Resend::OwnGuard, Intent::Save)
    );
}

#[test]
fn a_put_over_an_unknown_version_is_not_guarded() {
    let values = ManagedValues::of_put(&versioned(), &Stored::default()).unwrap();
    let plan = Plan::put(&values, None, None).unwrap();

    assert_eq!(
        (text(&plan), plan.terms.intent),
        (String::new(), Intent::Plain)
    );
    assert_eq!(plan.terms.resend, Resend::Always);
}

#[test]
fn a_put_of_unique_values_relies_on_those_that_were_read() {
    let plan = Plan::put(&nothing(), Some(rest()), None).unwrap();

    assert_eq!(
        (text(&plan), plan.builds_on),
        (r#"tenant = "t1""#.to_owned(), true)
    );
    assert_eq!(plan.terms.intent, Intent::Save);
}

#[test]
fn a_version_stands_for_all_that_was_read() {
    let plan = Plan::put(&third(&versioned()), Some(rest()), None).unwrap();
    assert_eq!(
        (text(&plan), plan.builds_on),
        ("version = 3".to_owned(), false)
    );

    let rules = versioned();
    let plan = Plan::save(&rules, &third(&rules), CHANGED, Some(rest()), None).unwrap();
    assert_eq!(
        (text(&plan), plan.builds_on),
        ("version = 3".to_owned(), false)
    );

    let plan = Plan::delete(&checked(&rules), Some(rest()), None).unwrap();
    assert_eq!(
        (text(&plan), plan.builds_on),
        ("version = 3".to_owned(), false)
    );
}

#[test]
fn a_save_needs_the_item_to_be_there() {
    let rules = plain();
    let plan = Plan::save(&rules, &nothing(), CHANGED, None, None).unwrap();

    assert_eq!(
        (plan.guard, plan.exists()),
        (Guard::Exists("id"), Some("id"))
    );
    assert_eq!(
        (plan.terms.resend, plan.terms.intent),
        (Resend::Always, Intent::Save)
    );
}

#[test]
fn a_save_of_a_changed_version_is_guarded_by_what_was_read() {
    let rules = versioned();
    let plan = Plan::save(&rules, &third(&rules), CHANGED, None, None).unwrap();

    assert_eq!(text(&plan), "version = 3");
    assert_eq!(plan.terms.resend, Resend::OwnGuard);
    assert!(plan.terms.proof.unwrap().version.is_some());
}

#[test]
fn a_guarded_save_may_be_sent_again_whatever_else_it_asks() {
    let (rules, condition_of_caller) = (versioned(), condition_of_caller());
    let plan = Plan::save(
        &rules,
        &third(&rules),
        CHANGED,
        None,
        Some(&condition_of_caller),
    )
    .unwrap();

    assert_eq!(plan.terms.resend, Resend::OwnGuard);
    assert_eq!(text(&plan), r#"version = 3 AND color = "red""#);
}

#[test]
fn an_unguarded_save_with_a_condition_is_not_sent_again() {
    let (rules, condition_of_caller) = (plain(), condition_of_caller());
    let plan = Plan::save(
        &rules,
        &nothing(),
        CHANGED,
        None,
        Some(&condition_of_caller),
    )
    .unwrap();

    assert_eq!(plan.terms.resend, Resend::Never);
}

#[test]
fn a_save_of_nothing_is_a_check_that_may_be_sent_again() {
    let (rules, condition_of_caller) = (versioned(), condition_of_caller());
    let plan = Plan::save(
        &rules,
        &checked(&rules),
        UNCHANGED,
        None,
        Some(&condition_of_caller),
    )
    .unwrap();

    assert!(plan.is_check);
    assert_eq!(plan.terms.resend, Resend::Always);
}

#[test]
fn a_save_of_a_part_builds_on_what_it_is_a_part_of() {
    let rules = plain();
    let changes = Changes {
        has_parents: true,
        ..CHANGED
    };
    let plan = Plan::save(&rules, &nothing(), changes, None, None).unwrap();

    assert!(plan.builds_on && !plan.is_check);
    assert_eq!(text(&plan), "");
}

#[test]
fn a_save_of_a_part_of_a_template_relies_on_the_rest() {
    let (rules, condition_of_caller) = (plain(), condition_of_caller());
    let plan = Plan::save(
        &rules,
        &nothing(),
        CHANGED,
        Some(rest()),
        Some(&condition_of_caller),
    )
    .unwrap();

    assert!(plan.builds_on);
    assert_eq!(text(&plan), r#"tenant = "t1" AND color = "red""#);
}

#[test]
fn an_update_that_sets_a_value_may_be_sent_again() {
    let rules = plain();
    let plan = Plan::update(&rules, &nothing(), &set(), None, None).unwrap();

    assert_eq!(
        (plan.terms.resend, plan.exists()),
        (Resend::Always, Some("id"))
    );
    assert_eq!(plan.terms.intent, Intent::Save);
}

#[test]
fn an_update_that_adds_is_not_sent_again() {
    let rules = plain();
    let plan = Plan::update(&rules, &nothing(), &add(), None, None).unwrap();
    assert_eq!(plan.terms.resend, Resend::Never);

    let plan = Plan::update_key(&rules, &add(), false, None).unwrap();
    assert_eq!(plan.terms.resend, Resend::Never);

    let plan = Plan::undeclared_update(&add(), None);
    assert_eq!(plan.terms.resend, Resend::Never);
}

#[test]
fn an_update_that_adds_to_a_known_version_may_be_sent_again() {
    let rules = versioned();
    let plan = Plan::update(&rules, &third(&rules), &add(), None, None).unwrap();

    assert_eq!(plan.terms.resend, Resend::OwnGuard);
    assert_eq!(text(&plan), "version = 3");
}

#[test]
fn an_update_inside_of_a_map_builds_on_that_map() {
    let rules = plain();
    assert!(
        Plan::update(&rules, &nothing(), &inner(), None, None)
            .unwrap()
            .builds_on
    );
    assert!(
        Plan::update_key(&rules, &inner(), false, None)
            .unwrap()
            .builds_on
    );
    assert!(Plan::undeclared_update(&inner(), None).builds_on);
    assert!(
        !Plan::update_key(&rules, &set(), false, None)
            .unwrap()
            .builds_on
    );
}

#[test]
fn an_update_of_a_part_of_a_template_relies_on_the_rest() {
    let rules = plain();
    let plan = Plan::update(&rules, &nothing(), &set(), Some(rest()), None).unwrap();

    assert_eq!(
        (text(&plan), plan.builds_on),
        (r#"tenant = "t1""#.to_owned(), true)
    );
}

#[test]
fn an_update_by_key_needs_an_item_of_its_own_model() {
    let rules = shared();
    let plan = Plan::update_key(&rules, &set(), false, None).unwrap();

    assert_eq!(
        (plan.exists(), plan.terms.intent),
        (Some("id"), Intent::Existing)
    );
    assert_eq!(text(&plan), r#"_type = "Order""#);
    assert!(plan.terms.proof.unwrap().entity.is_some());
}

#[test]
fn an_upsert_makes_the_item_but_never_over_one_of_another_model() {
    let rules = shared();
    let plan = Plan::update_key(&rules, &set(), true, None).unwrap();

    assert_eq!((plan.exists(), plan.terms.intent), (None, Intent::Plain));
    assert_eq!(
        text(&plan),
        r#"attribute_not_exists(id) OR _type = "Order""#
    );
}

#[test]
fn an_upsert_never_says_that_the_item_is_missing() {
    let rules = shared();
    let plan = Plan::update_key(&rules, &set(), true, None).unwrap();
    assert_eq!(plan.terms.proof, None);
}

#[test]
fn an_update_by_key_with_a_condition_is_not_sent_again() {
    let (rules, condition_of_caller) = (plain(), condition_of_caller());
    for upsert in [false, true] {
        let plan = Plan::update_key(&rules, &set(), upsert, Some(&condition_of_caller)).unwrap();
        assert_eq!(plan.terms.resend, Resend::Never);
        assert_eq!(text(&plan), r#"color = "red""#);
    }
}

#[test]
fn a_check_relies_on_the_version_that_was_read() {
    let rules = versioned();
    let plan = Plan::check(&rules, &checked(&rules), None).unwrap();

    assert!(plan.is_check);
    assert_eq!(
        (plan.guard, text(&plan)),
        (Guard::Exists("id"), "version = 3".to_owned())
    );
    assert_eq!(
        (plan.terms.resend, plan.terms.intent),
        (Resend::Always, Intent::Save)
    );
}

#[test]
fn a_check_without_a_version_is_that_the_item_is_there() {
    let rules = plain();
    let plan = Plan::check(&rules, &nothing(), None).unwrap();

    assert_eq!(
        (plan.guard, text(&plan)),
        (Guard::Exists("id"), String::new())
    );
    assert_eq!(plan.terms.proof, None);
}

#[test]
fn a_check_by_key_is_that_there_is_such_an_item_of_the_model() {
    let rules = shared();
    let plan = Plan::check_key(&rules, None).unwrap();

    assert_eq!(
        (plan.guard, plan.terms.intent),
        (Guard::Exists("id"), Intent::Existing)
    );
    assert_eq!(text(&plan), r#"_type = "Order""#);
}

#[test]
fn a_condition_by_key_may_be_about_an_item_that_is_not_there() {
    let (rules, condition_of_caller) = (shared(), condition_of_caller());
    let plan = Plan::check_key(&rules, Some(&condition_of_caller)).unwrap();

    assert_eq!(
        (plan.guard, plan.terms.intent),
        (Guard::None, Intent::Plain)
    );
    assert_eq!(
        text(&plan),
        r#"(attribute_not_exists(id) OR _type = "Order") AND color = "red""#
    );
}

#[test]
fn every_check_may_be_sent_again() {
    let (rules, condition_of_caller) = (plain(), condition_of_caller());
    for condition in [None, Some(&condition_of_caller)] {
        for plan in [
            Plan::check(&rules, &nothing(), condition).unwrap(),
            Plan::check_key(&rules, condition).unwrap(),
        ] {
            assert!(plan.is_check);
            assert_eq!(plan.terms.resend, Resend::Always);
        }
    }
}

#[test]
fn a_delete_needs_nothing_and_may_be_sent_again() {
    let plan = Plan::delete(&nothing(), None, None).unwrap();

    assert_eq!((plan.guard, text(&plan)), (Guard::None, String::new()));
    assert_eq!(plan.terms, Terms::idempotent());
}

#[test]
fn a_delete_of_a_known_version_is_guarded_by_what_was_read() {
    let plan = Plan::delete(&checked(&versioned()), None, None).unwrap();

    assert_eq!(text(&plan), "version = 3");
    assert_eq!(
        (plan.terms.resend, plan.terms.intent),
        (Resend::OwnGuard, Intent::Save)
    );
}

#[test]
fn a_delete_of_unique_values_relies_on_those_that_were_read() {
    let plan = Plan::delete(&nothing(), Some(rest()), None).unwrap();

    assert_eq!(
        (text(&plan), plan.builds_on),
        (r#"tenant = "t1""#.to_owned(), true)
    );
    assert_eq!(plan.terms.intent, Intent::Plain);
}

#[test]
fn a_delete_with_a_condition_is_not_sent_again() {
    let (rules, condition_of_caller) = (plain(), condition_of_caller());
    for plan in [
        Plan::delete(&nothing(), None, Some(&condition_of_caller)).unwrap(),
        Plan::delete_key(&rules, Some(&condition_of_caller)).unwrap(),
        Plan::undeclared(Some(&condition_of_caller)),
    ] {
        assert_eq!(plan.terms.resend, Resend::Never);
        assert_eq!(text(&plan), r#"color = "red""#);
    }
}

#[test]
fn a_delete_by_key_takes_no_item_of_another_model() {
    let rules = shared();
    let plan = Plan::delete_key(&rules, None).unwrap();

    assert_eq!(
        text(&plan),
        r#"attribute_not_exists(id) OR _type = "Order""#
    );
    assert!(plan.terms.proof.unwrap().entity.is_some());
}

#[test]
fn a_delete_by_key_may_be_sent_again() {
    let rules = plain();
    let plan = Plan::delete_key(&rules, None).unwrap();
    assert_eq!(plan.terms, Terms::idempotent());
}

#[test]
fn a_popped_item_is_given_once() {
    let rules = shared();
    let plan = Plan::pop_key(&rules).unwrap();

    assert_eq!(plan.terms.resend, Resend::Never);
    assert_eq!(
        text(&plan),
        r#"attribute_not_exists(id) OR _type = "Order""#
    );
}

#[test]
fn an_undeclared_item_is_written_as_it_is() {
    let plan = Plan::undeclared(None);

    assert_eq!((plan.guard, text(&plan)), (Guard::None, String::new()));
    assert_eq!(plan.terms, Terms::idempotent());
    assert!(!plan.builds_on && !plan.is_check);
}

#[test]
fn an_undeclared_update_makes_the_item_where_there_is_none() {
    let plan = Plan::undeclared_update(&set(), None);

    assert_eq!(plan.exists(), None);
    assert_eq!(plan.terms, Terms::idempotent());
}

#[test]
fn only_a_write_that_needs_the_item_names_what_shows_it() {
    let rules = plain();
    assert_eq!(
        Plan::create(&rules, &nothing(), None).unwrap().exists(),
        None
    );
    assert_eq!(Plan::put(&nothing(), None, None).unwrap().exists(), None);
    assert_eq!(
        Plan::check(&rules, &nothing(), None).unwrap().exists(),
        Some("id")
    );
}

#[test]
fn a_plan_of_more_operators_than_dynamodb_accepts_is_refused() {
    let (rules, mut many) = (shared(), condition_of_caller());
    while let Ok(more) = many.and(&condition_of_caller()) {
        many = more;
    }
    assert!(Plan::delete_key(&rules, Some(&many)).is_err());
    assert!(Plan::save(&rules, &nothing(), CHANGED, Some(rest()), Some(&many)).is_err());
}
