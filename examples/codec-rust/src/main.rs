//! A codec plugin for kakeyad in Rust: the process, its handshake and its end. See README.md.

mod codec;
mod link;
mod service;
mod tls;

pub mod pb {
    pub mod base {
        tonic::include_proto!("kakeya.base.v1");
    }
    pub mod codec {
        tonic::include_proto!("kakeya.codec.v1");
    }
    pub mod link {
        tonic::include_proto!("kakeya.link.v1");
    }
    pub mod controller {
        tonic::include_proto!("plugin");
    }
}

use std::sync::Arc;

use base64::engine::general_purpose::STANDARD_NO_PAD;
use base64::Engine;
use tokio::sync::{mpsc, Notify};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

const COOKIE: (&str, &str) = ("KAKEYA_PLUGIN", "9c1f5b0e7d7a4c0f8f0e2b6a31f6d2a4");

/// Ends the plugin when the host says so.
struct Controller(Arc<Notify>);

#[tonic::async_trait]
impl pb::controller::grpc_controller_server::GrpcController for Controller {
    async fn shutdown(&self, _: Request<pb::controller::Empty>) -> Result<Response<pb::controller::Empty>, Status> {
        self.0.notify_one();
        Ok(Response::new(pb::controller::Empty {}))
    }
}

type Fallible<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Fallible<()> {
    if std::env::var(COOKIE.0).as_deref() != Ok(COOKIE.1) {
        eprintln!("This is a plugin of kakeyad: put it into the daemon's plugin folder. See README.md.");
        std::process::exit(1);
    }
    // SAFETY: plain system calls. The host says when to end, and its death ends this process.
    unsafe {
        libc::signal(libc::SIGINT, libc::SIG_IGN);
        libc::signal(libc::SIGTERM, libc::SIG_IGN);
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
    }
    let sockets = std::env::var("PLUGIN_UNIX_SOCKET_DIR").unwrap_or_else(|_| std::env::temp_dir().to_string_lossy().into());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build()?;
    let links = Arc::new(link::Links::listen(&sockets, runtime.handle().clone())?);
    links.accept()?;
    runtime.block_on(serve(&sockets, links.clone()))?;
    links.close();
    std::process::exit(0) // threads of lanes may still sleep
}

async fn serve(sockets: &str, links: Arc<link::Links>) -> Fallible<()> {
    let (acceptor, certificate) = tls::acceptor(&std::env::var("PLUGIN_CLIENT_CERT")?)?;
    let address = format!("{sockets}/rs{}", std::process::id());
    let listener = tokio::net::UnixListener::bind(&address)?;
    println!("1|{}|unix|{address}|grpc|{}", service::API_VERSION, STANDARD_NO_PAD.encode(certificate));

    let (let_in, incoming) = mpsc::channel(4);
    tokio::spawn(async move {
        while let Ok((conn, _)) = listener.accept().await {
            let (acceptor, let_in) = (acceptor.clone(), let_in.clone());
            tokio::spawn(async move {
                if let Ok(conn) = acceptor.accept(conn).await {
                    let _ = let_in.send(Ok::<_, std::io::Error>(service::Io::new(conn, None))).await;
                }
            });
        }
    });
    let done = Arc::new(Notify::new());
    let controller = pb::controller::grpc_controller_server::GrpcControllerServer::new(Controller(done.clone()));
    let serving = service::router(service::Codec::new(Some(links)))
        .add_service(controller)
        .serve_with_incoming(ReceiverStream::new(incoming));
    tokio::select! {
        ended = serving => ended?,
        _ = done.notified() => tokio::time::sleep(std::time::Duration::from_millis(50)).await, // the answer to Shutdown goes out
    }
    let _ = std::fs::remove_file(address);
    Ok(())
}
