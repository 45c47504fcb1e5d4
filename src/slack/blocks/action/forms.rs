//! Forms: what to do with which parameters and why, and why not.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::form::{OPTIONS, input, modal, option, select};
use super::super::kit::{self, Field};
use super::super::words::{bold, said};
use crate::core::action::digest::Digest;
use crate::core::action::kind::{Action, Kind};
use crate::core::action::target::Target;
use crate::core::action::workflow::Input;
use crate::core::command::action::{Git, back_after, replicas};
use crate::core::gitops::manager::Manager;
use crate::core::ids::{GroupId, RequestId};
use crate::slack::message::View;

/// `callback_id` of each form.
pub const REQUEST_FORM: &str = "wk.action.request_form";
pub const REJECT_FORM: &str = "wk.action.reject_form";

/// `block_id` of each field; errors are shown under the field they name.
const REASON: &str = "reason";
const REPLICAS: &str = "replicas";
const BACK_AFTER: &str = "back_after";
const REVISION: &str = "revision";
const SWITCH: &str = "switch";
const GIT: &str = "git";
const GIT_LASTS: &str = "git_lasts";
/// Before the name of an input of a workflow.
const INPUT: &str = "input.";
const AMOUNT: &str = "amount";

const PULL_REQUEST: &str = "pull_request";
const SUSPEND: &str = "suspend";
const DIRECT: &str = "direct";
const NO: &str = "no";
const YES: &str = "yes";

/// What a form is about; comes back with the submission and is judged anew then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    pub kind: Kind,
    pub target: Target,
    pub alert: Option<GroupId>,
    pub undoes: Option<u64>,
    pub break_glass: bool,
}

/// What the form starts with.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a> {
    pub subject: &'a Subject,
    /// Parameters known so far.
    pub action: Option<&'a Action>,
    pub reason: &'a str,
    /// Whether a reason must be given.
    pub reason_wanted: bool,
    /// What a workflow can be given.
    pub inputs: &'a [Input],
    /// What keeps the target in Git and would undo it.
    pub keeper: Option<&'a Manager>,
    /// What is to become of it then, when that was said.
    pub git: Option<Git>,
}

/// What was filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub action: Action,
    pub reason: String,
    pub git: Option<Git>,
}

#[must_use]
pub fn request_form(form: &Form) -> View {
    let Form { subject, action, reason, reason_wanted, inputs, keeper, git } = form;
    let kind = subject.kind;
    let heading = format!(
        "*{}* {} {} in {}",
        kind.words(),
        said(subject.target.sort.as_str(), 40),
        bold(&subject.target.short()),
        bold(&subject.target.cluster)
    );
    let glass = if subject.break_glass {
        "\n🚨 Without approval: everybody is told, and it is reviewed afterwards."
    } else {
        ""
    };
    let mut blocks = kit::values(&[kit::section(&(heading + glass))], kit::VIEW_BLOCKS);
    blocks.extend(parameters(kind, *action));
    blocks.extend(keeper.iter().flat_map(|keeper| way(keeper, *git)));
    blocks.extend(inputs.iter().map(|input| given(input, *action)));
    let why = Field {
        block_id: REASON,
        label: "Why",
        hint: "Whoever approves it reads this",
        value: reason,
        multiline: true,
        optional: !reason_wanted && !subject.break_glass,
        most: 500,
    };
    blocks.extend(kit::values(&[why.block()], kit::VIEW_BLOCKS));
    let metadata = serde_json::to_string(subject).unwrap_or_default();
    let submit = if subject.break_glass { "Do it now" } else { "Ask for approval" };
    modal(REQUEST_FORM, kind_title(kind), submit, &metadata, &blocks)
}

