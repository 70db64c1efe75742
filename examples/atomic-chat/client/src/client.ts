import { errorOf, KakeyaError, UnreachableError } from './error.js'
import { events } from './sse.js'
import type { ChatChunk, ChatCompletion, ChatRequest, Health, Model, ModelDetail, Stats } from './types.js'

export interface ClientOptions {
  /** Where the daemon listens, without `/v1`: `http://127.0.0.1:8317`. */
  url: string
  apiKey?: string
  /** Instead of the global fetch. It has to stream bodies and to obey signals. */
  fetch?: typeof fetch
}

export interface CallOptions {
  signal?: AbortSignal
  /** Names the request for `cancel`; at most 128 printable characters. */
  requestId?: string
}

/**
 * Client speaks to one daemon. It keeps no state and is safe to share. Each call throws a `KakeyaError` for what
 * the daemon refused, an `UnreachableError` where nothing answered, and the signal's reason when it was aborted.
 * An abort closes the connection, which ends the generation in the daemon.
 */
export class Client {
  readonly url: string
  readonly #key: string | undefined
  readonly #fetch: typeof fetch

  constructor(o: ClientOptions) {
    this.url = o.url.replace(/\/+$/, '').replace(/\/v1$/, '')
    this.#key = o.apiKey
    this.#fetch = o.fetch ?? globalThis.fetch.bind(globalThis)
  }

  async listModels(o: CallOptions = {}): Promise<Model[]> {
    return (await this.#json<{ data: Model[] }>('GET', '/v1/models', undefined, o)).data
  }

  /** All that a channel is made of; the id may be an alias. */
  async model(id: string, o: CallOptions = {}): Promise<ModelDetail> {
    return this.#json('GET', `/v1/models/${id.split('/').map(encodeURIComponent).join('/')}`, undefined, o)
  }

  async chatCompletion(request: ChatRequest, o: CallOptions = {}): Promise<ChatCompletion> {
    return this.#json('POST', '/v1/chat/completions', { ...request, stream: false, stream_options: undefined }, o)
  }

  /**
   * The chunks of an answer as they come; the last has the usage. Leaving the loop ends the generation. A
   * stream that ends before its `[DONE]` throws: what came is not the whole answer.
   */
  async *stream(request: ChatRequest, o: CallOptions = {}): AsyncGenerator<ChatChunk, void, undefined> {
    const body = { stream_options: { include_usage: true }, ...request, stream: true }
    const response = await this.#send('POST', '/v1/chat/completions', body, o)
    if (!response.body) throw new Error('the answer has no body to stream')
    for await (const data of events(response.body)) {
      if (data === '[DONE]') return
      const chunk = JSON.parse(data) as ChatChunk & { error?: unknown }
      if (chunk.error) throw errorOf(0, data)
      yield chunk
    }
    o.signal?.throwIfAborted()
    throw new KakeyaError(0, 'the stream ended before the answer did', 'server_error', null, null)
  }

  /** Ends a request by its `requestId` or the id of its answer; false when none such runs. */
  async cancel(requestId: string, o: CallOptions = {}): Promise<boolean> {
    try {
      await this.#send('POST', `/v1/kakeya/requests/${encodeURIComponent(requestId)}/cancel`, {}, o)
      return true
    } catch (e) {
      if (e instanceof KakeyaError && e.code === 'request_not_found') return false
      throw e
    }
  }

  async health(o: CallOptions = {}): Promise<Health> {
    return this.#json('GET', '/health', undefined, o)
  }

  async stats(o: CallOptions = {}): Promise<Stats> {
    return this.#json('GET', '/v1/kakeya/stats', undefined, o)
  }

  /** Loads a channel's model and waits until it is there. */
  async load(model: string, o: CallOptions = {}): Promise<void> {
    await this.#send('POST', '/v1/kakeya/load', { model }, o)
  }

  /** Lets go of a channel's model, once nobody uses it. */
  async unload(model: string, o: CallOptions = {}): Promise<void> {
    await this.#send('POST', '/v1/kakeya/unload', { model }, o)
  }

  async #json<T>(method: string, path: string, body: unknown, o: CallOptions): Promise<T> {
    return (await (await this.#send(method, path, body, o)).json()) as T
  }

  async #send(method: string, path: string, body: unknown, o: CallOptions): Promise<Response> {
    const headers: Record<string, string> = {}
    if (body !== undefined) headers['Content-Type'] = 'application/json'
    if (this.#key) headers['Authorization'] = `Bearer ${this.#key}`
    if (o.requestId) headers['X-Request-Id'] = o.requestId
    const init: RequestInit = { method, headers, signal: o.signal ?? null }
    if (body !== undefined) init.body = JSON.stringify(body)
    let response: Response
    try {
      response = await this.#fetch(this.url + path, init)
    } catch (e) {
      o.signal?.throwIfAborted()
      throw new UnreachableError(this.url, e)
    }
    if (!response.ok) throw errorOf(response.status, await response.text(), response.headers.get('Retry-After'))
    return response
  }
}
