//! Secrets come from the environment, or from a file the environment names (`SLACK_BOT_TOKEN_FILE`), never from the
//! configuration file.

use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

use secrecy::SecretString;

/// The environment as read once at start; a map in tests.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, SecretString>);

impl Environment {
    /// The process's own.
    #[must_use]
    pub fn of_process() -> Self {
        Self::from_pairs(std::env::vars())
    }

    #[must_use]
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name, SecretString::from(value))).collect())
    }

    /// A variable that is no secret.
    #[must_use]
    pub fn plain(&self, name: &str) -> Option<String> {
        use secrecy::ExposeSecret;
        self.0.get(name).map(|value| value.expose_secret().to_owned())
    }

    /// The value of `name`, or the content of the file `name_FILE` names (one trailing newline removed).
    /// An empty value counts as absent.
    ///
    /// # Errors
    /// When both are set, or the file cannot be read.
    pub fn secret(&self, name: &str) -> Result<Option<SecretString>, BadSecret> {
        use secrecy::ExposeSecret;
        let of = |name: &str| self.0.get(name).filter(|value| !value.expose_secret().is_empty());
        let file_variable = format!("{name}_FILE");
        match (of(name), of(&file_variable)) {
            (Some(_), Some(_)) => Err(BadSecret::Both { name: name.to_owned() }),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, None) => Ok(None),
            (None, Some(path)) => {
                let path = path.expose_secret().to_owned();
                let text = fs::read_to_string(&path).map_err(|error| BadSecret::File {
                    name: file_variable,
                    path,
                    error: error.to_string(),
                })?;
                let text = text.strip_suffix('\n').unwrap_or(&text);
                Ok(Some(SecretString::from(text.strip_suffix('\r').unwrap_or(text))))
            }
        }
    }
}

/// The secret that a file holds, whose path is no secret.
///
/// # Errors
/// The file cannot be read.
pub fn file(path: &Path) -> Result<SecretString, BadSecret> {
    let unread = |error: io::Error| BadSecret::Unread { path: path.display().to_string(), error: error.to_string() };
    fs::read_to_string(path).map(SecretString::from).map_err(unread)
}

/// Why a secret could not be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSecret {
    #[error("both {name} and {name}_FILE are set; keep one")]
    Both { name: String },
    #[error("{name} names {path}, which cannot be read: {error}")]
    File { name: String, path: String, error: String },
    #[error("{path} cannot be read: {error}")]
    Unread { path: String, error: String },
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_pairs(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())))
    }

    #[test]
    fn a_secret_comes_from_the_variable_or_the_file_it_names() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "xoxb-file\n").unwrap();
        let both = environment(&[("A", "xoxb-env"), ("B_FILE", file.path().to_str().unwrap())]);
        assert_eq!(both.secret("A").unwrap().unwrap().expose_secret(), "xoxb-env");
        assert_eq!(both.secret("B").unwrap().unwrap().expose_secret(), "xoxb-file");
        assert!(both.secret("C").unwrap().is_none());
    }

    #[test]
    fn two_places_for_one_secret_are_refused_without_showing_it() {
        let error = environment(&[("A", "hidden-1"), ("A_FILE", "/hidden-2")]).secret("A").unwrap_err();
        assert_eq!(error.to_string(), "both A and A_FILE are set; keep one");
    }

    #[test]
    fn the_environment_does_not_print_its_values() {
        let text = format!("{:?}", environment(&[("A", "hidden-1")]));
        assert!(!text.contains("hidden-1"), "{text}");
    }
}
