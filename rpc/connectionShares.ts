import { isIPv6 } from 'node:net'

/** How many connections each client may hold. */
export class ConnectionShares {
  readonly #perClient: number
  readonly #exempt: ReadonlySet<string>
  readonly #held = new Map<string, number>()

  /** `exempt`: addresses that nobody counts. */
  constructor(perClient: number, exempt: readonly string[]) {
    this.#perClient = perClient
    this.#exempt = new Set(exempt.map(clientOf))
  }

  /** What gives the connection back, once; null: the client has its share. */
  take(address: string | undefined): (() => void) | null {
    const client = clientOf(address ?? '')
    if (this.#exempt.has(client)) return () => {}
    const held = this.#held.get(client) ?? 0
    if (held >= this.#perClient) return null
    this.#held.set(client, held + 1)
    let isHeld = true
    return () => {
      if (isHeld) this.#release(client)
      isHeld = false
    }
  }

  #release(client: string): void {
    const left = (this.#held.get(client) ?? 1) - 1
    if (left > 0) this.#held.set(client, left)
    else this.#held.delete(client)
  }
}

/** The name under which a client is counted: IPv4 as it is, of IPv6 the half that a network is given. */
export function clientOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '')
  if (!isIPv6(plain)) return plain
  const [head = '', tail = ''] = (plain.split('%')[0] ?? '').toLowerCase().split('::')
  const groups = head === '' ? [] : head.split(':')
  const missing = plain.includes('::')
    ? 8 - groups.length - (tail === '' ? 0 : tail.split(':').length)
    : 0
  const all = [
    ...groups,
    ...new Array<string>(missing).fill('0'),
    ...(tail === '' ? [] : tail.split(':')),
  ]
  return all
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
