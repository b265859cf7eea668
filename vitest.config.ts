import { defineConfig } from 'vitest/config'

const project = (name: string, testTimeout: number, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, ...extra },
})

export default defineConfig({
  test: {
    reporters: ['default', './test/support/closingLine.ts'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/tidy.test.ts'],
          testTimeout: 20_000,
        },
      },
      project('contract', 60_000),
      project('sim', 120_000),
      project('fuzz', 60_000),
      project('vectors', 120_000),
      // Real processes on fixed ports: one file at a time.
      project('e2e', 300_000, { fileParallelism: false, hookTimeout: 120_000 }),
    ],
  },
})
