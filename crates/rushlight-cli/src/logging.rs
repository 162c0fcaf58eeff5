//! Logs on stderr, which do not tear the progress bars that are there too.

use indicatif::MultiProgress;
use rushlight::{Color, LogFormat, Settings};
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
            let is_coloured = is_coloured(settings.color, io::stderr().is_terminal(), |name| std::env::var(name).ok());
            let layer = tracing_subscriber::fmt::layer().with_target(false).with_ansi(is_coloured);
            registry.with(layer.with_writer(lines)).init();
        }
    }
}

/// Tells whether lines are coloured: the setting decides, else NO_COLOR, else CLICOLOR_FORCE, else whether a person reads them.
/// Source: <https://no-color.org>, <https://bixense.com/clicolors>.
fn is_coloured(color: Color, is_terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let is_forced = || variable("CLICOLOR_FORCE").is_some_and(|value| !value.is_empty() && value != "0");
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => !is_set("NO_COLOR") && (is_forced() || is_terminal),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_for_colour_gets_it() {
        for (color, is_terminal, no_color, force, want) in [
            (Color::Auto, true, None, None, true),
            (Color::Auto, false, None, None, false),
            (Color::Auto, true, Some("1"), None, false),
            (Color::Auto, true, Some(""), None, true),
            (Color::Auto, false, None, Some("1"), true),
            (Color::Auto, false, None, Some("0"), false),
            (Color::Auto, true, Some("1"), Some("1"), false),
            (Color::Always, false, Some("1"), None, true),
            (Color::Never, true, None, Some("1"), false),
        ] {
            let variable = |name: &str| if name == "NO_COLOR" { no_color } else { force }.map(str::to_owned);
            assert_eq!(
                is_coloured(color, is_terminal, variable),
                want,
                "{color:?} {is_terminal} {no_color:?} {force:?}"
            );
        }
    }
}
