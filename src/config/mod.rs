//! `watchkeeper.yaml`: one strict file. An unknown key, a contradiction or a bad value is refused with file, line, key
//! and what to do about it.

pub mod places;
pub mod secrets;
pub mod sections;
