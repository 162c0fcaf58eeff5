//! Logs on stderr, which do not tear the progress bars that are there too.

use indicatif::MultiProgress;
use rushlight::{LogFormat, Settings};
use std::io::{self, IsTerminal, Write};
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging as the settings say. `bars` are held back while a line is written.
pub(crate) fn start(settings: &Settings, bars: &MultiProgress) {
    let level: LevelFilter = settings.log_level.parse().unwrap_or(LevelFilter::INFO);
    // Libraries speak up only when something is wrong: their debug lines would hold whole requests.
    let targets =
        Targets::new().with_target("rushlight", level).with_default(level.min(LevelFilter::from_level(Level::WARN)));
    let lines = Lines(bars.clone());
    let registry = tracing_subscriber::registry().with(targets);
    match settings.log_format {
        LogFormat::Json => {
            registry.with(tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(lines)).init();
        }
        LogFormat::Text => {
            let is_coloured =
                io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            let layer = tracing_subscriber::fmt::layer().with_target(false).with_ansi(is_coloured);
            registry.with(layer.with_writer(lines)).init();
        }
    }
}

#[derive(Clone)]
struct Lines(MultiProgress);

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write_all(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
