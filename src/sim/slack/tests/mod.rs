//! The workspace against its own claims.
