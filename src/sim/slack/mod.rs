//! sim slack
