use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use serde::Serialize;

use crate::{Error, Home, Kind, Result};

/// How far an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Progress {
    pub bytes: u64,
    pub total: u64,
}

/// How much is copied between two reports.
const PIECE: usize = 4 << 20;

/// The longest short name of a model.
const LONGEST: usize = 96;

/// Model files on their way into a home, by the name that they will have.
#[derive(Default)]
pub struct Imports(Mutex<HashMap<String, Arc<AtomicBool>>>);

impl Imports {
    /// Brings a GGUF file into the home's models, under a short name (a-z, 0-9, `.`, `_`, `-`), and has it served: a
    /// running daemon takes it up at once. The file is linked where the file system can, which costs neither time nor
    /// room, and copied otherwise; it may be deleted at its old place afterwards. What is cut short leaves nothing.
    pub async fn run(
        &self,
        home: &Home,
        name: &str,
        path: &Path,
        report: impl FnMut(Progress) + Send + 'static,
    ) -> Result<()> {
        check(home, name, path)?;
        let aborted = Arc::new(AtomicBool::new(false));
        {
            let mut running = self.0.lock().expect("no import panics");
            if running.contains_key(name) {
                return Err(Error::new(Kind::Invalid, format!("{name} is being imported already")));
            }
            running.insert(name.to_owned(), aborted.clone());
        }
        let _done = Done(self, name);
        let file = format!("{name}.gguf");
        let (from, to) = (path.to_owned(), home.models().join(&file));
        tokio::task::spawn_blocking(move || bring(&from, &to, &aborted, report))
            .await
            .map_err(|e| Error::new(Kind::File, format!("import: {e}")))??;
        home.add(name, &file)
    }

    /// Ends an import; false when none of that name runs.
    pub fn abort(&self, name: &str) -> bool {
        let running = self.0.lock().expect("no import panics");
        running.get(name).map(|aborted| aborted.store(true, Ordering::Relaxed)).is_some()
    }
}

/// Takes an import from the list, also when its future is dropped.
struct Done<'a>(&'a Imports, &'a str);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        if let Ok(mut running) = self.0.0.lock()
            && let Some(aborted) = running.remove(self.1)
        {
            aborted.store(true, Ordering::Relaxed);
        }
    }
}

fn check(home: &Home, name: &str, path: &Path) -> Result<()> {
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let good = name.len() <= LONGEST
        && name.starts_with(letter)
        && name.ends_with(letter)
        && name.chars().all(|c| letter(c) || matches!(c, '.' | '_' | '-'));
    if !good {
        return Err(Error::new(
            Kind::Invalid,
            format!(
                "{name:?} cannot name a model: take 1 to {LONGEST} of a-z, 0-9, \".\", \"_\", \"-\", with a letter or digit at either end"
            ),
        ));
    }
    if home.has(name)? || home.models().join(format!("{name}.gguf")).exists() {
        return Err(Error::new(Kind::Invalid, format!("there is a model {name} already: choose another name")));
    }
    let mut magic = [0; 4];
    let read = File::open(path).and_then(|mut f| f.read_exact(&mut magic));
    match read {
        Ok(()) if magic == *b"GGUF" => Ok(()),
        Err(e) if e.kind() != std::io::ErrorKind::UnexpectedEof => Err(Error::file("read", path, e)),
        _ => Err(Error::new(Kind::Invalid, format!("{} is not a GGUF file", path.display()))),
    }
}

fn bring(from: &Path, to: &Path, aborted: &AtomicBool, mut report: impl FnMut(Progress)) -> Result<()> {
    let from = fs::canonicalize(from).map_err(|e| Error::file("read", from, e))?; // of a link, what it leads to
    let total = fs::metadata(&from).map_err(|e| Error::file("read", &from, e))?.len();
    if fs::hard_link(&from, to).is_err() {
        copy(&from, to, total, aborted, &mut report)?;
    }
    report(Progress { bytes: total, total });
    Ok(())
}

