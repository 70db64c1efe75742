import { Client, KakeyaError, UnreachableError } from 'kakeyad-client'
import { startDaemon } from './plugin.js'

/** Where a daemon answers, and the key that it wants. pid is 0 for one that somebody else started. */
export interface Address {
  url: string
  apiKey: string
  pid: number
}

/** answers says whether a daemon is there; one that wants another key is one. */
async function answers(url: string): Promise<boolean> {
  try {
    await new Client({ url }).health({ signal: AbortSignal.timeout(2000) })
    return true
  } catch (e) {
    return e instanceof KakeyaError
  }
}

/**
 * findOrStart answers with the daemon at the address, else with one that the app's kakeyad plugin runs. Without
 * that plugin nothing can start a process from the app's page, and the error says so.
 */
export async function findOrStart(at: Omit<Address, 'pid'>, autoStart: boolean): Promise<Address> {
  if (await answers(at.url)) return { ...at, pid: 0 }
  if (!autoStart) throw new UnreachableError(at.url, 'starting it is turned off')
  try {
    const started = await startDaemon()
    return { url: started.url, apiKey: started.api_key, pid: started.pid }
  } catch (e) {
    throw new Error(
      `kakeyad does not answer at ${at.url} and could not be started: ${e instanceof Error ? e.message : String(e)}. ` +
        'Start it with `kakeyad serve`, or set its address in the settings of this extension.',
      { cause: e }
    )
  }
}
