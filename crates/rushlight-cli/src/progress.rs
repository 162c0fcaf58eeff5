//! Progress of a sync: a bar on a terminal, a line now and then elsewhere.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rushlight::core::base::ChainId;
use rushlight::core::chains::ChainNotice;
use rushlight::core::node::Notice;
use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tracing::info;

/// The least time between two lines about one chain.
const LINE_PAUSE: Duration = Duration::from_secs(10);
/// How many heights behind the network count as a sync that is worth a bar.
const BAR_HEIGHTS_MIN: u64 = 20;

/// Shows the progress that `notices` tell of, until the client stops.
pub(crate) async fn show(mut notices: Receiver<Notice>, names: BTreeMap<ChainId, String>, bars: MultiProgress) {
    let is_terminal = io::stderr().is_terminal();
    let mut shown = BTreeMap::new();
    loop {
        let (chain, height, target) = match notices.recv().await {
            Ok(Notice::Chain(chain, ChainNotice::Progress { height, target })) => (chain, height, target),
            Ok(_) | Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return,
        };
        let name = names.get(&chain).map_or("", String::as_str);
        let chain = shown.entry(chain).or_insert_with(Shown::default);
        if is_terminal {
            chain.draw(&bars, name, height, target);
        } else {
            chain.say(name, height, target);
        }
    }
}

#[derive(Default)]
struct Shown {
    from: Option<u64>,
    bar: Option<ProgressBar>,
    said: Option<Instant>,
}

impl Shown {
    fn draw(&mut self, bars: &MultiProgress, name: &str, height: u64, target: u64) {
        if height.saturating_add(BAR_HEIGHTS_MIN) < target && self.bar.is_none() {
            let bar = bars.add(ProgressBar::new(0));
            let style = ProgressStyle::with_template("{prefix:12} {wide_bar} {msg} {eta}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_prefix(name.to_owned());
            self.from = Some(height);
            self.bar = Some(bar);
        }
        let (Some(bar), Some(from)) = (&self.bar, self.from) else { return };
        bar.set_length(target.saturating_sub(from));
        bar.set_position(height.saturating_sub(from));
        bar.set_message(format!("{height}/{target}"));
        if height >= target {
            bar.finish_and_clear();
            self.bar = None;
        }
    }

    fn say(&mut self, name: &str, height: u64, target: u64) {
        if self.said.is_some_and(|said| said.elapsed() < LINE_PAUSE) {
            return;
        }
        self.said = Some(Instant::now());
        info!(chain = name, height, target, "progress");
    }
}
