import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** The channel that tests speak to, with so small a context that a test can fill it. */
export const MODEL = 'smollm2-135m'

export interface Daemon {
  url: string
  stop(): Promise<void>
}

/** start runs bin/kakeyad with the real backend and model on a free port, until stop. */
export async function start(more = ''): Promise<Daemon> {
  const bin = required('KAKEYA_BIN')
  const models = required('KAKEYA_MODELS')
  const dir = mkdtempSync(join(tmpdir(), 'kakeyad-'))
  writeFileSync(
    join(dir, 'kakeyad.yaml'),
    `models: {${MODEL}: {file: SmolLM2-135M-Instruct.Q4_1.gguf}}
channels:
  ${MODEL}: {sampling: {temperature: 0}, load: {context: 512, parallel: 2}}
  ${MODEL}@e8-q10: {load: {context: 512, parallel: 1}}
${more}`
  )
  const file = join(dir, 'addr')
  const seen = new AbortController()
  const written = new Promise<void>((resolve) => {
    watch(dir, { signal: seen.signal }, () => existsSync(file) && readFileSync(file, 'utf8').trim() && resolve())
  })
  const child = spawn(join(bin, 'kakeyad'), ['serve', '--config', join(dir, 'kakeyad.yaml'), '--listen', '127.0.0.1:0', '--addr-file', file], {
    env: { ...process.env, KAKEYAD_MODELS_DIR: models, KAKEYAD_DATA_DIR: join(dir, 'data'), TMPDIR: dir },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr.on('data', (b: Buffer) => (log += b.toString()))
  const ended = exit(child)
  await Promise.race([
    written,
    ended.then(() => {
      throw new Error(`the daemon ended at once:\n${log}`)
    }),
  ])
  seen.abort()
  return {
    url: `http://${readFileSync(file, 'utf8').trim()}`,
    async stop() {
      child.kill('SIGTERM')
      await ended
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

function exit(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('exit', () => resolve()))
}

function required(name: string): string {
  const value = process.env[name]
  if (!value) throw new Error(`${name} is not set: run these tests by \`make test-atomic-chat\``)
  return value
}
