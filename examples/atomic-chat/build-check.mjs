// With ATOMIC_CHAT_DIR: the extension compiles under tsc strict against the app's own core, the fake core of the
// tests has not drifted from it, and the one file that the app loads is built and has the class in it.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const here = import.meta.dirname
const checkout = process.env.ATOMIC_CHAT_DIR
const run = (args, env = {}) => execFileSync(process.execPath, args, { stdio: 'inherit', env: { ...process.env, ...env } })

const dir = mkdtempSync(join(tmpdir(), 'kakeyad-'))
try {
  if (checkout) {
    const config = join(here, 'tsconfig.checkout.json')
    writeFileSync(config, JSON.stringify({
      extends: './tsconfig.base.json',
      compilerOptions: {
        // the core is the app's: its own code is not held to what is asked here beyond strict
        noUncheckedIndexedAccess: false, noImplicitOverride: false, verbatimModuleSyntax: false,
        experimentalDecorators: true,
        paths: {
          'kakeyad-client': ['./client/src/index.ts'],
          '@janhq/core': [join(resolve(checkout), 'core/src/index.ts')],
          'react': ['./extension/test/react.d.ts'],
        },
      },
      include: ['extension/src', 'extension/test/drift.ts', join(resolve(checkout), 'core/src/@global')],
    }))
    try {
      run([createRequire(import.meta.url).resolve('typescript/bin/tsc'), '-p', config])
    } finally {
      rmSync(config)
    }
  }
  const out = join(dir, 'index.mjs')
  run([join(here, 'extension/build.mjs')], { OUT: out, KAKEYAD_FAKE_CORE: checkout ? '' : '1' })
  const { default: Extension } = await import(pathToFileURL(out).href)
  const engine = new Extension('file://x', 'kakeyad-extension', 'kakeyad', true, '', '0')
  if (engine.provider !== 'kakeyad') throw new Error('the built file has no engine in it')
  console.log(`the extension builds to one file, with ${checkout ? "the checkout's core" : 'the fake core (no ATOMIC_CHAT_DIR)'}`)
} finally {
  rmSync(dir, { recursive: true, force: true })
}
