import { Channel, invoke } from '@tauri-apps/api/core'

/** What the plugin answers where it runs a daemon. */
export interface Started {
  url: string
  api_key: string
  pid: number
}

/** What the daemon of the plugin does. */
export type State =
  | { state: 'stopped' | 'starting' }
  | ({ state: 'running' } & Started)
  | { state: 'restarting'; reason: string }
  | { state: 'failed'; error: { kind: string; message: string } }

/** The app has no kakeyad plugin, or it refused; the message is its own. */
export class PluginError extends Error {
  constructor(
    message: string,
    /** What the plugin calls such an error; empty where there is no plugin. */
    readonly kind: string,
    cause: unknown
  ) {
    super(message, { cause })
    this.name = 'PluginError'
  }
}

/** ask is one of the plugin's commands. A refusal becomes a PluginError: Tauri rejects with whatever was sent. */
async function ask<T>(command: string, args: Record<string, unknown> = {}): Promise<T> {
  try {
    return await invoke<T>(`plugin:kakeyad|${command}`, args)
  } catch (e) {
    const { message, kind } = (typeof e === 'object' && e !== null ? e : { message: String(e) }) as { message?: string; kind?: string }
    throw new PluginError(message ?? JSON.stringify(e), kind ?? '', e)
  }
}

/** Starts the daemon unless it runs, and waits until it answers. */
export const startDaemon = (): Promise<Started> => ask('start')

/** Tells the daemon's state, and each one to come. */
export function watchDaemon(told: (state: State) => void): Promise<void> {
  const onState = new Channel<State>()
  onState.onmessage = told
  return ask('watch', { onState })
}

/** Brings a GGUF file into the daemon's models; resolves when the model can be asked. */
export function importModel(name: string, path: string, progress: (bytes: number, total: number) => void): Promise<void> {
  const onProgress = new Channel<{ bytes: number; total: number }>()
  onProgress.onmessage = (p) => progress(p.bytes, p.total)
  return ask('import_model', { name, path, onProgress })
}

/** Ends an import; false when none of that name runs. */
export const abortImport = (name: string): Promise<boolean> => ask('abort_import', { name })