const fn kind_title(kind: Kind) -> &'static str {
    match kind {
        Kind::Restart => "Restart",
        Kind::Scale => "Scale",
        Kind::Rollback => "Roll back",
        Kind::PauseRollout => "Pause a rollout",
        Kind::ResumeRollout => "Resume a rollout",
        Kind::DeletePod => "Delete a pod",
        Kind::RunJob => "Run a job",
        Kind::SuspendCronjob => "Suspend a CronJob",
        Kind::ResumeCronjob => "Resume a CronJob",
        Kind::Cordon => "Cordon a node",
        Kind::Uncordon => "Uncordon a node",
        Kind::Drain => "Drain a node",
        Kind::Sync => "Sync an app",
        Kind::Refresh => "Refresh an app",
        Kind::RollbackApp => "Roll an app back",
        Kind::Promote => "Promote a rollout",
        Kind::Abort => "Abort an update",
        Kind::Retry => "Retry an update",
        Kind::Reconcile => "Reconcile",
        Kind::SuspendReconcile => "Suspend",
        Kind::ResumeReconcile => "Resume",
        Kind::Dispatch => "Run a workflow",
        Kind::TopUp => "Top up a wallet",
    }
}

fn parameters(kind: Kind, action: Option<&Action>) -> Vec<Value> {
    let action = action.map(Action::inner);
    let field = |block_id, label, hint, value: String, optional| {
        let field = Field { block_id, label, hint, value: &value, multiline: false, optional, most: 20 };
        kit::values(&[field.block()], 1)
    };
    match (kind, action) {
        (Kind::Scale, action) => {
            let (count, back) = match action {
                Some(Action::Scale { replicas, back_after }) => {
                    (replicas.to_string(), back_after.map(|back| back.to_string()).unwrap_or_default())
                }
                _ => Default::default(),
            };
            let mut fields = field(REPLICAS, "To how many", "A number of replicas", count, false);
            let hint = "Like 2h or 30m: then it goes back by itself; empty: it stays";
            fields.extend(field(BACK_AFTER, "For how long", hint, back, true));
            fields
        }
        (Kind::Rollback, action) => {
            let revision = match action {
                Some(Action::Rollback { revision: Some(revision) }) => revision.to_string(),
                _ => String::new(),
            };
            field(REVISION, "To which revision", "As /wk rollout shows them; empty: the one before", revision, true)
        }
        (Kind::RollbackApp, action) => {
            let id = match action {
                Some(Action::RollbackApp { id: Some(id) }) => id.to_string(),
                _ => String::new(),
            };
            field(REVISION, "To which id", "Of the app's history; empty: the one before", id, true)
        }
        (Kind::SuspendReconcile, action) => {
            let back = match action {
                Some(Action::SuspendReconcile { back_after: Some(back) }) => back.to_string(),
                _ => String::new(),
            };
            let hint = "Like 2h or 30m: then it resumes by itself; empty: it stays";
            field(BACK_AFTER, "For how long", hint, back, true)
        }
        (Kind::TopUp, action) => {
            let amount = match action {
                Some(Action::TopUp { amount }) => amount.to_string(),
                _ => String::new(),
            };
            let hint = "In whole coins of what is counted there, like 2.5; paid from the hot wallet, within its limits";
            let field = Field {
                block_id: AMOUNT,
                label: "How much",
                hint,
                value: &amount,
                multiline: false,
                optional: false,
                most: 60,
            };
            kit::values(&[field.block()], 1)
        }
        (Kind::Drain, action) => {
            let on = matches!(action, Some(Action::Drain { delete_empty_dir: true }));
            let hint = "Pods that keep files in an emptyDir lose them when they go";
            choice("Scratch data", hint, ["Stop at pods with scratch data", "Evict them too; that data is lost"], on)
        }
        (Kind::Sync, action) => {
            let on = matches!(action, Some(Action::Sync { prune: true }));
            let hint = "Objects that were applied before and are gone from Git";
            choice("What Git no longer declares", hint, ["Leave it", "Delete it"], on)
        }
        (Kind::Refresh, action) => {
            let on = matches!(action, Some(Action::Refresh { hard: true }));
            choice("Cache", "Of the manifests it has made", ["Use it", "Make the manifests anew"], on)
        }
        (Kind::Promote, action) => {
            let on = matches!(action, Some(Action::Promote { full: true }));
            let hint = "All of them skips the steps and analyses that are left";
            choice("How far", hint, ["The next step", "Past all steps"], on)
        }
        _ => Vec::new(),
    }
}

