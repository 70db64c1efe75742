"""Writes a GGUF's weights as 32-bit numbers: f32.py FROM.gguf TO.gguf

llama.cpp multiplies quantised weights by activations rounded to 8 bits, which hides small divergences (docs/eval.md); of
such a file they show. It wants numpy and gguf.
"""

import sys

import gguf
import numpy as np


def main(source, target):
    r = gguf.GGUFReader(source)
    w = gguf.GGUFWriter(target, r.fields["general.architecture"].contents())
    for name, field in r.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        value = 0 if name == "general.file_type" else field.contents()
        kind = field.types[0]
        w.add_key_value(name, value, kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    for t in r.tensors:
        x = np.ascontiguousarray(gguf.dequantize(t.data, t.tensor_type).astype(np.float32))
        w.add_tensor(t.name, x, raw_dtype=gguf.GGMLQuantizationType.F32)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
