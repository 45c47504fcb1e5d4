//! What hands find: whether something can be planned, and whether what was done has come to rest.

use super::target::Target;

/// Why there is no plan: a sentence for whoever asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotPlan {
    #[error("no cluster is named {cluster}{}", among(known))]
    NoCluster { cluster: String, known: Vec<String> },
    #[error("{target} does not exist{}", nearest_words(nearest))]
    NotFound { target: Target, nearest: Vec<String> },
    /// `rule` as `watchkeeper rbac` prints it in a line: `apps deployments/scale: patch`.
    #[error("the bot may not do that in {cluster}: its role lacks {rule} (`watchkeeper rbac` prints the whole role)")]
    Forbidden { cluster: String, rule: String },
    /// It is so already.
    #[error("nothing to do: {0}")]
    NothingToDo(String),
    #[error("{cluster} cannot be asked now: {why}")]
    Unreachable { cluster: String, why: String },
    /// It may be possible later.
    #[error("not now: {0}")]
    NotNow(String),
    #[error("{0}")]
    NotPossible(String),
}

/// Whether what was written has come to rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    Done {
        note: String,
    },
    /// Not yet: `2 of 3 updated`.
    Progress {
        text: String,
    },
    /// It will not, or not as wanted.
    Failed {
        why: String,
    },
}

fn among(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!("; there are: {}", known.join(", ")) }
}

fn nearest_words(nearest: &[String]) -> String {
    if nearest.is_empty() { String::new() } else { format!("; did you mean {}?", nearest.join(" or ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_said_with_what_is() {
        let no_cluster = |known: &[&str]| {
            let known = known.iter().map(|name| (*name).to_owned()).collect();
            CannotPlan::NoCluster { cluster: "prd".to_owned(), known }.to_string()
        };
        assert_eq!(no_cluster(&[]), "no cluster is named prd");
        assert_eq!(no_cluster(&["dev", "prod"]), "no cluster is named prd; there are: dev, prod");
        let not_found = |nearest: &[&str]| {
            let nearest = nearest.iter().map(|name| (*name).to_owned()).collect();
            CannotPlan::NotFound { target: "prod/Node/n1".parse().unwrap(), nearest }.to_string()
        };
        assert_eq!(not_found(&[]), "prod/Node/n1 does not exist");
        assert_eq!(not_found(&["n2", "n3"]), "prod/Node/n1 does not exist; did you mean n2 or n3?");
    }
}
