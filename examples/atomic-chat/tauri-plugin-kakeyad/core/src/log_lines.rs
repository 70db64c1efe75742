use std::collections::VecDeque;

use log::Level;
use serde_json::{Map, Value};

/// The target under which the daemon's lines are in the program's log.
pub(crate) const TARGET: &str = "kakeyad";

/// How many lines are kept to tell of when the daemon ends.
const KEPT: usize = 5;

/// What the daemon said last that is worth an error's text: plain lines, warnings and errors.
#[derive(Default)]
pub(crate) struct LastWords(VecDeque<String>);

impl LastWords {
    /// Takes a line of the daemon's log and writes it to the program's.
    pub fn take(&mut self, line: &str) {
        let (level, text) = read(line);
        log::log!(target: TARGET, level, "{text}");
        if level <= Level::Warn {
            self.0.push_back(text);
            if self.0.len() > KEPT {
                self.0.pop_front();
            }
        }
    }

    pub fn text(&self) -> String {
        match self.0.len() {
            0 => "it said nothing of why".into(),
            _ => self.0.iter().map(String::as_str).collect::<Vec<_>>().join("; "),
        }
    }
}

/// read is level and text of a line. What is no JSON, as the words of a program that fails at its start, is an error.
fn read(line: &str) -> (Level, String) {
    let Ok(mut fields) = serde_json::from_str::<Map<String, Value>>(line) else {
        return (Level::Error, line.trim_start_matches("Error: ").to_owned());
    };
    let level = match fields.remove("level").as_ref().and_then(Value::as_str) {
        Some("ERROR") => Level::Error,
        Some("WARN") => Level::Warn,
        Some("DEBUG") => Level::Debug,
        _ => Level::Info,
    };
    fields.remove("time");
    let mut text = match fields.remove("msg") {
        Some(Value::String(s)) => s,
        _ => String::new(),
    };
    for (key, value) in fields {
        match value {
            Value::String(s) => text.push_str(&format!(" {key}={s:?}")),
            other => text.push_str(&format!(" {key}={other}")),
        }
    }
    (level, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_fields_are_kept() {
        assert_eq!(
            read(r#"{"time":"t","level":"WARN","msg":"slow","model":"m x","seconds":3}"#),
            (Level::Warn, r#"slow model="m x" seconds=3"#.into())
        );
        assert_eq!(read(r#"{"level":"DEBUG","msg":"x"}"#).0, Level::Debug);
        assert_eq!(read("Error: listen: taken"), (Level::Error, "listen: taken".into()));
    }

    #[test]
    fn last_words_are_the_last_that_matter() {
        let mut words = LastWords::default();
        assert_eq!(words.text(), "it said nothing of why");
        words.take(r#"{"level":"INFO","msg":"serving"}"#);
        for i in 0..KEPT + 2 {
            words.take(&format!("line {i}"));
        }
        assert_eq!(words.text(), "line 2; line 3; line 4; line 5; line 6");
    }
}
