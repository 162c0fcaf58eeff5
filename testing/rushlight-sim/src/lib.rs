//! A simulator: the node in virtual time, against lossy links, lying providers, crashes and broken clocks.
//!
//! One seed stands for a whole [`Scenario`]: a chain with rotation, skew, nil and absent votes; four providers or more
//! with their latencies, losses, partitions and lies; a disk on which writes fail; kills at write points; a wall clock
//! that jumps. The node is the one that ships, driven through its contract and nothing else. A judge that knows the
//! honest chain looks at everything that comes out.
//!
//! Properties, by the names under which a failure reports them: P1 to P6, P11 and P12 of verification itself in
//! [`properties`]; P7 (order of answers), P8 (kills at write points), P9 (bounds), P11 (time travel), P12 (checkpoints
//! and bundles) and that the honest tip is reached, for the whole node.
#![forbid(unsafe_code)]

mod dice;
mod disk;
mod forge;
mod judge;
mod plan;
pub mod properties;
mod provider;
mod report;
mod run;
mod scenario;
mod world;

pub use dice::Dice;
pub use plan::plan;
pub use report::{Outcome, Totals, Verdict};
pub use run::{Failure, run};
pub use scenario::{Behaviour, HEIGHTS_MIN, PROVIDERS_MIN, Provider, Scenario, Theme, lie_word};
