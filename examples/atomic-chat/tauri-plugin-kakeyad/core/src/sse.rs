/// Puts the data of server-sent events together from bytes that may be cut anywhere. The daemon ends lines by LF
/// and writes one line of data an event; CR LF and comments are taken too.
#[derive(Debug, Default)]
pub(crate) struct Events {
    buffer: Vec<u8>,
    data: Vec<String>,
}

impl Events {
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The data of the next whole event, if there is one.
    pub fn next(&mut self) -> Option<String> {
        while let Some(end) = self.buffer.iter().position(|&b| b == b'\n') {
            let line: Vec<u8> = self.buffer.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end_matches(['\r', '\n']);
            if line.is_empty() && !self.data.is_empty() {
                return Some(std::mem::take(&mut self.data).join("\n"));
            }
            if let Some(data) = line.strip_prefix("data:") {
                self.data.push(data.strip_prefix(' ').unwrap_or(data).to_owned());
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_may_be_cut_anywhere() {
        let text = ": a comment\r\ndata: {\"a\":\"grüße 🙂\"}\r\n\r\nevent: x\ndata: one\ndata:two\n\n\n\ndata: [DONE]\n\ndata: cut short";
        let want = ["{\"a\":\"grüße 🙂\"}", "one\ntwo", "[DONE]"];
        for size in 1..text.len() {
            let mut events = Events::default();
            let mut got = Vec::new();
            for part in text.as_bytes().chunks(size) {
                events.push(part);
                while let Some(data) = events.next() {
                    got.push(data);
                }
            }
            assert_eq!(got, want, "in parts of {size}");
        }
    }
}
