//! `cargo +nightly fuzz run chain_state`; the target itself is [`rushlight_fuzz::targets::chain_state`].
#![no_main]
#![allow(missing_docs, unsafe_code, reason = "the macro writes the C entry point of libFuzzer")]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    rushlight_fuzz::targets::chain_state::run(bytes);
});
