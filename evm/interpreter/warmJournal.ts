import type { EVM } from '@ethereumjs/evm'
import { type Account, type Address, hexToBytes } from '@ethereumjs/util'
import { toHex } from '../../core/primitives/bytes.ts'
import { bytesOfKey, keyOf } from '../state/keys.ts'
import type { NexusStateManager } from '../state/stateManager.ts'

/** The precompile whose touch survives a revert, for a block of 2016 (EIP-161, geth journal.go). */
const RIPEMD = keyOf(hexToBytes(`0x${'3'.padStart(40, '0')}`))

/**
 * What a transaction has warmed (EIP-2929) and touched (EIP-161). The library's journal, with keys
 * that cost less to make and one undo log shared with the state.
 */
export class WarmJournal {
  readonly #manager: NexusStateManager
  /** Warm in every transaction: precompiles. */
  readonly #fixed: ReadonlySet<string>
  /** As warm as precompiles: NexusCore's engines, by key. */
  engines: ReadonlyMap<string, Uint8Array> = new Map()
  /** Warm until the transaction ends, whatever reverts. */
  readonly #always = new Set<string>()
  readonly #warm = new Set<string>()
  readonly #touched = new Set<string>()
  /** Hex digits without prefix; only while a simulation asks for it. */
  accessList: Map<string, Set<string>> | undefined

  constructor(manager: NexusStateManager, precompiles: Iterable<string>) {
    this.#manager = manager
    this.#fixed = new Set([...precompiles].map((hex) => keyOf(hexToBytes(`0x${hex}`))))
  }

  startReportingAccessList(): void {
    this.accessList = new Map()
  }

  async putAccount(address: Address, account: Account | undefined): Promise<void> {
    this.#touch(address.bytes)
    await this.#manager.putAccount(address, account)
  }
  async deleteAccount(address: Address): Promise<void> {
    this.#touch(address.bytes)
    this.#manager.flat.deleteAccount(address.bytes)
  }

  async checkpoint(): Promise<void> {
    this.#manager.flat.checkpoint()
  }
  async commit(): Promise<void> {
    this.#manager.flat.commit()
  }
  async revert(): Promise<void> {
    this.#manager.flat.revert()
  }

  /** Removes what was touched and is empty, and forgets the transaction. */
  cleanup(): void {
    for (const key of this.#touched) this.#manager.flat.sweep(bytesOfKey(key))
    this.cleanJournal()
  }

  cleanJournal(): void {
    this.#always.clear()
    this.#warm.clear()
    this.#touched.clear()
    this.accessList = undefined
  }

  /** From the library, with or without prefix. */
  addAlwaysWarmAddress(hex: string, report = false): void {
    this.warm(hexToBytes(hex.startsWith('0x') ? (hex as `0x${string}`) : `0x${hex}`), [], report)
  }

  /** Warm for the transaction: its parties and its access list. */
  warm(address: Uint8Array, slots: readonly Uint8Array[] = [], report = false): void {
    const key = keyOf(address)
    this.#always.add(key)
    for (const slot of slots) this.#always.add(key + keyOf(slot))
    if (report) this.#report(address, slots)
  }

  isWarmedAddress(address: Uint8Array): boolean {
    return this.isWarm(keyOf(address))
  }
  addWarmedAddress(address: Uint8Array): void {
    this.#add(keyOf(address))
    this.#report(address, [])
  }
  isWarmedStorage(address: Uint8Array, slot: Uint8Array): boolean {
    return this.isWarm(keyOf(address) + keyOf(slot))
  }
  addWarmedStorage(address: Uint8Array, slot: Uint8Array): void {
    this.warmSlot(keyOf(address) + keyOf(slot), address, slot)
  }

  isWarm(key: string): boolean {
    if (this.#warm.has(key) || this.#always.has(key)) return true
    return this.#fixed.has(key) || this.engines.has(key)
  }
  warmSlot(key: string, address: Uint8Array, slot: Uint8Array): void {
    this.#add(key)
    this.#report(address, [slot])
  }

  #add(key: string): void {
    if (this.#warm.has(key)) return
    this.#warm.add(key)
    this.#manager.flat.onRevert(() => this.#warm.delete(key))
  }

  #touch(address: Uint8Array): void {
    const key = keyOf(address)
    if (this.#touched.has(key)) return
    this.#touched.add(key)
    if (key !== RIPEMD) this.#manager.flat.onRevert(() => this.#touched.delete(key))
  }

  #report(address: Uint8Array, slots: readonly Uint8Array[]): void {
    if (this.accessList === undefined) return
    const hex = toHex(address)
    const known = this.accessList.get(hex) ?? new Set()
    for (const slot of slots) known.add(toHex(slot))
    this.accessList.set(hex, known)
  }
}

/** The library's class has private fields, so that no other class is its type; it uses the methods above and no others. */
export const asLibraryJournal = (journal: WarmJournal): EVM['journal'] =>
  journal as unknown as EVM['journal']
