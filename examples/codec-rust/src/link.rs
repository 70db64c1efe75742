//! The serving side of a link, docs/link.md: a hello with shared memory, then gRPC on the socket and calls in lanes. Linux.

use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::sync::{mpsc, Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio_stream::wrappers::ReceiverStream;

use crate::codec::{corrupt, invalid, Error, Header};
use crate::pb::link::link_service_server::{LinkService, LinkServiceServer};
use crate::pb::link::{CancelRequest, CancelResponse};
use crate::service::{self, Codec, Io};

const HELLO: usize = 48;
const TICKET_LIFE: Duration = Duration::from_secs(60);
const HELLO_TIME: Duration = Duration::from_secs(5);
const LANE: usize = 512 << 10;
const LANE_HEADER: usize = 64;
const ASKED: u32 = 1;
const ANSWERED: u32 = 2;
const CUT: u32 = 3;
const MESSAGE: usize = 32;
const ROUND_TRIP: u8 = 1;
const ENCODE: u8 = 2;
const DECODE: u8 = 3;
const DECODE_INTEGERS: u8 = 4;

/// Makes tickets and lets in who has one.
pub struct Links {
    dir: String,
    tickets: Mutex<Vec<([u8; 32], Instant)>>,
    runtime: Handle,
}

impl Links {
    pub fn listen(sockets: &str, runtime: Handle) -> std::io::Result<Links> {
        let dir = format!("{sockets}/link{}", std::process::id());
        std::fs::DirBuilder::new().mode(0o700).create(&dir)?;
        Ok(Links { dir, tickets: Mutex::new(Vec::new()), runtime })
    }

    fn address(&self) -> String {
        format!("{}/s", self.dir)
    }

    pub fn close(&self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }

    pub fn accept(self: &Arc<Self>) -> std::io::Result<()> {
        let listener = UnixListener::bind(self.address())?;
        let links = self.clone();
        std::thread::spawn(move || {
            for conn in listener.incoming().flatten() {
                let links = links.clone();
                std::thread::spawn(move || links.greet(conn));
            }
        });
        Ok(())
    }

    pub fn ticket(&self) -> Result<(String, Vec<u8>), Error> {
        let mut secret = [0u8; 32];
        let random = std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut secret));
        random.map_err(|e| Error { text: format!("draw a secret: {e}"), causes: vec![] })?;
        self.tickets.lock().unwrap().push((secret, Instant::now() + TICKET_LIFE));
        Ok((self.address(), secret.to_vec()))
    }

    fn redeem(&self, secret: &[u8]) -> bool {
        let mut tickets = self.tickets.lock().unwrap();
        tickets.retain(|t| t.1 > Instant::now());
        let before = tickets.len();
        // The time that it takes tells nothing: all bytes are looked at.
        tickets.retain(|t| t.0.iter().zip(secret).fold(0, |d, (a, b)| d | (a ^ b)) != 0);
        tickets.len() < before
    }

    fn greet(&self, mut conn: UnixStream) {
        let _ = conn.set_read_timeout(Some(HELLO_TIME));
        let mut hello = [0u8; HELLO];
        let Ok(files) = receive(&mut conn, &mut hello) else { return };
        let bell = hello[5];
        let lanes = u16::from_le_bytes([hello[6], hello[7]]) as usize;
        let size = u64::from_le_bytes(hello[8..16].try_into().unwrap());
        let wanted = 1 + if bell == 2 { lanes } else { 0 };
        let mut memory = None;
        let verdict = if &hello[..4] != b"KLNK" {
            3
        } else if hello[4] != 1 {
            2
        } else if !(1..=64).contains(&lanes) || !(1..=1 << 40).contains(&size) || !(1..=2).contains(&bell) {
            3
        } else if !self.redeem(&hello[16..]) {
            1
        } else if files.len() != wanted {
            3
        } else {
            memory = Memory::map(&files[0], lanes * LANE + size as usize);
            if memory.is_some() { 0 } else { 4 }
        };
        if conn.write_all(&[1, verdict]).is_err() {
            return;
        }
        if let Some(memory) = memory {
            let _ = conn.set_read_timeout(None);
            self.serve(conn, Arc::new(Peer { memory, lanes, bells: files.into_iter().skip(1).collect(), codec: Codec::new(None), cut: AtomicBool::new(false) }));
        }
    }

    /// Serves a peer until it is gone.
    fn serve(&self, conn: UnixStream, peer: Arc<Peer>) {
        let threads: Vec<_> = (0..peer.lanes)
            .map(|i| {
                let (peer, conn) = (peer.clone(), conn.try_clone());
                std::thread::spawn(move || {
                    if !peer.lane(i) {
                        let _ = conn.map(|c| c.shutdown(std::net::Shutdown::Both)); // it breaks the rules
                    }
                })
            })
            .collect();
        let (ended, gone) = mpsc::channel();
        let (let_in, incoming) = tokio::sync::mpsc::channel(1);
        let router = service::router(peer.codec.clone()).add_service(LinkServiceServer::new(Canceller));
        let control = self.runtime.spawn(async move {
            let _ = conn.set_nonblocking(true);
            if let Ok(conn) = tokio::net::UnixStream::from_std(conn) {
                let _ = let_in.send(Ok::<_, std::io::Error>(Io::new(conn, Some(ended)))).await;
            }
            let _ = router.serve_with_incoming(ReceiverStream::new(incoming)).await;
            drop(let_in);
        });
        let _ = gone.recv(); // an error: the connection has let go of its sender
        peer.cut.store(true, SeqCst);
        for t in threads {
            let _ = t.join();
        }
        control.abort();
    }
}

