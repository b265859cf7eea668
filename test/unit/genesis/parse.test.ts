import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MESSENGER_RULES } from '../../../coprocessors/messenger/index.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { LIMITS } from '../../../core/primitives/limits.ts'
import { formatGenesis } from '../../../genesis/format.ts'
import { genesisHash, validatorSetOf } from '../../../genesis/genesis.ts'
import { GENESIS_LIMITS } from '../../../genesis/limits.ts'
import { parseGenesis } from '../../../genesis/parse.ts'
import { formatProblems } from '../../../genesis/problems.ts'
import {
  ADDRESS,
  type Document,
  genesisOf,
  type Json,
  LEDGER,
  problemsOf,
  publicKeyHex,
  put,
  textOf,
  validDocument,
} from './fixtures.ts'

type Mistake = readonly [title: string, text: string, ...problems: string[]]

const change = (path: string, value: Json | undefined): string =>
  textOf(put(validDocument(), path, value))
const RESERVED = 'RESERVED_ADDRESS accounts[2].address'
const account = (address: string): string => change('accounts.2', { address, balance: '1' })

const HALF = (1n << 255n).toString()

const MISTAKES: readonly Mistake[] = [
  ['is empty', '', 'NOT_JSON '],
  ['ends early', textOf(validDocument()).slice(0, -1), 'NOT_JSON accounts'],
  ['goes on after the end', `${textOf(validDocument())}x`, 'NOT_JSON '],
  ['is not an object', '[]', 'WRONG_TYPE '],
  ['nests without end', `${'['.repeat(100_000)}`, `NOT_JSON ${'[0]'.repeat(16)}`],
  [
    'repeats a key',
    textOf(validDocument()).replace('{"format":2', '{"format":2,"format":2'),
    'DUPLICATE_KEY format',
  ],
  [
    'repeats a key of a dictionary',
    textOf(validDocument()).replace('"0x0":"0x01"', '"0x1":"0x01"'),
    'DUPLICATE_KEY accounts[1].storage."0x1"',
  ],
  ['has an unknown key', change('chainID', 1), 'UNKNOWN_KEY chainID'],
  [
    'has __proto__ as a key',
    change('evm.chain', 1).replace('chain"', '__proto__"'),
    'UNKNOWN_KEY evm.__proto__',
  ],
  ['misses a key', change('consensus.precisionMs', undefined), 'MISSING_KEY consensus.precisionMs'],
  ['has another format', change('format', 1), 'OUT_OF_RANGE format'],
  ['has chain id 0', change('chainId', 0), 'OUT_OF_RANGE chainId'],
  ['has a chain id as a string', change('chainId', '3940'), 'WRONG_TYPE chainId'],
  ['has a fraction', change('chainId', 3940.5), 'OUT_OF_RANGE chainId'],
  [
    'has a number beyond 2^53',
    change('chainId', 1).replace('"chainId":1', '"chainId":9007199254740993'),
    'OUT_OF_RANGE chainId',
  ],
  [
    'gives seconds for milliseconds',
    change('genesisTime', 1_769_860_800),
    'OUT_OF_RANGE genesisTime',
  ],
  [
    'gives a day that does not exist',
    change('genesisTime', '2026-02-31T12:00:00Z'),
    'BAD_FORMAT genesisTime',
  ],
  ['gives local time', change('genesisTime', '2026-01-31T12:00:00'), 'BAD_FORMAT genesisTime'],
  ['has no validators', change('validators', []), 'TOO_FEW validators'],
  [
    'has too many validators',
    change(
      'validators',
      Array.from({ length: LIMITS.validators + 1 }, () => ({})),
    ),
    'TOO_MANY validators',
  ],
  [
    'has a validator without power',
    change('validators.0.power', 0),
    'OUT_OF_RANGE validators[0].power',
  ],
  [
    'has a key that is not a point',
    change('validators.0.publicKey', `0x02${'ff'.repeat(32)}`),
    'BAD_PUBLIC_KEY validators[0].publicKey',
  ],
  [
    'has an uncompressed key',
    change('validators.1.publicKey', `0x${'04'.repeat(65)}`),
    'BAD_FORMAT validators[1].publicKey',
  ],
  [
    'repeats a validator',
    change('validators.1.publicKey', publicKeyHex(1)),
    'DUPLICATE_VALIDATOR validators[1].publicKey',
  ],
  [
    'has too much power',
    change('validators.1.power', LIMITS.totalVotingPower),
    'TOTAL_POWER_TOO_LARGE validators',
  ],
  ['has an empty name', change('validators.0.name', ''), 'BAD_FORMAT validators[0].name'],
  [
    'has a name with a line break',
    change('validators.0.name', 'a\nb'),
    'BAD_FORMAT validators[0].name',
  ],
  ['has another hard fork', change('evm.hardfork', 'cancun'), 'UNSUPPORTED evm.hardfork'],
  [
    'has an unknown fee recipient',
    change('consensus.tipRecipient', 'me'),
    'UNSUPPORTED consensus.tipRecipient',
  ],
  [
    'pays a treasury that is nowhere',
    change('consensus.tipRecipient', 'treasury'),
    'MISSING_TREASURY evm.treasury',
  ],
  [
    'is a development network whose faucet is empty',
    change('evm.faucet', `0x${'22'.repeat(20)}`),
    'UNFUNDED_FAUCET evm.faucet',
  ],
  [
    'has an account where Ethereum keeps the hashes of past blocks',
    change('accounts.0.address', '0x0000F90827F1C53a10cb7A02335B175320002935'),
    'RESERVED_ADDRESS accounts[0].address',
  ],
  ['has a base fee of 0', change('evm.baseFeePerGas', '0'), 'OUT_OF_RANGE evm.baseFeePerGas'],
  [
    'has blocks that no frame carries',
    change('consensus.maxBlockBytes', LIMITS.blockBytes + 1),
    'OUT_OF_RANGE consensus.maxBlockBytes',
  ],
  [
    'has blocks too small for a transaction',
    change('consensus.maxBlockBytes', 1_000),
    'OUT_OF_RANGE consensus.maxBlockBytes',
  ],
  ['has a balance as a number', change('accounts.0.balance', 1), 'WRONG_TYPE accounts[0].balance'],
  ['has a negative balance', change('accounts.0.balance', '-1'), 'BAD_FORMAT accounts[0].balance'],
  [
    'has a balance with leading zeros',
    change('accounts.0.balance', '010'),
    'BAD_FORMAT accounts[0].balance',
  ],
  [
    'has a balance of 2^256',
    change('accounts.0.balance', `${1n << 256n}`),
    'OUT_OF_RANGE accounts[0].balance',
  ],
  [
    'has a balance of a million digits',
    change('accounts.0.balance', '9'.repeat(1e6)),
    'BAD_FORMAT accounts[0].balance',
  ],
  [
    'has a supply of 2^256',
    textOf(put(put(validDocument(), 'accounts.0.balance', HALF), 'accounts.1.balance', HALF)),
    'SUPPLY_TOO_LARGE accounts',
  ],
  [
    'has an address of 19 bytes',
    change('accounts.0.address', ADDRESS.slice(0, -2)),
    'BAD_FORMAT accounts[0].address',
  ],
  [
    'has an address with a typing mistake',
    change('accounts.0.address', ADDRESS.replace('F', 'f')),
    'BAD_CHECKSUM accounts[0].address',
  ],
  [
    'repeats an account in another case',
    change('accounts.1', { address: ADDRESS.toLowerCase(), balance: '1' }),
    'DUPLICATE_ACCOUNT accounts[1].address',
  ],
  ['has an empty account', change('accounts.0.balance', '0'), 'EMPTY_ACCOUNT accounts[0]'],
  [
    'has code over a precompile',
    change('accounts.1.address', `0x${'0'.repeat(38)}01`),
    'RESERVED_ADDRESS accounts[1].address',
  ],
  ['has code with half a byte', change('accounts.1.code', '0x600'), 'BAD_FORMAT accounts[1].code'],
  [
    'has a delegation as code',
    change('accounts.1.code', `0xef0100${'00'.repeat(20)}`),
    'FORBIDDEN_CODE accounts[1].code',
  ],
  [
    'has code beyond EIP-170',
    change('accounts.1.code', `0x${'60'.repeat(GENESIS_LIMITS.codeBytes + 1)}`),
    'TOO_LARGE accounts[1].code',
  ],
  [
    'has storage without code',
    change('accounts.1.code', undefined),
    'STORAGE_WITHOUT_CODE accounts[1].storage',
  ],
  [
    'writes one slot in two ways',
    change('accounts.1.storage', { '0x1': '0x1', '0x01': '0x2' }),
    'DUPLICATE_SLOT accounts[1].storage',
  ],
  [
    'stores a zero',
    change('accounts.1.storage', { '0x1': '0x00' }),
    'ZERO_STORAGE accounts[1].storage."0x1"',
  ],
  [
    'has a slot of 33 bytes',
    change('accounts.1.storage', { [`0x${'1'.repeat(66)}`]: '0x1' }),
    `BAD_FORMAT`,
  ],
  ['has an account at an engine', account(`0x${'0'.repeat(37)}802`), RESERVED],
  ['has an account at an engine to come', account(`0x${'0'.repeat(37)}83f`), RESERVED],
  ['has an account at a system token', account(`0x20${'0'.repeat(34)}03e8`), RESERVED],
  ['has an account that mints tokens', account(`0x${'f'.repeat(39)}e`), RESERVED],
  [
    'has an engine as its treasury',
    change('evm.treasury', LEDGER),
    'RESERVED_ADDRESS evm.treasury',
  ],
  [
    'has blocks without room beside what Core queues',
    change('consensus.maxBlockGas', 2 * MESSENGER_RULES.gasPerBlock - 1),
    'OUT_OF_RANGE consensus.maxBlockGas',
  ],
]

