"""The serving side of a link, docs/link.md: a hello with shared memory, then gRPC on the socket and calls in lanes.

Linux on x86-64 alone: other machines order their stores differently, and Python has no fences."""

import ctypes
import hmac
import mmap
import os
import platform
import secrets
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import codec_pb2_grpc
import base_pb2_grpc
import grpc
import link_pb2
import link_pb2_grpc

import codec
import service

HELLO = struct.Struct("<4sBBHQ32s")
FUTEX, SOCKET = 1, 2
LANE, LANE_HEADER = 512 << 10, 64
ASKED, ANSWERED, CUT = 1, 2, 3
LET_IN, BAD_TICKET, BAD_VERSION, BAD_HELLO, BAD_MEMORY = range(5)
TICKET_LIFE, HELLO_TIME = 60, 5
ROUND_TRIP, ENCODE, DECODE, DECODE_INTEGERS = 1, 2, 3, 4
MESSAGE = struct.Struct("<BxxxIQQQ")
SYS_FUTEX, FUTEX_WAIT, FUTEX_WAKE = 202, 0, 1
F_GET_SEALS, F_SEAL_SHRINK = 1034, 2

libc = ctypes.CDLL(None, use_errno=True)


class Timespec(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("nsec", ctypes.c_long)]


SECOND = Timespec(1, 0)


class Links:
    """Makes tickets and lets in who has one."""

    def __init__(self, folder):
        if sys.platform != "linux" or platform.machine() != "x86_64":
            raise codec.CodecError("links: not supported: this example knows Linux on x86-64 alone", ("unsupported", {}))
        self.dir = tempfile.mkdtemp(prefix="link", dir=folder)  # of mode 0700
        self.address = os.path.join(self.dir, "s")
        self.lock, self.open = threading.Lock(), {}
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.address)
        self.listener.listen(16)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def ticket(self):
        secret = secrets.token_bytes(32)
        with self.lock:
            self.open[secret] = time.monotonic() + TICKET_LIFE
        return self.address, secret

    def redeem(self, secret):
        now = time.monotonic()
        with self.lock:
            self.open = {s: until for s, until in self.open.items() if until > now}
            found = [s for s in self.open if hmac.compare_digest(s, secret)]
            for s in found:
                del self.open[s]
        return bool(found)

    def accept(self):
        while True:
            try:
                conn, _ = self.listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self.greet, args=(conn,), daemon=True).start()

    def greet(self, conn):
        files, peer = [], None
        try:
            conn.settimeout(HELLO_TIME)
            hello, files, _, _ = socket.recv_fds(conn, HELLO.size, 65)
            while len(hello) < HELLO.size:
                more = conn.recv(HELLO.size - len(hello))
                if not more:
                    return
                hello += more
            magic, version, bell, lanes, size, secret = HELLO.unpack(hello)
            if magic != b"KLNK":
                verdict = BAD_HELLO
            elif version != 1:
                verdict = BAD_VERSION
            elif not 1 <= lanes <= 64 or not 1 <= size <= 1 << 40 or bell not in (FUTEX, SOCKET):
                verdict = BAD_HELLO
            elif not self.redeem(secret):
                verdict = BAD_TICKET
            elif len(files) != 1 + (lanes if bell == SOCKET else 0):
                verdict = BAD_HELLO
            else:
                try:
                    peer = Peer(conn, lanes, size, files, self.dir)
                    verdict = LET_IN
                except (OSError, ValueError):
                    verdict = BAD_MEMORY
            conn.sendall(bytes([1, verdict]))
            if peer:
                conn.settimeout(None)
                peer.run()
        except OSError:
            pass  # it is gone, or says nothing
        finally:
            for f in files:
                os.close(f)
            conn.close()