/// Reads a hello and takes over the files that come with it.
fn receive(conn: &mut UnixStream, hello: &mut [u8]) -> std::io::Result<Vec<OwnedFd>> {
    let mut control = [0u64; 64];
    let mut part = libc::iovec { iov_base: hello.as_mut_ptr().cast(), iov_len: hello.len() };
    let mut files = Vec::new();
    // SAFETY: the message points to memory that outlives the call; what it returns is read as the kernel lays it out, and
    // each descriptor is owned once.
    let n = unsafe {
        let mut message: libc::msghdr = std::mem::zeroed();
        message.msg_iov = &mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = std::mem::size_of_val(&control) as _;
        let n = libc::recvmsg(conn.as_raw_fd(), &mut message, libc::MSG_CMSG_CLOEXEC);
        if n <= 0 {
            return Err(std::io::Error::last_os_error());
        }
        let mut c = libc::CMSG_FIRSTHDR(&message);
        while !c.is_null() {
            if (*c).cmsg_level == libc::SOL_SOCKET && (*c).cmsg_type == libc::SCM_RIGHTS {
                let count = ((*c).cmsg_len as usize - libc::CMSG_LEN(0) as usize) / 4;
                for i in 0..count {
                    files.push(OwnedFd::from_raw_fd(*libc::CMSG_DATA(c).cast::<i32>().add(i)));
                }
            }
            c = libc::CMSG_NXTHDR(&message, c);
        }
        n as usize
    };
    conn.read_exact(&mut hello[n..])?;
    Ok(files)
}

/// The shared memory: the lanes, then the arena. The far end may write to it at any time.
struct Memory {
    start: *mut u8,
    size: usize,
}

// SAFETY: it is memory that another process shares anyhow; words are accessed atomically, and of the rest this side writes
// only what a call gave it.
unsafe impl Send for Memory {}
unsafe impl Sync for Memory {}

impl Memory {
    /// None: it could be taken away, or is of another size.
    fn map(file: &OwnedFd, size: usize) -> Option<Memory> {
        // SAFETY: system calls on a descriptor that is owned.
        unsafe {
            let seals = libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS);
            let mut stat: libc::stat = std::mem::zeroed();
            if seals < 0 || seals & libc::F_SEAL_SHRINK == 0 || libc::fstat(file.as_raw_fd(), &mut stat) != 0 || stat.st_size as usize != size {
                return None;
            }
            let start = libc::mmap(std::ptr::null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED, file.as_raw_fd(), 0);
            (start != libc::MAP_FAILED).then_some(Memory { start: start.cast(), size })
        }
    }

    fn word(&self, at: usize) -> &AtomicU32 {
        // SAFETY: lanes are within the mapping and aligned.
        unsafe { &*self.start.add(at).cast::<AtomicU32>() }
    }

    /// A range that was checked.
    #[allow(clippy::mut_from_ref)]
    fn range(&self, at: usize, length: usize) -> &mut [u8] {
        debug_assert!(at + length <= self.size);
        // SAFETY: within the mapping. Vectors of a call must not overlap; where a peer breaks that, it harms its own bytes.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(at), length) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: nobody has it any more.
        unsafe { libc::munmap(self.start.cast(), self.size) };
    }
}

/// One backend.
struct Peer {
    memory: Memory,
    lanes: usize,
    bells: Vec<OwnedFd>, // none: futex
    codec: Codec,
    cut: AtomicBool,
}

impl Peer {
    /// Answers the calls of a lane until the link is cut. False: the far end broke the rules.
    fn lane(&self, i: usize) -> bool {
        let at = i * LANE;
        let (state, sleepers, length) = (self.memory.word(at), self.memory.word(at + 4), self.memory.word(at + 12));
        while !self.cut.load(SeqCst) {
            match state.load(SeqCst) {
                CUT => break,
                ASKED => {
                    let n = length.load(SeqCst) as usize;
                    if n > LANE - LANE_HEADER {
                        return false;
                    }
                    let message = self.memory.range(at + LANE_HEADER, n).to_vec();
                    let answer = match self.call(&message) {
                        Ok(rest) => [&[0], rest.as_slice()].concat(),
                        Err(e) => [&[1], e.to_bytes().as_slice()].concat(),
                    };
                    self.memory.range(at + LANE_HEADER, answer.len()).copy_from_slice(&answer);
                    length.store(answer.len() as u32, SeqCst);
                    state.store(ANSWERED, SeqCst);
                    if sleepers.load(SeqCst) != 0 {
                        self.ring(i, state);
                    }
                }
                other => {
                    sleepers.fetch_add(1, SeqCst);
                    if state.load(SeqCst) == other && !self.cut.load(SeqCst) {
                        self.sleep(i, state, other);
                    }
                    sleepers.fetch_sub(1, SeqCst);
                }
            }
        }
        true
    }

