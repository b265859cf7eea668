import { createServer } from 'node:net'
import { NexusError } from '../../core/primitives/errors.ts'
import type { DevnetPorts } from './options.ts'

export type PortUse = { readonly port: number; readonly use: string }

/** Every port of a devnet, with what it is for. BAD_PORTS when two are the same or none exists. */
export function portsOf(ports: DevnetPorts, validators: number): readonly PortUse[] {
  const uses = Array.from({ length: validators }, (_, i) => [
    { port: ports.rpc + i, use: `JSON-RPC of validator ${i}` },
    { port: ports.metrics + i, use: `metrics of validator ${i}` },
    { port: ports.p2p + i, use: `peers of validator ${i}` },
  ]).flat()
  const seen = new Map<number, string>()
  for (const { port, use } of uses) {
    const other = seen.get(port)
    const fault = port > 65_535 ? 'beyond 65535' : other === undefined ? null : `also ${other}`
    if (fault !== null)
      throw new NexusError(
        { code: 'BAD_PORTS', port },
        {
          message: `port ${port} for ${use} is ${fault}; choose other --port, --metrics-port, --p2p-port`,
        },
      )
    seen.set(port, use)
  }
  return uses
}

/** PORT_IN_USE names every port that another process listens on, before anything is started. */
export async function assertPortsFree(uses: readonly PortUse[], host: string): Promise<void> {
  const taken: PortUse[] = []
  for (const use of uses) if (!(await isFree(use.port, host))) taken.push(use)
  if (taken.length === 0) return
  const lines = taken.map(({ port, use }) => `${host}:${port} is in use; it is for ${use}`)
  throw new NexusError({ code: 'PORT_IN_USE', port: taken[0]?.port }, { message: lines.join('\n') })
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