/// Who decides: Git, Git later, or whoever asks. Nothing is chosen beforehand.
fn way(keeper: &Manager, git: Option<Git>) -> Vec<Value> {
    let mut options = vec![option("Change it in Git; nothing is done here", PULL_REQUEST)];
    if super::git::suspends(keeper) {
        options.push(option("Suspend what keeps it, for the time below", SUSPEND));
    }
    options.push(option("Do it all the same; it is undone sooner or later", DIRECT));
    let (chosen, lasts) = match git {
        None => (None, String::new()),
        Some(Git::PullRequest) => (Some(PULL_REQUEST), String::new()),
        Some(Git::Suspend(lasts)) => (Some(SUSPEND), lasts.to_string()),
        Some(Git::Direct) => (Some(DIRECT), String::new()),
    };
    let mut radio = json!({"type": "radio_buttons", "action_id": GIT, "options": options});
    if let Some(chosen) = options.iter().find(|option| chosen.is_some_and(|chosen| option["value"] == chosen)) {
        radio["initial_option"] = chosen.clone();
    }
    let label = format!("{} declares it", keeper.by);
    let mut blocks = vec![input(GIT, &label, "Whichever it is, the card says so", &radio)];
    if super::git::suspends(keeper) {
        let hint = "Like 2h or 30m, for a suspension";
        let field = Field {
            block_id: GIT_LASTS,
            label: "Suspended for",
            hint,
            value: &lasts,
            multiline: false,
            optional: true,
            most: 20,
        };
        blocks.extend(kit::values(&[field.block()], 1));
    }
    blocks
}

/// One input of a workflow; what is left empty is not given.
fn given(input: &Input, action: Option<&Action>) -> Value {
    let Input { name, values } = input;
    let value = match action {
        Some(Action::Dispatch { inputs }) => inputs.get(name).map_or("", String::as_str),
        _ => "",
    };
    let id = format!("{INPUT}{name}");
    let hint = "Empty: as the workflow has it";
    let element = if values.is_empty() {
        let mut element = json!({"type": "plain_text_input", "action_id": id, "max_length": 200});
        if !value.is_empty() {
            element["initial_value"] = value.chars().take(200).collect::<String>().into();
        }
        element
    } else {
        let options: Vec<Value> = values.iter().take(OPTIONS).map(|value| option(value, value)).collect();
        select(&id, &options, options.iter().find(|option| option["value"] == value))
    };
    let mut block = self::input(&id, name, hint, &element);
    block["optional"] = true.into();
    block
}

/// Of two: the careful one first.
fn choice(label: &str, hint: &str, names: [&str; 2], on: bool) -> Vec<Value> {
    let [off_name, on_name] = names;
    let options = [option(off_name, NO), option(on_name, YES)];
    vec![input(SWITCH, label, hint, &select(SWITCH, &options, options.get(usize::from(on))))]
}

/// What a submitted form is about; `None`: no form of ours, or of another build.
#[must_use]
pub fn subject(metadata: &str) -> Option<Subject> {
    serde_json::from_str(metadata).ok()
}

