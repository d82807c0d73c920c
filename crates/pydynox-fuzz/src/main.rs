//! One target under `libFuzzer`, chosen by the environment variable `FUZZ_TARGET`; `make fuzz` runs all of them.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pydynox_fuzz::TARGETS;

static CHECK: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let wanted = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let Some(target) = TARGETS.iter().find(|target| target.name == wanted) else {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        panic!("FUZZ_TARGET={wanted:?} isn't one of {}", names.join(", "));
    };
    target.check
});

fuzz_target!(|bytes: &[u8]| CHECK(bytes));
