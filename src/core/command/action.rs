//! Operations: what is asked for, freezing, and looking back. Names are looked up where the clusters are known.

use std::collections::BTreeMap;

use super::words::Word;
use super::workload::{Place, Wanted};
use super::{Topic, Verb};
use crate::core::action::kind::{Action, Kind};
use crate::core::action::target::Sort;
use crate::core::action::workflow::{MOST_INPUTS, is_input};
use crate::core::time::Span;

/// Read, but not yet looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    Request(Request),
    /// Nothing begins any more.
    Freeze {
        reason: String,
    },
    Unfreeze,
    /// The latest requests.
    List,
    /// One request with its whole history.
    One {
        number: u64,
    },
    /// A search of the audit log: words that each name a person, an action, a subject or a time.
    Audit(Vec<String>),
}

/// An action somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub action: Wish,
    pub of: Wanted,
    /// Empty when none was typed.
    pub reason: String,
    /// Without approval.
    pub break_glass: bool,
    /// What is to become of it when Git declares otherwise; it has to be said before it is done.
    pub git: Option<Git>,
}

/// What somebody wants when whatever keeps the target in Git would undo the change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Git {
    /// Nothing is done here: it is changed in Git.
    PullRequest,
    /// What keeps it is suspended for so long.
    Suspend(Span),
    /// All the same.
    Direct,
}

/// An action with the parameters that were typed; the form asks for those that are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Whole(Action),
    /// To how many replicas was not said.
    Scale,
    /// How much was not said.
    TopUp,
}

impl Wish {
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Whole(action) => action.kind(),
            Self::Scale => Kind::Scale,
            Self::TopUp => Kind::TopUp,
        }
    }
}

impl Ask {
    #[must_use]
    pub fn verb(&self) -> Verb {
        match self {
            Self::Request(request) => Verb::Act(request.action.kind()),
            Self::Freeze { .. } => Verb::Freeze,
            Self::Unfreeze => Verb::Unfreeze,
            Self::List => Verb::Actions,
            Self::One { .. } => Verb::Action,
            Self::Audit(_) => Verb::Audit,
        }
    }

    /// Who may do these is said by the policy of actions, and not by who may respond to alerts.
    #[must_use]
    pub const fn ruled_by_policy(&self) -> bool {
        matches!(self, Self::Request(_) | Self::Unfreeze)
    }

    #[must_use]
    pub const fn reads_only(&self) -> bool {
        matches!(self, Self::List | Self::One { .. })
    }
}

/// A number is the most that is ever meant; more is a slip of the finger.
const MOST_REPLICAS: u32 = 1000;
/// The longest that a scaling goes back by itself.
const LONGEST: Span = Span::from_secs(7 * 24 * 3600);

/// Reads what follows `kind`; `text` is what `words` stand in. An error is one sentence.
pub(super) fn request(kind: Kind, words: &[Word], text: &str) -> Result<Request, String> {
    let mut reader =
        Reader { kind, words, next: 0, place: Place::default(), break_glass: false, switch: false, git: None };
    reader.flags()?;
    let Some(target) = reader.word() else {
        return Err(format!("`{}` needs the name of {}.", kind.as_str(), one_of(kind)));
    };
    reader.flags()?;
    let back = kind == Kind::SuspendReconcile;
    let action = match kind {
        Kind::Scale => reader.scale()?,
        Kind::TopUp => reader.amount()?,
        Kind::Rollback => Wish::Whole(Action::Rollback { revision: reader.number("revision")? }),
        Kind::RollbackApp => Wish::Whole(Action::RollbackApp { id: reader.number("id")? }),
        Kind::Dispatch => Wish::Whole(Action::Dispatch { inputs: reader.inputs()? }),
        kind => kind.plain().map_or(Wish::Scale, Wish::Whole),
    };
    let back_after = if back { reader.back() } else { None };
    reader.flags()?;
    let reason = words.get(reader.next).and_then(|word| text.get(word.start..)).unwrap_or_default();
    let reason = reason.trim().trim_matches('"').trim().to_owned();
    let Reader { place, break_glass, switch, git, .. } = reader;
    let action = match action {
        Wish::Whole(Action::Drain { .. }) => Wish::Whole(Action::Drain { delete_empty_dir: switch }),
        Wish::Whole(Action::Sync { .. }) => Wish::Whole(Action::Sync { prune: switch }),
        Wish::Whole(Action::Refresh { .. }) => Wish::Whole(Action::Refresh { hard: switch }),
        Wish::Whole(Action::Promote { .. }) => Wish::Whole(Action::Promote { full: switch }),
        Wish::Whole(Action::SuspendReconcile { .. }) => Wish::Whole(Action::SuspendReconcile { back_after }),
        other => other,
    };
    Ok(Request { action, of: Wanted { name: target, place }, reason, break_glass, git })
}

