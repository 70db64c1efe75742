//! What a program asks of the real daemon with the real model.

use std::sync::Arc;

use kakeyad_app::{Client, Error, Imports, Kind, Requests, Settings, Supervisor};
use serde_json::{Value, json};
use testing::{GONE, MODEL, PATIENCE, Place};

async fn started(place: &Place) -> (Supervisor, Client) {
    let (s, work) = Supervisor::new(place.home.clone(), place.settings.clone());
    tokio::spawn(work);
    s.start().await.unwrap();
    let client = s.client().unwrap();
    (s, client)
}

fn say(text: &str, max_tokens: u32) -> Value {
    json!({"model": MODEL, "max_tokens": max_tokens, "messages": [{"role": "user", "content": text}]})
}

/// A request whose answer is long enough to be cancelled.
fn story() -> Value {
    let mut request = say("Write a very long story.", 1500);
    request["ignore_eos"] = json!(true);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_whole_and_streamed_are_one() {
    let place = Place::new();
    let (s, client) = started(&place).await;
    let models = client.list_models().await.unwrap();
    let ids: Vec<_> = models.iter().map(|m| m["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&MODEL) && ids.contains(&GONE), "{ids:?}");

    let whole = client.chat_completion(say("What is the capital of France?", 16), None).await.unwrap();
    let text = whole["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("Paris"), "{text}");

    let mut chunks = client.stream(say("What is the capital of France?", 16), None).await.unwrap();
    let (mut streamed, mut last) = (String::new(), Value::Null);
    while let Some(chunk) = chunks.next().await.unwrap() {
        streamed.push_str(chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default());
        last = chunk;
    }
    assert_eq!(streamed, text);
    assert_eq!(last["usage"]["completion_tokens"], whole["usage"]["completion_tokens"]);
    assert_eq!(chunks.next().await, Ok(None), "after the end there is nothing");

    let stats = client.stats().await.unwrap();
    assert!(stats["pool"]["used_bytes"].as_u64().unwrap() > 0, "{stats}");
    s.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_request_ends_in_the_daemon() {
    let place = Place::new();
    let (s, client) = started(&place).await;
    let requests = Arc::new(Requests::default());
    let stopped = requests.run("mine/1", async {
        let mut chunks = client.stream(story(), Some("mine/1")).await?;
        chunks.next().await?.expect("a first chunk");
        assert!(requests.cancel("mine/1"));
        std::future::pending::<Result<(), Error>>().await
    });
    assert_eq!(stopped.await.unwrap_err().kind, Kind::Cancelled);
    let ended = async {
        loop {
            let stats = client.stats().await.unwrap();
            let channel = stats["channels"].as_array().unwrap().iter().find(|c| c["channel"] == MODEL).unwrap().clone();
            if channel["active"] == 0 && channel["cancelled"] == 1 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("the daemon goes on with it");

    // from anywhere else the daemon ends it, and the stream says so
    let mut chunks = client.stream(story(), Some("mine/2")).await.unwrap();
    chunks.next().await.unwrap();
    assert_eq!(client.cancel("mine/2").await, Ok(true));
    let end = loop {
        match chunks.next().await {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert_eq!(end.unwrap_err().code.as_deref(), Some("request_cancelled"));
    assert_eq!(client.cancel("mine/2").await, Ok(false));
    s.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_daemon_refuses_is_told_as_it_says_it() {
    let place = Place::new();
    let (s, client) = started(&place).await;
    let missing = client
        .chat_completion(json!({"model": GONE, "messages": [{"role": "user", "content": "hi"}]}), None)
        .await
        .unwrap_err();
    assert_eq!(
        (missing.kind, missing.status, missing.code.as_deref()),
        (Kind::Refused, Some(500), Some("model_load_failed"))
    );
    assert!(missing.message.contains("there is no file") && missing.message.contains("gone.gguf"), "{missing}");
    let unknown = client
        .stream(json!({"model": "nobody", "messages": [{"role": "user", "content": "hi"}]}), None)
        .await
        .unwrap_err();
    assert_eq!(unknown.code.as_deref(), Some("model_not_found"));
    assert_eq!(client.stream(json!([]), None).await.unwrap_err().kind, Kind::Invalid);

    let at = s.start().await.unwrap();
    let stranger = Client::new(&at.url, "guessed").list_models().await.unwrap_err();
    assert_eq!(stranger.status, Some(401), "the daemon is the program's own");
    s.stop().await;
    assert_eq!(client.health().await.unwrap_err().kind, Kind::NotRunning);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_imported_model_is_served_at_once() {
    let mut place = Place::new();
    place.settings = Settings { config: None, ..place.settings };
    let (s, client) = started(&place).await;
    assert!(client.list_models().await.unwrap().is_empty());

    Imports::default().run(&place.home, "my-own-model", &testing::model_file(), |_| ()).await.unwrap();
    client.listed("my-own-model").await.unwrap();
    let mut request = say("What is the capital of France?", 16);
    request["model"] = json!("my-own-model");
    request["temperature"] = json!(0); // nothing else says so
    let answer = client.chat_completion(request, None).await.unwrap();
    assert!(answer["choices"][0]["message"]["content"].as_str().unwrap().contains("Paris"), "{answer}");
    s.stop().await;
}
