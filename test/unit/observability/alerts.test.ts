import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createMetrics } from '../../../node/observability/metrics.ts'

it('has rules that name only metrics that exist', async () => {
  const rules = readFileSync(new URL('../../../docs/alerts.yml', import.meta.url), 'utf8')
  const named = new Set(rules.match(/nexus_[a-z0-9_]+/g))
  const metrics = createMetrics({ thread: 'node', now: () => 0 })
  const text = await metrics.text([])
  const known = new Set([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, name]) => name))
  metrics.stop()
  const unknown = [...named].filter(
    (name) => !known.has(name) && !known.has(name.replace(/_(bucket|count|sum)$/, '')),
  )
  expect(unknown).toEqual([])
  expect(named.size).toBeGreaterThan(8)
})
