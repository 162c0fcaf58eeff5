//! Ids: small numbers that name one thing each and carry nothing else.

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub $inner);
    )*};
}

id! {
    /// A chain that the node follows.
    ChainId(u32);
    /// A peer that answers asks: a libp2p node, an HTTP endpoint.
    PeerId(u32);
    /// An open connection; chosen by whoever opens it.
    ConnId(u64);
    /// An RPC client: one HTTP exchange or one socket; chosen by the driver.
    ClientId(u64);
    /// An HTTP request that the driver is asked to make.
    FetchId(u64);
    /// A snapshot on its way to the disk.
    SaveId(u64);
    /// A content-addressed blob on its way from the disk.
    LoadId(u64);
    /// CPU-heavy work on its way through a worker.
    WorkId(u64);
    /// A question that a chain puts to its peers; unique within its chain.
    AskId(u64);
    /// A question that an RPC client puts to a chain; unique within the node.
    QueryId(u64);
    /// A subscription of an RPC client; unique within the node.
    SubscriptionId(u64);
}
