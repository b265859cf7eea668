import type { StateEdit } from '../core/chain/stateEdit.ts'
import { bytesToBigint, equalBytes } from '../core/primitives/bytes.ts'
import { ADDRESS_LENGTH } from '../core/primitives/signature.ts'
import { EMPTY_ACCOUNT, hasStorage, isEmptyAccount } from './account.ts'
import type { Engine } from './engine.ts'
import { isChainAddress } from './reserved.ts'
import { decodeRlp, encodeRlp, quantityBytes } from './rlp.ts'
import type { FlatState } from './state/flatState.ts'
import type { DecodedTransaction } from './transaction.ts'

/** Where a faucet's transaction with an edit goes. Nothing is ever there: anybody else's does nothing. */
export const EDITS_ADDRESS = new Uint8Array(ADDRESS_LENGTH)
EDITS_ADDRESS.set([0xde, 0x7e], ADDRESS_LENGTH - 2)

/** Far below 2^53, which counting up never reaches. */
export const MAX_EDITED_NONCE = 2 ** 48
const KINDS = ['balance', 'nonce', 'code', 'slot'] as const
const WORD_BYTES = 32

/** The calldata of the faucet's transaction: `rlp([kind, address, value])`, with the slot before the value. */
export function encodeEdit(edit: StateEdit): Uint8Array {
  const head = [quantityBytes(KINDS.indexOf(edit.kind) + 1), edit.address]
  switch (edit.kind) {
    case 'balance':
      return encodeRlp([...head, quantityBytes(edit.balance)])
    case 'nonce':
      return encodeRlp([...head, quantityBytes(edit.nonce)])
    case 'code':
      return encodeRlp([...head, edit.code])
    case 'slot':
      return encodeRlp([...head, edit.slot, edit.value])
  }
}

/** Whether a transaction is one, on a chain with this faucet. */
export const isStateEdit = (
  faucet: Uint8Array | null,
  { sender, to, value }: Pick<DecodedTransaction, 'sender' | 'to' | 'value'>,
): boolean =>
  faucet !== null &&
  to !== null &&
  value === 0n &&
  equalBytes(to, EDITS_ADDRESS) &&
  equalBytes(sender, faucet)

/** False, and nothing is changed: what is no edit, of an address of the chain itself, or more than the faucet has. */
export function applyEdit(
  { flat, tracer }: Pick<Engine, 'flat' | 'tracer'>,
  faucet: Uint8Array,
  data: Uint8Array,
): boolean {
  const edit = decodeEdit(data)
  if (edit === null || isFixed(edit.address)) return false
  const { address } = edit
  tracer?.account?.(address)
  if (edit.kind === 'slot') tracer?.slot?.(address, edit.slot)
  const account = flat.account(address) ?? EMPTY_ACCOUNT
  switch (edit.kind) {
    case 'balance':
      if (!moveBalance(flat, faucet, edit)) return false
      break
    case 'nonce':
      flat.setAccount(address, { ...account, nonce: edit.nonce })
      break
    case 'code':
      flat.setCode(address, edit.code)
      break
    case 'slot':
      flat.setSlot(address, edit.slot, edit.value)
      break
  }
  settle(flat, address)
  return true
}

/** Of Osaka: 0x01 to 0x11, and P256VERIFY at 0x100. */
const LAST_PRECOMPILE = 0x11
const P256_VERIFY = 0x100

/** Where something answers that is no account, or that the chain keeps accounts by. */
function isFixed(address: Uint8Array): boolean {
  if (isChainAddress(address) || equalBytes(address, EDITS_ADDRESS)) return true
  const number = bytesToBigint(address)
  return (number > 0n && number <= LAST_PRECOMPILE) || number === BigInt(P256_VERIFY)
}

function moveBalance(
  flat: FlatState,
  faucet: Uint8Array,
  { address, balance }: Extract<StateEdit, { readonly kind: 'balance' }>,
): boolean {
  const rich = flat.account(faucet)
  const before = flat.account(address)?.balance ?? 0n
  const left = (rich?.balance ?? 0n) + before - balance
  if (rich === null || left < 0n || equalBytes(address, faucet)) return false
  flat.setAccount(faucet, { ...rich, balance: left })
  flat.setAccount(address, { ...(flat.account(address) ?? EMPTY_ACCOUNT), balance })
  return true
}

/**
 * An empty account is none (EIP-161), and its storage would have to be deleted whole, which nothing here
 * does: one that is left with storage alone is given a contract's first nonce.
 */
function settle(flat: FlatState, address: Uint8Array): void {
  const entry = flat.entry(address)
  const { account } = entry
  if (account !== null && !isEmptyAccount(account)) return
  const holdsStorage =
    (account !== null && hasStorage(account)) || [...entry.slots()].some(({ value }) => value !== 0)
  if (holdsStorage) flat.write(entry, { ...(account ?? EMPTY_ACCOUNT), nonce: 1 })
  else flat.sweep(address)
}

function decodeEdit(data: Uint8Array): StateEdit | null {
  const decoded = decodeRlp(data)
  if (!decoded.ok || decoded.value instanceof Uint8Array) return null
  const items = decoded.value
  const [tag, address, first, second, ...more] = items
  if (!(tag instanceof Uint8Array && address instanceof Uint8Array)) return null
  if (!(first instanceof Uint8Array) || address.length !== ADDRESS_LENGTH) return null
  const kind = tag.length === 1 ? KINDS[(tag[0] as number) - 1] : undefined
  if (kind === 'slot') {
    const isWhole = second instanceof Uint8Array && more.length === 0
    if (!isWhole || first.length !== WORD_BYTES || second.length !== WORD_BYTES) return null
    return { kind, address: address.slice(), slot: first.slice(), value: second.slice() }
  }
  if (kind === undefined || second !== undefined) return null
  if (kind === 'code') return { kind, address: address.slice(), code: first.slice() }
  if (first.length > WORD_BYTES || first[0] === 0) return null
  const value = bytesToBigint(first)
  if (kind === 'balance') return { kind, address: address.slice(), balance: value }
  if (value > BigInt(MAX_EDITED_NONCE)) return null
  return { kind, address: address.slice(), nonce: Number(value) }
}
