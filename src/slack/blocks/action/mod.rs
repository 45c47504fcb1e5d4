//! Operations with approval: the card, its forms and answers, lists and history.

mod card;
mod forms;
mod git;
mod history;
mod money;
mod press;
mod replies;
mod words;

pub use card::{CardView, card};
pub use forms::{
    Form, REJECT_FORM, REQUEST_FORM, Subject, Wanted, read_rejection, read_request, reject_form, rejected_plan,
    request_form, subject,
};
pub use git::{InGit, in_git, which_way};
pub use history::{HistoryView, ListView, details, history, list};
pub use money::other_symbol;
pub use press::Press;
pub use replies::{
    Asked, alert_note, approved, broken_glass, cannot_plan, denied, frozen, glass_note, no_slack, no_such_action,
    no_such_target, no_such_workflow, not_here, not_of_this, refused, said_done, switched_off, thawed, which_target,
    wrong_kind,
};
