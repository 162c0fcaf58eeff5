//! Runtime code: the version in its custom sections, compressed or not.

use rushlight_core::chains::substrate::spec::code::RuntimeVersion;

/// What compressed code begins with.
const COMPRESSED: [u8; 8] = [0x52, 0xbc, 0x53, 0x76, 0x46, 0xdb, 0x8e, 0x05];

/// Reads `bytes` as code and, behind the mark of compressed code, as a zstd frame. Returns whether either was read.
pub fn run(bytes: &[u8]) -> bool {
    let plain = RuntimeVersion::of_code(bytes).is_ok();
    let compressed = RuntimeVersion::of_code(&[&COMPRESSED, bytes].concat()).is_ok();
    plain || compressed
}
