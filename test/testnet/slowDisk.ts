// Loaded before a node: every sync of a file takes longer, as on a disk that others use too.
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

const delayMs = Number(new URL(import.meta.url).searchParams.get('ms') ?? '0')

type Sync = (descriptor: number, done: (error: NodeJS.ErrnoException | null) => void) => void

const patched = fs as unknown as { fdatasync: Sync; fsync: Sync }
for (const name of ['fdatasync', 'fsync'] as const) {
  const real = patched[name]
  patched[name] = (descriptor, done) => setTimeout(() => real(descriptor, done), delayMs)
}
syncBuiltinESMExports()
