import {
  concatHex,
  type Hex,
  type LocalAccount,
  parseGwei,
  parseTransaction,
  serializeTransaction,
  toRlp,
} from 'viem'
import { signFields } from './rawTransaction.ts'

export type BadTransaction = {
  readonly name: string
  readonly raw: unknown
  readonly code: number
  /** In the error's `data.code`; undefined where JSON-RPC itself names the mistake. */
  readonly reason: string | undefined
  readonly message: RegExp
}

const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n
const REFUSED = -32000
const INVALID_PARAMS = -32602
const RICH = 10n ** 30n

export type Context = {
  readonly account: LocalAccount
  readonly nonce: number
  readonly chainId: number
  /** Included in a block already. */
  readonly included: Hex
  readonly blockGasLimit: bigint
}

/** One of everything that a node must refuse, with what it must say: geth's numbers and words. */
export async function badTransactions(context: Context): Promise<BadTransaction[]> {
  return [...malformed(context), ...(await wellFormed(context)), ...(await badlySigned(context))]
}

/** Bytes that are no transaction at all. */
function malformed({ included }: Context): BadTransaction[] {
  const bad = (name: string, raw: unknown, reason: string, message = /.+/): BadTransaction => ({
    ...{ name, raw, reason, message, code: REFUSED },
  })
  const noHex = (name: string, raw: unknown): BadTransaction => ({
    ...{ name, raw, reason: undefined, message: /hex/, code: INVALID_PARAMS },
  })
  return [
    bad('nothing', '0x', 'BAD_RLP'),
    noHex('not hex', '0xzz'),
    noHex('an odd number of digits', '0x123'),
    noHex('a number', 12),
    bad('a list of no fields', '0xc0', 'BAD_RLP'),
    bad('random bytes', `0x${'5a'.repeat(100)}`, 'UNKNOWN_TRANSACTION_TYPE'),
    bad('a truncated transaction', included.slice(0, -10), 'BAD_RLP'),
    bad('bytes after the end', `${included}00`, 'BAD_RLP'),
    bad('a length that promises gigabytes', '0xfbffffffff', 'BAD_RLP'),
    bad('lists nested ten thousand deep', nested(10_000), 'BAD_RLP'),
    bad('an unknown type', `0x05${included.slice(4)}`, 'UNKNOWN_TRANSACTION_TYPE'),
    bad(
      'more than 128 KiB',
      `0x02${'ab'.repeat(200_000)}`,
      'TRANSACTION_TOO_LARGE',
      /oversized data/,
    ),
  ]
}

/** Lists within lists, each with the length that RLP wants. */
function nested(depth: number): Hex {
  let bytes = Buffer.from([0xc0])
  const parts: Buffer[] = []
  let length = 1
  for (let i = 0; i < depth; i++) {
    bytes = length < 56 ? Buffer.from([0xc0 + length]) : lengthPrefix(length)
    parts.push(bytes)
    length += bytes.length
  }
  return `0x${Buffer.concat([...parts.reverse(), Buffer.from([0xc0])]).toString('hex')}`
}
function lengthPrefix(length: number): Buffer<ArrayBuffer> {
  const digits = length.toString(16)
  const size = Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex')
  return Buffer.concat([Buffer.from([0xf7 + size.length]), size])
}

/** Signed as they should be, and yet not for this chain, this account or this block. */
async function wellFormed(context: Context): Promise<BadTransaction[]> {
  const { account, included, blockGasLimit } = context
  const base = { ...defaultsOf(context), type: '0x2' } as const
  const legacy = { type: '0x0', gasPrice: hex(parseGwei('20')) } as const
  const bad = async (
    name: string,
    changes: Partial<typeof base> | Readonly<Record<string, unknown>>,
    reason: string,
    message: RegExp,
  ): Promise<BadTransaction> => ({
    name,
    raw: await signFields(account, { ...base, ...changes } as typeof base),
    code: REFUSED,
    reason,
    message,
  })
  return [
    await bad('another chain', { chainId: '0x1' }, 'WRONG_CHAIN_ID', /invalid chain id/),
    await bad(
      'another chain, legacy',
      { ...legacy, chainId: '0x1' },
      'WRONG_CHAIN_ID',
      /invalid chain id/,
    ),
    await bad(
      'no chain at all',
      { ...legacy, chainId: null },
      'UNPROTECTED_TRANSACTION',
      /replay-protected/,
    ),
    {
      name: 'one that is final',
      raw: included,
      code: REFUSED,
      reason: 'NONCE_TOO_LOW',
      message: /nonce too low/,
    },
    await bad('a used nonce', { nonce: '0x0', value: '0x3' }, 'NONCE_TOO_LOW', /nonce too low/),
    await bad(
      'the last nonce',
      { nonce: '0xffffffffffffffff' },
      'NONCE_OVERFLOW',
      /nonce has max value/,
    ),
    await bad(
      'a fee below the minimum',
      { maxFeePerGas: '0x1', maxPriorityFeePerGas: '0x0' },
      'FEE_BELOW_BASE_FEE',
      /max fee per gas less than block base fee/,
    ),
    await bad(
      'a tip above the fee',
      { maxPriorityFeePerGas: hex(parseGwei('30')) },
      'TIP_ABOVE_FEE_CAP',
      /max priority fee per gas higher than max fee per gas/,
    ),
    await bad(
      'more value than the account has',
      { value: hex(RICH) },
      'INSUFFICIENT_FUNDS',
      /insufficient funds for gas/,
    ),
    await bad(
      'more fees than the account has',
      { maxFeePerGas: hex(RICH) },
      'INSUFFICIENT_FUNDS',
      /insufficient funds for gas/,
    ),
    await bad('a value above 2^256', { value: hex(2n ** 256n) }, 'BAD_FIELD', /rlp/),
    await bad(
      'too little gas',
      { gas: hex(20_999) },
      'INTRINSIC_GAS_TOO_LOW',
      /intrinsic gas too low/,
    ),
    await bad(
      'too little gas for its data',
      { input: `0x${'ff'.repeat(100)}` },
      'INTRINSIC_GAS_TOO_LOW',
      /intrinsic gas too low/,
    ),
    await bad(
      'more gas than a block',
      { gas: hex(blockGasLimit + 1n) },
      'GAS_LIMIT_TOO_HIGH',
      /exceeds block gas limit/,
    ),
    await bad(
      'init code above 48 KiB',
      { to: null, input: `0x${'00'.repeat(49_153)}`, gas: hex(5_000_000) },
      'INITCODE_TOO_LARGE',
      /max initcode size exceeded/,
    ),
    await bad(
      'a delegation without authorization',
      { type: '0x4' },
      'EMPTY_AUTHORIZATION_LIST',
      /authorization/,
    ),
    await bad(
      'a delegation that creates',
      { type: '0x4', to: null, authorizationList: [authorization(account.address)] },
      'MISSING_RECIPIENT',
      /creation/,
    ),
    {
      name: 'a blob',
      raw: await blobOf(context),
      code: REFUSED,
      reason: 'BLOB_TRANSACTIONS_UNSUPPORTED',
      message: /EIP-4844/,
    },
  ]
}

