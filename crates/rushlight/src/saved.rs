//! What is saved of chains, read without a network: nobody is asked, nothing is written, no folder is made.

use crate::clock::Clocks;
use crate::store::{Store, StoreError};
use rushlight_core::base::ClientId;
use rushlight_core::chains::ChainSpec;
use rushlight_core::node::{AddChainError, Config, Input, Node, Output};
use rushlight_core::rpc::{Access, Call, ClientKind, Scope};
use std::path::Path;

/// The one client of the node that reads what is saved.
const READER: ClientId = ClientId(1);

/// Why what is saved of a chain cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavedError {
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is saved of the chain is damaged, or of another chain.
    #[error(transparent)]
    Chain(#[from] AddChainError),
}

/// Returns the answer to the JSON-RPC text `call` about the chain `name`, as the store in `folder` has it, from a node that
/// never reaches a network. For `rushlight_status` and its like: what would have to ask a provider gets no answer, which
/// is an empty text.
/// # Errors
/// [`SavedError`].
pub fn ask_saved(folder: &Path, name: &str, spec: ChainSpec, call: &str) -> Result<String, SavedError> {
    let saved = Store::saved(folder, &[name])?.pop().flatten();
    let clocks = Clocks::new();
    // Randomness chooses among providers, and nobody is asked.
    let mut node = Node::new(Config::default(), [0; 32]);
    let chain = node.add_chain(clocks.now(), name, spec, saved.as_deref())?;
    let scope = Scope { chain: Some(chain), access: Access::Public };
    let mut answer = String::new();
    // What adding the chain wants asked goes nowhere, as everything else that is no answer.
    drain(&mut node, &mut answer);
    for input in [Input::Joined(READER, scope, ClientKind::Exchange), Input::Asked(READER, Call::Text(call))] {
        node.handle(clocks.now(), input);
        drain(&mut node, &mut answer);
    }
    Ok(answer)
}

/// Takes out everything that the node wants done, and keeps an answer.
fn drain(node: &mut Node, answer: &mut String) {
    while let Some(output) = node.poll() {
        if let Output::Reply(_, reply) = output {
            *answer = reply.body.map(|body| body.text()).unwrap_or_default();
        }
    }
}
