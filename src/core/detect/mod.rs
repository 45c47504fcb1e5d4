//! Detectors: observations of feeds in, signals out.
