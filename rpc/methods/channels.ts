import { LIMITS } from '../../core/primitives/limits.ts'
import type { Guard } from '../channels/disconnectGuards.ts'
import type { Wanted } from '../channels/sources.ts'
import type { CoreServices } from '../coreServices.ts'
import { signedEnvelopeOf } from '../envelope.ts'
import { type MethodModules, type MethodTable, method } from '../method.ts'
import { fail, type Outcome } from '../outcome.ts'
import { address, bytes, string } from '../params/hex.ts'
import { bad, MemberReader, membersOf, type Parsed, required } from '../params/parameter.ts'
import { integerUpTo } from '../params/values.ts'
import type { Subscriber } from '../subscriptions.ts'

/** How long a client may be away before its orders are cancelled, in milliseconds. */
const MAX_GRACE_MS = 600_000
const MAX_MARKET = 0xffff

/** `nexus_subscribe` and its end; over WebSocket only. */
export function channelMethods({ core }: MethodModules): MethodTable {
  if (core === null || core === undefined) return {}
  return {
    nexus_subscribe: method(
      [required(string), required(membersOf)],
      ({ subscriber }, channel, members): Outcome<unknown> | Promise<Outcome<unknown>> => {
        if (subscriber === null) return fail({ code: 'NOTIFICATIONS_UNSUPPORTED' })
        const asked = askedOf(channel, members)
        return asked.ok
          ? subscribe(core, subscriber, asked.value)
          : fail({ code: 'INVALID_PARAMS', problem: `invalid argument 1: ${asked.problem}` })
      },
    ),
    nexus_unsubscribe: method([required(string)], ({ subscriber }, id): Outcome<boolean> => {
      if (subscriber === null) return fail({ code: 'NOTIFICATIONS_UNSUPPORTED' })
      return subscriber.leaveFeed(id)
        ? { ok: true, value: true }
        : fail({ code: 'SUBSCRIPTION_NOT_FOUND' })
    }),
  }
}

type Asked = {
  readonly wanted: Wanted
  readonly since: number | null
  readonly guard: { readonly envelope: Uint8Array; readonly graceMs: number } | null
}

async function subscribe(
  core: CoreServices,
  subscriber: Subscriber,
  { wanted, since, guard }: Asked,
): Promise<Outcome<unknown>> {
  const checked = guard === null ? null : await checkedGuard(core, guard)
  if (checked !== null && !checked.ok) return checked
  // After the last wait: the first message must follow the answer, and the connection must be there.
  const room = subscriber.room()
  if (!room.ok) return room
  const joined = core.channels.join(wanted, since, (id, text) => subscriber.tellFeed(id, text))
  if (!joined.ok) return joined
  const { id, replay, ...start } = joined.value
  if (checked !== null) core.guards.arm(id, checked.value)
  const leave = (): void => core.channels.leave(id)
  subscriber.addFeed(id, {
    leave: () => {
      core.guards.disarm(id)
      leave()
    },
    lose: () => {
      core.guards.lost(id)
      leave()
    },
  })
  const messages = replay.map((text) => JSON.parse(text) as unknown)
  return { ok: true, value: { subscription: id, ...start, replay: messages } }
}

/** It must be admissible now, and do nothing but cancel. */
async function checkedGuard(
  core: CoreServices,
  { envelope, graceMs }: { readonly envelope: Uint8Array; readonly graceMs: number },
): Promise<Outcome<Guard>> {
  const decoded = signedEnvelopeOf(envelope)
  if (!decoded.ok) return decoded
  const { signer, actions } = decoded.value.envelope
  const other = actions.findIndex(({ engine, fn }) => !isCancel(core, engine, fn))
  if (other >= 0) return fail({ code: 'BAD_ACTION', action: other, problem: 'NOT_A_CANCEL' })
  const admitted = await core.backend.wouldAdmit(envelope)
  return admitted.ok ? { ok: true, value: { signer, envelope, graceMs } } : admitted
}

function isCancel({ backend }: CoreServices, engine: number, fn: number): boolean {
  const table = backend.engines.find(({ id }) => id === engine)?.publicFns ?? {}
  return Object.values(table).some((one) => one.id === fn && one.class === 'cancel')
}

function askedOf(channel: string, members: Readonly<Record<string, unknown>>): Parsed<Asked> {
  const reader = new MemberReader(members)
  const wanted = wantedOf(channel, reader)
  const since = reader.read('since', integerUpTo(Number.MAX_SAFE_INTEGER), null)
  const guard = reader.read('cancelOnDisconnect', guardOf, null)
  if (reader.problem !== null) return bad(reader.problem)
  return wanted.ok ? { ok: true, value: { wanted: wanted.value, since, guard } } : wanted
}

function guardOf(json: unknown): Parsed<NonNullable<Asked['guard']>> {
  const members = membersOf(json)
  if (!members.ok) return members
  const reader = new MemberReader(members.value)
  const envelope = reader.read('envelope', bytes, null)
  const graceMs = reader.read('graceMs', integerUpTo(MAX_GRACE_MS), 0)
  if (reader.problem !== null) return bad(reader.problem)
  if (envelope === null) return bad('missing envelope')
  if (envelope.length > LIMITS.transactionBytes) return bad('envelope too large')
  return { ok: true, value: { envelope, graceMs } }
}

function wantedOf(channel: string, reader: MemberReader): Parsed<Wanted> {
  switch (channel) {
    case 'book':
    case 'trades': {
      const market = reader.read('market', integerUpTo(MAX_MARKET), null)
      if (market === null) return bad(reader.problem ?? 'missing market')
      if (channel === 'trades') return { ok: true, value: { channel, market } }
      const level = reader.read('level', levelOf, 'L2')
      return { ok: true, value: { channel, market, level } }
    }
    case 'orders':
    case 'fills':
    case 'balances':
    case 'actions': {
      const owner = reader.read('address', address, null)
      if (owner === null) return bad(reader.problem ?? 'missing address')
      return { ok: true, value: { channel, address: owner } }
    }
    default:
      return bad(`no "${channel}" channel`)
  }
}

const levelOf = (json: unknown): Parsed<'L2' | 'L3'> =>
  json === 'L2' || json === 'L3' ? { ok: true, value: json } : bad('expected "L2" or "L3"')
