import { Agent, get } from 'node:http'
import type { HealthReport } from '../observability/monitoringServer.ts'

/** Asks the `/health` of validators, keeping one connection to each. */
export class HealthPoller {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #ports: readonly number[]
  readonly #timeoutMs: number

  constructor(ports: readonly number[], timeoutMs: number) {
    this.#ports = ports
    this.#timeoutMs = timeoutMs
  }

  /** Null for a validator that does not answer in time. */
  poll(): Promise<readonly (HealthReport | null)[]> {
    return Promise.all(this.#ports.map((port) => this.#ask(port)))
  }

  close(): void {
    this.#agent.destroy()
  }

  #ask(port: number): Promise<HealthReport | null> {
    return new Promise((resolve) => {
      const request = get(
        { host: '127.0.0.1', port, path: '/health', agent: this.#agent, timeout: this.#timeoutMs },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () => resolve(parseReport(Buffer.concat(chunks).toString('utf8'))))
          response.on('error', () => resolve(null))
        },
      )
      request.on('timeout', () => request.destroy())
      request.on('error', () => resolve(null))
    })
  }
}

/** The port may belong to anything by now. */
function parseReport(text: string): HealthReport | null {
  try {
    const report = JSON.parse(text) as HealthReport
    const isReport = typeof report.height === 'number' && typeof report.status === 'string'
    return isReport ? report : null
  } catch {
    return null
  }
}
