//! Portable proofs: checkpoints that fit a QR code, and bundles that verify offline against one.
//!
//! Only the container is here; what its sections mean and how they are verified is each family's business, and which families
//! there are is the table's in [`crate::chains`].
//! Format: `docs/formats/bundle.md`.

mod checkpoint;
mod container;
mod family;
mod start;

pub use checkpoint::{ANCHOR_BYTES_MAX, Anchor, CHECKPOINT_BYTES_MAX, Checkpoint, CheckpointError};
pub use container::{BUNDLE_BYTES_MAX, Bundle, BundleError, SECTIONS_MAX, Section, SectionKind};
pub use family::{FAMILY_NAME_BYTES_MAX, FamilyName, FamilyNumber};
pub use start::StartError;
