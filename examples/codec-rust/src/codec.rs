//! The mathematics and the bytes: vectors as a scale and 8-bit integers. Nothing here knows of processes.

use std::collections::HashMap;

pub const NAME: &str = "int8rs";
pub const STEPS: f32 = 127.0;
const MAGIC: &[u8; 4] = b"KVI8";
const LAYOUT: u8 = 1;
const HEAD: usize = 24;
const HEADER: usize = 16;

/// An error with an identity: codes are those of base/errormap.go and codec/errors.go.
#[derive(Debug)]
pub struct Error {
    pub text: String,
    pub causes: Vec<(&'static str, HashMap<String, String>)>,
}

fn error(code: &'static str, text: String) -> Error {
    Error { text, causes: vec![(code, HashMap::new())] }
}
pub fn invalid(field: &str, why: String) -> Error {
    error("invalid", format!("{field}: invalid argument: {why}"))
}
pub fn corrupt(why: &str) -> Error {
    error("corrupt", format!("frame: corrupt data: {why}"))
}
pub fn unsupported(what: String) -> Error {
    error("unsupported", format!("{what}: not supported"))
}
pub fn closed() -> Error {
    error("codec.closed", "codec stream closed".into())
}

/// What is said of vectors beside their data; part is 1 for keys and 2 for values.
#[derive(Clone, Copy)]
pub struct Header {
    pub layer: i64,
    pub part: i64,
    pub pos: i64,
    pub tokens: i64,
}

#[derive(Clone, Copy, PartialEq)]
pub enum Type {
    F32,
    F16,
    Bf16,
}

impl Type {
    pub fn size(self) -> usize {
        if self == Type::F32 { 4 } else { 2 }
    }
    fn name(self) -> &'static str {
        match self {
            Type::F32 => "f32",
            Type::F16 => "f16",
            Type::Bf16 => "bf16",
        }
    }
    fn load(self, x: &mut [f32], data: &[u8]) {
        let half = |i: usize| u16::from_le_bytes([data[2 * i], data[2 * i + 1]]);
        for (i, e) in x.iter_mut().enumerate() {
            *e = match self {
                Type::F32 => f32::from_le_bytes(data[4 * i..4 * i + 4].try_into().unwrap()),
                Type::F16 => half::f16::from_bits(half(i)).to_f32(),
                Type::Bf16 => half::bf16::from_bits(half(i)).to_f32(),
            }
        }
    }
    /// Rounds finite numbers to nearest, half to even; what is past the format becomes its largest.
    fn store(self, data: &mut [u8], x: &[f32]) {
        for (i, e) in x.iter().enumerate() {
            match self {
                Type::F32 => data[4 * i..4 * i + 4].copy_from_slice(&e.to_le_bytes()),
                Type::F16 => data[2 * i..2 * i + 2].copy_from_slice(&half::f16::from_f32(e.clamp(-65504.0, 65504.0)).to_le_bytes()),
                Type::Bf16 => {
                    let most = half::bf16::MAX.to_f32();
                    data[2 * i..2 * i + 2].copy_from_slice(&half::bf16::from_f32(e.clamp(-most, most)).to_le_bytes())
                }
            }
        }
    }
}

pub struct Description {
    pub format: String,
    pub bits: f64,
    pub error_bound: f64,
}

/// A stream packs vectors of one shape. It has no state, so any number of threads may use it.
pub struct Stream {
    layers: usize,
    kv_heads: usize,
    head_dim: usize,
    kind: Type,
}

impl Stream {
    pub fn open(layers: i64, kv_heads: i64, head_dim: i64, kind: u32, params: &HashMap<String, String>) -> Result<Stream, Error> {
        for (name, value, most) in [("layers", layers, 1 << 12), ("kv_heads", kv_heads, 1 << 12), ("head_dim", head_dim, 1 << 13)] {
            if !(1..=most).contains(&value) {
                return Err(invalid(name, format!("{value} is not between 1 and {most}")));
            }
        }
        let kind = match kind {
            1 => Type::F32,
            2 => Type::F16,
            3 => Type::Bf16,
            _ => return Err(invalid("type", format!("{kind} is not f32, f16 or bf16"))),
        };
        for (key, value) in params {
            if key != "q" {
                return Err(invalid(key, "unknown parameter".into()));
            }
            if !value.parse::<i64>().is_ok_and(|q| q >= 1) {
                return Err(invalid("q", format!("{value:?} is not a whole number from 1")));
            }
        }
        Ok(Stream { layers: layers as usize, kv_heads: kv_heads as usize, head_dim: head_dim as usize, kind })
    }

