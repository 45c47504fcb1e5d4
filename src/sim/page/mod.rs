//! sim page
