// Builds dist/index.js, the one file that the app loads, with the core of the checkout ATOMIC_CHAT_DIR in it.
// OUT names another place. KAKEYAD_FAKE_CORE=1 takes the tests' fake instead of a checkout.
import { build } from 'esbuild'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

const here = import.meta.dirname
const checkout = process.env.ATOMIC_CHAT_DIR
if (!checkout && !process.env.KAKEYAD_FAKE_CORE) {
  console.error('ATOMIC_CHAT_DIR has to name a checkout of Atomic-Chat: the extension is built with its core')
  process.exit(1)
}
const core = checkout ? join(resolve(checkout), 'core/src/index.ts') : join(here, 'test/core.ts')
if (!existsSync(core)) {
  console.error(`${core} is not there: is ATOMIC_CHAT_DIR a checkout of Atomic-Chat?`)
  process.exit(1)
}
await build({
  entryPoints: [join(here, 'src/index.ts')],
  outfile: process.env.OUT ?? join(here, 'dist/index.js'),
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  logLevel: 'warning',
  tsconfigRaw: {},
  alias: { '@janhq/core': core, 'kakeyad-client': join(here, '../client/src/index.ts') },
})
