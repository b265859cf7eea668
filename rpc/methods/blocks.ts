import type { BlockOutline, ExecutedBlock } from '../../core/chain/executedBlock.ts'
import type { RpcBackend } from '../backend.ts'
import { blockOf, fullTransactionsOf, headerOf, transactionHashesOf } from '../format/block.ts'
import { data, quantity } from '../format/hex.ts'
import { receiptOf } from '../format/receipt.ts'
import { type MethodModules, type MethodTable, method } from '../method.ts'
import type { Ok } from '../outcome.ts'
import { type BlockParameter, blockNumber, blockReference, heightOf } from '../params/block.ts'
import { boolean, hash, uint64 } from '../params/hex.ts'
import { optional, required } from '../params/parameter.ts'

/** Blocks and the head of the chain. What does not exist is null, as in geth. */
export function blockMethods({ backend }: MethodModules): MethodTable {
  const byNumber = required(blockNumber)
  const byHash = required(hash)
  const isFull = optional(boolean, false)
  const show = (block: BlockParameter, full: boolean): Ok<unknown> => ({
    ok: true,
    value: full ? fullBlockAt(backend, block) : shortBlockAt(backend, block),
  })
  const count = (block: BlockParameter): Ok<string | null> => {
    const outline = outlineAt(backend, block)
    return { ok: true, value: outline === null ? null : quantity(outline.hashes.length) }
  }
  const noUncles = (block: BlockParameter): Ok<string | null> => ({
    ok: true,
    value: outlineAt(backend, block) === null ? null : '0x0',
  })
  const of = (blockHash: Uint8Array): BlockParameter => ({ kind: 'hash', hash: blockHash })
  return {
    eth_chainId: method([], () => ({ ok: true, value: quantity(backend.identity.chainId) })),
    eth_blockNumber: method([], () => ({ ok: true, value: quantity(backend.height()) })),
    eth_syncing: method([], () => syncing(backend)),
    eth_getBlockByNumber: method([byNumber, isFull], (_, block, full) => show(block, full)),
    eth_getHeaderByNumber: method([byNumber], (_, block) => headerAt(backend, block)),
    eth_getHeaderByHash: method([byHash], (_, block) =>
      headerAt(backend, { kind: 'hash', hash: block }),
    ),
    eth_capabilities: method([], () => ({ ok: true, value: capabilitiesOf(backend) })),
    eth_getBlockByHash: method([byHash, isFull], (_, block, full) => show(of(block), full)),
    eth_getBlockTransactionCountByNumber: method([byNumber], (_, block) => count(block)),
    eth_getBlockTransactionCountByHash: method([byHash], (_, block) => count(of(block))),
    eth_getUncleCountByBlockNumber: method([byNumber], (_, block) => noUncles(block)),
    eth_getUncleCountByBlockHash: method([byHash], (_, block) => noUncles(of(block))),
    eth_getUncleByBlockNumberAndIndex: method(
      [byNumber, required(uint64)],
      (_, _block, _index) => NOTHING,
    ),
    eth_getUncleByBlockHashAndIndex: method(
      [byHash, required(uint64)],
      (_, _block, _index) => NOTHING,
    ),
    eth_getBlockReceipts: method([required(blockReference)], (_, block) => ({
      ok: true,
      value: receiptsOf(backend, blockAt(backend, block)),
    })),
  }
}

function headerAt(backend: RpcBackend, block: BlockParameter): Ok<unknown> {
  const height = heightOf(backend, block)
  const header = height === null ? null : backend.header(height)
  return { ok: true, value: header === null ? null : headerOf(header) }
}

/** What a router of requests wants to know of a node. Blocks and what is in them go together. */
function capabilitiesOf(backend: RpcBackend): object {
  const { block, state } = backend.inspection.oldest()
  const head = backend.height()
  const from = (oldest: number) => ({ disabled: false, oldestBlock: quantity(oldest) })
  return {
    head: {
      number: quantity(head),
      hash: data(backend.header(head)?.hash ?? backend.identity.genesisHash),
    },
    state: from(state),
    tx: from(block),
    logs: from(block),
    receipts: from(block),
    blocks: from(block),
    stateproofs: from(state),
  }
}

const NOTHING: Ok<null> = { ok: true, value: null }

export function blockAt(backend: RpcBackend, block: BlockParameter): ExecutedBlock | null {
  const height = heightOf(backend, block)
  return height === null ? null : backend.block(height)
}

function outlineAt(backend: RpcBackend, block: BlockParameter): BlockOutline | null {
  const height = heightOf(backend, block)
  return height === null ? null : backend.outline(height)
}

function shortBlockAt(backend: RpcBackend, block: BlockParameter): unknown {
  const outline = outlineAt(backend, block)
  return outline === null ? null : blockOf(outline, transactionHashesOf(outline))
}

function fullBlockAt(backend: RpcBackend, parameter: BlockParameter): unknown {
  const block = blockAt(backend, parameter)
  return block === null ? null : blockOf(block, fullTransactionsOf(block, backend))
}

const receiptsOf = (backend: RpcBackend, block: ExecutedBlock | null): unknown =>
  block === null ? null : block.transactions.map((_, index) => receiptOf(block, index, backend))

async function syncing(backend: RpcBackend): Promise<Ok<unknown>> {
  const { catchingUp, highestKnown } = await backend.status()
  if (!catchingUp) return { ok: true, value: false }
  const current = backend.height()
  return {
    ok: true,
    value: {
      startingBlock: '0x0',
      currentBlock: quantity(current),
      highestBlock: quantity(Math.max(current, highestKnown)),
    },
  }
}
