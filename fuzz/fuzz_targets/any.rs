//! The target that FITBIT_FUZZ_TARGET names, under libFuzzer.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<String> = LazyLock::new(|| {
    std::env::var("FITBIT_FUZZ_TARGET").expect("FITBIT_FUZZ_TARGET names a target")
});

fuzz_target!(
    init: fitbit_fuzz_targets::watch_panics(true),
    |data: &[u8]| fitbit_fuzz_targets::run(&TARGET, data)
);
