//! Stories: the real app against the local world. One module a user story.
