//! Tendermint and CometBFT chains, 0.34 to 1.x.
