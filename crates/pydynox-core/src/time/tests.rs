//! Tests of `time`.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

mod forms;

#[test]
fn a_point_in_time_has_one_text() {
    for other in [
        "2026-11-23T03:41:00.000000Z",
        "2026-11-23T03:41:00Z",
        "2026-11-23T03:41Z",
        "2026-11-23 03:41:00+00:00",
        "2026-11-23T04:41:00.000000000+0100",
        "2026-11-22T22:41:00-05",
        "20261123T034100Z",
        "20261123T0341Z",
        "2026-11-23t03:41:00,0z",
    ] {
        let read = Instant::parse(other).unwrap();
        assert_eq!(read.text(), "2026-11-23T03:41:00.000000Z", "{other}");
    }
    let fine = Instant::parse("1969-12-31T23:59:59.999999Z").unwrap();
    assert_eq!(fine.microseconds(), -1);
}

#[test]
fn what_is_no_point_in_time_is_refused() {
    for (text, why) in [
        ("2026-11-23T03:41:00", NO_OFFSET),
        ("2026-11-23T03:41:00.0000001Z", TOO_FINE),
        ("0001-01-01T00:00:00+01:00", RANGE),
        ("9999-12-31T23:59:59-00:01", RANGE),
        ("2026-02-29T00:00:00Z", NO_INSTANT),
        ("2026-11-23T24:00:00Z", NO_INSTANT),
        ("2026-11-23T03:41:60Z", NO_INSTANT),
        ("2026-11-23T03:41:00+1", NO_INSTANT),
        ("2026-11-23T03:41:00.Z", NO_INSTANT),
        ("2026-11-23", NO_INSTANT),
        ("", NO_INSTANT),
        ("2026-11-23T03:41:00Zx", NO_INSTANT),
    ] {
        assert_eq!(Instant::parse(text).unwrap_err(), why, "{text}");
    }
}

#[test]
fn dates_and_times_are_read_in_both_forms() {
    assert_eq!(Date::parse("20240229").unwrap().text(), "2024-02-29");
    assert_eq!(Date::parse("2023-02-29").unwrap_err(), NO_DATE);
    assert_eq!(Date::parse("2023-0229").unwrap_err(), NO_DATE);
    assert_eq!(Time::parse("03:41").unwrap().text(), "03:41:00.000000");
    assert_eq!(Time::parse("034100.5").unwrap().text(), "03:41:00.500000");
    assert_eq!(Time::parse("03:41Z").unwrap_err(), NO_TIME);
}

#[test]
fn numbers_are_exact() {
    assert_eq!(scaled("1.5", 6), Ok(1_500_000));
    assert_eq!(scaled("-0.000001", 6), Ok(-1));
    assert_eq!(scaled("1.0000000", 6), Ok(1_000_000));
    assert_eq!(scaled("0.0000001", 6), Err(TOO_FINE));
    assert_eq!(scaled("99999999999999999999", 6), Err(RANGE));
    assert_eq!(unscaled(-1_500_000, 6), "-1.5");
    assert_eq!(unscaled(0, 3), "0");
}

proptest! {
    #[test]
    fn texts_come_back_and_are_ordered_as_times(a in -62_135_596_800_000_000_i64..253_402_300_800_000_000, b in -62_135_596_800_000_000_i64..253_402_300_800_000_000) {
        let (a, b) = (Instant::from_microseconds(a).unwrap(), Instant::from_microseconds(b).unwrap());
        prop_assert_eq!(Instant::parse(&a.text()), Ok(a));
        prop_assert_eq!(a.cmp(&b), a.text().cmp(&b.text()));
        let (date, time) = a.parts();
        prop_assert_eq!(Instant::new(date, time, 0), Ok(a));
    }

    #[test]
    fn durations_come_back(units in any::<i64>().prop_map(|units| units / 2)) {
        prop_assert_eq!(scaled(&unscaled(units, 6), 6), Ok(units));
        prop_assert_eq!(parse_duration(&duration_text(units)), Ok(units));
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,40}", like in "[0-9TZ:.,+\\- ]{0,40}") {
        for text in [text, like] {
            let _ = (Instant::parse(&text), Date::parse(&text), Time::parse(&text));
            let _ = (scaled(&text, 6), parse_duration(&text));
        }
    }
}
