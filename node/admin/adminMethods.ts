import { NexusError } from '../../core/primitives/errors.ts'
import type { BannedPeer, PeerInfo } from '../network/peerInfo.ts'
import type { LogLevel } from '../observability/logger.ts'

/** What an operator may do to a running node. */
export type AdminActions = {
  peers(): readonly PeerInfo[]
  bans(): readonly BannedPeer[]
  /** Disconnects it too. */
  ban(peerId: string, ms: number): void
  /** False: it was not banned. */
  unban(peerId: string): boolean
  setLogLevel(level: LogLevel): void
  /** As SIGTERM; returns before the node has stopped. */
  stop(): void
}

export type AdminMethod = (params: readonly unknown[]) => unknown

const LEVELS: readonly unknown[] = ['debug', 'info', 'warn', 'error', 'fatal', 'silent']
const PEER_ID = /^[1-9A-HJ-NP-Za-km-z]{40,70}$/
const DEFAULT_BAN_MS = 3_600_000
const MAX_BAN_MS = 365 * 86_400_000

/** By name. Wrong parameters throw ADMIN_PARAMS. */
export const adminMethods = (actions: AdminActions): ReadonlyMap<string, AdminMethod> =>
  new Map<string, AdminMethod>([
    ['admin_peers', () => actions.peers()],
    ['admin_bans', () => actions.bans()],
    [
      'admin_banPeer',
      ([peerId, ms = DEFAULT_BAN_MS]) => {
        if (typeof ms !== 'number' || !Number.isInteger(ms) || ms < 1 || ms > MAX_BAN_MS)
          throw wrong(`a ban lasts 1 to ${MAX_BAN_MS} milliseconds`)
        actions.ban(peerIdFrom(peerId), ms)
        return true
      },
    ],
    ['admin_unbanPeer', ([peerId]) => actions.unban(peerIdFrom(peerId))],
    [
      'admin_setLogLevel',
      ([level]) => {
        if (!LEVELS.includes(level)) throw wrong(`a level is one of ${LEVELS.join(', ')}`)
        actions.setLogLevel(level as LogLevel)
        return true
      },
    ],
    [
      'admin_stop',
      () => {
        actions.stop()
        return true
      },
    ],
  ])

function peerIdFrom(value: unknown): string {
  if (typeof value === 'string' && PEER_ID.test(value)) return value
  throw wrong('a peer id looks like 12D3Koo…')
}

const wrong = (message: string): NexusError => new NexusError({ code: 'ADMIN_PARAMS' }, { message })
