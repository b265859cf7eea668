import { existsSync, mkdirSync } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { defaultNodeConfig } from '../../../node/config.ts'
import { silentLogger } from '../../../node/observability/logger.ts'
import { createMetrics } from '../../../node/observability/metrics.ts'
import { openNodeSigner } from '../../../node/signing.ts'
import { disposeAll, temporaryDirectory } from '../../support/devnet.ts'

afterAll(disposeAll)

const privateKey = keccak256(Uint8Array.of(7))

const open = (home: string) => {
  const metrics = createMetrics({ thread: 'node', now: () => 0 })
  metrics.stop()
  return openNodeSigner({
    config: defaultNodeConfig(home),
    ...{ chainId: 1, privateKey, log: silentLogger, metrics: metrics.signer },
  })
}

it('makes the last-signed state on a first start, also after one that ended before it was there', async () => {
  const home = temporaryDirectory('signing')
  const { data, lastSigned } = defaultNodeConfig(home).paths
  mkdirSync(data, { recursive: true, mode: 0o700 })
  const signer = await open(home)
  await signer?.close()
  expect(existsSync(lastSigned)).toBe(true)
})

it.each(['database', 'wal'] as const)('makes none where there is a %s without it', async (what) => {
  const home = temporaryDirectory('signing')
  const { paths } = defaultNodeConfig(home)
  mkdirSync(paths[what], { recursive: true, mode: 0o700 })
  await expect(open(home)).rejects.toMatchObject({ detail: { code: 'LAST_SIGNED_MISSING' } })
  expect(existsSync(paths.lastSigned)).toBe(false)
})