    fn ring(&self, i: usize, state: &AtomicU32) {
        // SAFETY: system calls on what is owned.
        unsafe {
            match self.bells.get(i) {
                Some(b) => drop(libc::send(b.as_raw_fd(), [1u8].as_ptr().cast(), 1, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)),
                None => drop(libc::syscall(libc::SYS_futex, state.as_ptr(), libc::FUTEX_WAKE, i32::MAX)),
            }
        }
    }

    /// Returns when the bell rang, when the state is another, or after a second.
    fn sleep(&self, i: usize, state: &AtomicU32, was: u32) {
        // SAFETY: system calls on what is owned.
        unsafe {
            match self.bells.get(i) {
                Some(b) => {
                    let mut rung = [0u8; 64];
                    let mut poll = libc::pollfd { fd: b.as_raw_fd(), events: libc::POLLIN, revents: 0 };
                    if libc::poll(&mut poll, 1, 1000) > 0 {
                        libc::recv(b.as_raw_fd(), rung.as_mut_ptr().cast(), rung.len(), libc::MSG_DONTWAIT);
                    }
                }
                None => {
                    let second = libc::timespec { tv_sec: 1, tv_nsec: 0 };
                    libc::syscall(libc::SYS_futex, state.as_ptr(), libc::FUTEX_WAIT, was, &second);
                }
            }
        }
    }

    fn place(&self, b: &[u8], what: &str) -> Result<&mut [u8], Error> {
        let (at, length) = (u64_of(b), u64_of(&b[8..]));
        let lanes = self.lanes * LANE;
        let arena = (self.memory.size - lanes) as u64;
        if at > arena || length > arena - at {
            return Err(invalid(what, "not within the shared memory".into()));
        }
        Ok(self.memory.range(lanes + at as usize, length as usize))
    }

    /// Answers a message of codec/message.go. Vectors stay in the shared memory; a frame is copied before it is read.
    fn call(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let bad = || corrupt("not a message of this link");
        if message.len() < MESSAGE {
            return Err(bad());
        }
        let op = message[0];
        let count = u32::from_le_bytes(message[4..8].try_into().unwrap()) as usize;
        let entry = if op == DECODE_INTEGERS { 48 } else { 32 };
        let entries = &message[MESSAGE..];
        if !(ROUND_TRIP..=DECODE_INTEGERS).contains(&op) || entries.len() / entry != count || entries.len() % entry != 0 {
            return Err(bad());
        }
        let stream = self.codec.find(u64_of(&message[8..]))?;
        let frame = self.place(&message[16..], "frame")?;
        let (mut headers, mut data, mut scales) = (Vec::new(), Vec::new(), Vec::new());
        for (i, e) in entries.chunks_exact(entry).enumerate() {
            let n = |at: usize| i32::from_le_bytes(e[at..at + 4].try_into().unwrap()) as i64;
            headers.push(Header { layer: n(0), part: n(4), pos: n(8), tokens: n(12) });
            data.push(self.place(&e[16..], &format!("vectors[{i}].data"))?);
            if op == DECODE_INTEGERS {
                scales.push(self.place(&e[32..], &format!("vectors[{i}].scale"))?);
            }
        }
        match op {
            ROUND_TRIP => {
                let frame = stream.encode(&headers, &data.iter().map(|d| &**d).collect::<Vec<_>>())?;
                stream.decode(&frame, &headers, &mut data)?;
            }
            ENCODE => {
                let out = stream.encode(&headers, &data.iter().map(|d| &**d).collect::<Vec<_>>())?;
                if out.len() <= frame.len() {
                    frame[..out.len()].copy_from_slice(&out);
                }
                return Ok((out.len() as u64).to_le_bytes().to_vec());
            }
            DECODE => {
                stream.check_data(&headers, data.iter().map(|d| d.len()))?;
                stream.decode(&frame.to_vec(), &headers, &mut data)?;
            }
            _ => {
                stream.check(&headers)?;
                for (i, h) in headers.iter().enumerate() {
                    if stream.coordinates(h) != (data[i].len(), scales[i].len()) {
                        return Err(invalid(&format!("vectors[{i}].z"), "coordinates of another length".into()));
                    }
                }
                for (i, (z, scale)) in stream.decode_integers(&frame.to_vec(), &headers)?.into_iter().enumerate() {
                    data[i].copy_from_slice(&z);
                    scales[i].copy_from_slice(&scale);
                }
            }
        }
        Ok(Vec::new())
    }
}

fn u64_of(b: &[u8]) -> u64 {
    u64::from_le_bytes(b[..8].try_into().unwrap())
}

/// Calls are short, and their ends are waited for.
struct Canceller;

#[tonic::async_trait]
impl LinkService for Canceller {
    async fn cancel(&self, _: tonic::Request<CancelRequest>) -> Result<tonic::Response<CancelResponse>, tonic::Status> {
        Ok(tonic::Response::new(CancelResponse {}))
    }
}