fn copy(from: &Path, to: &Path, total: u64, aborted: &AtomicBool, report: &mut impl FnMut(Progress)) -> Result<()> {
    let part = Part(to.with_extension("gguf.part"));
    let mut source = File::open(from).map_err(|e| Error::file("read", from, e))?;
    let mut target = File::create(&part.0).map_err(|e| Error::file("write", &part.0, e))?;
    let (mut piece, mut bytes) = (vec![0; PIECE], 0);
    loop {
        if aborted.load(Ordering::Relaxed) {
            return Err(Error::new(Kind::Cancelled, "the import was cancelled"));
        }
        let n = source.read(&mut piece).map_err(|e| Error::file("read", from, e))?;
        if n == 0 {
            break;
        }
        target.write_all(&piece[..n]).map_err(|e| Error::file("write", &part.0, e))?;
        bytes += n as u64;
        report(Progress { bytes, total });
    }
    target.sync_all().map_err(|e| Error::file("write", &part.0, e))?;
    fs::rename(&part.0, to).map_err(|e| Error::file("write", to, e))
}

/// A file that is removed unless it was renamed.
struct Part(PathBuf);

impl Drop for Part {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // it is gone after the renaming
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().join("home"));
        home.prepare().unwrap();
        let file = dir.path().join("Mine.gguf");
        fs::write(&file, [b"GGUF".as_slice(), &vec![7; 2 * PIECE]].concat()).unwrap();
        (dir, home, file)
    }

    #[tokio::test]
    async fn a_file_is_linked_and_named() {
        let (_dir, home, file) = home();
        let imports = Imports::default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let reports = seen.clone();
        imports.run(&home, "mine-1b", &file, move |p| reports.lock().unwrap().push(p)).await.unwrap();
        fs::remove_file(&file).unwrap();
        let total = 4 + 2 * PIECE as u64;
        assert_eq!(fs::metadata(home.models().join("mine-1b.gguf")).unwrap().len(), total);
        assert_eq!(seen.lock().unwrap().last(), Some(&Progress { bytes: total, total }));
        assert!(home.has("mine-1b").unwrap());
        assert!(!imports.abort("mine-1b"), "it is over");
    }

    #[tokio::test]
    async fn what_cannot_be_is_said() {
        let (dir, home, file) = home();
        let imports = Imports::default();
        for name in ["", "Mine", "a/b", "-a", "a-", "a@e8-q38", &"a".repeat(97)] {
            assert_eq!(imports.run(&home, name, &file, |_| ()).await.unwrap_err().kind, Kind::Invalid, "{name}");
        }
        let text = dir.path().join("text.gguf");
        fs::write(&text, "no model").unwrap();
        assert!(imports.run(&home, "text", &text, |_| ()).await.unwrap_err().message.contains("not a GGUF file"));
        let gone = imports.run(&home, "gone", &dir.path().join("gone"), |_| ()).await.unwrap_err();
        assert_eq!(gone.kind, Kind::File);
        imports.run(&home, "mine", &file, |_| ()).await.unwrap();
        assert!(imports.run(&home, "mine", &file, |_| ()).await.unwrap_err().message.contains("already"));
    }

    #[test]
    fn a_copy_reports_and_an_abort_leaves_nothing() {
        let (_dir, home, file) = home();
        let to = home.models().join("mine.gguf");
        let aborted = AtomicBool::new(false);
        let mut reports = Vec::new();
        let total = 4 + 2 * PIECE as u64;
        let e = copy(&file, &to, total, &aborted, &mut |p| {
            reports.push(p.bytes);
            aborted.store(true, Ordering::Relaxed);
        })
        .unwrap_err();
        assert_eq!((e.kind, reports.as_slice()), (Kind::Cancelled, [PIECE as u64].as_slice()));
        assert_eq!(fs::read_dir(home.models()).unwrap().count(), 0);

        reports.clear();
        copy(&file, &to, total, &AtomicBool::new(false), &mut |p| reports.push(p.bytes)).unwrap();
        assert_eq!(reports, [PIECE as u64, 2 * PIECE as u64, total]);
        assert_eq!(fs::read(&to).unwrap(), fs::read(&file).unwrap());
    }
}
