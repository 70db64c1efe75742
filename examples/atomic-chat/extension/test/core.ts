/**
 * What the extension uses of the app's core (`@janhq/core`), for tests without the app. Written from what the
 * extension needs, not from the core; drift.ts holds it against a checkout's core.
 */
export interface chatCompletionRequest {
  model: string
  messages: { role: 'system' | 'user' | 'assistant' | 'tool'; content: string | null }[]
  stream?: boolean | null
  temperature?: number | null
  top_k?: number | null
  stop?: string | string[] | null
}

export interface chatCompletionChunk {
  id: string
  object: 'chat.completion.chunk'
  created: number
  model: string
  choices: { index: number; delta: { content?: string | null } }[]
}

export interface chatCompletion {
  id: string
  object: 'chat.completion'
  created: number
  model: string
  choices: { index: number; finish_reason: string }[]
}

export interface modelInfo {
  id: string
  name: string
  providerId: string
  port: number
  sizeBytes: number
  tags?: string[]
  path?: string
  [key: string]: any
}

export interface SessionInfo {
  pid: number
  port: number
  model_id: string
  model_path: string
  is_embedding: boolean
  api_key: string
}

export interface UnloadResult {
  success: boolean
  error?: string
}

export interface ImportOptions {
  modelPath: string
}

export interface SettingComponentProps {
  key: string
  title: string
  description: string
  controllerType: 'input' | 'checkbox'
  controllerProps:
    | { value: boolean }
    | { placeholder: string; value: string; type?: 'password' | 'url'; inputActions?: ('unobscure' | 'copy')[] }
}

/** Engines that registered themselves, by provider. */
export const registered = new Map<string, AIEngine>()

export abstract class AIEngine {
  abstract readonly provider: string
  #settings: SettingComponentProps[] = []

  constructor(
    public url: string,
    public name: string,
    public productName?: string,
    public active?: boolean,
    public description?: string,
    public version?: string
  ) {}

  onLoad(): void {
    registered.set(this.provider, this)
  }

  abstract onUnload(): void
  abstract get(modelId: string): Promise<modelInfo | undefined>
  abstract list(): Promise<modelInfo[]>
  abstract load(id: string, settings?: any, isEmbedding?: boolean, bypassAutoUnload?: boolean): Promise<SessionInfo>
  abstract unload(id: string): Promise<UnloadResult>
  abstract chat(
    request: chatCompletionRequest,
    abort?: AbortController
  ): Promise<chatCompletion | AsyncIterable<chatCompletionChunk>>
  abstract delete(modelId: string): Promise<void>
  abstract update(modelId: string, model: Partial<modelInfo>): Promise<void>
  abstract import(modelId: string, opts: ImportOptions): Promise<void>
  abstract abortImport(modelId: string): Promise<void>
  abstract getLoadedModels(): Promise<string[]>
  abstract isToolSupported(modelId: string): Promise<boolean>

  async registerSettings(settings: SettingComponentProps[]): Promise<void> {
    this.#settings = settings
  }

  async getSetting<T>(key: string, otherwise: T): Promise<T> {
    return (this.#settings.find((s) => s.key === key)?.controllerProps.value as T) ?? otherwise
  }

  onSettingUpdate<T>(_key: string, _value: T): void {}
}
