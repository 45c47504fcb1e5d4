//! Questions about what Git declares: `apps` and `app`.

use super::Verb;
use super::words::Word;

/// What is asked; names may name nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// `page` counts from 1.
    Apps { filter: Option<String>, page: u32 },
    /// By name, maybe with cluster, kind or namespace before it: `prices`, `kustomization/prices`.
    App { name: String },
}

impl Ask {
    #[must_use]
    pub const fn verb(&self) -> Verb {
        match self {
            Self::Apps { .. } => Verb::Apps,
            Self::App { .. } => Verb::App,
        }
    }
}

/// Reads what follows `apps`; an error is one sentence.
pub(super) fn apps(words: &[Word]) -> Result<Ask, String> {
    let (filter, page) = match words {
        [filter @ .., word, page] if word.text.eq_ignore_ascii_case("page") => {
            let page = page.text.parse().ok().filter(|page| *page > 0);
            (filter, page.ok_or_else(|| "A page is a number from 1.".to_owned())?)
        }
        filter => (filter, 1),
    };
    Ok(Ask::Apps { filter: Some(joined(filter)).filter(|filter| !filter.is_empty()), page })
}

/// Reads what follows `app`; an error is one sentence.
pub(super) fn app(words: &[Word]) -> Result<Ask, String> {
    match joined(words) {
        name if name.is_empty() => Err("`app` needs the app's name, as `apps` shows it.".to_owned()),
        name => Ok(Ask::App { name }),
    }
}

fn joined(words: &[Word]) -> String {
    words.iter().map(|word| word.text.trim_matches('"')).collect::<Vec<_>>().join(" ").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::{Command, parse};
    use super::*;

    fn ask(text: &str) -> Ask {
        match parse(text) {
            Ok(Command::GitOps(ask)) => ask,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn apps_are_listed_filtered_and_paged() {
        let apps = |filter: Option<&str>, page| Ask::Apps { filter: filter.map(str::to_owned), page };
        assert_eq!(ask("apps"), apps(None, 1));
        assert_eq!(ask("apps out of sync page 2"), apps(Some("out of sync"), 2));
        assert_eq!(ask("APPS \"prod eu\""), apps(Some("prod eu"), 1));
        assert!(parse("apps page 0").is_err());
    }

    #[test]
    fn one_app_needs_a_name() {
        assert_eq!(ask("app eu/kustomization/prices"), Ask::App { name: "eu/kustomization/prices".to_owned() });
        assert_eq!(parse("app").unwrap_err().problem, "`app` needs the app's name, as `apps` shows it.");
    }
}
