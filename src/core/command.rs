//! The grammar of `/wk` (slash command, mention and direct message share it).