/// `a workload`, `a node`: what the action is done to.
fn one_of(kind: Kind) -> &'static str {
    match kind.sorts() {
        [Sort::Node] => "a node",
        [Sort::Wallet] => "a wallet",
        [Sort::Pod] => "a pod",
        [Sort::Application] => "an app",
        [Sort::Rollout] => "a rollout",
        [Sort::Workflow] => "a workflow",
        sorts if *sorts == Sort::FLUX => "an app or a source",
        _ => "a workload",
    }
}

/// The word that says more than the action alone, behind two dashes.
pub(crate) const fn switch(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Drain => Some("delete-emptydir-data"),
        Kind::Sync => Some("prune"),
        Kind::Refresh => Some("hard"),
        Kind::Promote => Some("full"),
        _ => None,
    }
}

/// Words one after the other; flags may stand anywhere before the reason.
struct Reader<'a> {
    kind: Kind,
    words: &'a [Word<'a>],
    next: usize,
    place: Place,
    break_glass: bool,
    switch: bool,
    git: Option<Git>,
}

impl Reader<'_> {
    fn peek(&self) -> Option<&str> {
        self.words.get(self.next).map(|word| word.text.trim_matches('"'))
    }

    fn word(&mut self) -> Option<String> {
        let word = self.peek()?.to_owned();
        self.next += 1;
        Some(word)
    }

    fn flags(&mut self) -> Result<(), String> {
        while let Some(word) = self.peek().map(str::to_owned) {
            // Phones make one long dash of two.
            let dashed = word.strip_prefix("--").or_else(|| word.strip_prefix(['—', '–', '-']));
            let Some(flag) = dashed.filter(|flag| flag.starts_with(|c: char| c.is_ascii_alphabetic())) else {
                return Ok(());
            };
            self.next += 1;
            let (flag, value) = flag.split_once('=').map_or((flag, None), |(flag, value)| (flag, Some(value)));
            let undone = self.kind.undone_by_git();
            let mut value = |what: &str| {
                let value = value.map(str::to_owned).or_else(|| self.word());
                value.ok_or_else(|| format!("`{word}` needs {what}."))
            };
            match flag.to_lowercase().as_str() {
                "n" | "ns" | "namespace" => self.place.namespace = Some(value("a namespace")?),
                "c" | "cluster" | "context" => self.place.cluster = Some(value("the name of a cluster")?),
                "break-glass" => self.break_glass = true,
                "direct" if undone => self.git = Some(Git::Direct),
                "suspend" if undone => {
                    let lasts = value("for how long, like 2h")?;
                    let lasts = back_after(&lasts).ok_or_else(|| format!("“{lasts}” is no time from 1m to 7d."))?;
                    self.git = Some(Git::Suspend(lasts));
                }
                flag if switch(self.kind) == Some(flag) => self.switch = true,
                _ => return Err(format!("`{}` does not know “{word}”.", self.kind.as_str())),
            }
        }
        Ok(())
    }

    /// `[to] <n> [for <length>]`
    fn scale(&mut self) -> Result<Wish, String> {
        if self.peek().is_some_and(|word| word.eq_ignore_ascii_case("to")) {
            self.next += 1;
        }
        let Some(word) = self.peek() else { return Ok(Wish::Scale) };
        let Some(replicas) = replicas(word) else {
            return Err(format!("“{word}” is no number of replicas from 0 to {MOST_REPLICAS}."));
        };
        self.next += 1;
        Ok(Wish::Whole(Action::Scale { replicas, back_after: self.back() }))
    }

    /// `[with] <amount>`
    fn amount(&mut self) -> Result<Wish, String> {
        if self.peek().is_some_and(|word| word.eq_ignore_ascii_case("with")) {
            self.next += 1;
        }
        let Some(word) = self.peek() else { return Ok(Wish::TopUp) };
        let Ok(amount) = word.parse() else {
            return Err(format!("“{word}” is no amount; write it like 2.5, in whole coins."));
        };
        self.next += 1;
        Ok(Wish::Whole(Action::TopUp { amount }))
    }

    /// `for <length>`; “for the launch” is the beginning of a reason.
    fn back(&mut self) -> Option<Span> {
        let length = self.peek().filter(|word| word.eq_ignore_ascii_case("for"));
        let length = length.and_then(|_| self.words.get(self.next + 1)).and_then(|word| back_after(word.text))?;
        self.next += 2;
        Some(length)
    }

    /// `[name=value …]`, up to the first word that is none.
    fn inputs(&mut self) -> Result<BTreeMap<String, String>, String> {
        let mut inputs = BTreeMap::new();
        loop {
            self.flags()?;
            let Some((name, value)) = self.peek().and_then(|word| word.split_once('=')) else { break };
            if !is_input(name) || inputs.len() == MOST_INPUTS {
                break;
            }
            let (name, value) = (name.to_owned(), value.trim_matches('"').to_owned());
            self.next += 1;
            if inputs.contains_key(&name) {
                return Err(format!("`{name}` is given twice."));
            }
            inputs.insert(name, value);
        }
        Ok(inputs)
    }

    /// `[to] [revision] <n>`
    fn number(&mut self, what: &str) -> Result<Option<i64>, String> {
        let begun = self.next;
        let mut named = false;
        while self.peek().is_some_and(|word| ["to", what].contains(&word.to_lowercase().as_str())) {
            named |= self.word().is_some_and(|word| word.eq_ignore_ascii_case(what));
        }
        match self.peek().map(|word| word.trim_start_matches('#').parse::<i64>()) {
            Some(Ok(number)) if number >= 0 => {
                self.next += 1;
                Ok(Some(number))
            }
            _ if named => Err(format!("`{}` needs the number of the {what}.", self.kind.as_str())),
            _ => {
                self.next = begun;
                Ok(None)
            }
        }
    }
}

