//! What pydynox writes itself, write by write.

#![allow(clippy::unwrap_used)]

use super::super::purposes::Purpose;
use super::super::rules::tests::{managed, mortal, now, plain, versioned};
use super::*;
use crate::expression::action::Action;
use crate::time::Form;

const NOW: &str = r#"{"S":"1970-01-01T01:00:00.000000Z"}"#;

/// An item that was read with this version.
pub(crate) fn read(version: &str) -> Stored {
    Stored {
        is_stored: true,
        version: Version::Stored(Some(version.as_bytes().into())),
        created_at: None,
    }
}

/// An item that was read and has no version.
fn unversioned() -> Stored {
    Stored {
        is_stored: true,
        version: Version::Stored(None),
        created_at: None,
    }
}

fn given(version: &str) -> Stored {
    Stored {
        version: Version::Given(version.as_bytes().into()),
        ..Stored::default()
    }
}

fn with_write_id() -> Rules {
    Rules {
        purposes: Purposes::new([(7, Purpose::WriteId, "write_id", Form::ISO_Z)]),
        ..plain()
    }
}

fn written(values: &ManagedValues) -> Vec<(usize, String)> {
    let values = values.values.iter();
    values
        .map(|value| (value.field, String::from_utf8(value.json.clone()).unwrap()))
        .collect()
}

fn guard(values: &ManagedValues) -> Option<String> {
    values.guard.as_ref().map(Condition::explain)
}

