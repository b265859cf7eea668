import { concatBytes, EMPTY_BYTES, fromHex, toHex } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import { SIGNATURE_LENGTH, signatures } from '../../core/primitives/signature.ts'
import { encodeRlp, quantityBytes, type RlpItem } from '../../evm/rlp.ts'
import type { UnsignedTransaction } from '../../rpc/index.ts'
import type { MnemonicAccount } from '../keys/mnemonic.ts'

/** Signs for accounts whose keys everybody knows, and stands in for the signature of whoever is impersonated. */
export class DevnetWallet {
  readonly addresses: readonly Uint8Array[]
  readonly faucet: Uint8Array
  readonly #chainId: number
  /** By address. */
  readonly #keys: ReadonlyMap<string, Uint8Array>
  readonly #faucetKey: Uint8Array
  /** Addresses in hexadecimal, in the order in which they were asked for. */
  readonly #impersonated = new Set<string>()
  #impersonatesAll = false

  constructor(chainId: number, accounts: readonly MnemonicAccount[], faucet: MnemonicAccount) {
    this.#chainId = chainId
    this.addresses = accounts.map(({ address }) => address)
    this.#keys = new Map(accounts.map(({ address, privateKey }) => [toHex(address), privateKey]))
    this.faucet = faucet.address
    this.#faucetKey = faucet.privateKey
  }

  /** r, s and v (27 or 28); null: not one of the accounts. */
  signDigest(signer: Uint8Array, digest: Uint8Array): Uint8Array | null {
    const key = this.#keys.get(toHex(signer))
    if (key === undefined) return null
    const { signature, recovery } = signatures.sign(digest, key)
    return concatBytes(signature, Uint8Array.of(27 + recovery))
  }

  /** Null: not one of the accounts, nor the faucet, nor impersonated. */
  signTransaction(signer: Uint8Array, transaction: UnsignedTransaction): Uint8Array | null {
    const own = toHex(signer)
    const key = own === toHex(this.faucet) ? this.#faucetKey : this.#keys.get(own)
    if (key !== undefined)
      return rawBytes(transaction, this.#chainId, (digest) => signatures.sign(digest, key))
    if (!this.impersonates(signer)) return null
    return rawBytes(transaction, this.#chainId, () => standIn(signer))
  }

  get impersonated(): readonly Uint8Array[] {
    return [...this.#impersonated].map(fromHex)
  }
  impersonate(address: Uint8Array): void {
    this.#impersonated.add(toHex(address))
  }
  stopImpersonating(address: Uint8Array): void {
    this.#impersonated.delete(toHex(address))
  }
  impersonateAll(isOn: boolean): void {
    this.#impersonatesAll = isOn
  }
  impersonates(address: Uint8Array): boolean {
    return this.#impersonatesAll || this.#impersonated.has(toHex(address))
  }
}

type Signed = { readonly signature: Uint8Array; readonly recovery: number }

/** What the chain of a devnet takes for a signature of an address: see `TransactionRules.impersonates`. */
function standIn(address: Uint8Array): Signed {
  const signature = new Uint8Array(SIGNATURE_LENGTH)
  signature.set(address, SIGNATURE_LENGTH / 2 - address.length)
  return { signature, recovery: 0 }
}

function rawBytes(
  transaction: UnsignedTransaction,
  chainId: number,
  sign: (digest: Uint8Array) => Signed,
): Uint8Array {
  const { type } = transaction
  const prefix = type === 0 ? EMPTY_BYTES : Uint8Array.of(type)
  const fields = fieldsOf(transaction, chainId)
  // EIP-155: the chain id is signed, and comes back within v.
  const replayGuard = type === 0 ? [quantityBytes(chainId), EMPTY_BYTES, EMPTY_BYTES] : []
  const digest = keccak256(concatBytes(prefix, encodeRlp([...fields, ...replayGuard])))
  const { signature, recovery } = sign(digest)
  const v = type === 0 ? 35 + 2 * chainId + recovery : recovery
  const proof = [
    quantityBytes(v),
    trimmed(signature.subarray(0, 32)),
    trimmed(signature.subarray(32)),
  ]
  return concatBytes(prefix, encodeRlp([...fields, ...proof]))
}

function fieldsOf(transaction: UnsignedTransaction, chainId: number): RlpItem[] {
  const { type, maxFeePerGas, maxPriorityFeePerGas, to, value, data } = transaction
  const nonce = quantityBytes(transaction.nonce)
  const call = [quantityBytes(transaction.gas), to ?? EMPTY_BYTES, quantityBytes(value), data]
  const price = quantityBytes(maxFeePerGas)
  if (type === 0) return [nonce, price, ...call]
  const chain = quantityBytes(chainId)
  const accessList = transaction.accessList.map(({ address, storageKeys }) => [
    address,
    storageKeys,
  ])
  if (type === 1) return [chain, nonce, price, ...call, accessList]
  const fields = [chain, nonce, quantityBytes(maxPriorityFeePerGas), price, ...call, accessList]
  return type === 2 ? fields : [...fields, transaction.authorizations.map(authorizationOf)]
}

type Authorization = UnsignedTransaction['authorizations'][number]

const authorizationOf = (tuple: Authorization): RlpItem => [
  quantityBytes(tuple.chainId),
  tuple.address,
  quantityBytes(tuple.nonce),
  quantityBytes(tuple.yParity),
  trimmed(tuple.r),
  trimmed(tuple.s),
]

/** Without leading zeros. */
function trimmed(bytes: Uint8Array): Uint8Array {
  const start = bytes.findIndex((byte) => byte !== 0)
  return start < 0 ? EMPTY_BYTES : bytes.subarray(start)
}
