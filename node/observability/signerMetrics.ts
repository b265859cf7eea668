import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** Of the validator key's signer, as the node sees it. */
export type SignerMetrics = {
  /** A signature came; from the request to its verification. */
  signed(seconds: number): void
  /** No signature: DOUBLE_SIGN_REFUSED, SIGNER_UNAVAILABLE and others. */
  failed(code: string): void
  connected(is: boolean): void
}

const SECONDS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1]

export function createSignerMetrics(registry: Registry): SignerMetrics {
  const registers = [registry]
  const duration = new Histogram({
    name: 'nexus_signer_request_duration_seconds',
    help: 'From asking a remote signer to its signature.',
    buckets: SECONDS,
    registers,
  })
  const failures = new Counter({
    name: 'nexus_signer_failures_total',
    help: 'Votes and proposals that were not signed.',
    labelNames: ['code'],
    registers,
  })
  const connected = new Gauge({
    name: 'nexus_signer_connected',
    help: '1 while the remote signer can be asked.',
    registers,
  })
  return {
    signed: (seconds) => duration.observe(seconds),
    failed: (code) => failures.inc({ code }),
    connected: (is) => connected.set(is ? 1 : 0),
  }
}
