import { afterAll, beforeAll, expect, test } from 'vitest'
import { Client, KakeyaError, UnreachableError } from '../src/index.js'
import { type Daemon, MODEL, start } from '../../test/daemon.js'

let d: Daemon
let client: Client
beforeAll(async () => {
  d = await start()
  client = new Client({ url: d.url })
})
afterAll(() => d.stop())

const messages = [{ role: 'user' as const, content: 'Count from one to five.' }]

test('models, health and stats', async () => {
  const models = await client.listModels()
  expect(models.map((m) => m.id).sort()).toEqual([MODEL, `${MODEL}@e8-q10`])
  expect((await client.model(`${MODEL}@e8-q10`)).kakeya.codec).toMatchObject({ name: 'e8', q: 10 })
  expect((await client.health()).status).toBe('ok')
  await client.load(MODEL)
  const stats = await client.stats()
  expect(stats.pool.used_bytes).toBeGreaterThan(0)
  expect(stats.models[0]?.state).toBe('ready')
})

test('a streamed answer is the whole answer, with usage and timings', async () => {
  const whole = await client.chatCompletion({ model: MODEL, messages, max_tokens: 40 })
  let text = ''
  let usage, timings
  for await (const chunk of client.stream({ model: MODEL, messages, max_tokens: 40 })) {
    text += chunk.choices[0]?.delta.content ?? ''
    usage = chunk.usage ?? usage
    timings = chunk.timings ?? timings
  }
  expect(text).toBe(whole.choices[0]?.message.content)
  expect(text).not.toBe('')
  expect(usage?.completion_tokens).toBe(whole.usage.completion_tokens)
  expect(timings?.predicted_n).toBe(whole.usage.completion_tokens)
})

test('cancel ends a request by the name that it was given', async () => {
  expect(await client.cancel('nobody')).toBe(false)
  const stream = client.stream({ model: MODEL, messages, ignore_eos: true }, { requestId: 'mine' })
  expect((await stream.next()).done).toBe(false)
  expect(await client.cancel('mine')).toBe(true)
  await expect(drain(stream)).rejects.toMatchObject({ code: 'request_cancelled' })
})

test('an abort throws its reason', async () => {
  const abort = new AbortController()
  const stream = client.stream({ model: MODEL, messages, ignore_eos: true }, { signal: abort.signal })
  await stream.next()
  abort.abort(new Error('enough'))
  await expect(drain(stream)).rejects.toThrow('enough')
})

test('errors keep what the daemon said of them', async () => {
  const refused = await client.chatCompletion({ model: 'smolm2', messages }).catch((e: unknown) => e)
  expect(refused).toBeInstanceOf(KakeyaError)
  expect(refused).toMatchObject({ status: 404, code: 'model_not_found', contextFull: false })
  const nobody = new Client({ url: 'http://127.0.0.1:9' })
  await expect(nobody.health()).rejects.toBeInstanceOf(UnreachableError)
})

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream);
}
