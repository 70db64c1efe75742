use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::{Error, Kind, Result};

/// The folder that the daemon lives in: `models/`, `data/` (conversations that were packed) and `kakeyad.yaml`, the
/// configuration of who has none of their own. That is JSON, which YAML reads, and written by this program alone.
#[derive(Clone, Debug)]
pub struct Home {
    dir: PathBuf,
}

impl Home {
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn models(&self) -> PathBuf {
        self.dir.join("models")
    }

    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub fn config(&self) -> PathBuf {
        self.dir.join("kakeyad.yaml")
    }

    /// Makes what is missing.
    pub fn prepare(&self) -> Result<()> {
        let models = self.models();
        fs::create_dir_all(&models).map_err(|e| Error::file("make the folder", &models, e))?;
        if !self.config().exists() {
            self.write(&json!({"models_dir": "models", "discover": "always"}))?;
        }
        Ok(())
    }

    /// Whether the configuration names a model so.
    pub(crate) fn has(&self, name: &str) -> Result<bool> {
        Ok(self.read()?["models"].get(name).is_some())
    }

    /// Serves a file of `models/` under a name. A running daemon reads that at once.
    pub(crate) fn add(&self, name: &str, file: &str) -> Result<()> {
        let mut config = self.read()?;
        config["models"][name] = json!({"file": file});
        self.write(&config)
    }

    fn read(&self) -> Result<Value> {
        let path = self.config();
        let text = fs::read_to_string(&path).map_err(|e| Error::file("read", &path, e))?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(config)) => Ok(Value::Object(config)),
            _ => Err(Error::new(
                Kind::Invalid,
                format!("{} is not as this program wrote it: add the model there, or delete the file", path.display()),
            )),
        }
    }

    fn write(&self, config: &Value) -> Result<()> {
        let (path, part) = (self.config(), self.dir.join("kakeyad.yaml.part"));
        let text = format!("{config:#}\n");
        fs::write(&part, text).and_then(|()| fs::rename(&part, &path)).map_err(|e| Error::file("write", &path, e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_added_to_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path().join("home"));
        home.prepare().unwrap();
        home.add("one", "one.gguf").unwrap();
        home.prepare().unwrap();
        home.add("two", "two.gguf").unwrap();
        assert!(home.has("one").unwrap() && home.has("two").unwrap() && !home.has("three").unwrap());
        let config: Value = serde_json::from_str(&fs::read_to_string(home.config()).unwrap()).unwrap();
        assert_eq!(config["discover"], "always");

        fs::write(home.config(), "models: {a: {file: a.gguf}}").unwrap();
        assert_eq!(home.add("three", "x").unwrap_err().kind, Kind::Invalid);
    }
}
