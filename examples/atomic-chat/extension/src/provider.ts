import { invoke } from '@tauri-apps/api/core'
import type { Model } from 'kakeyad-client'
import type { Address } from './daemon.js'

/** The app passes over providers whose key is empty; a daemon without keys takes any. */
const ANY_KEY = 'kakeyad'

/** register tells the app's own server to send these models' requests to the daemon. */
export async function register(provider: string, at: Address, models: Model[]): Promise<void> {
  await invoke('register_provider_config', {
    request: {
      provider,
      api_key: at.apiKey || ANY_KEY,
      base_url: `${at.url}/v1`,
      custom_headers: [],
      models: models.map((m) => m.id),
    },
  })
}

export async function unregister(provider: string): Promise<void> {
  await invoke('unregister_provider_config', { provider })
}
