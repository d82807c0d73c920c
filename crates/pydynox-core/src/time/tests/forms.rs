//! Tests of reading and writing in every form.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::super::*;

/// From the first microsecond of the year 1 to the last one of the year 9999.
const ALL: std::ops::Range<i64> = -62_135_596_800_000_000..253_402_300_800_000_000;

const PATTERNS: [&str; 6] = [
    "%Y-%m-%dT%H:%M:%S.%3fZ",
    "%Y-%m-%d %H:%M:%S.%f",
    "%Y%j%H%M%S",
    "%F",
    "%d/%m/%Y %H:%M:%S.%f %:z",
    "%Y-%m-%dT%H:%M:%S.%9fZ",
];

fn form(format: &str) -> Form {
    Form::declared(format, Of::Datetime).unwrap()
}

fn formats() -> impl Iterator<Item = &'static str> {
    BUILT_IN.into_iter().chain(PATTERNS)
}

/// 2026-11-23T03:41:00.250000Z.
fn quarter() -> Instant {
    Instant::parse("2026-11-23T03:41:00.25Z").unwrap()
}

fn written(form: &Form, at: Instant) -> Result<String, CannotHold> {
    form.instant(at)
        .map(|(Stored::String(text) | Stored::Number(text))| text)
}

fn read(form: &Form, stored: &Stored) -> Result<Instant, TimeError> {
    match stored {
        Stored::String(text) => form.read_instant(text),
        Stored::Number(number) => form.read_instant_number(number),
    }
}

#[test]
fn each_format_writes_its_own_text() {
    let whole = Instant::parse("2024-01-02T03:04:05Z").unwrap();
    let fine = Instant::parse("2024-01-02T03:04:05.000006Z").unwrap();
    for (format, of_whole, of_fine) in [
        (
            "iso_z",
            "2024-01-02T03:04:05.000000Z",
            Some("2024-01-02T03:04:05.000006Z"),
        ),
        (
            "iso_offset",
            "2024-01-02T03:04:05.000000+00:00",
            Some("2024-01-02T03:04:05.000006+00:00"),
        ),
        (
            "pynamodb",
            "2024-01-02T03:04:05.000000+0000",
            Some("2024-01-02T03:04:05.000006+0000"),
        ),
        ("iso_seconds", "2024-01-02T03:04:05Z", None),
        ("epoch", "1704164645", None),
        ("epoch_ms", "1704164645000", None),
        (
            "rfc3339_nano",
            "2024-01-02T03:04:05Z",
            Some("2024-01-02T03:04:05.000006Z"),
        ),
        (
            "java_instant",
            "2024-01-02T03:04:05Z",
            Some("2024-01-02T03:04:05.000006Z"),
        ),
        ("%Y%m%dT%H%M%SZ", "20240102T030405Z", None),
    ] {
        assert_eq!(written(&form(format), whole).unwrap(), of_whole);
        assert_eq!(
            written(&form(format), fine).ok().as_deref(),
            of_fine,
            "{format}"
        );
    }
}

#[test]
fn go_leaves_out_zeros_and_java_counts_in_thousands() {
    for (fraction, go, java) in [
        ("25", "2024-01-02T03:04:05.25Z", "2024-01-02T03:04:05.250Z"),
        (
            "2501",
            "2024-01-02T03:04:05.2501Z",
            "2024-01-02T03:04:05.250100Z",
        ),
    ] {
        let at = Instant::parse(&format!("2024-01-02T03:04:05.{fraction}Z")).unwrap();
        assert_eq!(written(&form("rfc3339_nano"), at).unwrap(), go);
        assert_eq!(written(&form("java_instant"), at).unwrap(), java);
    }
}

