// Drives the validator set until staking does: an admin lets keys in and out. Without an admin, in
// worlds that give it no parameters, anybody may, and until somebody does it asks for nothing.
import { hashIndex, type StateOf, table } from '../../../core/arena/schema.ts'
import { checkValidatorTarget, type ValidatorUpdate } from '../../../core/chain/validatorUpdates.ts'
import {
  type CallContext,
  type Coprocessor,
  publicFn,
  view,
} from '../../../core/host/coprocessor.ts'
import { bytes, int } from '../../../core/host/fields.ts'
import { assert } from '../../../core/primitives/assert.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { ok, type Result, reject } from '../../../core/primitives/result.ts'
import {
  addressOfPublicKey,
  PUBLIC_KEY_LENGTH,
  signatures,
} from '../../../core/primitives/signature.ts'

export const AUTHORITY = 60

export type AuthorityParams = {
  /** Account id. */
  readonly admin: number
  readonly validators: readonly ValidatorUpdate[]
}

const seats = table({
  capacity: LIMITS.validators + 1,
  columns: { address: 'bytes20', publicKey: { blob: PUBLIC_KEY_LENGTH }, power: 'int' },
})
const office = table({ capacity: 2, columns: { admin: 'u32' } })
const schema = { office, seats, byAddress: hashIndex(seats, ['address']) }
type AuthoritySchema = typeof schema
type State = StateOf<AuthoritySchema>

/** The one row of `office`. */
const OFFICE = 1

function wanted({ seats: rows }: State): ValidatorUpdate[] {
  const powers: ValidatorUpdate[] = []
  for (let row = rows.next(0); row !== 0; row = rows.next(row))
    powers.push({ publicKey: rows.columns.publicKey.get(row), power: rows.columns.power.get(row) })
  return powers
}

/** Null: not a key. */
const addressOf = (publicKey: Uint8Array): Uint8Array | null =>
  signatures.isPublicKey(publicKey) ? addressOfPublicKey(signatures.expand(publicKey)) : null

function seatOf(state: State, publicKey: Uint8Array): number {
  const address = addressOf(publicKey)
  return address === null ? 0 : state.byAddress.find(address)
}

function enter(state: State, { publicKey, power }: ValidatorUpdate): Result<null, string> {
  const address = addressOf(publicKey)
  if (address === null) return reject('BAD_PUBLIC_KEY')
  if (state.byAddress.find(address) !== 0) return reject('DUPLICATE_VALIDATOR')
  const row = state.seats.allocate()
  if (row === 0) return reject('TOO_MANY_VALIDATORS')
  state.seats.columns.address.set(row, address)
  state.seats.columns.publicKey.set(row, publicKey)
  state.seats.columns.power.set(row, power)
  state.byAddress.insert(row)
  return ok(null)
}

function leave(state: State, publicKey: Uint8Array): Result<number, string> {
  const row = seatOf(state, publicKey)
  if (row === 0) return reject('UNKNOWN_VALIDATOR')
  const power = state.seats.columns.power.get(row)
  state.byAddress.remove(row)
  state.seats.free(row)
  return ok(power)
}

/** Refused at the door: the machine halts on an engine that asks for what is no set. */
function changed(state: State, context: CallContext, change: Result<unknown, string>) {
  const admin = state.office.columns.admin.get(OFFICE)
  if (admin !== 0 && context.caller !== admin) return reject('NOT_AUTHORIZED')
  if (!change.ok) return change
  const target = checkValidatorTarget(wanted(state))
  return target.ok ? ok({}) : target
}

const define = publicFn<AuthoritySchema>()
const key = bytes(PUBLIC_KEY_LENGTH)
const common = { result: {}, gas: 1_000, class: 'other', authority: 'owner' } as const

const publicFns = {
  join: define({
    ...common,
    id: 0,
    args: { publicKey: key, power: int },
    apply: (state, seat, context) => changed(state, context, enter(state, seat)),
  }),
  leave: define({
    ...common,
    id: 1,
    args: { publicKey: key },
    apply: (state, { publicKey }, context) => changed(state, context, leave(state, publicKey)),
  }),
  setPower: define({
    ...common,
    id: 2,
    args: { publicKey: key, power: int },
    apply(state, { publicKey, power }, context) {
      const row = seatOf(state, publicKey)
      if (row === 0) return reject('UNKNOWN_VALIDATOR')
      state.seats.columns.power.set(row, power)
      return changed(state, context, ok(null))
    },
  }),
  /** The old key leaves, the new one has its power. */
  rotate: define({
    ...common,
    id: 3,
    args: { from: key, to: key },
    apply(state, { from, to }, context) {
      const left = leave(state, from)
      if (!left.ok) return left
      return changed(state, context, enter(state, { publicKey: to, power: left.value }))
    },
  }),
}

export const authority: Coprocessor<AuthoritySchema, AuthorityParams | undefined> = {
  id: AUTHORITY,
  name: 'authority',
  version: 1,
  schema,
  publicFns,
  internalFns: {},
  views: {
    powerOf: view<AuthoritySchema>()({
      id: 0,
      args: { publicKey: key },
      result: { power: int },
      gas: 100,
      read(state, { publicKey }) {
        const row = seatOf(state, publicKey)
        return row === 0
          ? reject('UNKNOWN_VALIDATOR')
          : ok({ power: state.seats.columns.power.get(row) })
      },
    }),
  },
  events: {},
  codes: [
    'BAD_POWER',
    'BAD_PUBLIC_KEY',
    'DUPLICATE_VALIDATOR',
    'EMPTY_VALIDATOR_SET',
    'NOT_AUTHORIZED',
    'TOO_MANY_VALIDATORS',
    'TOTAL_POWER_TOO_LARGE',
    'UNKNOWN_VALIDATOR',
  ],
  constraints: [
    {
      name: 'seated',
      when: 'full',
      check(state) {
        for (const { publicKey } of wanted(state))
          if (seatOf(state, publicKey) === 0) return 'a seat cannot be found by its key'
        return null
      },
    },
  ],
  validators: (state) => (state.seats.count() === 0 ? null : wanted(state)),
  genesis(state, params) {
    assert(state.office.allocate() === OFFICE, 'genesis begins with nothing')
    if (params === undefined) return
    state.office.columns.admin.set(OFFICE, params.admin)
    for (const seat of params.validators)
      assert(enter(state, seat).ok, 'a genesis has a validator set')
  },
  migrate: () => {},
}