/// A number of replicas, as typed or filled in.
#[must_use]
pub fn replicas(text: &str) -> Option<u32> {
    text.parse().ok().filter(|replicas| *replicas <= MOST_REPLICAS)
}

/// How long until the way back, as typed or filled in: from a minute to a week.
#[must_use]
pub fn back_after(text: &str) -> Option<Span> {
    text.parse().ok().filter(|span| *span >= Span::from_secs(60) && *span <= LONGEST)
}

pub(super) const fn topic(verb: Verb) -> Topic {
    let (name, usage, what, example) = match verb {
        Verb::Act(kind) => {
            let (usage, what, example) = match told(kind) {
                Some(told) => told,
                None => told_of_gitops(kind),
            };
            (kind.as_str(), usage, what, example)
        }
        Verb::Freeze => ("freeze", "[reason]", "Stops every action at once, until it is lifted", "freeze incident"),
        Verb::Unfreeze => ("unfreeze", "", "Lets approved actions begin again", "unfreeze"),
        Verb::Action => ("action", "<n>", "One request with its plan and whole history", "action 7"),
        Verb::Audit => {
            ("audit", "[who] [what] [when]", "Searches the audit log; for responders", "audit @ann action 2d")
        }
        _ => ("actions", "", "Lists requests for actions, those that are open first", "actions"),
    };
    Topic { verb, name, usage, what, example }
}