#[test]
fn a_value_that_the_format_cannot_hold_is_refused_with_a_remedy() {
    for (format, parts) in [
        (
            "iso_seconds",
            ["has a fraction of a second", "declare format=\"iso_z\""],
        ),
        ("epoch", ["has a fraction of a second", "epoch=\"seconds\""]),
        (
            "%F %T",
            [
                "has a fraction of a second",
                "declare a format that holds it",
            ],
        ),
    ] {
        let why = written(&form(format), quarter()).unwrap_err().to_string();
        assert!(parts.iter().all(|part| why.contains(part)), "{why}");
    }
    let fine = Instant::from_microseconds(1).unwrap();
    let why = written(&form("epoch_ms"), fine).unwrap_err().to_string();
    assert!(
        why.contains("has microseconds") && why.contains("epoch=\"milliseconds\""),
        "{why}"
    );
    assert_eq!(
        written(&form("epoch_ms"), quarter()).unwrap(),
        "1795405260250"
    );
}

#[test]
fn every_built_in_format_is_read_whatever_is_declared() {
    let at = Instant::parse("2026-11-23T03:41:00Z").unwrap();
    for declared in formats() {
        for other in BUILT_IN {
            // A number is what the declared form says that it is.
            if declared == "epoch_ms" && other == "epoch" {
                continue;
            }
            let stored = form(other).instant(at).unwrap();
            assert_eq!(
                read(&form(declared), &stored),
                Ok(at),
                "{declared} reads {other}"
            );
        }
    }
}

#[test]
fn the_declared_form_decides_what_a_number_is() {
    let birth = Instant::from_microseconds(86_400_000_000).unwrap();
    assert_eq!(form("epoch_ms").read_instant_number("86400000"), Ok(birth));
    assert_eq!(form("epoch").read_instant_number("86400"), Ok(birth));
    assert_eq!(form("iso_z").read_instant_number("86400"), Ok(birth));
    // No second of the years 1 to 9999, so these are milliseconds.
    let late = form("iso_z").read_instant_number("1795405260250");
    assert_eq!(late, Ok(quarter()));
    assert_eq!(form("epoch").read_instant_number("1795405260250"), late);
    assert_eq!(form("epoch_ms").read_instant_number("1795405260250"), late);
    assert_eq!(
        Form::SECONDS.read_instant_number("1795405260250"),
        Err(RANGE)
    );
    assert_eq!(
        form("iso_z").read_instant_number("1795405260.25"),
        Ok(quarter())
    );
}

#[test]
fn naive_text_is_read_where_it_is_declared_to_be_utc() {
    let naive = "2026-11-23T03:41:00.25";
    assert_eq!(form("iso_z").read_instant(naive), Err(NO_OFFSET));
    let allowed = form("iso_z").reading_naive_as_utc(true);
    assert_eq!(allowed.read_instant(naive), Ok(quarter()));
    assert_eq!(
        allowed.read_instant("2026-11-23T04:41:00.25+01:00"),
        Ok(quarter())
    );
    // A pattern without an offset is in UTC by itself.
    assert_eq!(
        form("%F %T.%f").read_instant("2026-11-23 03:41:00.250000"),
        Ok(quarter())
    );
}

#[test]
fn what_is_finer_than_a_microsecond_is_cut_off_where_that_is_declared() {
    let fine = "2026-11-23T03:41:00.250000999Z";
    assert_eq!(form("iso_z").read_instant(fine), Err(TOO_FINE));
    let truncating = form("iso_z").truncating(true);
    assert_eq!(truncating.read_instant(fine), Ok(quarter()));
    assert_eq!(
        truncating.read_instant_number("1795405260.2500009"),
        Ok(quarter())
    );
    assert_eq!(
        form("iso_z").read_instant_number("1795405260.2500009"),
        Err(TOO_FINE)
    );
    let time = Form::declared("iso_z", Of::Time).unwrap().truncating(true);
    assert_eq!(
        time.read_time("03:41:00.2500009").unwrap().text(),
        "03:41:00.250000"
    );
}