    pub fn describe(&self) -> Description {
        let vectors = 2 * self.layers;
        let elements = 64 * vectors * self.kv_heads * self.head_dim;
        let format_error = match self.kind {
            Type::F32 => 0.0,
            Type::F16 => 1e-6,
            Type::Bf16 => 1e-5,
        };
        Description {
            format: format!("{NAME}/1 {}", self.kind.name()),
            bits: 8.0 * self.frame_bytes(vectors, 64 * vectors) as f64 / elements as f64,
            error_bound: 1e-4 + format_error,
        }
    }

    fn frame_bytes(&self, vectors: usize, tokens: usize) -> usize {
        HEAD + vectors * HEADER + tokens * self.kv_heads * (4 + self.head_dim) + 4
    }

    /// The bytes of one vector's data.
    fn size(&self) -> usize {
        self.head_dim * self.kind.size()
    }

    pub fn data_bytes(&self, h: &Header) -> usize {
        h.tokens as usize * self.kv_heads * self.size()
    }

    pub fn coordinates(&self, h: &Header) -> (usize, usize) {
        let vectors = h.tokens as usize * self.kv_heads;
        (2 * vectors * self.head_dim, 4 * vectors)
    }

    pub fn check(&self, headers: &[Header]) -> Result<(), Error> {
        if headers.is_empty() || headers.len() > 1 << 13 {
            return Err(invalid("vectors", format!("{} of them", headers.len())));
        }
        for (i, h) in headers.iter().enumerate() {
            for (field, value, low, high) in [
                ("layer", h.layer, 0, self.layers as i64 - 1),
                ("part", h.part, 1, 2),
                ("pos", h.pos, 0, i32::MAX as i64),
                ("tokens", h.tokens, 1, 1 << 24),
            ] {
                if !(low..=high).contains(&value) {
                    return Err(invalid(&format!("vectors[{i}].{field}"), format!("{value} is not between {low} and {high}")));
                }
            }
        }
        Ok(())
    }

    pub fn check_data(&self, headers: &[Header], lengths: impl Iterator<Item = usize>) -> Result<(), Error> {
        self.check(headers)?;
        for (i, length) in lengths.enumerate() {
            let want = self.data_bytes(&headers[i]);
            if length != want {
                return Err(invalid(&format!("vectors[{i}].data"), format!("{length} bytes, not {want}")));
            }
        }
        Ok(())
    }

    fn head(&self, headers: &[Header]) -> Vec<u8> {
        let mut b = Vec::with_capacity(HEAD + headers.len() * HEADER);
        b.extend_from_slice(MAGIC);
        b.extend_from_slice(&[LAYOUT, match self.kind { Type::F32 => 1, Type::F16 => 2, Type::Bf16 => 3 }, 0, 0]);
        for n in [self.layers, self.kv_heads, self.head_dim, headers.len()] {
            b.extend_from_slice(&(n as u32).to_le_bytes());
        }
        for h in headers {
            for n in [h.layer, h.part, h.pos, h.tokens] {
                b.extend_from_slice(&(n as u32).to_le_bytes());
            }
        }
        b
    }