/// Reads a submitted form; `field` gives what a field holds by its `block_id`.
///
/// # Errors
/// What is wrong, by `block_id`: Slack shows each under its field.
pub fn read_request(
    subject: &Subject,
    inputs: &[Input],
    field: impl Fn(&str) -> Option<String>,
) -> Result<Wanted, Vec<(&'static str, String)>> {
    let text = |id: &str| field(id).unwrap_or_default().trim().to_owned();
    let on = text(SWITCH) == YES;
    let back = Some(text(BACK_AFTER)).filter(|text| !text.is_empty()).map(|text| back_after(&text));
    if back == Some(None) {
        return Err(vec![(BACK_AFTER, "Write it like 30m or 2h; at most 7d.".to_owned())]);
    }
    let back_after = back.flatten();
    let number = match Some(text(REVISION)).filter(|text| !text.is_empty()).map(|text| text.parse::<i64>()) {
        None => None,
        Some(Ok(number)) if number >= 0 => Some(number),
        Some(_) => return Err(vec![(REVISION, "A whole number, or nothing.".to_owned())]),
    };
    let git = match text(GIT).as_str() {
        PULL_REQUEST => Some(Git::PullRequest),
        DIRECT => Some(Git::Direct),
        SUSPEND => match self::back_after(&text(GIT_LASTS)) {
            Some(lasts) => Some(Git::Suspend(lasts)),
            None => return Err(vec![(GIT_LASTS, "For how long? Like 30m or 2h; at most 7d.".to_owned())]),
        },
        _ => None,
    };
    let action = match subject.kind {
        Kind::Scale => match replicas(&text(REPLICAS)) {
            Some(replicas) => Action::Scale { replicas, back_after },
            None => return Err(vec![(REPLICAS, "A whole number, 0 to 1000.".to_owned())]),
        },
        Kind::TopUp => match text(AMOUNT).parse() {
            Ok(amount) => Action::TopUp { amount },
            Err(_) => return Err(vec![(AMOUNT, "A number of coins, like 2.5.".to_owned())]),
        },
        Kind::Rollback => Action::Rollback { revision: number },
        Kind::RollbackApp => Action::RollbackApp { id: number },
        Kind::SuspendReconcile => Action::SuspendReconcile { back_after },
        Kind::Drain => Action::Drain { delete_empty_dir: on },
        Kind::Sync => Action::Sync { prune: on },
        Kind::Refresh => Action::Refresh { hard: on },
        Kind::Promote => Action::Promote { full: on },
        Kind::Dispatch => {
            let given = inputs.iter().map(|input| (input.name.clone(), text(&format!("{INPUT}{}", input.name))));
            Action::Dispatch { inputs: given.filter(|(_, value)| !value.is_empty()).collect() }
        }
        kind => match kind.plain() {
            Some(action) => action,
            None => return Err(vec![(REASON, "This form is of another version; open it again.".to_owned())]),
        },
    };
    Ok(Wanted { action, reason: text(REASON), git })
}

/// Why somebody says no.
#[must_use]
pub fn reject_form(id: &RequestId, number: u64, digest: &Digest) -> View {
    let why = Field {
        block_id: REASON,
        label: "Why not",
        hint: "Whoever asked for it reads this",
        value: "",
        multiline: true,
        optional: false,
        most: 500,
    };
    let title = format!("Reject #{number}");
    modal(REJECT_FORM, &title, "Reject", &format!("{id} {digest}"), &kit::values(&[why.block()], kit::VIEW_BLOCKS))
}

/// The request and the plan that a rejection is about.
#[must_use]
pub fn rejected_plan(metadata: &str) -> Option<(RequestId, Digest)> {
    let (id, digest) = metadata.split_once(' ')?;
    Some((RequestId::new(id), Digest::claimed(digest)))
}

