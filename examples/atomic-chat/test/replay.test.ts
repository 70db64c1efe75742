/**
 * What the app sends and how it reads, against the real daemon: by the route of a custom provider, where the app
 * asks for /models and its own server passes /chat/completions on.
 */
import http from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Daemon, MODEL, start } from './daemon.js'

let d: Daemon
beforeAll(async () => void (d = await start()))
afterAll(() => d.stop())

/** Keys that the app and its engines put beside OpenAI's. */
const extra = {
  stream_options: { include_usage: true }, thread_id: 'thread-1', return_progress: true,
  top_k: 40, top_p: 0.95, min_p: 0.05, typical_p: 1, repeat_penalty: 1, repeat_last_n: 64,
  dynatemp_range: 0, dynatemp_exponent: 1, dry_multiplier: 0, dry_base: 1.75, dry_allowed_length: 2,
  dry_penalty_last_n: -1, dry_sequence_breakers: ['\n'], xtc_probability: 0, xtc_threshold: 0.1,
  mirostat: 0, mirostat_tau: 5, mirostat_eta: 0.1, n_keep: 0, n_indent: 0, n_probs: 0, min_keep: 0,
  t_max_predict_ms: 0, image_data: [], id_slot: -1, cache_prompt: true, return_tokens: false,
  samplers: ['top_k', 'temperature'], timings_per_token: true, post_sampling_probs: false,
  chat_template_kwargs: { enable_thinking: false }, reasoning_budget: 0, enable_thinking: false, ctx_len: 2048,
  presence_penalty: null, frequency_penalty: null, logit_bias: null, stop: null,
}

function body(text: string, more: object = {}): string {
  return JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: text }], temperature: 0, stream: true, ...extra, ...more })
}

/** Sends as the app does and hands over each network chunk. */
function post(payload: string, each: (chunk: Buffer, request: http.ClientRequest) => void, at = d.url): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.request(`${at}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Authorization: 'Bearer any' },
    }, (response) => {
      response.on('data', (chunk: Buffer) => each(chunk, request))
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end(payload)
  })
}

interface Chunk {
  choices: { delta: { content?: string }; finish_reason: string | null }[]
  usage?: { completion_tokens: number } | null
  timings?: { prompt_n: number; predicted_n: number; predicted_per_second: number; prompt_per_second: number }
}

/** Reads as the app's older parser does: lines, "data: " with its space, and anything else breaks it. */
function strictly(text: string): Chunk[] {
  const lines = text.split('\n').filter((l) => l !== '')
  for (const l of lines) expect(l.startsWith('data: '), l).toBe(true)
  expect(lines.at(-1)).toBe('data: [DONE]')
  return lines.slice(0, -1).map((l) => JSON.parse(l.slice(6)) as Chunk)
}

test('extra keys are taken, and the speed that the app shows is there', async () => {
  let text = ''
  expect(await post(body('Name three colours.', { max_tokens: 24 }), (c) => (text += c.toString()))).toBe(200)
  const chunks = strictly(text)
  expect(chunks.map((c) => c.choices[0]?.delta.content ?? '').join('')).not.toBe('')
  const timings = chunks.find((c) => c.timings)?.timings
  for (const key of ['prompt_n', 'predicted_n', 'predicted_per_second', 'prompt_per_second'] as const) {
    expect(timings?.[key], key).toBeGreaterThan(0)
  }
  expect(chunks.at(-1)?.usage?.completion_tokens).toBe(timings?.predicted_n)
})

test('a reader that decodes each piece for itself loses no character, wherever the bytes are cut', async () => {
  const pieces: Buffer[] = []
  const said = 'Ünïcødé 🌊 日本'
  // the grammar has the model say what is not ASCII
  await post(body('Go on.', { max_tokens: 64, grammar: `root ::= "${said}"` }), (c) => pieces.push(c))
  const bytes = Buffer.concat(pieces)
  for (let size = 1; size < 40; size++) {
    let text = ''
    for (let i = 0; i < bytes.length; i += size) {
      text += new TextDecoder('utf-8', { fatal: false }).decode(bytes.subarray(i, i + size)) // anew for each piece
    }
    const answer = strictly(text).map((c) => c.choices[0]?.delta.content ?? '').join('')
    expect(answer, `pieces of ${size} bytes`).toBe(said)
  }
})

test('a Stop that closes the connection ends the generation', async () => {
  const before = await cancelled()
  await new Promise<void>((resolve, reject) => {
    post(body('Tell a long story.', { ignore_eos: true }), (_, request) => {
      request.once('close', () => resolve())
      request.destroy()
    }).then(reject, () => undefined)
  })
  await until(async () => (await running()).length === 0 && (await cancelled()) === before + 1)
})

test('a Stop that reaches nobody can be made good by the cancel endpoint', async () => {
  let text = ''
  let asked = false
  const ended = post(body('Tell a long story.', { ignore_eos: true }), (c) => {
    text += c.toString()
    if (asked || !text.includes('\n')) return
    asked = true
    const id = (JSON.parse(text.slice(6, text.indexOf('\n'))) as { id: string }).id
    void fetch(`${d.url}/v1/kakeya/requests/${id}/cancel`, { method: 'POST' }).then((r) => expect(r.status).toBeLessThan(300))
  })
  await ended
  expect(text).toContain('request_cancelled')
  await until(async () => (await running()).length === 0)
})

test('models are listed within the app\'s 12 seconds while a model loads and answers', async () => {
  const story = post(body('Tell a story.', { max_tokens: 60, model: `${MODEL}@e8-q10` }), () => undefined)
  const response = await fetch(`${d.url}/v1/models`, { signal: AbortSignal.timeout(12_000), headers: { Authorization: 'Bearer any' } })
  const models = (await response.json()) as { data: { id: string }[] }
  expect(models.data.map((m) => m.id)).toContain(MODEL)
  for (const m of models.data) expect(m.id).not.toContain('/') // the app splits ids there
  await story
})

test('a full context is told in the words that the app knows', async () => {
  let text = ''
  const status = await post(body('word '.repeat(2000)), (c) => (text += c.toString()))
  expect(status).toBe(400)
  expect(text).toContain('the request exceeds the available context size')
})

async function running(): Promise<unknown[]> {
  const answer = (await (await fetch(`${d.url}/v1/kakeya/requests`)).json()) as { requests: unknown[] }
  return answer.requests
}

async function cancelled(): Promise<number> {
  const stats = (await (await fetch(`${d.url}/v1/kakeya/stats`)).json()) as { channels: { channel: string; cancelled: number }[] }
  return stats.channels.reduce((sum, c) => sum + c.cancelled, 0)
}

/** Asks until it is so; the test's own limit ends a wait in vain. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}
