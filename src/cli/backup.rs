//! `watchkeeper backup`: a copy of a SQLite database, taken beside a running bot, where there is no other tool and no shell.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use crate::app::store_settings;
use crate::config::Config;
use crate::config::secrets::Environment;
use crate::store::{Settings, Store};

use super::{Failure, say};

const POSTGRES: &str = "the database is Postgres, which has a tool for this: pg_dump --format=custom \
                        --file=watchkeeper.dump \"$DATABASE_URL\"";

pub(super) async fn backup(config: &Config, env: &Environment, to: &Path) -> Result<(), Failure> {
    let settings = store_settings(config, env)?;
    let database = settings.sqlite_file()?.ok_or(POSTGRES)?;
    if !fs::exists(&database)? {
        return Err(format!("there is no database in {}", database.display()).into());
    }
    if to == Path::new("-") { stream(&settings, &database).await } else { keep(&settings, &database, to).await }
}

/// Into a file of its own.
async fn keep(settings: &Settings, database: &Path, to: &Path) -> Result<(), Failure> {
    let file = private().create_new(true).open(to).map_err(|error| unusable(to, &error))?;
    if let Err(error) = Store::copy_sqlite(settings, database, &std::path::absolute(to)?).await {
        fs::remove_file(to)?;
        return Err(error.into());
    }
    file.sync_all()?;
    say(&format!("{}: {} bytes", to.display(), file.metadata()?.len()))?;
    Ok(())
}

/// To standard output, by way of a file beside the database: in a container nothing else may be writable.
async fn stream(settings: &Settings, database: &Path) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        return Err("a terminal cannot hold a copy; name a file, or send it into one: watchkeeper backup > copy".into());
    }
    let mut path = database.as_os_str().to_owned();
    path.push(".backup");
    let path = PathBuf::from(path);
    // One at a time. What one that was killed has left is overwritten.
    let file = private().create(true).truncate(false).open(&path).map_err(|error| unusable(&path, &error))?;
    match file.try_lock() {
        Ok(()) => file.set_len(0)?,
        Err(TryLockError::WouldBlock) => return Err("another backup is under way".into()),
        Err(TryLockError::Error(error)) => return Err(unusable(&path, &error).into()),
    }
    let copied = Store::copy_sqlite(settings, database, &path).await;
    let copy = File::open(&path);
    // Gone from the volume before it is read: whoever reads may go away.
    fs::remove_file(&path)?;
    copied?;
    let mut out = io::stdout().lock();
    io::copy(&mut copy?, &mut out)?;
    out.flush()?;
    Ok(())
}

/// The copy holds what the database holds: for nobody else's eyes.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn unusable(path: &Path, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return format!("{} is there already and stays as it is; name another file", path.display());
    }
    format!("{} cannot be written: {error}", path.display())
}
