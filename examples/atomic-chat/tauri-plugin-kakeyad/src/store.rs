use std::fs;
use std::path::PathBuf;

use kakeyad_app::{Error, Home, Result, Settings};

fn path(home: &Home) -> PathBuf {
    home.dir().join("settings.json")
}

/// What a person has set, if anything. A file that cannot be read is told of in the log and left as it is.
pub fn read(home: &Home) -> Option<Settings> {
    let path = path(home);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return None,
        Err(e) => {
            log::error!("the settings of kakeyad are not read: {}: {e}", path.display());
            return None;
        }
    };
    serde_json::from_str(&text)
        .map_err(|e| log::error!("the settings of kakeyad are not taken: {}: {e}", path.display()))
        .ok()
}

/// Keeps what a person has set. The file is whole at any time.
pub fn write(home: &Home, settings: &Settings) -> Result<()> {
    home.prepare()?;
    let (path, part) = (path(home), home.dir().join("settings.json.part"));
    let text = serde_json::to_string_pretty(settings).expect("settings are plain");
    fs::write(&part, text + "\n").and_then(|()| fs::rename(&part, &path)).map_err(|e| Error::file("write", &path, e))
}