describe('parseGenesis', () => {
  it('reads a valid document', () => {
    const genesis = genesisOf(validDocument())
    expect(genesis.chainId).toBe(3940)
    expect(genesis.genesisTime).toBe(Date.UTC(2026, 0, 31, 12, 0, 0, 250))
    expect(genesis.evm.treasury).toEqual(new Uint8Array(20))
    const contract = genesis.accounts[0]
    expect(contract?.nonce).toBe(1)
    expect(contract?.storage.map(({ slot }) => slot[31])).toEqual([0, 1])
    expect(genesis.accounts[1]).toMatchObject({ balance: 10n ** 22n, nonce: 0, storage: [] })
    expect(validatorSetOf(genesis).totalPower).toBe(30)
  })

  it.each(MISTAKES)('refuses a document that %s', (_, text, ...expected) => {
    const found = problemsOf(text)
    expect(found.length).toBe(expected.length)
    for (const [i, problem] of expected.entries()) expect(found[i]).toContain(problem)
  })

  it('tells all problems in one message', () => {
    const document = validDocument()
    put(document, 'chainId', -1)
    put(document, 'evm.hardfork', 'london')
    put(document, 'validators.1.power', 'many')
    put(document, 'accounts.0.balance', '1 coin')
    put(document, 'extra', true)
    const parsed = parseGenesis(textOf(document))
    if (parsed.ok) throw new Error('accepted')
    expect(parsed.code).toBe('INVALID_GENESIS')
    expect(formatProblems(parsed.problems).split('\n')).toEqual([
      'chainId: OUT_OF_RANGE: expected an integer from 1 to 9007199254740991, found -1',
      'validators[1].power: WRONG_TYPE: expected a number, found the string "many"',
      'evm.hardfork: UNSUPPORTED: expected "prague" or "osaka", found "london"',
      'accounts[0].balance: BAD_FORMAT: expected wei as a string, decimal ("1000") or hex ("0x3e8"), found "1 coin"',
      expect.stringContaining('extra: UNKNOWN_KEY: expected one of the keys format, chainId,'),
    ])
  })

  it('lists a bounded number of problems', () => {
    const accounts = Array.from({ length: 5_000 }, () => ({}))
    const parsed = parseGenesis(change('accounts', accounts))
    const lines = formatProblems(parsed.ok ? [] : parsed.problems).split('\n')
    expect(lines.length).toBe(51)
    expect(lines[50]).toBe('and 4950 more')
  })

  it('never throws, whatever the text', () => {
    const whole = textOf(validDocument())
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(40), fc.string({ maxLength: 8 }), (at, cut, put) => {
        const parsed = parseGenesis(whole.slice(0, at) + put + whole.slice(at + cut))
        return parsed.ok || parsed.problems.length > 0
      }),
      { numRuns: 500 },
    )
  })
})

