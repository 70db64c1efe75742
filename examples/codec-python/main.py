"""A codec plugin for kakeyad in Python: the process, its handshake and its end. See README.md."""

import asyncio
import base64
import ctypes
import datetime
import os
import shutil
import signal
import ssl
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "generated"))  # made from the protos by build.sh

import base_pb2_grpc
import codec_pb2_grpc
import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import codec
import link
import service

COOKIE = ("KAKEYA_PLUGIN", "9c1f5b0e7d7a4c0f8f0e2b6a31f6d2a4")
PR_SET_PDEATHSIG = 1


def certificate(folder):
    """A key and a self-signed certificate of this start. Returns an SSL context's files and the certificate's DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc)
    cert = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(minutes=1)).not_valid_after(now + datetime.timedelta(days=3650))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, hashes.SHA256()))
    pem = os.path.join(folder, "pem")
    with open(os.open(pem, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as f:
        f.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
        f.write(cert.public_bytes(serialization.Encoding.PEM))
    return pem, cert.public_bytes(serialization.Encoding.DER)


async def copy(reader, writer):
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    writer.close()


async def listen(address, context, inner):
    """Takes the host's TLS off before gRPC: its certificate is on P-521, which gRPC's own TLS does not verify."""

    async def connected(reader, writer):
        far_reader, far_writer = await asyncio.open_unix_connection(inner)
        await asyncio.gather(copy(reader, far_writer), copy(far_reader, writer))

    return await asyncio.start_unix_server(connected, address, ssl=context)


def main():
    if os.environ.get(COOKIE[0]) != COOKIE[1]:
        sys.exit("This is a plugin of kakeyad: put it into the daemon's plugin folder. See README.md.")
    for s in (signal.SIGINT, signal.SIGTERM):
        signal.signal(s, signal.SIG_IGN)  # the host says when to end
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    sockets = os.environ.get("PLUGIN_UNIX_SOCKET_DIR")
    folder = tempfile.mkdtemp(prefix="py", dir=sockets)
    inner, outer = os.path.join(folder, "g"), os.path.join(folder, "s")

    pem, der = certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    context.load_verify_locations(cadata=os.environ["PLUGIN_CLIENT_CERT"])
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    os.remove(pem)

    done = threading.Event()

    def shutdown(request, _):
        done.set()
        return b""

    links = link.Links(sockets)
    server = grpc.server(ThreadPoolExecutor(16), options=[
        ("grpc.max_receive_message_length", service.MAX_MESSAGE), ("grpc.max_send_message_length", service.MAX_MESSAGE)])
    base_pb2_grpc.add_PluginServiceServicer_to_server(service.Base(), server)
    codec_pb2_grpc.add_CodecServiceServicer_to_server(service.Codec(links), server)
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(
        "plugin.GRPCController", {"Shutdown": grpc.unary_unary_rpc_method_handler(shutdown)}),))
    server.add_insecure_port("unix:" + inner)
    server.start()

    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(listen(outer, context, inner), loop).result()
    print(f"1|{service.API_VERSION}|unix|{outer}|grpc|{base64.b64encode(der).decode().rstrip('=')}", flush=True)
    done.wait()
    server.stop(0.5).wait()
    links.close()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)  # threads of lanes may still sleep


if __name__ == "__main__":
    main()
