//! Questions about what runs in the clusters: `cluster`, `workload`, `pods`, `logs`, `rollout`, `nodes`.

use super::Verb;
use super::words::Word;
use crate::core::time::Span;

/// What is asked; names may name nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// All clusters, or one.
    Cluster {
        name: Option<String>,
    },
    /// One workload's card.
    Workload(Wanted),
    /// Pods, worst first.
    Pods {
        filter: Option<String>,
        place: Place,
    },
    Logs {
        of: Wanted,
        run: Run,
        since: Option<Span>,
    },
    /// One workload's revisions.
    Rollout(Wanted),
    Nodes {
        cluster: Option<String>,
    },
}

/// A workload or a pod, as somebody names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// `hermes`, or with its kind `deployment/hermes`.
    pub name: String,
    pub place: Place,
}

/// Where to look; everywhere when not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub namespace: Option<String>,
    pub cluster: Option<String>,
}

/// Which run of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Run {
    #[default]
    Current,
    /// The one before, that ended.
    Previous,
}

impl Ask {
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Cluster { .. } => Verb::Cluster,
            Self::Workload(_) => Verb::Workload,
            Self::Pods { .. } => Verb::Pods,
            Self::Logs { .. } => Verb::Logs,
            Self::Rollout(_) => Verb::Rollout,
            Self::Nodes { .. } => Verb::Nodes,
        }
    }

    /// Logs hold more than everyone in the workspace may read.
    #[must_use]
    pub const fn for_everyone(&self) -> bool {
        !matches!(self, Self::Logs { .. })
    }
}

impl Wanted {
    /// As it is typed after a verb, so that a button asks for exactly this.
    #[must_use]
    pub fn typed(&self) -> String {
        format!("{}{}", self.name, self.place.typed())
    }
}

impl Place {
    /// With a space before it when there is any.
    #[must_use]
    pub fn typed(&self) -> String {
        let flag = |flag: &str, value: &Option<String>| {
            value.as_ref().map_or_else(String::new, |value| format!(" {flag} {value}"))
        };
        flag("-n", &self.namespace) + &flag("-c", &self.cluster)
    }
}

/// The longest look back one command takes.
const LONGEST: Span = Span::from_secs(7 * 24 * 3600);