    pub fn encode(&self, headers: &[Header], data: &[&[u8]]) -> Result<Vec<u8>, Error> {
        self.check_data(headers, data.iter().map(|d| d.len()))?;
        let mut out = self.head(headers);
        let mut x = vec![0f32; self.head_dim];
        for (i, d) in data.iter().enumerate() {
            for (n, vector) in d.chunks_exact(self.size()).enumerate() {
                self.kind.load(&mut x, vector);
                if !pack(&mut out, &x) {
                    return Err(self.non_finite(i, n));
                }
            }
        }
        let sum = crc32fast::hash(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        Ok(out)
    }

    fn non_finite(&self, vectors: usize, n: usize) -> Error {
        let (token, head) = (n / self.kv_heads, n % self.kv_heads);
        let fields = [("vectors", vectors), ("token", token), ("head", head)].map(|(k, v)| (k.to_string(), v.to_string()));
        Error {
            text: format!("vectors[{vectors}]: token {token}, head {head}: an element is infinite or not a number"),
            causes: vec![("codec.non_finite", HashMap::from(fields)), ("invalid", HashMap::new())],
        }
    }

    /// The packed vectors of a frame that is whole and of these headers.
    fn payload<'a>(&self, frame: &'a [u8], headers: &[Header]) -> Result<&'a [u8], Error> {
        self.check(headers)?;
        if frame.len() < HEAD + 4 || &frame[..4] != MAGIC {
            return Err(corrupt("it is not one of this codec"));
        }
        if frame[4] != LAYOUT {
            return Err(unsupported(format!("frame of version {}", frame[4])));
        }
        let (body, sum) = frame.split_at(frame.len() - 4);
        if crc32fast::hash(body).to_le_bytes() != sum {
            return Err(corrupt("the checksum does not match"));
        }
        let head = self.head(headers);
        let tokens = headers.iter().map(|h| h.tokens as usize).sum();
        if frame.len() != self.frame_bytes(headers.len(), tokens) || body[..head.len()] != head {
            return Err(corrupt("it is of another shape or of other vectors"));
        }
        Ok(&body[head.len()..])
    }

    /// Fills out with the vectors of a frame, one after another; each is as long as data_bytes says.
    pub fn decode(&self, frame: &[u8], headers: &[Header], out: &mut [&mut [u8]]) -> Result<(), Error> {
        let mut packed = self.payload(frame, headers)?.chunks_exact(4 + self.head_dim);
        self.check_data(headers, out.iter().map(|o| o.len()))?;
        let mut x = vec![0f32; self.head_dim];
        for vector in out.iter_mut().flat_map(|o| o.chunks_exact_mut(self.size())) {
            let p = packed.next().expect("the length was checked");
            let scale = f32::from_le_bytes(p[..4].try_into().unwrap());
            for (e, z) in x.iter_mut().zip(&p[4..]) {
                *e = *z as i8 as f32 * scale;
            }
            self.kind.store(vector, &x);
        }
        Ok(())
    }

    pub fn decode_vec(&self, frame: &[u8], headers: &[Header]) -> Result<Vec<Vec<u8>>, Error> {
        self.check(headers)?;
        self.payload(frame, headers)?; // before memory is asked for
        let mut data: Vec<Vec<u8>> = headers.iter().map(|h| vec![0; self.data_bytes(h)]).collect();
        self.decode(frame, headers, &mut data.iter_mut().map(|d| d.as_mut_slice()).collect::<Vec<_>>())?;
        Ok(data)
    }

    /// (z as int16, scale as f32) of each header, little-endian.
    pub fn decode_integers(&self, frame: &[u8], headers: &[Header]) -> Result<Vec<(Vec<u8>, Vec<u8>)>, Error> {
        let mut packed = self.payload(frame, headers)?.chunks_exact(4 + self.head_dim);
        Ok(headers
            .iter()
            .map(|h| {
                let (mut z, mut scales) = (Vec::new(), Vec::new());
                for p in packed.by_ref().take(h.tokens as usize * self.kv_heads) {
                    scales.extend_from_slice(&p[..4]);
                    z.extend(p[4..].iter().flat_map(|z| (*z as i8 as i16).to_le_bytes()));
                }
                (z, scales)
            })
            .collect())
    }
}

/// Packs one vector. False: an element is not finite.
fn pack(out: &mut Vec<u8>, x: &[f32]) -> bool {
    let mut largest = 0f32;
    for e in x {
        if !e.is_finite() {
            return false;
        }
        largest = largest.max(e.abs());
    }
    let mut scale = largest / STEPS;
    if scale as f64 * STEPS as f64 > f32::MAX as f64 {
        scale = f32::from_bits(scale.to_bits() - 1); // or the largest would not come back finite
    }
    out.extend_from_slice(&scale.to_le_bytes());
    out.extend(x.iter().map(|e| if scale > 0.0 { (e / scale).round_ties_even().clamp(-STEPS, STEPS) as i8 as u8 } else { 0 }));
    true
}
