//! `cargo +nightly fuzz run warp_stream`; the target itself is [`rushlight_fuzz::targets::warp_stream`].
#![no_main]
#![allow(missing_docs, unsafe_code, reason = "the macro writes the C entry point of libFuzzer")]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    rushlight_fuzz::targets::warp_stream::run(bytes);
});
