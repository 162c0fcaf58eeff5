//! `cargo +nightly fuzz run grandpa_justification`; the target itself is [`rushlight_fuzz::targets::grandpa_justification`].
#![no_main]
#![allow(missing_docs, unsafe_code, reason = "the macro writes the C entry point of libFuzzer")]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    rushlight_fuzz::targets::grandpa_justification::run(bytes);
});
