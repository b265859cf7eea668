import type { ExecutedBlock } from '../../core/chain/executedBlock.ts'
import type { RpcBackend } from '../backend.ts'
import { data } from '../format/hex.ts'
import { receiptOf } from '../format/receipt.ts'
import { minedTransactionOf, pendingTransactionOf } from '../format/transaction.ts'
import { type MethodModules, type MethodTable, method, patient } from '../method.ts'
import type { RpcOptions } from '../options.ts'
import { fail, type Ok, type Outcome } from '../outcome.ts'
import { blockNumber } from '../params/block.ts'
import { bytes, hash, safeInteger } from '../params/hex.ts'
import { optional, required } from '../params/parameter.ts'
import { blockAt } from './blocks.ts'

/** Transactions by hash and place, their receipts, and how they get in. */
export function transactionMethods(modules: MethodModules): MethodTable {
  const { backend, options } = modules
  const index = required(safeInteger)
  const shown = (block: ExecutedBlock | null, at: number): Ok<unknown> => ({
    ok: true,
    value: block === null ? null : transactionAt(backend, block, at),
  })
  const raw = (block: ExecutedBlock | null, at: number): Ok<unknown> => {
    const transaction = block?.transactions[at]
    return { ok: true, value: transaction === undefined ? null : data(transaction.bytes) }
  }
  const byHash = (blockHash: Uint8Array) => blockAt(backend, { kind: 'hash', hash: blockHash })
  return {
    eth_getTransactionByHash: method([required(hash)], (_, wanted) => find(backend, wanted)),
    eth_getRawTransactionByHash: method([required(hash)], (_, wanted) => findRaw(backend, wanted)),
    eth_getTransactionByBlockNumberAndIndex: method(
      [required(blockNumber), index],
      (_, block, at) => shown(blockAt(backend, block), at),
    ),
    eth_getTransactionByBlockHashAndIndex: method([required(hash), index], (_, block, at) =>
      shown(byHash(block), at),
    ),
    eth_getRawTransactionByBlockNumberAndIndex: method(
      [required(blockNumber), index],
      (_, block, at) => raw(blockAt(backend, block), at),
    ),
    eth_getRawTransactionByBlockHashAndIndex: method([required(hash), index], (_, block, at) =>
      raw(byHash(block), at),
    ),
    eth_getTransactionReceipt: method([required(hash)], (_, wanted) => ({
      ok: true,
      value: receipt(backend, wanted),
    })),
    eth_sendRawTransaction: method([required(bytes)], (_, signed) => send(backend, signed)),
    eth_sendRawTransactionSync: patient(
      method(
        [required(bytes), optional(safeInteger, defaultSyncMs(options))],
        (_, signed, timeoutMs) => sendAndWait(modules, signed, timeoutMs),
      ),
    ),
  }
}

function transactionAt(backend: RpcBackend, block: ExecutedBlock, index: number): unknown {
  const transaction = block.transactions[index]
  return transaction === undefined
    ? null
    : minedTransactionOf(backend.transaction(transaction), block, index)
}

function placeOf(
  backend: RpcBackend,
  wanted: Uint8Array,
): { readonly block: ExecutedBlock; readonly index: number } | null {
  const location = backend.location(wanted)
  if (location === null) return null
  const block = backend.block(location.height)
  return block === null ? null : { block, index: location.index }
}

async function find(backend: RpcBackend, wanted: Uint8Array): Promise<Ok<unknown>> {
  const place = placeOf(backend, wanted)
  if (place !== null) return { ok: true, value: transactionAt(backend, place.block, place.index) }
  const pending = await backend.pendingTransaction(wanted)
  if (pending !== null)
    return { ok: true, value: pendingTransactionOf(backend.transaction(pending)) }
  // It may have moved from the pool into a block while the pool was asked.
  const moved = placeOf(backend, wanted)
  return {
    ok: true,
    value: moved === null ? null : transactionAt(backend, moved.block, moved.index),
  }
}

async function findRaw(backend: RpcBackend, wanted: Uint8Array): Promise<Ok<unknown>> {
  const mined = (): Uint8Array | undefined => {
    const place = placeOf(backend, wanted)
    return place?.block.transactions[place.index]?.bytes
  }
  const signed = mined() ?? (await backend.pendingTransaction(wanted))?.bytes ?? mined()
  return { ok: true, value: signed === undefined ? null : data(signed) }
}

function receipt(backend: RpcBackend, wanted: Uint8Array): unknown {
  const place = placeOf(backend, wanted)
  return place === null ? null : receiptOf(place.block, place.index, backend)
}

async function send(backend: RpcBackend, signed: Uint8Array): Promise<Outcome<string>> {
  const submitted = await backend.submit(signed)
  return submitted.ok ? { ok: true, value: data(submitted.value) } : submitted
}

const defaultSyncMs = ({ limits }: RpcOptions): number => Math.min(5_000, limits.syncMs)

/** EIP-7966: answers with the receipt. */
async function sendAndWait(
  { backend, receipts, options }: MethodModules,
  signed: Uint8Array,
  timeoutMs: number,
): Promise<Outcome<unknown>> {
  const submitted = await backend.submit(signed)
  if (!submitted.ok) return submitted
  const patience = Math.min(timeoutMs, options.limits.syncMs)
  const found = await receipts.wait(submitted.value, patience)
  return found
    ? { ok: true, value: receipt(backend, submitted.value) }
    : fail({ code: 'SYNC_TIMED_OUT', hash: submitted.value, timeoutMs: patience })
}
