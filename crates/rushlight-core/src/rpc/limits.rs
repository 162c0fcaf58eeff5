//! The bounds of everything that a client can make the node read, keep or do.

/// Bytes of one call's text. A request of ours is under 200 bytes; a batch of 100 fits a hundred times.
pub const BODY_BYTES_MAX: usize = 1 << 20;
/// Nesting of arrays and objects in a call's text; checked before any parser sees it, so that no stack can overflow.
pub const DEPTH_MAX: usize = 64;
/// Requests in one batch.
pub const BATCH_REQUESTS_MAX: usize = 100;
/// Bytes of results after which the rest of a batch is answered with errors: one small body must not cost hundreds of
/// large answers.
pub const BATCH_ANSWER_BYTES_MAX: usize = 2 << 20;
/// Members of one request object. JSON-RPC has four; a few more are read over.
pub const REQUEST_MEMBERS_MAX: usize = 16;
/// Bytes of an id's JSON text.
pub const ID_BYTES_MAX: usize = 1024;
/// Bytes of an error's message, beyond which it is cut: parts of it may come from peers.
pub const MESSAGE_BYTES_MAX: usize = 1024;
/// Bytes of a name that a client made up and that an error repeats.
pub const NAME_BYTES_MAX: usize = 64;
/// Requests of one client that the node works on at a time; a full batch fits.
pub const REQUESTS_IN_FLIGHT_MAX: usize = 128;
/// Requests that the node works on at a time. Status, readiness and shutdown need no place among them.
pub const REQUESTS_IN_FLIGHT_TOTAL_MAX: usize = 4096;
/// Requests about one chain that wait for its providers: so many for proofs and headers above its checkpoint, and so many for
/// headers below it. Eight clients can wait with all that they may have in flight.
pub const QUERIES_WAITING_MAX: usize = 1024;
/// Subscriptions of one client.
pub const SUBSCRIPTIONS_MAX: usize = 16;
/// HTTP requests under way, from when they were read until their answer is written.
pub const EXCHANGES_MAX: usize = 512;
/// WebSockets.
pub const SOCKETS_MAX: usize = 512;
/// HTTP requests under way that ask how the node is. Above it a listener lets them wait.
pub const PROBES_MAX: usize = 64;
/// Clients of the control socket.
pub const CONTROL_CLIENTS_MAX: usize = 16;
/// Bytes of answers that wait for one client beside the largest of them, which it may still be reading. A client that is
/// above it is hung up on before the next one, so the true bound is this and two answers.
pub const QUEUED_BYTES_MAX: usize = 4 << 20;
/// Bytes that each call is counted as while it waits, beside its text: so calls without a body are bounded as well.
pub const CALL_BYTES: usize = 256;
