"""The mathematics and the bytes: vectors as a scale and 8-bit integers. Nothing here knows of processes."""

import struct
import zlib

import numpy as np

NAME, VERSION = "int8py", "0.1.0"
MAGIC, LAYOUT, STEPS = b"KVI8", 1, 127
HEAD = struct.Struct("<4sBBxxIIII")  # magic, version, number format, layers, kv_heads, head_dim, vectors
HEADER = struct.Struct("<IIII")  # layer, part (1 key, 2 value), position, tokens
F32, F16, BF16 = 1, 2, 3
SIZES = {F32: 4, F16: 2, BF16: 2}
TYPE_NAMES = {F32: "f32", F16: "f16", BF16: "bf16"}
FORMAT_ERRORS = {F32: 0.0, F16: 1e-6, BF16: 1e-5}


class CodecError(Exception):
    """An error with an identity: codes are those of core/plugin/base/errormap.go and codec/errors.go."""

    def __init__(self, text, *causes):
        super().__init__(text)
        self.causes = causes  # of (code, fields)


def invalid(field, why):
    return CodecError(f"{field}: invalid argument: {why}", ("invalid", {}))


def corrupt(why):
    return CodecError(f"frame: corrupt data: {why}", ("corrupt", {}))


def load(data, kind):
    """The numbers of bytes, as float32."""
    if kind == F32:
        return np.frombuffer(data, "<f4")
    if kind == F16:
        return np.frombuffer(data, "<f2").astype(np.float32)
    return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)


def store(x, kind):
    """Finite numbers as bytes, rounded to nearest, half to even; what is past the format becomes its largest."""
    if kind == F32:
        return x.astype("<f4").tobytes()
    if kind == F16:
        return np.clip(x, -65504, 65504).astype("<f2").tobytes()
    bits = x.astype(np.float32).view(np.uint32)
    sign, magnitude = bits >> 16 & 0x8000, bits & 0x7FFFFFFF
    rounded = np.minimum(magnitude + 0x7FFF + (magnitude >> 16 & 1) >> 16, 0x7F7F)
    return (sign | rounded).astype("<u2").tobytes()


class Shape:
    def __init__(self, layers, kv_heads, head_dim, kind):
        for name, value, most in (("layers", layers, 1 << 12), ("kv_heads", kv_heads, 1 << 12), ("head_dim", head_dim, 1 << 13)):
            if not 1 <= value <= most:
                raise invalid(name, f"{value} is not between 1 and {most}")
        if kind not in SIZES:
            raise invalid("type", f"{kind} is not f32, f16 or bf16")
        self.layers, self.kv_heads, self.head_dim, self.kind = layers, kv_heads, head_dim, kind
        self.token_elements = kv_heads * head_dim
        self.token_bytes = self.token_elements * SIZES[kind]

    def check(self, headers, lengths=None):
        """Refuses headers, of (layer, part, position, tokens), and lengths of data that do not fit."""
        if not 1 <= len(headers) <= 1 << 13:
            raise invalid("vectors", f"{len(headers)} of them")
        for i, (layer, part, pos, tokens) in enumerate(headers):
            for field, value, low, high in (("layer", layer, 0, self.layers - 1), ("part", part, 1, 2), ("pos", pos, 0, (1 << 31) - 1), ("tokens", tokens, 1, 1 << 24)):
                if not low <= value <= high:
                    raise invalid(f"vectors[{i}].{field}", f"{value} is not between {low} and {high}")
            if lengths is not None and lengths[i] != tokens * self.token_bytes:
                raise invalid(f"vectors[{i}].data", f"{lengths[i]} bytes, not {tokens * self.token_bytes}")