const shuffled = (value: Json, order: (keys: string[]) => string[]): Json => {
  if (Array.isArray(value)) return value.map((element) => shuffled(element, order))
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    order(Object.keys(value)).map((key) => [key, shuffled(value[key] as Json, order)]),
  )
}

describe('genesisHash', () => {
  const hashOf = (document: Json): string => toHex(genesisHash(genesisOf(document)))
  const expected = hashOf(validDocument())

  it('has not changed: a chain that runs would refuse its own genesis', () => {
    expect(expected).toBe('a9ef94daebf1b929c1ab1112576473f375064fe49b066929988e6bc3794e238a')
  })

  it('depends neither on layout nor on the order of keys and entries', () => {
    const spaced = parseGenesis(`\n\t${JSON.stringify(validDocument(), null, 3)} \r\n`)
    if (!spaced.ok) throw new Error('refused')
    expect(toHex(genesisHash(spaced.value))).toBe(expected)
    expect(hashOf(shuffled(validDocument(), (keys) => keys.reverse()))).toBe(expected)
    const reversed = validDocument()
    ;(reversed.accounts as Json[]).reverse()
    ;(reversed.validators as Json[]).reverse()
    expect(hashOf(reversed)).toBe(expected)
  })

  it('does not depend on the way a value is written', () => {
    const document = validDocument()
    put(document, 'accounts.0.balance', `0x${(10n ** 22n).toString(16)}`)
    put(document, 'accounts.0.address', ADDRESS.toLowerCase())
    put(document, 'accounts.0.nonce', 0)
    put(document, 'accounts.1.nonce', 1)
    put(document, 'genesisTime', Date.UTC(2026, 0, 31, 12, 0, 0, 250))
    put(document, 'evm.treasury', `0x${'00'.repeat(20)}`)
    expect(hashOf(document)).toBe(expected)
  })

  const CHANGES: readonly (readonly [string, Json])[] = [
    ['chainId', 3941],
    ['genesisTime', '2026-01-31T12:00:00.251Z'],
    ['validators.0.name', 'carol'],
    ['validators.0.power', 11],
    ['validators.0.publicKey', publicKeyHex(3)],
    ['consensus.maxBlockBytes', 2_097_151],
    ['consensus.maxBlockGas', 120_000_001],
    ['consensus.emptyBlockIntervalMs', 1_001],
    ['consensus.precisionMs', 501],
    ['consensus.messageDelayMs', 2_001],
    ['consensus.evidenceMaxAgeMs', 172_800_001],
    ['consensus.evidenceMaxAgeBlocks', 172_801],
    ['consensus.baseFeeRecipient', 'proposer'],
    ['consensus.tipRecipient', 'burn'],
    ['evm.baseFeePerGas', '1000000001'],
    ['evm.treasury', ADDRESS],
    ['accounts.0.address', `0x${'11'.repeat(20)}`],
    ['accounts.0.balance', '1'],
    ['accounts.0.nonce', 5],
    ['accounts.1.code', '0x6001'],
    ['accounts.1.storage', { '0x0': '0x01', '0x1': '0xfe' }],
  ]
  it.each(CHANGES)('depends on %s', (path, value) => {
    expect(hashOf(put(validDocument(), path, value))).not.toBe(expected)
  })
})