const hex = (value: bigint | number): Hex => `0x${value.toString(16)}`

const defaultsOf = ({ account, chainId, nonce }: Context) =>
  ({
    chainId: hex(chainId),
    nonce: hex(nonce),
    gas: hex(21_000),
    maxFeePerGas: hex(parseGwei('20')),
    maxPriorityFeePerGas: '0x1',
    to: account.address,
    value: '0x0',
    input: '0x',
  }) as const

const authorization = (address: Hex) =>
  ({
    chainId: '0x0',
    address,
    nonce: '0x0',
    yParity: '0x0',
    r: `0x${'11'.repeat(32)}`,
    s: '0x1',
  }) as const

function blobOf({ account, chainId, nonce }: Context): Promise<Hex> {
  if (account.signTransaction === undefined) throw new Error('the account can sign')
  return account.signTransaction({
    ...{ type: 'eip4844', chainId, nonce, to: account.address, gas: 21_000n },
    ...{ maxFeePerGas: parseGwei('20'), maxPriorityFeePerGas: 1n, maxFeePerBlobGas: 1n },
    blobVersionedHashes: [`0x01${'00'.repeat(31)}`],
  })
}

async function badlySigned({ account, chainId, nonce }: Context): Promise<BadTransaction[]> {
  const transaction = {
    type: 'eip1559',
    chainId,
    nonce,
    to: account.address,
    gas: 21_000n,
    maxFeePerGas: parseGwei('20'),
    maxPriorityFeePerGas: 1n,
  } as const
  const { r, s, yParity } = parseTransaction(await account.signTransaction(transaction))
  if (r === undefined || s === undefined || yParity === undefined)
    throw new Error('a signed transaction has a signature')
  const bad = (name: string, signature: { r: Hex; s: Hex; yParity: number }): BadTransaction => ({
    name,
    raw: serializeTransaction(transaction, signature),
    code: REFUSED,
    reason: 'BAD_SIGNATURE',
    message: /invalid sender/,
  })
  const fields = [
    '0x0f64',
    '0x',
    '0x01',
    '0x01',
    '0x5208',
    account.address,
    '0x',
    '0x',
    [],
  ] as const
  return [
    bad('s in the upper half', { r, s: word(ORDER - BigInt(s)), yParity: 1 - yParity }),
    bad('r of the group order', { r: word(ORDER), s, yParity }),
    bad('s of zero', { r, s: word(0n), yParity }),
    {
      name: 'a parity of 2',
      raw: concatHex(['0x02', toRlp([...fields.slice(0, 8), [], '0x02', r, s] as Hex[])]),
      code: REFUSED,
      reason: 'BAD_SIGNATURE',
      message: /.+/,
    },
    {
      name: 'an integer with a leading zero',
      raw: concatHex([
        '0x02',
        toRlp(['0x0f64', '0x0001', ...fields.slice(2, 8), [], '0x01', r, s] as Hex[]),
      ]),
      code: REFUSED,
      reason: 'BAD_FIELD',
      message: /.+/,
    },
    {
      name: 'no signature',
      raw: serializeTransaction(transaction),
      code: REFUSED,
      reason: 'BAD_RLP',
      message: /.+/,
    },
  ]
}

const word = (value: bigint): Hex => `0x${value.toString(16).padStart(64, '0')}`
