"""What one peer, the host or the far end of a link, is served over gRPC: the services of the published protos."""

import contextlib
import resource
import threading
import time

import base_pb2
import base_pb2_grpc
import codec_pb2
import codec_pb2_grpc
import grpc
import numpy as np
from google.protobuf import any_pb2
from google.rpc import status_pb2

import codec

API_VERSION = 1
MAX_MESSAGE = 256 << 20
STARTED = time.monotonic()
STATUS = {"invalid": grpc.StatusCode.INVALID_ARGUMENT, "corrupt": grpc.StatusCode.DATA_LOSS, "unsupported": grpc.StatusCode.UNIMPLEMENTED,
          "codec.closed": grpc.StatusCode.FAILED_PRECONDITION, "codec.non_finite": grpc.StatusCode.INVALID_ARGUMENT}


def closed():
    return codec.CodecError("codec stream closed", ("codec.closed", {}))


def status_of(error):
    """The google.rpc.Status of an error: with its causes it keeps its identity at the other end."""
    causes = error.causes if isinstance(error, codec.CodecError) else ()
    code = STATUS[causes[0][0]] if causes else grpc.StatusCode.UNKNOWN
    detail = base_pb2.ErrorDetail(causes=[base_pb2.ErrorCause(code=c, fields=f) for c, f in causes])
    packed = any_pb2.Any()
    packed.Pack(detail)
    return code, status_pb2.Status(code=code.value[0], message=str(error)[:8000], details=[packed])


@contextlib.contextmanager
def errors(context):
    try:
        yield
    except Exception as error:  # whatever it is, it is an error of this call alone
        code, status = status_of(error)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(code, status.message)


class Base(base_pb2_grpc.PluginServiceServicer):
    def Info(self, request, context):
        return base_pb2.InfoResponse(kind="codec", name=codec.NAME, version=codec.VERSION, api_version=API_VERSION,
                                     capabilities=["affine"], description="8-bit integers with a scale for each vector, in Python")

    def Health(self, request, context):
        return base_pb2.HealthResponse(ok=True, uptime_ns=int((time.monotonic() - STARTED) * 1e9) + 1,
                                       rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def header(m):
    return (m.layer, m.part, m.pos, m.tokens)


class Codec(codec_pb2_grpc.CodecServiceServicer):
    """The streams that one peer has opened belong to it. links is None on a link: a link makes no links."""

    def __init__(self, links=None):
        self.links, self.lock, self.streams, self.last = links, threading.Lock(), {}, 0

    def find(self, number):
        with self.lock:
            if number not in self.streams:
                raise closed()
            return self.streams[number]

    def OpenLink(self, request, context):
        with errors(context):
            if self.links is None:
                raise codec.CodecError("open link: not supported over a link", ("unsupported", {}))
            address, secret = self.links.ticket()
            return codec_pb2.OpenLinkResponse(address=address, secret=secret)

    def Open(self, request, context):
        with errors(context):
            s = request.shape
            stream = codec.Stream(codec.Shape(s.layers, s.kv_heads, s.head_dim, s.type), dict(request.params))
            with self.lock:
                self.last += 1
                number = self.last
                self.streams[number] = stream
            affine = codec_pb2.Affine(denominator=1, min=-codec.STEPS, max=codec.STEPS)
            return codec_pb2.OpenResponse(stream=number, description=codec_pb2.Description(affine=affine, **stream.describe()))

    def RoundTrip(self, request, context):
        with errors(context):
            v = request.vectors
            return codec_pb2.RoundTripResponse(data=self.find(request.stream).round_trip([header(x.header) for x in v], [x.data for x in v]))

    def Encode(self, request, context):
        with errors(context):
            v = request.vectors
            return codec_pb2.EncodeResponse(frame=self.find(request.stream).encode([header(x.header) for x in v], [x.data for x in v]))

    def Decode(self, request, context):
        with errors(context):
            return codec_pb2.DecodeResponse(data=self.find(request.stream).decode(request.frame, [header(h) for h in request.headers]))

    def DecodeIntegers(self, request, context):
        with errors(context):
            parts = self.find(request.stream).decode_integers(request.frame, [header(h) for h in request.headers])
            return codec_pb2.DecodeIntegersResponse(
                coordinates=[codec_pb2.Coordinates(z=z, scale=np.frombuffer(scale, "<f4")) for z, scale in parts])

    def Close(self, request, context):
        with errors(context):
            with self.lock:
                if self.streams.pop(request.stream, None) is None:
                    raise closed()
            return codec_pb2.CloseResponse()
