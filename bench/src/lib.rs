//! Nothing but benches: `cargo bench --manifest-path bench/Cargo.toml`.
