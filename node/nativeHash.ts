import { hash } from 'node:crypto'
import { useNativeSha256 } from '../core/primitives/hash.ts'

// OpenSSL uses the processor's instructions for it. Imported first by everything that runs in a thread of its own.
useNativeSha256((bytes) => new Uint8Array(hash('sha256', bytes, 'buffer')))
