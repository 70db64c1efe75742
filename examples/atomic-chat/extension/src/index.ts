import {
  AIEngine,
  type chatCompletion,
  type chatCompletionChunk,
  type chatCompletionRequest,
  type ImportOptions,
  type modelInfo,
  type SessionInfo,
  type UnloadResult,
} from '@janhq/core'
import { type ChatRequest, Client, type Health, type Stats } from 'kakeyad-client'
import { type Address, findOrStart } from './daemon.js'
import { toInfo } from './models.js'
import { abortImport, importModel, type State, watchDaemon } from './plugin.js'
import { register, unregister } from './provider.js'
import { API_KEY, AUTO_START, DEFAULT_URL, settings, URL_KEY } from './settings.js'

/** KakeyadExtension is a kakeyad daemon as one of the app's engines: its channels are the models. */
export default class KakeyadExtension extends AIEngine {
  readonly provider = 'kakeyad'
  #address: Address | undefined
  #finding: Promise<Address> | undefined
  #watching = false

  /** Registers the engine, finds or starts the daemon, and registers the provider. A daemon that is not there is
   * no error here: it is looked for again by whatever needs it. */
  override async onLoad(): Promise<void> {
    super.onLoad()
    await this.registerSettings(settings())
    try {
      await this.refresh()
    } catch (e) {
      console.warn(String(e))
    }
  }

  override async onUnload(): Promise<void> {
    this.#address = undefined
    await unregister(this.provider).catch(() => undefined)
  }

  /** A new address or key holds from the next call on. */
  override onSettingUpdate<T>(key: string, _value: T): void {
    if (key === URL_KEY || key === API_KEY) this.#address = undefined
  }

  /** Looks for the channels again and tells the app of them. */
  async refresh(): Promise<modelInfo[]> {
    const models = await this.list()
    await register(this.provider, await this.#find(), await (await this.#client()).listModels())
    return models
  }

  override async list(): Promise<modelInfo[]> {
    const client = await this.#client()
    const port = await this.#port()
    const models = await client.listModels()
    return Promise.all(
      models.map(async (m) => toInfo(m, await client.model(m.id).catch(() => undefined), this.provider, port))
    )
  }

  override async get(modelId: string): Promise<modelInfo | undefined> {
    return (await this.list()).find((m) => m.id === modelId)
  }

  override async load(modelId: string, _settings?: unknown, isEmbedding = false): Promise<SessionInfo> {
    await (await this.#client()).load(modelId)
    const at = await this.#find()
    const detail = await (await this.#client()).model(modelId)
    return {
      pid: at.pid,
      port: await this.#port(),
      model_id: modelId,
      model_path: detail.kakeya.file,
      is_embedding: isEmbedding,
      api_key: at.apiKey,
    }
  }

  override async unload(modelId: string): Promise<UnloadResult> {
    try {
      await (await this.#client()).unload(modelId)
      return { success: true }
    } catch (e) {
      return { success: false, error: e instanceof Error ? e.message : String(e) }
    }
  }

  override async chat(
    request: chatCompletionRequest,
    abort?: AbortController
  ): Promise<chatCompletion | AsyncIterable<chatCompletionChunk>> {
    const client = await this.#client()
    const options = abort ? { signal: abort.signal } : {}
    const body = request as unknown as ChatRequest
    if (request.stream) return client.stream(body, options) as AsyncIterable<chatCompletionChunk>
    return (await client.chatCompletion(body, options)) as chatCompletion
  }

  /** Brings a GGUF into the daemon's models, where it becomes a channel of that name. Needs the app's kakeyad plugin
   * and the daemon that it runs: no page may write files, and nobody else's daemon is written to. */
  override async import(modelId: string, o: ImportOptions): Promise<void> {
    const at = await this.#find()
    if (at.pid === 0) {
      throw new Error(`the kakeyad at ${at.url} was not started by this app: put ${o.modelPath} into its models_dir`)
    }
    await importModel(modelId, o.modelPath, (bytes, total) => this.onImportProgress?.(modelId, bytes, total))
    await this.refresh()
  }

  /** Told while a file is copied; one that can be linked is there at once. */
  onImportProgress?: (modelId: string, bytes: number, total: number) => void

  override async abortImport(modelId: string): Promise<void> {
    await abortImport(modelId)
  }

  override async delete(modelId: string): Promise<void> {
    throw new Error(`the app does not delete model files of kakeyad: run \`kakeyad rm ${modelId}\``)
  }

  override async update(modelId: string): Promise<void> {
    throw new Error(`${modelId} is what kakeyad's configuration says: change it there, it is read again at once`)
  }

  override async getLoadedModels(): Promise<string[]> {
    const models = await (await this.#client()).listModels()
    return models.filter((m) => m.kakeya.state === 'loaded').map((m) => m.id)
  }

  /** The daemon tells every model of functions, those whose template has none in words. */
  override async isToolSupported(_modelId: string): Promise<boolean> {
    return true
  }

  async health(): Promise<Health> {
    return (await this.#client()).health()
  }

  async stats(): Promise<Stats> {
    return (await this.#client()).stats()
  }

  async #client(): Promise<Client> {
    const at = await this.#find()
    return new Client({ url: at.url, ...(at.apiKey ? { apiKey: at.apiKey } : {}) })
  }

  async #port(): Promise<number> {
    const url = new URL((await this.#find()).url)
    return Number(url.port || (url.protocol === 'https:' ? 443 : 80))
  }

  /** The daemon's address, looked for once by all who ask meanwhile. */
  async #find(): Promise<Address> {
    if (this.#address) return this.#address
    this.#finding ??= this.#look().finally(() => (this.#finding = undefined))
    return this.#finding
  }

  async #look(): Promise<Address> {
    const url = await this.getSetting(URL_KEY, DEFAULT_URL)
    const apiKey = await this.getSetting(API_KEY, '')
    this.#address = await findOrStart({ url, apiKey }, await this.getSetting(AUTO_START, true))
    if (this.#address.pid !== 0 && !this.#watching) {
      this.#watching = true
      await watchDaemon((state) => void this.#told(state))
    }
    return this.#address
  }

  /** The daemon of the plugin may die and come back, rarely at another address: the app's server has to know. */
  async #told(state: State): Promise<void> {
    if (state.state === 'failed') console.error(`kakeyad: ${state.error.message}`)
    if (state.state === 'failed' || state.state === 'stopped') this.#address = undefined
    if (state.state !== 'running' || this.#address?.pid === state.pid) return
    const moved = this.#address !== undefined && this.#address.url !== state.url
    this.#address = { url: state.url, apiKey: state.api_key, pid: state.pid }
    if (moved) await this.refresh().catch((e: unknown) => console.warn(String(e)))
  }
}
