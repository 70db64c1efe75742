// The codec in WebAssembly.

/** Loads the codec, or throws a text for a person. */
export async function load() {
  if (!globalThis.Go) throw new Error("This daemon was built without the codec for browsers. Build it by `make build`.");
  if (!globalThis.WebAssembly) throw new Error("This browser has no WebAssembly.");
  const go = new globalThis.Go();
  const { instance } = await WebAssembly.instantiateStreaming(fetch("web/codec/codec.wasm"), go.importObject);
  void go.run(instance); // it stays, to be asked
  return globalThis.kakeyaCodec;
}

/** Asks one of the codec's functions. */
export function ask(f, request) {
  const { value, error } = JSON.parse(f(JSON.stringify(request)));
  if (error) throw new Error(error);
  return value;
}
