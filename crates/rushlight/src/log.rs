//! Notices as log lines. What comes from peers is escaped. What is held against a provider is `warn`, with the reason; the same
//! again is `debug`, so that a provider that fails for hours does not fill the log.

use crate::escape::escape;
use rushlight_core::base::PeerId;
use rushlight_core::chains::{ChainNotice, Fact, Facts, Level};
use rushlight_core::node::Notice;
use tracing::{debug, error, info, warn};

/// Writes a notice to the log. `chain` is the chain's name; the text of a line is its event's stable name.
pub(crate) fn log(chain: &str, notice: &Notice) {
    match notice {
        // The save of this head has been acknowledged before the node gives this notice.
        Notice::Head(_, head) => match head.time {
            Some(time) => info!(chain, height = head.height, hash = %head.hash, %time, "head saved"),
            None => info!(chain, height = head.height, hash = %head.hash, "head saved"),
        },
        Notice::Chain(_, notice) => log_chain(chain, notice),
        Notice::Quarantined { peer, origin, verdict, why, seconds } => {
            let why = escape(why);
            warn!(peer = peer.0, provider = origin, verdict = verdict.word(), why, seconds, "provider quarantined");
        }
        Notice::Readmitted { peer, origin } => info!(peer = peer.0, provider = origin, "provider readmitted"),
        other => debug!(chain, notice = escape(&format!("{other:?}")), "notice"),
    }
}

fn log_chain(chain: &str, notice: &ChainNotice) {
    match notice {
        ChainNotice::Progress { height, target } => debug!(chain, height, target, "syncing"),
        ChainNotice::Fault { peer: PeerId(peer), origin, verdict, why, is_repeated } => {
            let (verdict, why) = (verdict.word(), escape(why));
            match is_repeated {
                false => warn!(chain, peer, provider = origin, verdict, why, "provider at fault"),
                true => debug!(chain, peer, provider = origin, verdict, why, "provider at fault"),
            }
        }
        ChainNotice::OtherChain { got, want } => {
            let got = escape(got);
            error!(
                chain,
                got,
                want,
                "every provider that answers serves another chain; correct chain_id and the trusted header, or the providers"
            );
        }
        ChainNotice::ClockBehind { wall, highest } => {
            warn!(chain, %wall, %highest, "this machine's clock is behind an earlier reading; set it right");
        }
        ChainNotice::Frozen { height, evidence } => {
            error!(chain, height, evidence = in_words(evidence), "frozen: evidence of an attack verifies");
        }
        ChainNotice::Told { name: event, words, level, facts } => {
            let facts = in_words(facts);
            match level {
                Level::Detail => debug!(chain, event, facts, "{words}"),
                Level::News => info!(chain, event, facts, "{words}"),
                Level::Warning => warn!(chain, event, facts, "{words}"),
                Level::Trouble => error!(chain, event, facts, "{words}"),
            }
        }
        ChainNotice::CheckpointChanged { from, to, head, kept } => {
            warn!(chain, from, to, head, %kept, "the checkpoint was changed: starting anew from it; what was saved is kept");
        }
        ChainNotice::WorkPanicked { kind, message } => {
            error!(chain, kind, message = escape(message), "a work panicked; this is a bug, please report it");
        }
        ChainNotice::SaveFailed { height } => error!(chain, height, "head not saved, and so not published"),
        other => debug!(chain, notice = escape(&format!("{other:?}")), "notice"),
    }
}

/// Returns facts as `name=fact`, with what comes from peers escaped.
fn in_words(facts: &Facts) -> String {
    escape(&Fact::Group(facts.clone()).to_string())
}
