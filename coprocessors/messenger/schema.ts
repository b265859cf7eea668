import { hashIndex, orderedIndex, type StateOf, table } from '../../core/arena/schema.ts'
import { LIMITS } from '../../core/primitives/limits.ts'

/** Messages that wait at one time, both directions together; 1.2 KiB each. */
export const QUEUE_CAPACITY = 2 ** 14

/** What a message becomes when its turn comes. Part of the state format. */
export const KIND = { call: 0, callback: 1, transfer: 2, evmCall: 3 } as const

/** The messenger's memory with room for another number of messages, row 0 included. */
export function messengerSchemaOf(capacity: number) {
  const messages = messagesOf(capacity)
  return {
    chain,
    messages,
    byNonce: hashIndex(messages, ['nonce']),
    inOrder: orderedIndex(messages, { group: 'lane', groups: 1, price: 'rank', sequence: 'nonce' }),
  }
}

const chain = table({
  capacity: 2,
  columns: {
    nextNonce: 'int',
    /** EVM gas per Core gas. */
    gasRatio: 'u32',
  },
})

const messagesOf = (capacity: number) =>
  table({
    capacity,
    columns: {
      /** Always 0: one queue. */
      lane: 'u16',
      kind: 'u8',
      priority: 'u8',
      /** Outcome of the call, for a callback. */
      status: 'u8',
      asset: 'u16',
      account: 'u32',
      nonce: 'int',
      block: 'int',
      /** Block and falling priority in one number: the queue is in its order, then in that of nonces. */
      rank: 'int',
      /** EVM gas. */
      gasLimit: 'int',
      callbackGas: 'int',
      /** Of the call that a callback answers. */
      messageId: 'int',
      amount: 'int',
      /** Of the asset, in EVM units. */
      units: 'u128',
      source: 'bytes20',
      target: 'bytes20',
      /** Calldata, or for a callback what its call returned. */
      data: { blob: LIMITS.messageBytes },
    },
  })

export const messengerSchema = messengerSchemaOf(QUEUE_CAPACITY)
export type MessengerSchema = typeof messengerSchema
export type MessengerState = StateOf<MessengerSchema>

/** The only row of `chain`. */
export const CHAIN = 1
