//! Which file a `sqlite:` URL means, and the lock that keeps a second process away from it.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use url::Url;

use crate::store::StoreError;

/// The file a `sqlite:` URL names, absolute.
pub(super) fn path(url: &str) -> Result<PathBuf, StoreError> {
    let text = url.trim_start_matches("sqlite:");
    let text = text.strip_prefix("//").unwrap_or(text);
    let text = text.split('?').next().unwrap_or_default();
    if text.is_empty() || text == ":memory:" {
        return Err(StoreError::Url("an in-memory database would forget everything; name a file".to_owned()));
    }
    std::path::absolute(text).map_err(|error| StoreError::Url(error.to_string()))
}

/// Written out in full, since a relative `sqlite://dir/file` would be read as a host name.
pub(super) fn url(path: &Path, mode: &str) -> Result<String, StoreError> {
    let text = path.to_str().ok_or_else(|| StoreError::Url("the path is not UTF-8".to_owned()))?;
    let mut full = Url::parse("sqlite:///").map_err(|error| StoreError::Url(error.to_string()))?;
    full.set_path(&text.replace('%', "%25"));
    full.set_query(Some(&format!("mode={mode}")));
    Ok(full.into())
}

/// An exclusive lock on `<database>.lock`, released when the file is dropped or the process dies.
pub(super) fn lock(database: &Path) -> Result<File, StoreError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let failed = |source| StoreError::LockFile { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { path }),
        Err(TryLockError::Error(source)) => Err(StoreError::LockFile { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_one_file_however_they_are_written() {
        let here = std::path::absolute("a b%.db").unwrap();
        for text in ["sqlite:a b%.db", "sqlite://a b%.db", "sqlite:a b%.db?mode=rwc"] {
            assert_eq!(path(text).unwrap(), here);
        }
        assert!(url(Path::new("/x/a b%.db"), "rw").unwrap().ends_with("/x/a%20b%25.db?mode=rw"));
        for text in ["sqlite::memory:", "sqlite:", "sqlite://?mode=memory"] {
            assert!(path(text).unwrap_err().to_string().contains("name a file"), "{text}");
        }
    }
}