const hexOf = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => `0x${toHex(bytes)}`)

const documentArbitrary: fc.Arbitrary<Document> = fc
  .record({
    chainId: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    powers: fc.array(fc.integer({ min: 1, max: 2 ** 40 }), { minLength: 1, maxLength: 5 }),
    baseFee: fc.bigInt(1n, 2n ** 64n - 1n),
    accounts: fc.uniqueArray(
      fc.record({
        address: hexOf(20),
        balance: fc.bigInt(1n, 2n ** 200n).map(String),
        nonce: fc.maxSafeNat(),
        code: hexOf(10).map((text) => text.replace('0xef', '0x00')),
        storage: fc.dictionary(
          hexOf(32),
          fc.bigInt(1n, 2n ** 256n - 1n).map((value) => `0x${value.toString(16)}`),
          { maxKeys: 4 },
        ),
      }),
      { selector: ({ address }) => address, maxLength: 6 },
    ),
  })
  .map(({ chainId, powers, baseFee, accounts }) => {
    const validators = powers.map((power, i) => ({
      name: `v${i}`,
      publicKey: publicKeyHex(i),
      power,
    }))
    const document = { ...validDocument(), chainId, validators, accounts: accounts as Json }
    return put(document, 'evm.baseFeePerGas', baseFee.toString())
  })

describe('formatGenesis', () => {
  it('writes what parseGenesis reads back, whatever the genesis', () => {
    fc.assert(
      fc.property(documentArbitrary, (document) => {
        const genesis = genesisOf(document)
        const again = parseGenesis(formatGenesis(genesis))
        expect(again).toEqual({ ok: true, value: genesis })
      }),
      { numRuns: 100 },
    )
  })
})
