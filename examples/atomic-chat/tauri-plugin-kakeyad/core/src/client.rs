use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::sse::Events;
use crate::{Error, Kind, Result};

/// How long the daemon may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// How long the daemon may take to read a changed configuration, and how often it is asked whether it has.
const LISTED: Duration = Duration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);

/// Asks one daemon. Cheap to clone. Requests and answers are the daemon's own JSON (its docs/api.md): what this
/// client does not know passes through it.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Client {
    /// A client of the daemon at `http://HOST:PORT`.
    pub fn new(url: &str, key: &str) -> Self {
        // the daemon is on this machine, whatever proxy the environment names
        let http = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT).build();
        Self {
            http: http.expect("a client without TLS needs nothing that can fail"),
            url: url.to_owned(),
            key: key.to_owned(),
        }
    }

    /// The channels, each with its state, what it is made of and its warnings.
    pub async fn list_models(&self) -> Result<Vec<Value>> {
        let mut list = self.json(Method::GET, "/v1/models", None, None).await?;
        match list["data"].take() {
            Value::Array(models) => Ok(models),
            _ => Err(Error::new(Kind::Broken, "the list of models has no data")),
        }
    }

    /// Waits until the daemon lists a channel: it reads a changed configuration within a second or so.
    pub async fn listed(&self, id: &str) -> Result<()> {
        let seen = async {
            while !self.list_models().await?.iter().any(|m| m["id"] == id) {
                sleep(LOOK).await;
            }
            Ok(())
        };
        let late = || Error::new(Kind::Invalid, format!("kakeyad did not take {id} up: its log says why"));
        timeout(LISTED, seen).await.unwrap_or_else(|_| Err(late()))
    }

    /// `{"status": "ok" | "loading", "version": ...}`
    pub async fn health(&self) -> Result<Value> {
        self.json(Method::GET, "/health", None, None).await
    }

    /// Memory, loaded models, requests by channel.
    pub async fn stats(&self) -> Result<Value> {
        self.json(Method::GET, "/v1/kakeya/stats", None, None).await
    }

    /// A whole answer. Dropping the future ends the generation.
    pub async fn chat_completion(&self, mut request: Value, id: Option<&str>) -> Result<Value> {
        object(&mut request)?.insert("stream".into(), json!(false));
        object(&mut request)?.remove("stream_options");
        self.json(Method::POST, "/v1/chat/completions", Some(&request), id).await
    }

    /// An answer in chunks, the last with the usage. Dropping them ends the generation.
    pub async fn stream(&self, mut request: Value, id: Option<&str>) -> Result<Chunks> {
        let fields = object(&mut request)?;
        fields.insert("stream".into(), json!(true));
        fields.entry("stream_options").or_insert(json!({"include_usage": true}));
        let response = self.send(Method::POST, "/v1/chat/completions", Some(&request), id).await?;
        Ok(Chunks { response, events: Events::default(), done: false })
    }

    /// Ends a request by its id or the id of its answer; false when none such runs.
    pub async fn cancel(&self, id: &str) -> Result<bool> {
        match self.send(Method::DELETE, &format!("/v1/kakeya/requests/{}", escaped(id)), None, None).await {
            Ok(_) => Ok(true),
            Err(e) if e.code.as_deref() == Some("request_not_found") => Ok(false),
            Err(e) => Err(e),
        }
    }

    async fn json(&self, method: Method, path: &str, body: Option<&Value>, id: Option<&str>) -> Result<Value> {
        Ok(self.send(method, path, body, id).await?.json().await?)
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>, id: Option<&str>) -> Result<Response> {
        let mut request = self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key);
        if let Some(id) = id {
            request = request.header("X-Request-Id", id);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(Error::refused(response.status().as_u16(), &response.text().await?))
    }
}

fn object(request: &mut Value) -> Result<&mut serde_json::Map<String, Value>> {
    request.as_object_mut().ok_or_else(|| Error::new(Kind::Invalid, "a request is a JSON object"))
}

/// An id as a part of a path.
fn escaped(id: &str) -> String {
    id.bytes()
        .map(|b| match b {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(b).to_string(),
            _ => format!("%{b:02X}"),
        })
        .collect()
}

/// The chunks of an answer.
#[derive(Debug)]
pub struct Chunks {
    response: Response,
    events: Events,
    done: bool,
}

impl Chunks {
    /// The next chunk; none after the last. A stream that ends before the answer does is an error.
    pub async fn next(&mut self) -> Result<Option<Value>> {
        while !self.done {
            if let Some(data) = self.events.next() {
                if data == "[DONE]" {
                    self.done = true;
                    break;
                }
                let chunk: Value = serde_json::from_str(&data)
                    .map_err(|e| Error::new(Kind::Broken, format!("an event of the stream is no JSON: {e}")))?;
                if chunk.get("error").is_some() {
                    self.done = true;
                    return Err(Error::refused(0, &data));
                }
                return Ok(Some(chunk));
            }
            match self.response.chunk().await? {
                Some(bytes) => self.events.push(&bytes),
                None => {
                    self.done = true;
                    return Err(Error::new(Kind::Broken, "the stream ended before the answer did"));
                }
            }
        }
        Ok(None)
    }
}
