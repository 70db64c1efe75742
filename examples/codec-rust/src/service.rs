//! What one peer, the host or the far end of a link, is served over gRPC.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{mpsc, Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Instant;

use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tonic::transport::server::{Connected, Router};
use tonic::{Code, Request, Response, Status};

use crate::codec::{self, Error, Header, Stream, NAME, STEPS};
use crate::link::Links;
use crate::pb::base::plugin_service_server::{PluginService, PluginServiceServer};
use crate::pb::base::*;
use crate::pb::codec as wire;
use crate::pb::codec::codec_service_server::{CodecService, CodecServiceServer};

pub const API_VERSION: i32 = 1;
const MAX_MESSAGE: usize = 256 << 20;

/// Serves a peer. Streams belong to the peer that opened them.
pub fn router(codec: Codec) -> Router {
    let codec = CodecServiceServer::new(codec).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE);
    tonic::transport::Server::builder().add_service(PluginServiceServer::new(Base(Instant::now()))).add_service(codec)
}

#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

impl Error {
    fn code(&self) -> Code {
        match self.causes.first().map(|c| c.0) {
            Some("invalid" | "codec.non_finite") => Code::InvalidArgument,
            Some("corrupt") => Code::DataLoss,
            Some("unsupported") => Code::Unimplemented,
            Some("codec.closed") => Code::FailedPrecondition,
            _ => Code::Unknown,
        }
    }
    /// The google.rpc.Status: with its causes an error keeps its identity at the other end.
    pub fn to_bytes(&self) -> Vec<u8> {
        let causes = self.causes.iter().map(|(code, fields)| ErrorCause { code: code.to_string(), fields: fields.clone() }).collect();
        let detail = prost_types::Any { type_url: "type.googleapis.com/kakeya.base.v1.ErrorDetail".into(), value: ErrorDetail { causes }.encode_to_vec() };
        RpcStatus { code: self.code() as i32, message: self.text.clone(), details: vec![detail] }.encode_to_vec()
    }
}

impl From<Error> for Status {
    fn from(e: Error) -> Status {
        Status::with_details(e.code(), e.text.clone(), e.to_bytes().into())
    }
}

struct Base(Instant);

#[tonic::async_trait]
impl PluginService for Base {
    async fn info(&self, _: Request<InfoRequest>) -> Result<Response<InfoResponse>, Status> {
        Ok(Response::new(InfoResponse {
            kind: "codec".into(),
            name: NAME.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            api_version: API_VERSION,
            capabilities: vec!["affine".into()],
            description: "8-bit integers with a scale for each vector, in Rust".into(),
        }))
    }
    async fn health(&self, _: Request<HealthRequest>) -> Result<Response<HealthResponse>, Status> {
        Ok(Response::new(HealthResponse { ok: true, uptime_ns: self.0.elapsed().as_nanos() as i64 + 1, ..Default::default() }))
    }
}

/// The streams of a peer. Links are None on a link: a link makes no links.
#[derive(Clone)]
pub struct Codec {
    links: Option<Arc<Links>>,
    streams: Arc<Mutex<(u64, HashMap<u64, Arc<Stream>>)>>,
}

impl Codec {
    pub fn new(links: Option<Arc<Links>>) -> Codec {
        Codec { links, streams: Default::default() }
    }
    pub fn find(&self, number: u64) -> Result<Arc<Stream>, Error> {
        self.streams.lock().unwrap().1.get(&number).cloned().ok_or_else(codec::closed)
    }
}

fn header(h: Option<&wire::Header>) -> Header {
    let h = h.copied().unwrap_or_default();
    Header { layer: h.layer, part: h.part as i64, pos: h.pos, tokens: h.tokens }
}

fn split(v: &[wire::Vectors]) -> (Vec<Header>, Vec<&[u8]>) {
    (v.iter().map(|v| header(v.header.as_ref())).collect(), v.iter().map(|v| v.data.as_slice()).collect())
}

fn headers(h: &[wire::Header]) -> Vec<Header> {
    h.iter().map(|h| header(Some(h))).collect()
}

