//! What must hold of one proof as a whole, and a proof that is verified here and now.

use super::fragment::Fragment;
use super::rules::WarpRules;
use super::run::{Run, VerifiedHead, WarpError};
use super::stream::FragmentStream;
use crate::base::PeerId;
use crate::chains::substrate::grandpa::BlockId;
use crate::chains::substrate::header::NumberWidth;

/// The rule that a proof is minimal: only its last fragment may announce no set, and only where the proof is finished. A
/// proof could be blown up at will without it, by blocks of one set one above the other.
#[derive(Debug, Default)]
pub(super) struct Minimality {
    /// Number of the last block, if it announces nothing.
    without_change: Option<u64>,
}

impl Minimality {
    /// Checks that another fragment may follow, and notes what it announces. A block of `rules.hard_forks` changes the set
    /// without a word of its own, so it may stand anywhere.
    pub(super) fn next(&mut self, fragment: &Fragment, rules: &WarpRules) -> Result<(), WarpError> {
        self.end(false)?;
        let block = fragment.block();
        let changes_set = fragment.announces_set() || rules.hard_forks.contains_key(&block.hash);
        self.without_change = (!changes_set).then_some(block.number);
        Ok(())
    }

    /// Checks that the proof may end here; `finished` says that the prover has no more.
    pub(super) fn end(&self, finished: bool) -> Result<(), WarpError> {
        match self.without_change {
            Some(number) if !finished => Err(WarpError::NotMinimal { number }),
            _ => Ok(()),
        }
    }
}

/// A proof that is verified here and now, with all its rules.
#[derive(Debug)]
pub struct ProofRun {
    run: Run,
    minimality: Minimality,
    head: Option<VerifiedHead>,
}

impl ProofRun {
    /// Returns the proof without fragments that starts from `trusted`, on a chain with `rules`.
    pub fn start(trusted: &VerifiedHead, rules: &WarpRules) -> Self {
        Self { run: Run::start(trusted, rules), minimality: Minimality::default(), head: None }
    }

    /// Returns the last block, of which the signatures may not be verified yet.
    pub fn tip(&self) -> BlockId {
        self.run.tip()
    }

    /// Adds the fragment that follows. One of the last block itself is passed over.
    /// # Errors
    /// [`WarpError`], of this fragment or of one before it.
    pub fn push(&mut self, fragment: &Fragment) -> Result<(), WarpError> {
        self.minimality.next(fragment, self.run.rules())?;
        self.run.push(fragment, PeerId(0))?;
        if self.run.is_full() { self.verify_signatures() } else { Ok(()) }
    }

    /// Returns the last block, which is final; none if there was no fragment above the trusted block. `finished` says that
    /// the prover has no more.
    /// # Errors
    /// [`WarpError`].
    pub fn end(mut self, finished: bool) -> Result<Option<VerifiedHead>, WarpError> {
        self.minimality.end(finished)?;
        if !self.run.is_empty() {
            self.verify_signatures()?;
        }
        Ok(self.head)
    }

    fn verify_signatures(&mut self) -> Result<(), WarpError> {
        let (work, sealed) = self.run.seal();
        let released = sealed.release(work.run());
        self.head = released.head.or(self.head.take());
        released.refused.map_or(Ok(()), |(_, error)| Err(error))
    }
}

/// Verifies a whole answer of a chain with `rules`, here and now; returns the last block and whether the proof is finished.
/// # Errors
/// [`WarpError`].
pub fn verify_proof(
    trusted: &VerifiedHead,
    answer: &[u8],
    width: NumberWidth,
    rules: &WarpRules,
) -> Result<(VerifiedHead, bool), WarpError> {
    let mut stream = FragmentStream::new(width);
    stream.receive(answer)?;
    let mut proof = ProofRun::start(trusted, rules);
    let finished = loop {
        match stream.end()? {
            Ok(fragment) => proof.push(&fragment)?,
            Err(finished) => break finished,
        }
    };
    Ok((proof.end(finished)?.ok_or(WarpError::Empty)?, finished))
}
