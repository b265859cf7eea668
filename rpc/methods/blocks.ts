import type { ExecutedBlock } from '../../core/chain/executedBlock.ts'
import type { RpcBackend } from '../backend.ts'
import { blockOf, fullTransactionsOf, transactionHashesOf } from '../format/block.ts'
import { quantity } from '../format/hex.ts'
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
  const show = (block: ExecutedBlock | null, full: boolean): Ok<unknown> => ({
    ok: true,
    value: block === null ? null : shown(backend, block, full),
  })
  const count = (block: ExecutedBlock | null): Ok<string | null> => ({
    ok: true,
    value: block === null ? null : quantity(block.transactions.length),
  })
  const noUncles = (block: ExecutedBlock | null): Ok<string | null> => ({
    ok: true,
    value: block === null ? null : '0x0',
  })
  const at = (block: BlockParameter): ExecutedBlock | null => blockAt(backend, block)
  const of = (blockHash: Uint8Array): ExecutedBlock | null =>
    blockAt(backend, { kind: 'hash', hash: blockHash })
  return {
    eth_chainId: method([], () => ({ ok: true, value: quantity(backend.identity.chainId) })),
    eth_blockNumber: method([], () => ({ ok: true, value: quantity(backend.height()) })),
    eth_syncing: method([], () => syncing(backend)),
    eth_accounts: method([], () => ({ ok: true, value: [] })),
    eth_getBlockByNumber: method([byNumber, isFull], (_, block, full) => show(at(block), full)),
    eth_getBlockByHash: method([byHash, isFull], (_, block, full) => show(of(block), full)),
    eth_getBlockTransactionCountByNumber: method([byNumber], (_, block) => count(at(block))),
    eth_getBlockTransactionCountByHash: method([byHash], (_, block) => count(of(block))),
    eth_getUncleCountByBlockNumber: method([byNumber], (_, block) => noUncles(at(block))),
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
      value: receiptsOf(backend, at(block)),
    })),
  }
}

const NOTHING: Ok<null> = { ok: true, value: null }

export function blockAt(backend: RpcBackend, block: BlockParameter): ExecutedBlock | null {
  const height = heightOf(backend, block)
  return height === null ? null : backend.block(height)
}

const shown = (backend: RpcBackend, block: ExecutedBlock, full: boolean): unknown =>
  blockOf(block, full ? fullTransactionsOf(block, backend) : transactionHashesOf(block))

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
