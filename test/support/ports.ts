import { createServer } from 'node:net'

export type PortPlan = {
  /** JSON-RPC of validator i is `rpc + i`; the others likewise. */
  readonly rpc: number
  readonly metrics: number
  readonly p2p: number
}

// Below Linux's ephemeral range (32768), so that no outgoing connection can take a port meanwhile.
const LOWEST = 20_000
const HIGHEST = 32_000
const SPAN = 48

/** Three runs of 16 free ports each. Throws when fifty places in the range are all taken. */
export async function findPorts(): Promise<PortPlan> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const base = LOWEST + SPAN * Math.floor(Math.random() * ((HIGHEST - LOWEST) / SPAN))
    const ports = Array.from({ length: SPAN }, (_, i) => base + i)
    const free = await Promise.all(ports.map(isFree))
    if (free.every((yes) => yes)) return { rpc: base, metrics: base + 16, p2p: base + 32 }
  }
  throw new Error(`no ${SPAN} free ports in a row between ${LOWEST} and ${HIGHEST}`)
}

export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