#[test]
fn dates_are_text_or_their_midnight_in_utc() {
    let date = Date::parse("2026-11-23").unwrap();
    for (format, stored) in [
        ("iso_z", Stored::String("2026-11-23".into())),
        ("epoch", Stored::Number("1795392000".into())),
        ("epoch_ms", Stored::Number("1795392000000".into())),
        ("%Y%m%d", Stored::String("20261123".into())),
        ("%Y%j", Stored::String("2026327".into())),
        (
            "%FT00:00:00Z",
            Stored::String("2026-11-23T00:00:00Z".into()),
        ),
    ] {
        let form = Form::declared(format, Of::Date).unwrap();
        assert_eq!(form.date(date).as_ref(), Ok(&stored));
        let read = match &stored {
            Stored::String(text) => form.read_date(text),
            Stored::Number(number) => form.read_date_number(number),
        };
        assert_eq!(read, Ok(date), "{format}");
        assert_eq!(form.read_date("2026-11-23"), Ok(date), "{format}");
    }
    let noon = Form::declared("epoch", Of::Date)
        .unwrap()
        .read_date_number("1795435200");
    assert_eq!(noon, Err(NO_MIDNIGHT));
}

#[test]
fn times_of_day_are_text() {
    let time = Time::parse("03:41").unwrap();
    for (format, text) in [
        ("iso_z", "03:41:00.000000"),
        ("iso_seconds", "03:41:00"),
        ("%H:%M", "03:41"),
        ("%H%M%S%3f", "034100000"),
    ] {
        let form = Form::declared(format, Of::Time).unwrap();
        assert_eq!(form.time(time), Ok(Stored::String(text.into())));
        assert_eq!(form.read_time(text), Ok(time));
        assert_eq!(form.read_time("03:41:00.000000"), Ok(time));
    }
    let fine = Time {
        microsecond: 1,
        ..time
    };
    for format in ["iso_seconds", "%H:%M", "%H:%M:%S.%3f"] {
        assert!(
            Form::declared(format, Of::Time)
                .unwrap()
                .time(fine)
                .is_err(),
            "{format}"
        );
    }
}

#[test]
fn a_number_in_a_key_has_the_width_of_its_neighbours() {
    for (format, fits) in [("epoch", "1795405260"), ("epoch_ms", "1795405260250")] {
        let form = form(format);
        let number = |number: &str| form.in_text(Stored::Number(number.to_owned()));
        assert_eq!(number(fits).as_deref(), Ok(fits));
        for other in ["999999999", "-795405260", "12345678901234"] {
            let why = number(other).unwrap_err().to_string();
            assert!(why.contains("keys would not sort as times"), "{why}");
        }
    }
}

