/** A channel as `GET /v1/models` and `GET /v1/kakeya/channels` list it. */
export interface Model {
  id: string
  object: 'model'
  created: number
  owned_by: string
  kakeya: ChannelSummary
}

export interface ChannelSummary {
  /** What the channel is made of, as a channel id: `smollm2-135m@e8-q38`. */
  channel: string
  aliases?: string[]
  state: 'loaded' | 'loading' | 'unloaded' | 'missing'
  warnings?: string[]
}

/** All that a channel is made of: `GET /v1/models/{id}`. */
export interface ChannelDetail extends ChannelSummary {
  model: string
  file: string
  profile?: string
  backend: string
  codec?: { name: string; q: number; boundary: number; params?: Record<string, string> }
  drafter?: string
  pinned: boolean
  loaded?: { architecture: string; bytes?: number; context: number; chat_template: boolean; [key: string]: unknown }
  [key: string]: unknown
}

export interface ModelDetail extends Omit<Model, 'kakeya'> {
  kakeya: ChannelDetail
}

export interface ChatMessage {
  role: 'system' | 'developer' | 'user' | 'assistant' | 'tool'
  content: string | null | { type: string; text?: string; [key: string]: unknown }[]
  name?: string
  tool_call_id?: string
  tool_calls?: unknown[]
  reasoning_content?: string | null
}

/** What is sent; keys that the daemon does not know are ignored by it. */
export interface ChatRequest {
  model: string
  messages: ChatMessage[]
  max_tokens?: number | null
  temperature?: number | null
  top_p?: number | null
  stop?: string | string[] | null
  seed?: number | null
  tools?: unknown[]
  [key: string]: unknown
}

export interface Usage {
  prompt_tokens: number
  completion_tokens: number
  total_tokens: number
  prompt_tokens_details?: { cached_tokens: number }
}

/** The backend's own measurements of one answer. */
export interface Timings {
  cache_n: number
  prompt_n: number
  prompt_per_second: number
  predicted_n: number
  predicted_per_second: number
  [key: string]: number
}

export type FinishReason = 'stop' | 'length' | 'tool_calls'

export interface ChatCompletion {
  id: string
  object: 'chat.completion'
  created: number
  model: string
  system_fingerprint?: string
  choices: {
    index: number
    message: { role: 'assistant'; content: string | null; reasoning_content?: string; tool_calls?: unknown[] }
    finish_reason: FinishReason
  }[]
  usage: Usage
  timings?: Timings
}

export interface ChatChunk {
  id: string
  object: 'chat.completion.chunk'
  created: number
  model: string
  system_fingerprint?: string
  choices: {
    index: number
    delta: { role?: 'assistant'; content?: string | null; reasoning_content?: string; tool_calls?: unknown[] }
    finish_reason: FinishReason | null
  }[]
  usage?: Usage | null
  timings?: Timings
}

export interface Health {
  status: 'ok' | 'loading'
  version?: string
}

/** `GET /v1/kakeya/stats`; the figures that a person looks at are typed. Sizes are in bytes. */
export interface Stats {
  pool: { budget_bytes: number; used_bytes: number; waiting: number; [key: string]: number }
  models: {
    model: string
    state: string
    progress: number
    bytes: number
    requests: number
    [key: string]: unknown
  }[]
  channels: {
    channel: string
    active: number
    requests: number
    failed: number
    cancelled: number
    prompt_tokens: number
    cached_tokens: number
    output_tokens: number
    [key: string]: unknown
  }[]
  sessions?: { ram_bytes: number; disk_bytes: number; [key: string]: unknown }
}
