import { expect, test } from 'vitest'
import { events } from '../src/sse.js'

const text =
  ': a comment\r\nid: 7\r\ndata: {"a":"é🌊"}\r\n\r\ndata:one\ndata: two\n\n\n\nevent: x\n\ndata: last\r\rdata: cut short'
const want = ['{"a":"é🌊"}', 'one\ntwo', 'last']

async function read(pieces: Uint8Array[]): Promise<string[]> {
  const body = new ReadableStream<Uint8Array>({
    start(c) {
      for (const p of pieces) c.enqueue(p)
      c.close()
    },
  })
  const out: string[] = []
  for await (const e of events(body)) out.push(e)
  return out
}

test('events are the same wherever the bytes are cut, inside characters too', async () => {
  const bytes = new TextEncoder().encode(text)
  for (let size = 1; size <= bytes.length; size++) {
    const pieces: Uint8Array[] = []
    for (let i = 0; i < bytes.length; i += size) pieces.push(bytes.slice(i, i + size))
    expect(await read(pieces), `pieces of ${size} bytes`).toEqual(want)
  }
})

test('leaving the loop cancels the body', async () => {
  let cancelled = false
  const body = new ReadableStream<Uint8Array>({
    pull: (c) => c.enqueue(new TextEncoder().encode('data: x\n\n')),
    cancel: () => void (cancelled = true),
  })
  for await (const e of events(body)) {
    expect(e).toBe('x')
    break
  }
  expect(cancelled).toBe(true)
})
