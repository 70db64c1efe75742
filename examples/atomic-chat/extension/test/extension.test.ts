import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { type Daemon, MODEL, start } from '../../test/daemon.js'
import KakeyadExtension from '../src/index.js'
import { registered, type chatCompletionChunk } from './core.js'

const calls: { command: string; args: any }[] = []
let plugin: (command: string, args: any) => unknown

vi.mock('@tauri-apps/api/core', () => ({
  Channel: class {
    onmessage: (message: unknown) => void = () => undefined
  },
  invoke: async (command: string, args: unknown) => {
    calls.push({ command, args })
    return plugin(command, args)
  },
}))

let d: Daemon
beforeAll(async () => void (d = await start()))
afterAll(() => d.stop())

let extension: KakeyadExtension
beforeEach(async () => {
  calls.length = 0
  plugin = (command) => {
    if (command === 'plugin:kakeyad|start') return { url: d.url, api_key: 'its-own', pid: 42 }
    return undefined
  }
  extension = new KakeyadExtension('file://x', 'kakeyad-extension', 'kakeyad', true, '', '0')
  // nothing listens at the configured address, so the plugin is asked
  vi.spyOn(extension, 'getSetting').mockImplementation(async (key, otherwise) =>
    (key === 'kakeyad-url' ? 'http://127.0.0.1:9' : otherwise) as typeof otherwise)
  await extension.onLoad()
})
afterEach(() => extension.onUnload())

test('registers the engine, starts the daemon and registers the provider with a key', () => {
  expect(registered.get('kakeyad')).toBe(extension)
  expect(calls.map((c) => c.command)).toEqual(['plugin:kakeyad|start', 'plugin:kakeyad|watch', 'register_provider_config'])
  expect(calls[2]?.args.request).toEqual({
    provider: 'kakeyad', api_key: 'its-own', base_url: `${d.url}/v1`, custom_headers: [],
    models: expect.arrayContaining([MODEL, `${MODEL}@e8-q10`]),
  })
})

test('lists channels with codec, quality and warnings', async () => {
  const packed = await extension.get(`${MODEL}@e8-q10`)
  expect(packed).toMatchObject({ providerId: 'kakeyad', codec: 'e8-q10', quality: 'compact', warnings: expect.any(Array) })
  expect(await extension.get(MODEL)).toMatchObject({ codec: 'none', quality: 'exact', port: Number(new URL(d.url).port) })
  expect(await extension.get('nobody')).toBeUndefined()
})

test('loads and unloads', async () => {
  expect(await extension.load(MODEL)).toMatchObject({ model_id: MODEL, pid: 42, api_key: 'its-own', is_embedding: false })
  expect(await extension.getLoadedModels()).toContain(MODEL)
  expect(await extension.unload(MODEL)).toEqual({ success: true })
  expect(await extension.getLoadedModels()).not.toContain(MODEL)
  expect(await extension.unload('nobody')).toMatchObject({ success: false, error: expect.stringContaining('nobody') })
})

test('chats whole, streamed and aborted', async () => {
  const request = { model: MODEL, messages: [{ role: 'user' as const, content: 'Say hello.' }], max_tokens: 16 }
  expect(await extension.chat(request)).toMatchObject({ object: 'chat.completion' })
  const abort = new AbortController()
  const stream = (await extension.chat({ ...request, stream: true }, abort)) as AsyncIterable<chatCompletionChunk>
  await expect((async () => {
    for await (const chunk of stream) {
      expect(chunk.object).toBe('chat.completion.chunk')
      abort.abort(new Error('stopped'))
    }
  })()).rejects.toThrow('stopped')
})

test('shows health and stats, and says what it does not do', async () => {
  expect((await extension.health()).status).toBe('ok')
  expect((await extension.stats()).pool.budget_bytes).toBeGreaterThan(0)
  await expect(extension.delete(MODEL)).rejects.toThrow('kakeyad rm')
})

test('imports through the plugin, with progress, and aborts', async () => {
  const seen: unknown[] = []
  extension.onImportProgress = (...p) => seen.push(p)
  const start = plugin
  plugin = (command, args) => {
    if (command === 'plugin:kakeyad|import_model') args.onProgress.onmessage({ bytes: 5, total: 10 })
    return start(command, args)
  }
  await extension.import('mine', { modelPath: '/models/mine.gguf' })
  expect(calls).toContainEqual({
    command: 'plugin:kakeyad|import_model',
    args: { name: 'mine', path: '/models/mine.gguf', onProgress: expect.anything() },
  })
  expect(seen).toEqual([['mine', 5, 10]])
  expect(calls.at(-1)?.command).toBe('register_provider_config')
  await extension.abortImport('mine')
  expect(calls.at(-1)).toEqual({ command: 'plugin:kakeyad|abort_import', args: { name: 'mine' } })
})

test('tells what the plugin refuses in its words', async () => {
  const start = plugin
  plugin = (command, args) => {
    if (command === 'plugin:kakeyad|import_model') throw { kind: 'invalid', message: '/x is not a GGUF file' }
    return start(command, args)
  }
  await expect(extension.import('mine', { modelPath: '/x' })).rejects.toThrow('/x is not a GGUF file')
})

test('a daemon of somebody else is not written to', async () => {
  await extension.onUnload()
  vi.mocked(extension.getSetting).mockImplementation(async (key, otherwise) => (key === 'kakeyad-url' ? d.url : otherwise) as typeof otherwise)
  await expect(extension.import('mine', { modelPath: '/x.gguf' })).rejects.toThrow('models_dir')
  expect(calls.map((c) => c.command)).not.toContain('plugin:kakeyad|import_model')
})

test('follows the daemon to another address', async () => {
  const { onState } = calls.find((c) => c.command === 'plugin:kakeyad|watch')?.args
  calls.length = 0
  onState.onmessage({ state: 'restarting', reason: 'killed' })
  onState.onmessage({ state: 'running', url: d.url, api_key: 'its-own', pid: 43 })
  expect(calls, 'the same address needs no word').toEqual([])
  expect((await extension.load(MODEL)).pid).toBe(43)
  const moved = d.url.replace('127.0.0.1', 'localhost')
  onState.onmessage({ state: 'running', url: moved, api_key: 'its-own', pid: 44 })
  await vi.waitFor(() => expect(calls.at(-1)?.args.request?.base_url).toBe(`${moved}/v1`))

  // one that has failed is started again by whatever needs it
  onState.onmessage({ state: 'failed', error: { kind: 'ended', message: 'no more today' } })
  await extension.list()
  expect(calls.filter((c) => c.command === 'plugin:kakeyad|start')).toHaveLength(1)
  expect(calls.filter((c) => c.command === 'plugin:kakeyad|watch'), 'it is watched already').toHaveLength(0)
})

test('without the plugin it says what to do', async () => {
  await extension.onUnload()
  plugin = () => {
    throw 'plugin kakeyad not found'
  }
  await expect(extension.list()).rejects.toThrow(/not be started: plugin kakeyad not found.*kakeyad serve/)
})