/// # Errors
/// No reason, by `block_id`.
pub fn read_rejection(field: impl Fn(&str) -> Option<String>) -> Result<String, Vec<(&'static str, String)>> {
    let reason = field(REASON).unwrap_or_default().trim().to_owned();
    if reason.is_empty() { Err(vec![(REASON, "Say why not.".to_owned())]) } else { Ok(reason) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::time::Span;

    fn about(kind: Kind) -> Subject {
        let target = "prod/feeds/Deployment/pusher".parse().unwrap();
        Subject { kind, target, alert: None, undoes: None, break_glass: false }
    }

    fn filled<'a>(fields: &'a [(&'a str, &'a str)]) -> impl Fn(&str) -> Option<String> + 'a {
        |id| fields.iter().find(|(field, _)| *field == id).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn a_filled_form_is_a_request_and_what_is_wrong_is_named() {
        let scale = |fields| read_request(&about(Kind::Scale), &[], filled(fields));
        let wanted = scale(&[(REPLICAS, "5"), (BACK_AFTER, "2h"), (REASON, " launch ")]).unwrap();
        let back_after = Some(Span::from_secs(7200));
        let reason = "launch".to_owned();
        assert_eq!(wanted, Wanted { action: Action::Scale { replicas: 5, back_after }, reason, git: None });
        let git = |way, lasts| {
            let fields = [(REPLICAS, "5"), (GIT, way), (GIT_LASTS, lasts)];
            read_request(&about(Kind::Scale), &[], filled(&fields)).map(|wanted| wanted.git)
        };
        assert_eq!(git(DIRECT, "").unwrap(), Some(Git::Direct));
        assert_eq!(git(PULL_REQUEST, "").unwrap(), Some(Git::PullRequest));
        assert_eq!(git(SUSPEND, "2h").unwrap(), Some(Git::Suspend(Span::from_secs(7200))));
        assert_eq!(git(SUSPEND, "").unwrap_err()[0].0, GIT_LASTS);
        assert_eq!(scale(&[(REPLICAS, "-1")]).unwrap_err()[0].0, REPLICAS);
        assert_eq!(scale(&[(REPLICAS, "5"), (BACK_AFTER, "soon")]).unwrap_err()[0].0, BACK_AFTER);
        let rollback = |fields| read_request(&about(Kind::Rollback), &[], filled(fields));
        assert_eq!(rollback(&[(REVISION, "3")]).unwrap().action, Action::Rollback { revision: Some(3) });
        assert_eq!(rollback(&[]).unwrap().action, Action::Rollback { revision: None });
        assert_eq!(rollback(&[(REVISION, "-1")]).unwrap_err()[0].0, REVISION);
        let top_up = |text| read_request(&about(Kind::TopUp), &[], filled(&[(AMOUNT, text)]));
        assert_eq!(top_up(" 2.50 ").unwrap().action, Action::TopUp { amount: "2.5".parse().unwrap() });
        for text in ["", "-1", "2,5", "all", "1e3"] {
            assert_eq!(top_up(text).unwrap_err()[0].0, AMOUNT, "{text}");
        }
        let drain = |value| read_request(&about(Kind::Drain), &[], filled(&[(SWITCH, value)])).unwrap().action;
        assert_eq!(drain(YES), Action::Drain { delete_empty_dir: true });
        assert_eq!(drain(NO), Action::Drain { delete_empty_dir: false });
        let network = Input { name: "network".to_owned(), values: Vec::new() };
        let dispatch = |value| {
            read_request(&about(Kind::Dispatch), std::slice::from_ref(&network), filled(&[("input.network", value)]))
        };
        let inputs = [("network".to_owned(), "testnet".to_owned())].into();
        assert_eq!(dispatch("testnet").unwrap().action, Action::Dispatch { inputs });
        assert_eq!(dispatch(" ").unwrap().action, Action::Dispatch { inputs: [].into() });
        assert!(read_rejection(filled(&[(REASON, "  ")])).is_err());
    }

    #[test]
    fn what_a_form_is_about_comes_back_as_it_went() {
        let about = Subject { alert: Some(GroupId::new("01G")), undoes: Some(7), ..about(Kind::Restart) };
        let form = Form {
            subject: &about,
            action: None,
            reason: "",
            reason_wanted: true,
            inputs: &[],
            keeper: None,
            git: None,
        };
        let metadata = request_form(&form).0["private_metadata"].as_str().unwrap().to_owned();
        assert_eq!(subject(&metadata), Some(about));
        assert_eq!(subject("01G"), None);
        let view = reject_form(&RequestId::new("01R"), 7, &Digest::claimed("ab"));
        let back = rejected_plan(view.0["private_metadata"].as_str().unwrap());
        assert_eq!(back, Some((RequestId::new("01R"), Digest::claimed("ab"))));
    }
}
