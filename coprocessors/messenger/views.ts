import { view } from '../../core/host/coprocessor.ts'
import { address, bool, choice, int, u8, u32 } from '../../core/host/fields.ts'
import { ok } from '../../core/primitives/result.ts'
import { GAS } from './rules.ts'
import { CHAIN, type MessengerSchema } from './schema.ts'

const define = view<MessengerSchema>()
const KINDS = ['call', 'callback', 'transfer', 'evmCall'] as const
const NOBODY = new Uint8Array(20)

/** How long the queue is, and the number of the next message. */
const queue = define({
  id: 0,
  args: {},
  result: { waiting: u32, nextMessageId: int },
  gas: GAS.view,
  read: (state) =>
    ok({
      waiting: state.messages.count(),
      nextMessageId: state.chain.columns.nextNonce.get(CHAIN),
    }),
})

/** One waiting message; a callback has a number of its own. */
const message = define({
  id: 1,
  args: { messageId: int },
  result: {
    waits: bool,
    kind: choice(...KINDS),
    source: address,
    block: int,
    priority: u8,
    gasLimit: int,
  },
  gas: GAS.view,
  read(state, { messageId }) {
    const row = state.byNonce.find(messageId)
    const { columns } = state.messages
    if (row === 0) {
      return ok({
        waits: false,
        kind: KINDS[0],
        source: NOBODY,
        block: 0,
        priority: 0,
        gasLimit: 0,
      })
    }
    return ok({
      waits: true,
      kind: KINDS[columns.kind.get(row)] ?? KINDS[0],
      source: columns.source.get(row),
      block: columns.block.get(row),
      priority: columns.priority.get(row),
      gasLimit: columns.gasLimit.get(row),
    })
  },
})

export const views = { queue, message }