#[test]
fn times_that_pydynox_takes_lose_what_the_form_has_no_place_for() {
    for (format, json) in [
        ("iso_z", r#"{"S":"2026-11-23T03:41:00.250000Z"}"#),
        ("pynamodb", r#"{"S":"2026-11-23T03:41:00.250000+0000"}"#),
        ("iso_seconds", r#"{"S":"2026-11-23T03:41:00Z"}"#),
        ("epoch", r#"{"N":"1795405260"}"#),
        ("epoch_ms", r#"{"N":"1795405260250"}"#),
        ("%d.%m.%Y", r#"{"S":"23.11.2026"}"#),
    ] {
        assert_eq!(
            String::from_utf8(form(format).json(quarter())).unwrap(),
            json
        );
    }
    assert_eq!(
        Form::WHOLE_SECONDS.json(quarter()),
        br#"{"N":"1795405260"}"#
    );
    assert_eq!(Form::SECONDS.json(quarter()), br#"{"N":"1795405260.25"}"#);
}

#[test]
fn a_stored_text_tells_its_format() {
    for (text, format) in [
        ("2026-11-23T03:41:00.250000Z", Some("iso_z")),
        ("2026-11-23T03:41:00.250000+00:00", Some("iso_offset")),
        ("2026-11-23T03:41:00.250000+0000", Some("pynamodb")),
        ("2026-11-23T03:41:00Z", Some("iso_seconds")),
        ("2026-11-23T03:41:00.250Z", Some("%Y-%m-%dT%H:%M:%S.%3fZ")),
        ("2026-11-23T03:41:00.25Z", Some("rfc3339_nano")),
        ("2026-11-23 03:41:00", Some("%Y-%m-%d %H:%M:%S")),
        ("2026-11-23T03:41:00.250000", Some("%Y-%m-%dT%H:%M:%S.%f")),
        ("2026-11-23T04:41:00+01:00", None),
        ("soon", None),
    ] {
        let fitting = fitting_text(text, Of::Datetime);
        assert_eq!(
            fitting.as_ref().map(Form::name).as_deref(),
            format,
            "{text}"
        );
    }
    let date = fitting_text("20261123", Of::Date).unwrap();
    assert_eq!(date.name(), "%Y%m%d");
    assert_eq!(
        fitting_text("03:41:00", Of::Time).unwrap().name(),
        "iso_seconds"
    );
}

#[test]
fn a_stored_number_tells_its_format() {
    let name = |number| fitting_number(number, Of::Datetime).map(|form| form.name().into_owned());
    assert_eq!(name("1795405260").as_deref(), Some("epoch"));
    assert_eq!(name("1795405260250").as_deref(), Some("epoch_ms"));
    assert_eq!(name("1795405260.25"), None);
    assert_eq!(
        fitting_number("1795392000", Of::Date).unwrap().name(),
        "epoch"
    );
    assert_eq!(fitting_number("1", Of::Time), None);
}

#[test]
fn two_forms_store_alike_if_they_write_the_same() {
    assert!(form("iso_z").stores_like(&form("iso_z").reading_naive_as_utc(true)));
    assert!(!form("iso_z").stores_like(&form("pynamodb")));
    assert!(!form("%F %T").stores_like(&form("%FT%T")));
}

proptest! {
    #[test]
    fn a_forms_separators_tell_its_texts(at in ALL) {
        let at = Instant::from_microseconds(at).unwrap();
        for written_in in formats() {
            let Ok(Stored::String(text)) = form(written_in).instant(at) else { continue };
            for format in formats() {
                let form = form(format);
                if form.read_instant(&text).is_ok() {
                    let is_written = form.writes_text(&text, Of::Datetime);
                    prop_assert_eq!(form.is_form_of(&text, Of::Datetime), is_written, "{}: {}", format, text);
                }
            }
        }
    }

    #[test]
    fn what_a_form_writes_it_reads(at in ALL) {
        let at = Instant::from_microseconds(at).unwrap();
        for format in formats() {
            let form = form(format);
            let at = at.floored_to(form.unit());
            let stored = form.instant(at).unwrap();
            prop_assert_eq!(read(&form, &stored), Ok(at), "{}", format);
        }
    }

    #[test]
    fn a_form_without_a_problem_sorts_as_time_does(a in ALL, b in ALL) {
        for format in formats() {
            let form = form(format);
            if form.order_problem().is_some() || form.is_number() {
                continue;
            }
            let [a, b] = [a, b].map(|at| Instant::from_microseconds(at).unwrap().floored_to(form.unit()));
            let texts = [a, b].map(|at| written(&form, at).unwrap());
            prop_assert_eq!(a.cmp(&b), texts[0].cmp(&texts[1]), "{}", format);
        }
    }

    #[test]
    fn a_value_is_refused_only_if_it_is_finer_than_the_form(at in ALL) {
        let at = Instant::from_microseconds(at).unwrap();
        for format in formats() {
            let form = form(format);
            let fits = at.floored_to(form.unit()) == at;
            prop_assert_eq!(form.instant(at).is_ok(), fits, "{}", format);
        }
    }

    #[test]
    fn no_declaration_and_no_text_makes_it_panic(format in "\\PC{0,20}", directives in "(%[YmdjHMSfzFT39:%]|[-T ]){0,9}", text in "\\PC{0,30}", digits in "[0-9TZ:.+\\- ]{0,30}") {
        for of in [Of::Datetime, Of::Date, Of::Time] {
            for format in [&format, &directives] {
                let Ok(form) = Form::declared(format, of) else { continue };
                for text in [&text, &digits] {
                    let _ = (form.read_instant(text), form.read_date(text), form.read_time(text));
                    let _ = (form.read_instant_number(text), fitting_text(text, of));
                }
            }
        }
    }
}