fn by_key(rules: &Rules, upsert: bool) -> String {
    let set = Action::set(
        Path::new("name"),
        Term::Source(Source::Value(br#"{"S":"x"}"#.as_slice().into())),
    );
    let mut actions = Actions::new(vec![set]).unwrap();
    rules
        .purposes
        .write_by_key_at(&mut actions, upsert, now())
        .unwrap();
    let mut w = crate::wire::Writer::with_capacity(256);
    actions.write(&mut w, None, None).unwrap();
    String::from_utf8(w.into_bytes()).unwrap()
}

#[test]
fn every_purpose_has_a_name() {
    for (name, purpose) in [
        ("version", Purpose::Version),
        ("created_at", Purpose::CreatedAt),
        ("updated_at", Purpose::UpdatedAt),
        ("write_id", Purpose::WriteId),
        ("entity", Purpose::Entity),
        ("expires_at", Purpose::ExpiresAt),
    ] {
        assert_eq!(Purpose::parse(name), Some(purpose));
    }
    assert_eq!(Purpose::parse("color"), None);
}

#[test]
fn an_entity_is_managed_by_the_rules_of_entities() {
    let entity = Purposes::new([(1, Purpose::Entity, "_type", Form::ISO_Z)]);
    assert_eq!(entity, Purposes::default());
}

#[test]
fn a_point_in_time_is_stored_as_its_attribute_says() {
    let at = Instant::from_microseconds(1_500_000).unwrap();
    let text = |form: Form| String::from_utf8(form.json(at)).unwrap();

    assert_eq!(text(Form::WHOLE_SECONDS), r#"{"N":"1"}"#);
    assert_eq!(text(Form::SECONDS), r#"{"N":"1.5"}"#);
    assert_eq!(text(Form::MILLISECONDS), r#"{"N":"1500"}"#);
    assert_eq!(text(Form::ISO_Z), r#"{"S":"1970-01-01T00:00:01.500000Z"}"#);
}

#[test]
fn whole_seconds_before_1970_are_floored() {
    let at = Instant::from_microseconds(-1).unwrap();
    assert_eq!(Form::WHOLE_SECONDS.json(at), br#"{"N":"-1"}"#);
}

#[test]
fn a_model_without_purposes_adds_nothing() {
    let rules = plain();
    for values in [
        ManagedValues::of_create(&rules.purposes).unwrap(),
        ManagedValues::of_put(&rules, &read(r#"{"N":"3"}"#)).unwrap(),
        ManagedValues::of_change(&rules, &read(r#"{"N":"3"}"#)).unwrap(),
        ManagedValues::of_check(&rules, &read(r#"{"N":"3"}"#)).unwrap(),
    ] {
        assert!(values.values().is_empty() && !values.is_guarded());
        assert_eq!(values.proof(), None);
    }
}

#[test]
fn the_time_of_an_items_end_is_the_users_to_set() {
    assert!(!mortal().purposes.add_anything());
    assert!(managed().purposes.add_anything() && with_write_id().purposes.add_anything());
}

#[test]
fn a_created_item_has_version_one_and_both_times() {
    let values = ManagedValues::of_create_at(&managed().purposes, now()).unwrap();

    assert_eq!(
        written(&values),
        [
            (3, r#"{"N":"1"}"#.to_owned()),
            (4, NOW.to_owned()),
            (5, r#"{"N":"3600"}"#.to_owned())
        ]
    );
    assert_eq!(guard(&values), None);
}

#[test]
fn a_put_over_an_unknown_version_counts_from_the_clock_without_a_guard() {
    let values = ManagedValues::of_put_at(&versioned(), &Stored::default(), now()).unwrap();

    assert_eq!(written(&values), [(3, r#"{"N":"3600000000"}"#.to_owned())]);
    assert_eq!(guard(&values), None);
    assert_eq!(values.proof(), None);
}

#[test]
fn a_put_over_a_version_that_was_read_takes_the_next_one() {
    let values = ManagedValues::of_put_at(&versioned(), &read(r#"{"N":"3"}"#), now()).unwrap();

    assert_eq!(written(&values), [(3, r#"{"N":"4"}"#.to_owned())]);
    assert_eq!(guard(&values).unwrap(), "version = 3");
}

#[test]
fn a_put_of_a_new_instance_with_a_version_relies_on_that_version() {
    let values = ManagedValues::of_put_at(&versioned(), &given(r#"{"N":"7"}"#), now()).unwrap();

    assert_eq!(written(&values), [(3, r#"{"N":"8"}"#.to_owned())]);
    assert_eq!(guard(&values).unwrap(), "version = 7");
}

#[test]
fn a_put_says_when_an_item_was_made_only_where_it_is_new() {
    let of = |stored: &Stored| {
        let values = ManagedValues::of_put_at(&managed(), stored, now()).unwrap();
        written(&values)
            .into_iter()
            .map(|(field, _)| field)
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&given(r#"{"N":"7"}"#)), [3, 4, 5]);
    assert_eq!(of(&read(r#"{"N":"7"}"#)), [3, 5]);
}

#[test]
fn a_change_takes_the_next_version_and_says_when_it_was_made() {
    let values = ManagedValues::of_change_at(&managed(), &read(r#"{"N":"3"}"#), now()).unwrap();

    assert_eq!(
        written(&values),
        [
            (3, r#"{"N":"4"}"#.to_owned()),
            (5, r#"{"N":"3600"}"#.to_owned())
        ]
    );
    assert_eq!(guard(&values).unwrap(), "version = 3");
}

#[test]
fn an_item_without_a_version_must_be_there_and_have_none_and_gets_one() {
    let values = ManagedValues::of_change_at(&versioned(), &unversioned(), now()).unwrap();

    assert_eq!(written(&values), [(3, r#"{"N":"1"}"#.to_owned())]);
    assert_eq!(
        guard(&values).unwrap(),
        "attribute_exists(id) AND attribute_not_exists(version)"
    );
    let (attribute, expected) = values.proof().unwrap().version.unwrap();
    assert_eq!((&*attribute, expected), ("version", None));
}

#[test]
fn a_version_comes_with_the_creation_of_the_item_that_had_it() {
    let stored = Stored {
        created_at: Some(NOW.as_bytes().into()),
        ..read(r#"{"N":"3"}"#)
    };
    let values = ManagedValues::of_check(&managed(), &stored).unwrap();

    assert_eq!(
        guard(&values).unwrap(),
        r#"version = 3 AND created = "1970-01-01T01:00:00.000000Z""#
    );
    let (attribute, read) = values.proof().unwrap().created_at.unwrap();
    assert_eq!((&*attribute, &*read), ("created", NOW.as_bytes()));
}

#[test]
fn creation_is_compared_only_beside_a_version_that_is_known() {
    let version = Version::Stored(None);
    let of = |rules: Rules, version: &Version| {
        version.compared_with(&rules.purposes).map(|one| one.field)
    };
    assert_eq!(of(managed(), &version), Some(4));
    assert_eq!(of(managed(), &Version::Unknown), None);
    assert_eq!(of(versioned(), &version), None);
}

#[test]
fn a_check_relies_on_the_version_and_writes_nothing() {
    let values = ManagedValues::of_check(&managed(), &read(r#"{"N":"3"}"#)).unwrap();

    assert!(values.values().is_empty() && values.is_guarded());
    let proof = values.proof().unwrap();
    assert!(proof.mark.is_none() && proof.version.is_some());
}

#[test]
fn a_check_of_an_unknown_version_relies_on_nothing() {
    let values = ManagedValues::of_check(&managed(), &Stored::default()).unwrap();
    assert!(!values.is_guarded() && values.proof().is_none());
}

#[test]
fn the_last_stamp_to_the_microsecond_proves_whose_item_it_is() {
    // The other one is of whole seconds, in which several writes may have come.
    let values = ManagedValues::of_create_at(&managed().purposes, now()).unwrap();
    let (attribute, json) = values.proof().unwrap().mark.unwrap();
    assert_eq!((&*attribute, &*json), ("created", NOW.as_bytes()));
}

#[test]
fn a_stamp_of_whole_seconds_proves_nothing() {
    let updated = (5, Purpose::UpdatedAt, "updated", Form::WHOLE_SECONDS);
    let values = ManagedValues::of_create_at(&Purposes::new([updated]), now()).unwrap();
    assert_eq!(written(&values), [(5, r#"{"N":"3600"}"#.to_owned())]);
    assert_eq!(values.proof(), None);
}

#[test]
fn a_write_id_proves_it_better_than_any_time() {
    let one = ManagedValues::of_create(&with_write_id().purposes).unwrap();
    let other = ManagedValues::of_create(&with_write_id().purposes).unwrap();

    let mark = one.proof().unwrap().mark.unwrap();
    assert_eq!(&*mark.0, "write_id");
    assert_eq!(mark.1.len(), r#"{"S":""}"#.len() + 32);
    assert_ne!(Some(mark), other.proof().unwrap().mark);
}

#[test]
fn a_version_alone_proves_nothing_about_a_created_item() {
    let values = ManagedValues::of_create_at(&versioned().purposes, now()).unwrap();
    assert_eq!(values.proof(), None);
}

#[test]
fn a_version_that_is_no_whole_number_cannot_be_followed() {
    for wrong in [r#"{"S":"x"}"#, r#"{"N":"1.5"}"#, "{}"] {
        assert!(ManagedValues::of_change_at(&versioned(), &read(wrong), now()).is_err());
    }
}

#[test]
fn the_largest_version_stays_where_it_is() {
    let largest = format!(r#"{{"N":"{}"}}"#, i128::MAX);
    let values = ManagedValues::of_change_at(&versioned(), &read(&largest), now()).unwrap();
    assert_eq!(written(&values), [(3, largest)]);
}

#[test]
fn an_update_by_key_counts_on_from_whatever_is_stored() {
    assert!(by_key(&versioned(), false).contains("version = if_not_exists(version,"));
}

#[test]
fn an_update_by_key_keeps_the_creation_of_an_item_that_is_there() {
    let of_old = by_key(&managed(), false);
    let of_any = by_key(&managed(), true);

    assert!(!of_old.contains("created") && of_old.contains("updated = :"));
    assert!(of_any.contains("created = if_not_exists(created,"));
}

#[test]
fn an_update_by_key_of_a_model_without_purposes_stays_as_it_is() {
    let set = Action::set(
        Path::new("name"),
        Term::Source(Source::Value(br#"{"S":"x"}"#.as_slice().into())),
    );
    let mut actions = Actions::new(vec![set]).unwrap();
    plain().purposes.write_by_key(&mut actions, true).unwrap();
    assert_eq!(actions.paths().count(), 1);
}

#[test]
fn an_update_by_key_has_a_write_id_of_its_own() {
    assert!(by_key(&with_write_id(), false).contains("write_id = :"));
}

#[test]
fn what_is_managed_is_written_beside_a_callers_actions() {
    let values = ManagedValues::of_change_at(&versioned(), &read(r#"{"N":"3"}"#), now()).unwrap();
    let set = Action::set(
        Path::new("name"),
        Term::Source(Source::Value(br#"{"S":"x"}"#.as_slice().into())),
    );
    let mut actions = Actions::new(vec![set]).unwrap();

    values.write_into(&mut actions, |_| "version");

    let mut w = crate::wire::Writer::with_capacity(256);
    actions.write(&mut w, None, None).unwrap();
    let text = String::from_utf8(w.into_bytes()).unwrap();
    assert!(
        text.contains("version = :") && text.contains(r#"{"N":"4"}"#),
        "{text}"
    );
}
