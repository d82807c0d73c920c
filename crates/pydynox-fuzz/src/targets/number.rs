//! Any text: no panic, one canonical text, floats and integers that agree with it.

use pydynox_core::number::{Number, f64_is_exact, parse_i64};

pub(super) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let integer = parse_i64(text);
    let Ok(number) = Number::parse(text) else {
        assert_eq!(integer, None, "an integer that is not a number");
        return;
    };
    let canonical = number.as_str();
    assert_eq!(Number::parse(canonical).as_ref(), Ok(&number));
    assert!(canonical == "0" || !canonical.trim_start_matches('-').starts_with("00"));
    if let Some(integer) = integer {
        assert_eq!(Number::from_i64(integer), number);
    }
    let Ok(float) = text.parse::<f64>() else {
        panic!("the standard library refuses {text:?}")
    };
    let printed = Number::from_f64(float);
    assert_eq!(f64_is_exact(text, float), printed.as_ref() == Ok(&number));
    if let Ok(printed) = printed {
        assert_eq!(printed.as_str().parse::<f64>().ok(), Some(float));
    }
}
