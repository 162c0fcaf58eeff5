//! Rushlight's native driver: it waits, the core decides.
//!
//! This crate puts sockets, files, threads and clocks around [`rushlight_core`]: an HTTP client for the core's fetches,
//! worker threads for its heavy work, a crash-safe store for its snapshots, and the listeners for its clients. It
//! verifies nothing itself.
//!
//! ```no_run
//! use rushlight::{ChainFile, Client, Options};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::start(Options::new("/var/lib/rushlight"))?;
//! let file = ChainFile::read("hub.toml".as_ref())?;
//! let chain = client.add_chain(&file.name, file.spec).await?;
//! let mut notices = client.notices();
//! println!("{:?}", notices.recv().await?);
//! let call = r#"{"jsonrpc":"2.0","id":1,"method":"rushlight_checkpoint"}"#;
//! println!("{}", client.call(Some(chain), call).await?);
//! client.shutdown().await?;
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]

mod built_in;
mod chain_file;
mod client;
mod clock;
mod command;
mod control;
mod driver;
mod escape;
mod fetch;
mod limit;
mod listener;
mod log;
mod meters;
mod outbox;
mod pool;
mod saved;
mod session;
mod settings;
mod store;
mod toml_file;
mod websocket;

/// What the benches of this crate drive by itself.
#[doc(hidden)]
pub mod testing {
    pub use crate::pool::Pool;
}

pub use built_in::{BUILT_IN_CHAINS, BuiltInChain};
pub use chain_file::ChainFile;
pub use client::{AddChainError, Client, Options, StartError};
pub use clock::wall;
pub use control::{CONTROL_FILE, Control, ControlError, ask_daemon};
pub use driver::Stopped;
pub use escape::escape;
pub use fetch::{Answered, Fetcher};
pub use limit::allow_many_files;
pub use listener::{ListenError, ListenOptions, Listening, Metrics};
pub use meters::Measured;
pub use outbox::Answers;
pub use rushlight_core as core;
pub use rushlight_core::chains::ChainSpec;
pub use saved::{SavedError, ask_saved};
pub use session::{Caller, Closed, OwnedCall, Session};
pub use settings::{Color, Found, LogFormat, Origin, SETTINGS, Setting, Settings, SettingsError, Sources};
pub use store::{LOCK_FILE, STORE_FILE, StoreError, is_in_use, set_aside};
pub use toml_file::FileError;