type Told = (&'static str, &'static str, &'static str);

/// What follows it, what it is for, and an example.
const fn told(kind: Kind) -> Option<Told> {
    const PLACE: &str = "<name> [-n namespace] [-c cluster] [reason]";
    const NODE: &str = "<node> [-c cluster] [reason]";
    Some(match kind {
        Kind::Restart => (
            PLACE,
            "Asks to replace a workload's pods one after the other",
            "restart price-pusher-evm it hangs since the deploy",
        ),
        Kind::Scale => (
            "<name> <replicas> [for <duration>] [--suspend <duration>|--direct] [reason]",
            "Asks for another number of replicas, for good or for a while",
            "scale hermes 5 for 2h launch at noon",
        ),
        Kind::Rollback => (
            "<name> [to <revision>] [--suspend <duration>|--direct] [reason]",
            "Asks to go back to an earlier revision of a Deployment",
            "rollback keeper to 3 the release crashes",
        ),
        Kind::PauseRollout => (PLACE, "Asks to hold a Deployment's rollout", "pause-rollout keeper looking"),
        Kind::ResumeRollout => (PLACE, "Asks to let a held rollout go on", "resume-rollout keeper fixed"),
        Kind::DeletePod => (PLACE, "Asks to delete one pod; what made it makes another", "delete-pod hermes-0 stuck"),
        Kind::RunJob => (PLACE, "Asks to run a CronJob now, or a failed Job again", "run-job report-publishers missed"),
        Kind::SuspendCronjob => (PLACE, "Asks to hold a CronJob", "suspend-cronjob report-publishers migration"),
        Kind::ResumeCronjob => (PLACE, "Asks to let a held CronJob run again", "resume-cronjob report-publishers done"),
        Kind::Cordon => (NODE, "Asks to keep new pods off a node", "cordon worker-3 disk errors"),
        Kind::Uncordon => (NODE, "Asks to let a node take pods again", "uncordon worker-3 replaced"),
        Kind::Drain => (
            "<node> [-c cluster] [--delete-emptydir-data] [reason]",
            "Asks to cordon a node and evict its pods, budgets honoured",
            "drain worker-3 kernel update",
        ),
        Kind::TopUp => (
            "<wallet> <amount> [-c chain] [reason]",
            "Asks to pay a wallet from a hot wallet, within its limits",
            "top-up pusher-solana 2.5 dry by tonight",
        ),
        _ => return None,
    })
}

const fn told_of_gitops(kind: Kind) -> Told {
    match kind {
        Kind::Sync => {
            ("<app> [--prune] [reason]", "Asks Argo CD to apply what Git declares", "sync prices hotfix is merged")
        }
        Kind::Refresh => ("<app> [--hard] [reason]", "Asks Argo CD to compare with Git again", "refresh prices stale"),
        Kind::RollbackApp => (
            "<app> [to <id>] [reason]",
            "Asks Argo CD to apply what it applied before",
            "rollback-app prices the release crashes",
        ),
        Kind::Promote => (
            "<rollout> [--full] [reason]",
            "Asks Argo Rollouts to go on to the next step",
            "promote pusher canary is fine",
        ),
        Kind::Abort => {
            ("<rollout> [reason]", "Asks Argo Rollouts to go back to the stable version", "abort pusher errors")
        }
        Kind::Retry => {
            ("<rollout> [reason]", "Asks Argo Rollouts to try an aborted update again", "retry pusher fixed")
        }
        Kind::Reconcile => ("<app|source> [reason]", "Asks Flux to apply its source now", "reconcile keeper merged"),
        Kind::SuspendReconcile => (
            "<app|source> [for <duration>] [reason]",
            "Asks Flux to leave an app alone, for good or for a while",
            "suspend-reconcile keeper for 2h hotfix by hand",
        ),
        Kind::Dispatch => (
            "<workflow> [input=value…] [reason]",
            "Asks GitHub Actions to run a workflow at the commit that is approved",
            "dispatch deploy-pusher network=testnet hotfix is merged",
        ),
        _ => ("<app|source> [reason]", "Asks Flux to take care of an app again", "resume-reconcile keeper done"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Command, parse};
    use super::*;

    fn asked(text: &str) -> Request {
        match parse(text) {
            Ok(Command::Act(Ask::Request(request))) => request,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn refused(text: &str) -> String {
        parse(text).unwrap_err().problem
    }

    #[test]
    fn an_action_takes_a_name_a_place_and_a_reason() {
        let request = asked("restart pusher -n feeds -c prod it hangs, again");
        assert_eq!(request.action, Wish::Whole(Action::Restart));
        assert_eq!((request.of.name.as_str(), request.reason.as_str()), ("pusher", "it hangs, again"));
        assert_eq!(request.of.place.namespace.as_deref(), Some("feeds"));
        assert_eq!(asked("cordon —cluster=prod worker-1").of.place.cluster.as_deref(), Some("prod"));
        assert_eq!(asked("cordon worker-1").reason, "");
        assert!(asked("restart pusher --break-glass nobody answers").break_glass);
        assert_eq!(asked("restart pusher \"why not\"").reason, "why not");
        assert_eq!(asked("restart pusher - it hangs").reason, "- it hangs");
    }

    #[test]
    fn scaling_may_end_by_itself() {
        let scale = |replicas, secs: Option<u64>| {
            Wish::Whole(Action::Scale { replicas, back_after: secs.map(Span::from_secs) })
        };
        assert_eq!(asked("scale hermes 5 for 2h launch").action, scale(5, Some(7200)));
        assert_eq!(asked("scale hermes to 5").action, scale(5, None));
        let launch = asked("scale hermes 5 for the launch");
        assert_eq!((launch.action, launch.reason.as_str()), (scale(5, None), "for the launch"));
        assert_eq!(asked("scale hermes").action, Wish::Scale);
        assert_eq!(refused("scale hermes many"), "“many” is no number of replicas from 0 to 1000.");
        assert!(refused("scale hermes 5000").contains("from 0 to 1000"));
    }

    #[test]
    fn a_rollback_goes_to_the_revision_before_unless_one_is_named() {
        let rollback = |revision| Wish::Whole(Action::Rollback { revision });
        assert_eq!(asked("rollback keeper").action, rollback(None));
        assert_eq!(asked("rollback keeper to 3 it crashes").action, rollback(Some(3)));
        assert_eq!(asked("rollback keeper 3").action, rollback(Some(3)));
        let why = asked("rollback keeper to be safe");
        assert_eq!((why.action, why.reason.as_str()), (rollback(None), "to be safe"));
        assert!(refused("rollback keeper revision one").contains("number of the revision"));
    }

    #[test]
    fn what_gitops_tools_do_is_asked_for_the_same_way() {
        let sync = asked("sync prices --prune hotfix");
        assert_eq!((sync.action, sync.reason.as_str()), (Wish::Whole(Action::Sync { prune: true }), "hotfix"));
        let suspend = asked("suspend-reconcile keeper for 2h by hand");
        let back_after = Some(Span::from_secs(7200));
        assert_eq!(suspend.action, Wish::Whole(Action::SuspendReconcile { back_after }));
        assert_eq!(suspend.reason, "by hand");
        assert_eq!(asked("rollback-app prices to 0").action, Wish::Whole(Action::RollbackApp { id: Some(0) }));
        assert_eq!(refused("promote"), "`promote` needs the name of a rollout.");
        assert_eq!(refused("reconcile"), "`reconcile` needs the name of an app or a source.");
    }

    #[test]
    fn what_git_would_undo_may_say_what_becomes_of_it() {
        let scale = asked("scale hermes 5 --suspend 2h launch");
        let hours = Span::from_secs(7200);
        assert_eq!((scale.git, scale.reason.as_str()), (Some(Git::Suspend(hours)), "launch"));
        assert_eq!(asked("rollback keeper to 3 --direct it crashes").git, Some(Git::Direct));
        assert_eq!(asked("pause-rollout keeper looking").git, None);
        assert_eq!(refused("scale hermes 5 --suspend soon"), "“soon” is no time from 1m to 7d.");
        assert_eq!(refused("restart hermes --direct"), "`restart` does not know “--direct”.");
    }

    #[test]
    fn a_workflow_takes_inputs_and_a_reason() {
        let inputs = |text: &str| match asked(text) {
            Request { action: Wish::Whole(Action::Dispatch { inputs }), reason, .. } => {
                let inputs: Vec<String> = inputs.iter().map(|(name, value)| format!("{name}={value}")).collect();
                (inputs.join(" "), reason)
            }
            other => panic!("{text}: {other:?}"),
        };
        let told = inputs("dispatch deploy network=testnet note=\"at noon\" --break-glass the fix a=b");
        assert_eq!(told, ("network=testnet note=at noon".to_owned(), "the fix a=b".to_owned()));
        assert_eq!(inputs("dispatch deploy").0, "");
        assert_eq!(refused("dispatch deploy a=1 a=2"), "`a` is given twice.");
        assert_eq!(refused("dispatch"), "`dispatch` needs the name of a workflow.");
    }

    #[test]
    fn a_top_up_takes_an_amount_to_the_last_digit() {
        let top_up = asked("top-up pusher-solana 2.500000001 SOL dry by tonight");
        assert_eq!(top_up.action, Wish::Whole(Action::TopUp { amount: "2.500000001".parse().unwrap() }));
        assert_eq!((top_up.of.name.as_str(), top_up.reason.as_str()), ("pusher-solana", "SOL dry by tonight"));
        assert_eq!(asked("top-up pusher-solana").action, Wish::TopUp);
        for amount in ["-1", "2,5", "1e9", "0x10", "all"] {
            assert!(refused(&format!("top-up pusher {amount} why")).contains("is no amount"), "{amount}");
        }
        assert_eq!(refused("top-up"), "`top-up` needs the name of a wallet.");
    }

    #[test]
    fn what_is_wrong_is_said_in_a_sentence() {
        assert_eq!(refused("restart"), "`restart` needs the name of a workload.");
        assert_eq!(refused("drain"), "`drain` needs the name of a node.");
        assert_eq!(refused("restart x --force"), "`restart` does not know “--force”.");
        assert!(matches!(
            asked("drain w1 --delete-emptydir-data").action,
            Wish::Whole(Action::Drain { delete_empty_dir: true })
        ));
        assert!(refused("restart x --delete-emptydir-data").contains("does not know"));
    }
}