class Stream:
    """Packs vectors of one shape. It has no state, so any number of threads may use it."""

    def __init__(self, shape, params):
        for key, value in params.items():
            if key != "q":
                raise invalid(key, "unknown parameter")
            if not value.isdecimal() or int(value) < 1:
                raise invalid("q", f"{value!r} is not a whole number from 1")
        self.shape = shape
        self.vector = np.dtype([("scale", "<f4"), ("z", "i1", (shape.head_dim,))])

    def frame_bytes(self, vectors, tokens):
        return HEAD.size + vectors * HEADER.size + tokens * self.shape.kv_heads * self.vector.itemsize + 4

    def describe(self):
        vectors = 2 * self.shape.layers
        return {
            "format": f"{NAME}/1 {TYPE_NAMES[self.shape.kind]}",
            "bits": 8 * self.frame_bytes(vectors, 64 * vectors) / (64 * vectors * self.shape.token_elements),
            "error_bound": 1e-4 + FORMAT_ERRORS[self.shape.kind],
        }

    def head(self, headers):
        s = self.shape
        parts = [HEAD.pack(MAGIC, LAYOUT, s.kind, s.layers, s.kv_heads, s.head_dim, len(headers))]
        return b"".join(parts + [HEADER.pack(*h) for h in headers])

    def encode(self, headers, data):
        self.shape.check(headers, [len(d) for d in data])
        parts = [self.head(headers)]
        for i, d in enumerate(data):
            parts.append(self.pack(i, d).tobytes())
        body = b"".join(parts)
        return body + struct.pack("<I", zlib.crc32(body))

    def pack(self, i, data):
        x = load(data, self.shape.kind).reshape(-1, self.shape.head_dim)
        finite = np.isfinite(x).all(axis=1)
        if not finite.all():
            n = int(np.argmin(finite))
            token, head = divmod(n, self.shape.kv_heads)
            fields = {"vectors": str(i), "token": str(token), "head": str(head)}
            raise CodecError(f"vectors[{i}]: token {token}, head {head}: an element is infinite or not a number",
                             ("codec.non_finite", fields), ("invalid", {}))
        scale = np.abs(x).max(axis=1) / np.float32(STEPS)
        over = scale.astype(np.float64) * STEPS > np.finfo(np.float32).max
        scale = np.where(over, np.nextafter(scale, np.float32(0)), scale)
        out = np.zeros(len(x), self.vector)
        out["scale"] = scale
        some = scale > 0
        out["z"][some] = np.clip(np.rint(x[some] / scale[some, None]), -STEPS, STEPS)
        return out

    def vectors(self, frame, headers):
        """The packed vectors of each header, of a frame that is whole and the right one."""
        if len(frame) < HEAD.size + 4 or frame[:4] != MAGIC:
            raise corrupt("it is not one of this codec")
        if frame[4] != LAYOUT:
            raise CodecError(f"frame: not supported: version {frame[4]}", ("unsupported", {}))
        if zlib.crc32(frame[:-4]) != struct.unpack("<I", frame[-4:])[0]:
            raise corrupt("the checksum does not match")
        head = self.head(headers)
        if len(frame) != self.frame_bytes(len(headers), sum(h[3] for h in headers)) or frame[: len(head)] != head:
            raise corrupt("it is of another shape or of other vectors")
        packed = np.frombuffer(frame, self.vector, offset=len(head), count=(len(frame) - len(head) - 4) // self.vector.itemsize)
        return np.split(packed, np.cumsum([h[3] * self.shape.kv_heads for h in headers])[:-1])

    def decode(self, frame, headers):
        self.shape.check(headers)
        return [self.unpack(p) for p in self.vectors(frame, headers)]

    def unpack(self, packed):
        return store(packed["z"].astype(np.float32) * packed["scale"][:, None], self.shape.kind)

    def round_trip(self, headers, data):
        self.shape.check(headers, [len(d) for d in data])
        packed = [self.pack(i, d) for i, d in enumerate(data)]
        return [self.unpack(p) for p in packed]

    def decode_integers(self, frame, headers):
        """(z as int16, scale as float32) for each header, little-endian."""
        self.shape.check(headers)
        return [(p["z"].astype("<i2").tobytes(), p["scale"].tobytes()) for p in self.vectors(frame, headers)]