/// Reads what follows `verb`; an error is one sentence.
pub(super) fn read(verb: Verb, words: &[Word]) -> Result<Ask, String> {
    let name = verb.topic().name;
    let mut rest = Vec::new();
    let mut place = Place::default();
    let (mut run, mut since) = (Run::Current, None);
    let logs = verb == Verb::Logs;
    let mut words = words.iter().map(|word| word.text.trim_matches('"'));
    while let Some(word) = words.next() {
        // Phones make one long dash of two.
        let dashed = word.strip_prefix("--").or_else(|| word.strip_prefix(['—', '–', '-']));
        let Some(flag) = dashed else {
            rest.push(word);
            continue;
        };
        let (flag, value) = flag.split_once('=').map_or((flag, None), |(flag, value)| (flag, Some(value)));
        let mut value = |what: &str| {
            value.or_else(|| words.next()).map(str::to_owned).ok_or_else(|| format!("`{word}` needs {what}."))
        };
        match flag.to_lowercase().as_str() {
            "n" | "ns" | "namespace" => place.namespace = Some(value("a namespace")?),
            "c" | "cluster" | "context" => place.cluster = Some(value("the name of a cluster")?),
            "p" | "previous" if logs => run = Run::Previous,
            "since" | "s" if logs => {
                let typed = value("a length of time such as 10m")?;
                let length: Option<Span> = typed.parse().ok().filter(|it| *it <= LONGEST && *it >= Span::from_secs(1));
                since = Some(length.ok_or_else(|| {
                    format!("“{typed}” is no length of time from 1s to 7d; write it like 30s, 10m or 2h.")
                })?);
            }
            _ => return Err(format!("`{name}` does not know “{word}”.")),
        }
    }
    let text = rest.join(" ");
    let one = |what: &str| match rest.as_slice() {
        [] => Err(format!("`{name}` needs {what}.")),
        // `feeds/hermes` is a namespace and a name, `deployment/hermes` a kind and a name: told apart when looked up.
        [one] => Ok((*one).to_owned()),
        [_, more, ..] => Err(format!("`{name}` takes one name; what is “{more}”?")),
    };
    let optional = || Some(text.clone()).filter(|text| !text.is_empty());
    match verb {
        Verb::Cluster => Ok(Ask::Cluster { name: optional().or(place.cluster) }),
        Verb::Nodes => Ok(Ask::Nodes { cluster: optional().or(place.cluster) }),
        Verb::Pods => Ok(Ask::Pods { filter: optional(), place }),
        Verb::Rollout => Ok(Ask::Rollout(Wanted { name: one("the name of a workload")?, place })),
        Verb::Logs => {
            let name = one("the name of a workload or a pod")?;
            Ok(Ask::Logs { of: Wanted { name, place }, run, since })
        }
        _ => Ok(Ask::Workload(Wanted { name: one("the name of a workload")?, place })),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Command, parse};
    use super::*;

    fn ask(text: &str) -> Ask {
        match parse(text) {
            Ok(Command::Workload(ask)) => ask,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn wanted(name: &str, namespace: Option<&str>, cluster: Option<&str>) -> Wanted {
        let place = Place { namespace: namespace.map(str::to_owned), cluster: cluster.map(str::to_owned) };
        Wanted { name: name.to_owned(), place }
    }

    #[test]
    fn a_workload_may_come_with_its_place() {
        assert_eq!(ask("workload hermes"), Ask::Workload(wanted("hermes", None, None)));
        for text in [
            "workload hermes -n feeds -c prod",
            "workload -c=prod hermes --namespace feeds",
            "workload hermes —namespace=feeds —cluster prod",
        ] {
            assert_eq!(ask(text), Ask::Workload(wanted("hermes", Some("feeds"), Some("prod"))), "{text}");
        }
        let typed = wanted("hermes", Some("feeds"), Some("prod")).typed();
        assert_eq!(ask(&format!("rollout {typed}")), Ask::Rollout(wanted("hermes", Some("feeds"), Some("prod"))));
    }

    #[test]
    fn logs_take_the_run_and_how_far_back() {
        let logs = |run, since: Option<u64>| Ask::Logs {
            of: wanted("keeper", None, None),
            run,
            since: since.map(Span::from_secs),
        };
        assert_eq!(ask("logs keeper"), logs(Run::Current, None));
        assert_eq!(ask("logs keeper --previous"), logs(Run::Previous, None));
        assert_eq!(ask("logs keeper -p --since 10m"), logs(Run::Previous, Some(600)));
        assert_eq!(ask("logs keeper --since=2h"), logs(Run::Current, Some(7200)));
    }

    #[test]
    fn lists_take_a_filter_and_a_place() {
        assert_eq!(ask("pods"), Ask::Pods { filter: None, place: Place::default() });
        let place = Place { namespace: Some("feeds".to_owned()), cluster: None };
        assert_eq!(ask("pods price pusher -n feeds"), Ask::Pods { filter: Some("price pusher".to_owned()), place });
        assert_eq!(ask("cluster"), Ask::Cluster { name: None });
        assert_eq!(ask("clusters prod"), Ask::Cluster { name: Some("prod".to_owned()) });
        assert_eq!(ask("nodes -c prod"), Ask::Nodes { cluster: Some("prod".to_owned()) });
    }

    #[test]
    fn what_is_missing_or_strange_is_said() {
        let problem = |text: &str| parse(text).unwrap_err().problem;
        assert_eq!(problem("workload"), "`workload` needs the name of a workload.");
        assert_eq!(problem("logs hermes -n"), "`-n` needs a namespace.");
        assert_eq!(problem("logs hermes --follow"), "`logs` does not know “--follow”.");
        assert_eq!(problem("workload hermes --previous"), "`workload` does not know “--previous”.");
        assert_eq!(problem("rollout hermes now"), "`rollout` takes one name; what is “now”?");
        assert!(problem("logs hermes --since soon").starts_with("“soon” is no length of time"));
        assert!(problem("logs hermes --since 30d").contains("from 1s to 7d"));
    }
}
