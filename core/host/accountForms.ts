import { fixedBytes, type Reader, u32, type Writer } from '../primitives/codec.ts'
import { ADDRESS_LENGTH } from '../primitives/signature.ts'
import type { AccountForm } from './fieldForms.ts'

/** The ledger's two directions. `idOf` gives 0 for an address without an account. */
export type AccountNames = {
  idOf(address: Uint8Array): number
  addressOf(id: number): Uint8Array
}

const address = fixedBytes(ADDRESS_LENGTH)
const NO_ACCOUNT = new Uint8Array(ADDRESS_LENGTH)

/** Ids inside, ids on the wire. */
export const ids: AccountForm = {
  read: (reader) => u32.read(reader),
  write: (writer, id) => u32.write(writer, id as number),
}

/** Addresses outside, addresses on the wire. */
export const addresses: AccountForm = {
  read: (reader) => address.read(reader),
  write: (writer, value) => address.write(writer, value as Uint8Array),
}

/** Ids inside, addresses on the wire. For one reading: `unknown` tells whether it met a stranger. */
export class NamedAccounts implements AccountForm {
  readonly #names: AccountNames
  unknown = false

  constructor(names: AccountNames) {
    this.#names = names
  }

  read(reader: Reader): number {
    const value = address.read(reader)
    return reader.fault === null ? this.idOf(value) : 0
  }
  write(writer: Writer, id: unknown): void {
    writer.raw(this.addressOf(id as number))
  }

  idOf(value: Uint8Array): number {
    const id = this.#names.idOf(value)
    if (id === 0) this.unknown = true
    return id
  }
  /** The zero address for id 0, no account. */
  addressOf(id: number): Uint8Array {
    return id === 0 ? NO_ACCOUNT : this.#names.addressOf(id)
  }
}
