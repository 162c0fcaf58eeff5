//! What is held against a peer.

/// Why a peer's answer was of no use. Kept apart, because each asks for another reaction: who is slow today may be fast
/// tomorrow, who is pruned still knows recent heights, who lies must not be asked for a long time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It did not answer in time.
    Slow,
    /// It does not have a height yet that others have.
    Behind,
    /// It no longer has a height.
    Pruned,
    /// It answers in a form that we do not read: a flag or key type that is not known here, a page of a gateway, far more than
    /// it was asked for. That may be our fault as well as its own, so it costs no standing; but it is no answer either.
    AnotherForm,
    /// It refuses: connection refused, HTTP 4xx or 5xx, rate limit, unknown route.
    Refusing,
    /// What it said was read in whole, and a hash, a signature or a rule of the chain fails.
    Lying,
}

impl Verdict {
    /// Returns the word used in status, metrics and logs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Behind => "behind",
            Self::Pruned => "pruned",
            Self::AnotherForm => "another_form",
            Self::Refusing => "refusing",
            Self::Lying => "lying",
        }
    }
}
