//! Tests of `pattern`.

#![allow(clippy::unwrap_used)]

use super::*;

fn refusal(pattern: &str, of: Of) -> String {
    Pattern::declared(pattern, of).unwrap_err().to_string()
}

#[test]
fn a_word_without_a_directive_is_taken_for_a_misspelt_format() {
    let refused = refusal("isoz", Of::Datetime);
    assert!(
        refused.starts_with("no format has this name: use \"iso_z\","),
        "{refused}"
    );
}

#[test]
fn a_pattern_that_several_values_would_share_is_refused() {
    for (pattern, of, why) in [
        ("%Y-%d", Of::Datetime, "it has %d without %m"),
        ("%Y-%m-%dT%M", Of::Datetime, "it has %M without %H"),
        ("%Y-%m-%dT%H:%M.%f", Of::Datetime, "it has %f without %S"),
        ("%Y-%m", Of::Date, "it has no %d"),
        ("%m-%d", Of::Date, "it has %m without %Y"),
        ("%H:%M", Of::Datetime, "it has %H without %Y"),
        ("%M", Of::Time, "it has %M without %H"),
        ("%z", Of::Datetime, "it has no %Y"),
    ] {
        assert!(
            refusal(pattern, of).starts_with(why),
            "{pattern}: {}",
            refusal(pattern, of)
        );
    }
}

#[test]
fn a_pattern_has_each_field_once_and_only_those_of_its_type() {
    for (pattern, of, why) in [
        ("%Y%m%d%Y", Of::Datetime, "it has %Y twice"),
        ("%F %m", Of::Datetime, "it has %m twice"),
        ("%Y-%j-%d", Of::Date, "it has %j, the day of the year"),
        ("%Y%m%d%H", Of::Date, "a date has no %H"),
        ("%Y %H", Of::Time, "a time of day has no %Y"),
        ("%H:%M%z", Of::Time, "only a datetime has an offset"),
        (
            "%Y-%b-%d",
            Of::Date,
            "%b cannot be used: the directives are %Y",
        ),
        ("%Y%m%", Of::Date, "% cannot be used"),
        ("%Y\n%m%d", Of::Date, "it contains the character '\\n'"),
    ] {
        assert!(
            refusal(pattern, of).starts_with(why),
            "{pattern}: {}",
            refusal(pattern, of)
        );
    }
}

#[test]
fn text_sorts_as_time_where_the_greater_unit_comes_first() {
    for pattern in ["%Y-%m-%dT%H:%M:%S.%fZ", "%Y%j", "at %F %T", "%z%Y%m%d"] {
        let pattern = Pattern::declared(pattern, Of::Datetime).unwrap();
        assert_eq!(pattern.order_problem(), None);
    }
    for (pattern, pair) in [
        ("%d.%m.%Y", "%d comes before %m"),
        ("%Y-%d-%m", "%d comes before %m"),
        ("%T %F", "%S comes before %Y"),
    ] {
        let problem = Pattern::declared(pattern, Of::Datetime)
            .unwrap()
            .order_problem();
        assert!(problem.unwrap().starts_with(pair), "{pattern}");
    }
}

#[test]
fn what_is_written_is_read_again() {
    let date = Date::real(2024, 2, 29).unwrap();
    let time = Time {
        hour: 3,
        minute: 4,
        second: 5,
        microsecond: 6_000,
    };
    for (pattern, text) in [
        ("%Y-%m-%dT%H:%M:%S.%3fZ", "2024-02-29T03:04:05.006Z"),
        ("%Y-%m-%dT%H:%M:%S.%9fZ", "2024-02-29T03:04:05.006000000Z"),
        ("%d/%m/%Y %T,%f %:z", "29/02/2024 03:04:05,006000 +00:00"),
        ("%Y%j%H%M%S%f%z", "2024060030405006000+0000"),
        ("100%% %F %T.%6f é", "100% 2024-02-29 03:04:05.006000 é"),
    ] {
        let pattern = Pattern::declared(pattern, Of::Datetime).unwrap();
        assert_eq!(pattern.lacks(date, time), None);
        let mut out = Digits::default();
        pattern.write(&mut out, date, time);
        assert_eq!(out.text(), text);
        let read = pattern.read(text, Liberties::default()).unwrap();
        assert_eq!(read, Ok((date, time, 0)));
    }
}

#[test]
fn an_offset_in_the_text_counts() {
    let pattern = Pattern::declared("%Y%m%d%H%M%S%z!", Of::Datetime).unwrap();
    let offset = |text| {
        let read = pattern.read(text, Liberties::default())?;
        Some(read.unwrap().2 / SECOND)
    };
    assert_eq!(offset("20240229030405+0100!"), Some(3_600));
    assert_eq!(offset("20240229030405-01:30!"), Some(-5_400));
    assert_eq!(offset("20240229030405Z!"), Some(0));
    assert_eq!(offset("20240229030405+01!"), None);
}

#[test]
fn another_text_is_left_to_other_readers() {
    let pattern = Pattern::declared("%Y-%m-%d", Of::Date).unwrap();
    for text in ["", "20240229", "2024-02-29 ", "2024-2-29", "x024-02-29"] {
        assert_eq!(pattern.read(text, Liberties::default()), None, "{text}");
    }
    let no_date = pattern.read("2023-02-29", Liberties::default());
    assert_eq!(no_date, Some(Err(NO_INSTANT)));
}

#[test]
fn a_value_with_more_than_the_pattern_holds_is_named() {
    let midnight = Time::MIDNIGHT;
    let first = Date::real(2024, 1, 1).unwrap();
    let lacks = |pattern: &str, date, time| {
        Pattern::declared(pattern, Of::Datetime)
            .unwrap()
            .lacks(date, time)
    };
    assert_eq!(lacks("%F", first, midnight), None);
    let minute = Time {
        minute: 1,
        ..midnight
    };
    assert!(
        lacks("%F", first, minute)
            .unwrap()
            .starts_with("has minutes")
    );
    assert_eq!(lacks("%F %H:%M", first, minute), None);
    let fine = Time {
        microsecond: 1,
        ..midnight
    };
    assert!(
        lacks("%F %T", first, fine)
            .unwrap()
            .starts_with("has a fraction of a second")
    );
    assert!(
        lacks("%F %T.%3f", first, fine)
            .unwrap()
            .starts_with("has microseconds")
    );
    assert_eq!(lacks("%F %T.%9f", first, fine), None);
}

#[test]
fn nine_digits_are_read_if_the_last_three_are_zeros_or_may_be_cut_off() {
    let pattern = Pattern::declared("%F %T.%9f", Of::Datetime).unwrap();
    let fine = "2024-02-29 03:04:05.123456789";
    assert_eq!(
        pattern.read(fine, Liberties::default()),
        Some(Err(TOO_FINE))
    );
    let truncate = Liberties {
        truncate: true,
        ..Liberties::default()
    };
    let (_, time, _) = pattern.read(fine, truncate).unwrap().unwrap();
    assert_eq!(time.microsecond, 123_456);
}
