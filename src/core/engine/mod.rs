//! The alert engine: signals in, decisions out.