class Peer(link_pb2_grpc.LinkServiceServicer):
    """One backend: its memory, its lanes, its streams."""

    def __init__(self, conn, lanes, size, files, folder):
        import fcntl

        if not fcntl.fcntl(files[0], F_GET_SEALS) & F_SEAL_SHRINK:
            raise ValueError("the memory is not sealed: its owner could take it away")
        total = lanes * LANE + size
        if os.fstat(files[0]).st_size != total:
            raise ValueError("the memory is of another size")
        self.conn, self.folder, self.cut = conn, folder, False
        self.memory = memoryview(mmap.mmap(files[0], total))
        self.arena = self.memory[lanes * LANE:]
        self.bells = [socket.socket(fileno=os.dup(f)) for f in files[1:]]
        self.lanes = [self.memory[i * LANE:(i + 1) * LANE] for i in range(lanes)]
        self.words = [(ctypes.c_uint32 * 4).from_buffer(lane) for lane in self.lanes]  # state, sleepers, call, length
        for words in self.words:
            words[1] = 1  # this side cannot count atomically: it is always rung
        self.codec = service.Codec()

    def run(self):
        """Serves until the other end is gone."""
        inner = os.path.join(tempfile.mkdtemp(dir=self.folder), "g")
        server = grpc.server(ThreadPoolExecutor(8), options=[("grpc.max_receive_message_length", service.MAX_MESSAGE)])
        base_pb2_grpc.add_PluginServiceServicer_to_server(service.Base(), server)
        codec_pb2_grpc.add_CodecServiceServicer_to_server(self.codec, server)
        link_pb2_grpc.add_LinkServiceServicer_to_server(self, server)
        server.add_insecure_port("unix:" + inner)
        server.start()
        threads = [threading.Thread(target=self.serve, args=(i,), daemon=True) for i in range(len(self.lanes))]
        with socket.socket(socket.AF_UNIX) as far:
            far.connect(inner)
            back = threading.Thread(target=pump, args=(far, self.conn), daemon=True)
            for t in [*threads, back]:
                t.start()
            pump(self.conn, far)  # ends when the other end is gone
            self.cut = True
            for t in [*threads, back]:
                t.join()
        server.stop(0).wait()
        for b in self.bells:
            b.close()
        shutil.rmtree(os.path.dirname(inner), ignore_errors=True)

    def Cancel(self, request, context):
        return link_pb2.CancelResponse()  # calls are short, and their ends are waited for

    def serve(self, i):
        words, lane = self.words[i], self.lanes[i]
        if self.bells:
            self.bells[i].settimeout(1)
        while not self.cut:
            state = words[0]
            if state == CUT:
                return
            if state != ASKED:
                self.sleep(i, state)
                continue
            length = words[3]
            if length > LANE - LANE_HEADER:
                self.conn.shutdown(socket.SHUT_RDWR)
                return
            try:
                answer = b"\0" + self.call(bytes(lane[LANE_HEADER:LANE_HEADER + length]))
            except Exception as error:
                answer = b"\1" + service.status_of(error)[1].SerializeToString()
            lane[LANE_HEADER:LANE_HEADER + len(answer)] = answer
            words[3] = len(answer)
            words[0] = ANSWERED
            self.ring(i)

    def ring(self, i):
        if self.bells:
            self.bells[i].send(b"\1", socket.MSG_DONTWAIT)
        else:
            libc.syscall(SYS_FUTEX, ctypes.byref(self.words[i]), FUTEX_WAKE, 0x7FFFFFFF, None, None, 0)

    def sleep(self, i, state):
        """Returns when the bell rang, when the state is another, or after a second."""
        if not self.bells:
            libc.syscall(SYS_FUTEX, ctypes.byref(self.words[i]), FUTEX_WAIT, state, ctypes.byref(SECOND), None, 0)
            return
        try:
            self.bells[i].recv(64)
        except OSError:
            pass

    def place(self, at, length, what):
        if at > len(self.arena) or length > len(self.arena) - at:
            raise codec.invalid(what, "not within the shared memory")
        return self.arena[at:at + length]

    def call(self, message):
        """Answers a message of codec/message.go. Vectors stay in the shared memory, frames are copied before use."""
        bad = codec.corrupt("not a message of this link")
        if len(message) < MESSAGE.size:
            raise bad
        op, count, number, at, length = MESSAGE.unpack_from(message)
        entry = struct.Struct("<IIII4Q" if op == DECODE_INTEGERS else "<IIII2Q")
        if not ROUND_TRIP <= op <= DECODE_INTEGERS or MESSAGE.size + count * entry.size != len(message):
            raise bad
        stream = self.codec.find(number)
        frame = self.place(at, length, "frame")
        entries = list(entry.iter_unpack(message[MESSAGE.size:]))
        headers = [e[:4] for e in entries]
        places = [self.place(e[4], e[5], f"vectors[{i}].data") for i, e in enumerate(entries)]
        if op == ROUND_TRIP:
            put(places, stream.round_trip(headers, places))
        elif op == ENCODE:
            out = stream.encode(headers, places)
            if len(out) <= len(frame):
                frame[:len(out)] = out
            return struct.pack("<Q", len(out))
        elif op == DECODE:
            stream.shape.check(headers, [len(p) for p in places])
            put(places, stream.decode(bytes(frame), headers))
        else:
            scales = [self.place(e[6], e[7], f"vectors[{i}].scale") for i, e in enumerate(entries)]
            parts = stream.decode_integers(bytes(frame), headers)
            if any(len(p) != len(z) or len(s) != len(scale) for p, s, (z, scale) in zip(places, scales, parts)):
                raise codec.invalid("vectors", "coordinates of another length")
            put(places, [z for z, _ in parts])
            put(scales, [scale for _, scale in parts])
        return b""


def put(places, data):
    for p, d in zip(places, data):
        p[:] = d


def pump(source, sink):
    """Copies bytes until either end is closed, and closes both for good."""
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
    except OSError:
        pass
    for s in (source, sink):
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
