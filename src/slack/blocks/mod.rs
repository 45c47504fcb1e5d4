//! All text that people read in Slack: pure, one function a message.
