import type { LocalAccount } from 'viem'
import {
  concatHex,
  type Hex,
  parseGwei,
  parseTransaction,
  serializeTransaction,
  type TransactionSerializable,
  toRlp,
} from 'viem'

export type BadTransaction = {
  readonly name: string
  readonly raw: unknown
  readonly code: number
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
  const bad = (name: string, raw: unknown, code = REFUSED, message = /.+/): BadTransaction => ({
    name,
    raw,
    code,
    message,
  })
  return [
    bad('nothing', '0x'),
    bad('not hex', '0xzz', INVALID_PARAMS),
    bad('an odd number of digits', '0x123', INVALID_PARAMS),
    bad('a number', 12, INVALID_PARAMS),
    bad('a list of no fields', '0xc0'),
    bad('random bytes', `0x${'5a'.repeat(100)}`),
    bad('a truncated transaction', included.slice(0, -10)),
    bad('bytes after the end', `${included}00`),
    bad('a length that promises gigabytes', '0xfbffffffff'),
    bad('lists nested ten thousand deep', nested(10_000)),
    bad('an unknown type', `0x05${included.slice(4)}`),
    bad('more than 128 KiB', `0x02${'ab'.repeat(200_000)}`, REFUSED, /oversized|too large/i),
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
  const { account, chainId, nonce, included, blockGasLimit } = context
  const base = {
    type: 'eip1559',
    chainId,
    nonce,
    to: account.address,
    gas: 21_000n,
    maxFeePerGas: parseGwei('20'),
    maxPriorityFeePerGas: 1n,
  } as const
  const bad = async (
    name: string,
    changes: object,
    message: RegExp,
    remove: readonly string[] = [],
  ): Promise<BadTransaction> => {
    const fields = Object.entries({ ...base, ...changes }).filter(([key]) => !remove.includes(key))
    const transaction = Object.fromEntries(fields) as unknown as TransactionSerializable
    return { name, raw: await account.signTransaction(transaction), code: REFUSED, message }
  }
  const legacy = { type: 'legacy', gasPrice: parseGwei('20') }
  const fees = ['maxFeePerGas', 'maxPriorityFeePerGas']
  const blob = { maxFeePerBlobGas: 1n, blobVersionedHashes: [`0x01${'00'.repeat(31)}`] }
  const authorizationList = [
    {
      address: account.address,
      chainId,
      nonce: 0,
      r: `0x${'11'.repeat(32)}`,
      s: '0x01',
      yParity: 0,
    },
  ]
  return [
    await bad('another chain', { chainId: 1 }, /chain id/i),
    await bad('another chain, legacy', { ...legacy, chainId: 1 }, /chain id/i, fees),
    await bad('no chain at all', legacy, /replay-protected|chain id/i, [...fees, 'chainId']),
    {
      name: 'one that is final',
      raw: included,
      code: REFUSED,
      message: /already known|nonce too low/,
    },
    await bad('a used nonce', { nonce: 0, value: 3n }, /nonce too low/),
    await bad('a nonce of 2^64 - 1', { nonce: 2 ** 53 - 1 }, /nonce/),
    await bad('a fee below the minimum', { maxFeePerGas: 1n }, /underpriced|base fee/i),
    await bad(
      'a tip above the fee',
      { maxPriorityFeePerGas: parseGwei('30') },
      /priority fee|tip/i,
    ),
    await bad('more value than the account has', { value: RICH }, /insufficient funds/),
    await bad('more fees than the account has', { maxFeePerGas: RICH }, /insufficient funds/),
    await bad('too little gas', { gas: 20_999n }, /intrinsic gas/),
    await bad(
      'too little gas for its data',
      { data: `0x${'ff'.repeat(100)}` },
      /intrinsic gas|floor/,
    ),
    await bad('more gas than a block', { gas: blockGasLimit + 1n }, /gas limit/i),
    await bad(
      'init code above 48 KiB',
      { data: `0x${'00'.repeat(49_153)}`, gas: 5_000_000n },
      /init ?code/i,
      ['to'],
    ),
    await bad('a blob', { type: 'eip4844', ...blob }, /blob|type not supported/i),
    await bad(
      'a delegation without authorization',
      { type: 'eip7702', authorizationList: [] },
      /auth/i,
    ),
    await bad('a delegation that creates', { type: 'eip7702', authorizationList }, /create|to/i, [
      'to',
    ]),
  ]
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
  const hex = (value: bigint): Hex => `0x${value.toString(16).padStart(64, '0')}`
  const bad = (name: string, signature: { r: Hex; s: Hex; yParity: number }): BadTransaction => ({
    name,
    raw: serializeTransaction(transaction, signature),
    code: REFUSED,
    message: /signature|sender/i,
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
    bad('s in the upper half', { r, s: hex(ORDER - BigInt(s)), yParity: 1 - yParity }),
    bad('r of the group order', { r: hex(ORDER), s, yParity }),
    bad('s of zero', { r, s: hex(0n), yParity }),
    {
      name: 'a parity of 2',
      raw: concatHex(['0x02', toRlp([...fields.slice(0, 8), [], '0x02', r, s] as Hex[])]),
      code: REFUSED,
      message: /.+/,
    },
    {
      name: 'an integer with a leading zero',
      raw: concatHex([
        '0x02',
        toRlp(['0x0f64', '0x0001', ...fields.slice(2, 8), [], '0x01', r, s] as Hex[]),
      ]),
      code: REFUSED,
      message: /.+/,
    },
    {
      name: 'no signature',
      raw: serializeTransaction(transaction),
      code: REFUSED,
      message: /.+/,
    },
  ]
}
