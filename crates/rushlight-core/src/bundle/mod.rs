//! Portable proofs: checkpoints that fit a QR code, and bundles that verify offline against one.
//!
//! Only the container is here; what its sections mean and how they are verified is each family's business.
//! Format: `docs/formats/bundle.md`.

mod checkpoint;
mod container;
mod start;

pub use checkpoint::{Anchor, CHECKPOINT_BYTES_MAX, Checkpoint, CheckpointError};
pub use container::{BUNDLE_BYTES_MAX, Bundle, BundleError, Family, SECTIONS_MAX, Section, SectionKind};
pub use start::StartError;