/// Runs what computes, so that other calls go on.
fn work<T>(f: impl FnOnce() -> Result<T, Error>) -> Result<Response<T>, Status> {
    Ok(Response::new(tokio::task::block_in_place(f)?))
}

#[tonic::async_trait]
impl CodecService for Codec {
    async fn open_link(&self, _: Request<wire::OpenLinkRequest>) -> Result<Response<wire::OpenLinkResponse>, Status> {
        let links = self.links.as_ref().ok_or_else(|| codec::unsupported("open link over a link".into()))?;
        let (address, secret) = links.ticket()?;
        Ok(Response::new(wire::OpenLinkResponse { address, secret }))
    }

    async fn open(&self, r: Request<wire::OpenRequest>) -> Result<Response<wire::OpenResponse>, Status> {
        let r = r.into_inner();
        let s = r.shape.unwrap_or_default();
        let stream = Stream::open(s.layers, s.kv_heads, s.head_dim, s.r#type, &r.params)?;
        let d = stream.describe();
        let affine = wire::Affine { denominator: 1, min: -STEPS as i64, max: STEPS as i64, ..Default::default() };
        let mut all = self.streams.lock().unwrap();
        all.0 += 1;
        let number = all.0;
        all.1.insert(number, Arc::new(stream));
        let description = wire::Description { format: d.format, bits: d.bits, error_bound: d.error_bound, affine: Some(affine), ..Default::default() };
        Ok(Response::new(wire::OpenResponse { stream: number, description: Some(description) }))
    }

    async fn round_trip(&self, r: Request<wire::RoundTripRequest>) -> Result<Response<wire::RoundTripResponse>, Status> {
        let r = r.into_inner();
        work(|| {
            let (s, (h, d)) = (self.find(r.stream)?, split(&r.vectors));
            Ok(wire::RoundTripResponse { data: s.decode_vec(&s.encode(&h, &d)?, &h)? })
        })
    }

    async fn encode(&self, r: Request<wire::EncodeRequest>) -> Result<Response<wire::EncodeResponse>, Status> {
        let r = r.into_inner();
        work(|| {
            let (h, d) = split(&r.vectors);
            Ok(wire::EncodeResponse { frame: self.find(r.stream)?.encode(&h, &d)? })
        })
    }

    async fn decode(&self, r: Request<wire::DecodeRequest>) -> Result<Response<wire::DecodeResponse>, Status> {
        let r = r.into_inner();
        work(|| Ok(wire::DecodeResponse { data: self.find(r.stream)?.decode_vec(&r.frame, &headers(&r.headers))? }))
    }

    async fn decode_integers(&self, r: Request<wire::DecodeIntegersRequest>) -> Result<Response<wire::DecodeIntegersResponse>, Status> {
        let r = r.into_inner();
        work(|| {
            let parts = self.find(r.stream)?.decode_integers(&r.frame, &headers(&r.headers))?;
            let coordinates = parts
                .into_iter()
                .map(|(z, s)| wire::Coordinates { z, scale: s.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect() })
                .collect();
            Ok(wire::DecodeIntegersResponse { coordinates })
        })
    }

    async fn close(&self, r: Request<wire::CloseRequest>) -> Result<Response<wire::CloseResponse>, Status> {
        let stream = r.into_inner().stream;
        self.streams.lock().unwrap().1.remove(&stream).ok_or_else(codec::closed)?;
        Ok(Response::new(wire::CloseResponse {}))
    }
}

/// A connection for tonic. Its end is told to who waits for it.
pub struct Io<S> {
    inner: S,
    ended: Option<mpsc::Sender<()>>,
}

impl<S> Io<S> {
    pub fn new(inner: S, ended: Option<mpsc::Sender<()>>) -> Io<S> {
        Io { inner, ended }
    }
}

impl<S> Connected for Io<S> {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl<S: AsyncRead + Unpin> AsyncRead for Io<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.inner).poll_read(cx, buf);
        if let Poll::Ready(r) = &result {
            if r.is_err() || buf.filled().len() == before {
                self.ended = None; // the receiver sees that
            }
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Io<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, b: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, b)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
