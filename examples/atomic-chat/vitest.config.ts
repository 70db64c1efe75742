import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

export default defineConfig({
  resolve: {
    alias: {
      'kakeyad-client': path('./client/src/index.ts'),
      '@janhq/core': path('./extension/test/core.ts'),
    },
  },
  test: { include: ['client/test/**/*.test.ts', 'extension/test/**/*.test.ts', 'test/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000 },
})
