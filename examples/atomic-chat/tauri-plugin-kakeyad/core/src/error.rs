use serde::{Serialize, Serializer, ser::SerializeMap};

pub type Result<T> = std::result::Result<T, Error>;

/// What sort of thing went wrong, for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The program `kakeyad` was not found, or is none.
    NoBinary,
    /// The daemon ended before it answered: the message has what it said last, such as that its port is taken.
    Ended,
    /// The daemon did not answer in time, and was ended.
    NotHealthy,
    /// The daemon does not run.
    NotRunning,
    /// The daemon refused a request; `status`, `code` and `param` are its own.
    Refused,
    /// The connection to the daemon broke, or what it sent is no answer.
    Broken,
    /// The request was cancelled.
    Cancelled,
    /// What was asked for cannot be.
    Invalid,
    /// A file could not be read or written.
    File,
}

/// An error that a person can read and a program can tell from others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    pub kind: Kind,
    pub message: String,
    /// Of [`Kind::Refused`]: the HTTP status; 0 for an error that came in a stream.
    pub status: Option<u16>,
    pub code: Option<String>,
    pub param: Option<String>,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), status: None, code: None, param: None }
    }

    /// An error of the file system, with what was being done.
    pub fn file(doing: &str, path: &std::path::Path, e: std::io::Error) -> Self {
        Self::new(Kind::File, format!("{doing} {}: {e}", path.display()))
    }

    /// The daemon's own error object, or whatever it sent in its place.
    pub(crate) fn refused(status: u16, body: &str) -> Self {
        let parsed = serde_json::from_str::<serde_json::Value>(body).unwrap_or_default();
        let error = &parsed["error"];
        let text = |key: &str| error[key].as_str().map(str::to_owned);
        Self {
            kind: Kind::Refused,
            message: text("message")
                .unwrap_or_else(|| format!("HTTP {status}: {}", body.chars().take(500).collect::<String>())),
            status: Some(status),
            code: text("code"),
            param: text("param"),
        }
    }
}

impl From<reqwest::Error> for Error {
    fn from(e: reqwest::Error) -> Self {
        let mut message = e.to_string();
        let mut cause = std::error::Error::source(&e);
        while let Some(c) = cause {
            message = format!("{message}: {c}");
            cause = c.source();
        }
        Self::new(if e.is_connect() { Kind::NotRunning } else { Kind::Broken }, message)
    }
}

impl Serialize for Error {
    /// A page gets `{kind, message}` and, of what the daemon refused, `{status, code, param}`.
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        let mut m = s.serialize_map(None)?;
        m.serialize_entry("kind", &self.kind)?;
        m.serialize_entry("message", &self.message)?;
        if let Some(status) = self.status {
            m.serialize_entry("status", &status)?;
            m.serialize_entry("code", &self.code)?;
            m.serialize_entry("param", &self.param)?;
        }
        m.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_daemons_words_are_kept() {
        let e = Error::refused(
            404,
            r#"{"error":{"message":"unknown model","type":"t","code":"model_not_found","param":"model"}}"#,
        );
        assert_eq!(
            serde_json::to_value(&e).unwrap(),
            serde_json::json!({"kind": "refused", "message": "unknown model", "status": 404, "code": "model_not_found", "param": "model"})
        );
        assert_eq!(Error::refused(502, "bad gateway").message, "HTTP 502: bad gateway");
    }
}
