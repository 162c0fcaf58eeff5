//! A method as one row: dispatch, help, documentation and metric labels all come from it.
//!
//! A row says what a method is and never does anything: the function that answers stands beside the row, in the node for
//! [`super::own`] and in the family for a chain's. So a further method is a row and a function of its family.

use super::Dialect;

/// A method as clients see it.
///
/// Rows are `static`: what is passed around is a reference, and its name is a metric label that no client can make up.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name on the wire, which is its metric label too. No two rows that one client may call have the same.
    pub name: &'static str,
    /// The path below the chain's at which a GET asks for the same; starts with `/`.
    pub path: Option<&'static str>,
    /// Its parameters, in their order when given by position.
    pub params: &'static [Param],
    /// How its parameters are read and its answers are written.
    pub dialect: &'static dyn Dialect,
    /// Who may call it.
    pub access: Access,
    /// What the dispatcher does with a call of it.
    pub kind: Kind,
    /// What its result is, in words that follow "returns".
    pub returns: &'static str,
    /// What of its result is verified.
    pub verified: Verified,
    /// What it does, in one sentence.
    pub doc: &'static str,
    /// The method of the notifications that it starts, where the dialect gives them one.
    pub topic: Option<&'static str>,
}

impl PartialEq for Row {
    /// Rows are the same when they are one method of one dialect.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.dialect.name() == other.dialect.name()
    }
}

impl Eq for Row {}

/// Who asks, and so which methods exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// A network client: reads only.
    Public,
    /// The control socket in the data folder (mode 0600): also what changes something.
    Control,
}

/// What the dispatcher does with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It reads. As a notification it is not carried out: nobody would see what it finds.
    Read,
    /// It changes something, and is carried out as a notification too.
    Order,
    /// It starts a subscription, which needs a socket.
    Subscribe,
    /// It ends a subscription that this client has.
    Unsubscribe,
    /// A page: asked for by GET alone, and no method of JSON-RPC.
    Page,
}

/// What of an answer is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verified {
    /// Nothing: it is of the node's own making, or somebody's word that is passed on.
    No,
    /// These of its fields, by their JSON path; the others are somebody's word.
    Part(&'static [&'static str]),
    /// All of it follows from the verified header that the answer names.
    Full,
}

impl Verified {
    /// Returns the word for it in answers' headers and in documentation.
    pub fn word(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Part(_) => "part",
            Self::Full => "full",
        }
    }
}

/// A parameter of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Param {
    /// Its name when given by name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ParamKind,
    /// Whether it must be given; otherwise it may be left out or `null`.
    pub required: bool,
    /// What it means.
    pub doc: &'static str,
}

/// What a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ParamKind {
    /// The height of a block: a whole number of 64 bits.
    Height,
    /// How many, or which one of many: a whole number of 64 bits.
    Count,
    /// Yes or no.
    Bool,
    /// 32 bytes in hex.
    Hash,
    /// Bytes in hex.
    Hex,
    /// Bytes in base64.
    Base64,
    /// A string.
    Text,
    /// JSON of whatever shape: read by the method itself.
    Json,
    /// The id of a subscription that this client has.
    Subscription,
}

impl ParamKind {
    /// Returns what the documentation and the errors call it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Height | Self::Count => "whole number, or string of decimal digits",
            Self::Bool => "true or false",
            Self::Hash => "string of 64 hex digits",
            Self::Hex => "string of hex digits",
            Self::Base64 => "string of base64",
            Self::Text | Self::Subscription => "string",
            Self::Json => "JSON value",
        }
    }
}
