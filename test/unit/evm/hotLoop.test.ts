import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { concatBytes, fromHex, toHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { type Wasm, webAssembly } from '../../../core/primitives/webAssembly.ts'
import type { Engine } from '../../../evm/engine.ts'
import { type Word, wordOfBigint } from '../../../evm/state/word.ts'
import * as words from '../../../evm/vm/arithmetic.ts'
import { ExecutionStopped } from '../../../evm/vm/vm.ts'
import { createExecutive, messageOf, observe, type Start } from '../../support/evm/executives.ts'

const at = (digits: string): Uint8Array => fromHex(digits.padStart(40, '0'))
const [CODE, OTHER, CALLER] = [at('c0de01'), at('c0de02'), at('ca11e4')]
const MAX = 2n ** 256n - 1n

function push(value: bigint | number): Uint8Array {
  const digits = value.toString(16)
  const bytes = fromHex(digits.length % 2 === 0 ? digits : `0${digits}`)
  return concatBytes(Uint8Array.of(0x5f + bytes.length), bytes)
}
/** Numbers are pushed, strings are opcodes. */
const assembled = (...parts: readonly (bigint | number | string)[]): Uint8Array =>
  concatBytes(...parts.map((part) => (typeof part === 'string' ? fromHex(part) : push(part))))

/**
 * `head`, then `body` for 0, 1, … `turns` − 1, which is on top of the stack and has to be left there, then `tail`.
 */
function looped(turns: number, head: Uint8Array, body: Uint8Array, tail: Uint8Array): Uint8Array {
  const start = concatBytes(head, push(0))
  return concatBytes(
    ...[start, fromHex('5b'), body],
    ...[push(1), fromHex('0180'), push(turns), fromHex('11'), push(start.length), fromHex('57')],
    ...[fromHex('50'), tail],
  )
}
const shownFrom = (from: number, size: number): Uint8Array => assembled(size, from, 'f3')

type Seen = { readonly output: string; readonly error: string | null; readonly gasSpent: number }

describe('loops in WebAssembly', () => {
  let hot: Engine
  let plain: Engine
  beforeAll(async () => {
    plain = await createExecutive('nexus', 'prague')
  })
  // A machine keeps only so many modules.
  beforeEach(async () => {
    hot = await createExecutive('nexus', 'prague', { hotAfter: 1 })
  })

  const run = (engine: Engine, code: Uint8Array, gasLimit: number, start: Start, traced = false) =>
    observe(
      engine,
      [{ address: CALLER, nonce: 1 }, { address: CODE, code }, ...start],
      messageOf({ sender: CALLER, to: CODE, gasLimit }),
      traced ? {} : null,
    ) as Promise<Seen>
  /** Of three runs, the last of which is in WebAssembly from early on, and of single steps. */
  async function agreed(code: Uint8Array, gasLimit = 30_000_000, start: Start = []): Promise<Seen> {
    const wanted = await run(plain, code, gasLimit, start, true)
    for (let i = 0; i < 3; i++) expect(await run(hot, code, gasLimit, start)).toEqual(wanted)
    return wanted
  }
  async function inWebAssembly(code: Uint8Array, gasLimit?: number, start?: Start): Promise<Seen> {
    const made = vi.spyOn(webAssembly() as Wasm, 'Instance')
    const seen = await agreed(code, gasLimit, start)
    expect(made).toHaveBeenCalled()
    made.mockRestore()
    return seen
  }
  const wordsOf = ({ output }: Seen): bigint[] =>
    Array.from({ length: output.length / 64 }, (_, i) =>
      BigInt(`0x${output.slice(64 * i, 64 * (i + 1))}`),
    )

  const TABLE = [
    ...[
      0n,
      1n,
      2n,
      7n,
      31n,
      32n,
      63n,
      64n,
      127n,
      191n,
      192n,
      255n,
      256n,
      2n ** 31n,
      2n ** 32n - 1n,
      2n ** 53n - 1n,
    ],
    ...[
      2n ** 53n,
      2n ** 63n,
      2n ** 64n - 1n,
      2n ** 64n,
      2n ** 128n - 1n,
      2n ** 128n,
      2n ** 160n - 1n,
    ],
    ...[2n ** 192n, 2n ** 255n - 1n, 2n ** 255n, MAX - 2n ** 64n, MAX - 1n, MAX],
    0x7f30_644e_72e1_31a0_29b8_5045_b681_8158_5d28_33e8_4879_b970_9143_e1f5_93f0_0001n,
    0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835n,
  ]
  const SIZE = TABLE.length
  const TABLE_AT = 0x20
  const OUT_AT = 0x800
  /** The table in memory, and room for what comes out. */
  const head = (turns: number): Uint8Array =>
    concatBytes(
      ...TABLE.map((word, i) => assembled(word, TABLE_AT + 32 * i, '52')),
      assembled(0, OUT_AT + 32 * turns, '52'),
    )
  /** Pushes the item of the table that `index` says, of which the turn's number is under so many items. */
  const item = (under: number, index: Uint8Array): Uint8Array =>
    assembled((0x80 + under).toString(16), toHex(index), 5, '1b', TABLE_AT, '0151')
  const low = assembled(SIZE, '9006')
  const high = assembled(SIZE, '9004')
  const OPERATIONS: readonly (readonly [string, (a: Word, b: Word) => Word])[] = [
    ...([
      ['01', words.add],
      ['02', words.mul],
      ['03', words.sub],
      ['04', words.div],
    ] as const),
    ...([
      ['05', words.sdiv],
      ['06', words.mod],
      ['07', words.smod],
    ] as const),
    ...([
      ['10', words.lt],
      ['11', words.gt],
      ['12', words.slt],
      ['13', words.sgt],
    ] as const),
    ...([
      ['14', words.eq],
      ['16', words.and],
      ['17', words.or],
      ['18', words.xor],
    ] as const),
    ...([
      ['1a', words.byte],
      ['1b', words.shl],
      ['1c', words.shr],
      ['1d', words.sar],
    ] as const),
  ]
  const keep = assembled('81', 5, '1b', OUT_AT, '0152')

  describe.each(OPERATIONS)('%s', (op, compute) => {
    const expected = (a: bigint, b: bigint): bigint =>
      BigInt(compute(wordOfBigint(a), wordOfBigint(b)))
    const results = async (turns: number, body: Uint8Array): Promise<bigint[]> =>
      wordsOf(await inWebAssembly(looped(turns, head(turns), body, shownFrom(OUT_AT, 32 * turns))))

    it.each([MAX, 2n ** 128n - 1n, 2n ** 64n - 1n, 2n ** 32n - 1n])(
      'of any two words below %s',
      async (mask) => {
        const part = mask === MAX ? '' : toHex(assembled(mask, '16'))
        const operands = concatBytes(item(0, low), fromHex(part), item(1, high), fromHex(part))
        const got = await results(SIZE * SIZE, concatBytes(operands, fromHex(op), keep))
        const all = TABLE.flatMap((a) => TABLE.map((b) => expected(a & mask, b & mask)))
        expect(got).toEqual(all)
      },
    )

    it('of any word and one that is known', async () => {
      for (const known of TABLE) {
        const first = concatBytes(item(0, low), push(known), fromHex(op), keep)
        expect(await results(SIZE, first)).toEqual(TABLE.map((word) => expected(known, word)))
        const second = concatBytes(push(known), item(1, low), fromHex(op), keep)
        expect(await results(SIZE, second)).toEqual(TABLE.map((word) => expected(word, known)))
      }
    })
  })

  it.each([
    ['08', words.addmod],
    ['09', words.mulmod],
  ] as const)('%s of any two words modulo any', async (op, compute) => {
    for (const modulus of TABLE) {
      const turns = SIZE * SIZE
      const body = concatBytes(push(modulus), item(1, low), item(2, high), fromHex(op), keep)
      const code = looped(turns, head(turns), body, shownFrom(OUT_AT, 32 * turns))
      const expected = TABLE.flatMap((a) =>
        TABLE.map((b) =>
          BigInt(compute(...([a, b, modulus].map(wordOfBigint) as [Word, Word, Word]))),
        ),
      )
      expect(wordsOf(await inWebAssembly(code))).toEqual(expected)
    }
  })

  it('SIGNEXTEND, NOT and ISZERO of any word', async () => {
    const code = (op: Uint8Array): Uint8Array =>
      looped(SIZE, head(SIZE), concatBytes(item(0, low), op, keep), shownFrom(OUT_AT, 32 * SIZE))
    for (let from = 0; from < 33; from++) {
      const got = wordsOf(await inWebAssembly(code(assembled(from, '0b'))))
      expect(got).toEqual(TABLE.map((word) => BigInt(words.signextend(from, wordOfBigint(word)))))
    }
    const not = wordsOf(await inWebAssembly(code(fromHex('19'))))
    expect(not).toEqual(TABLE.map((word) => MAX - word))
    const isZero = wordsOf(await inWebAssembly(code(fromHex('15'))))
    expect(isZero).toEqual(TABLE.map((word) => (word === 0n ? 1n : 0n)))
  })

  it('KECCAK256 of any length at any place', async () => {
    const message = Uint8Array.from({ length: 704 }, (_, i) => i * 73 + (i >> 3))
    const filled = concatBytes(
      ...Array.from({ length: 22 }, (_, i) =>
        assembled(BigInt(`0x${toHex(message.subarray(32 * i, 32 * i + 32))}`), 32 * i, '52'),
      ),
    )
    for (const from of [0, 1, 31]) {
      const turns = 560
      const body = assembled('80', from, '20', toHex(assembled('81', 5, '1b', 0x400, '0152')))
      const code = looped(turns, filled, body, shownFrom(0x400, 32 * turns))
      const got = (await inWebAssembly(code)).output
      for (let length = 0; length < turns; length++) {
        const hash = keccak256(message.subarray(from, from + length))
        expect(got.slice(64 * length, 64 * (length + 1))).toBe(toHex(hash))
      }
    }
  })

  /** Writes further behind in every turn; the sum of what is there before is the answer. */
  const growing = (turns: number, by: number): Uint8Array =>
    looped(
      turns,
      assembled(0),
      // sum turn -- sum + memory turn: what is new is zero, and becomes the number of the turn, plus one.
      assembled('8090', by, '02', '80519291', '01', '90', '91', '81', 1, '01', '91', '52'),
      assembled(0, '52', toHex(shownFrom(0, 64))),
    )

  it('pay for memory as single steps do, and find it empty', async () => {
    for (const by of [1, 31, 32, 33, 1_000, 5_000]) {
      const code = growing(40, by)
      const { gasSpent } = await agreed(code)
      const step = Math.max(1, Math.floor(gasSpent / 300))
      for (let gasLimit = 0; gasLimit <= gasSpent + step; gasLimit += step)
        await agreed(code, gasLimit)
    }
  })

  it('run out of gas at every opcode as single steps do', { timeout: 60_000 }, async () => {
    // A hash, a product, a division and memory that grows.
    const body = assembled(
      ...[
        0x20,
        0,
        '20',
        5,
        '02',
        3,
        '90',
        '04',
        '81',
        7,
        '1b',
        '52',
        '80',
        0x21,
        '02',
        0,
        '20',
        '50',
      ],
    )
    const code = looped(30, assembled(0x1234, 0, '52'), body, shownFrom(0, 256))
    const { gasSpent } = await inWebAssembly(code)
    for (let gasLimit = 0; gasLimit <= gasSpent + 1; gasLimit++) {
      const wanted = await run(plain, code, gasLimit, [], true)
      expect(await run(hot, code, gasLimit, [])).toEqual(wanted)
    }
  })

  it('go on where the memory of all frames grows, between and within calls', async () => {
    // Fills 100 KB, which is more than there is at first, and hashes it; then 5 MB, which do not stay.
    const far = (turns: number, by: number): Uint8Array =>
      looped(
        turns,
        assembled(),
        assembled('80', 7, '01', '81', by, '02', '52'),
        assembled(by * turns, 0, '20', 0, '52', toHex(shownFrom(0, 32))),
      )
    await inWebAssembly(far(300, 352), 100_000_000)
    for (let i = 0; i < 3; i++) {
      await agreed(far(250, 20_000), 200_000_000)
      await agreed(far(300, 352), 100_000_000)
    }
  })

  it('leave the memory of callers alone, and find their input when memory has moved', async () => {
    // Sums up as many words as it is asked for, 1,000 bytes apart, and returns what it was called with and the sum.
    const callee = looped(
      200,
      assembled(),
      assembled('80', '81', 1_000, '02', 64, '01', '52'),
      assembled(0, '35', 0, '52', 64, '51', 1_064, '51', '01', 32, '52', toHex(shownFrom(0, 64))),
    )
    // Fills memory in a loop, calls with a word of it, and shows both.
    const caller = looped(
      100,
      assembled(),
      assembled('80', 0x1001, '02', '81', 5, '1b', '52'),
      assembled(
        ...[64, 0xd00, 32, 0x4a0, 0, BigInt(`0x${toHex(OTHER)}`), '5af1', '50'],
        toHex(shownFrom(0, 0xe00)),
      ),
    )
    for (let i = 0; i < 2; i++) {
      // Both engines are new, so that memory has its first size.
      hot = await createExecutive('nexus', 'prague', { hotAfter: i })
      const seen = await agreed(caller, 30_000_000, [{ address: OTHER, code: callee }])
      expect(seen.error).toBe(null)
      expect(wordsOf(seen)[0xd00 / 32]).toBe(0x25n * 0x1001n)
    }
  })

  it.each([
    '5a',
    '58',
    '59',
    '38',
    '30',
    '32',
    '33',
    '34',
    '36',
    '3a',
    '3d',
    '42',
    '46',
    '47',
    '48',
  ])('see what %s pushes', async (op) => {
    const body = concatBytes(fromHex(op), keep)
    await inWebAssembly(looped(40, head(1), body, shownFrom(OUT_AT, 32 * 40)))
  })

  it.each([
    ['at', '51', '5050'],
    ['at', '52', ''],
    ['at', '53', ''],
    ['at', '20', '50'],
    ['of', '20', '50'],
  ])('end where the place or length is longer than a limb: %s %s', async (which, op, after) => {
    for (const shift of [28, 60, 124, 188]) {
      // 0 in 16 turns, then 2^shift.
      const far = assembled('80', 4, '1c', shift, '1b')
      const other = which === 'at' ? assembled(32, '90') : assembled(0)
      const body = concatBytes(far, other, fromHex(op + after))
      const code = looped(32, assembled(7, 0, '52'), body, shownFrom(0, 32))
      expect((await inWebAssembly(code)).error).toBe('out of gas')
    }
  })

  it.each([
    undefined,
    {
      ...{ Module: class {}, Instance: class {} },
      Memory: class {
        constructor() {
          throw new RangeError('no room')
        }
      },
    },
  ])('stay JavaScript where the platform has %o', async (platform) => {
    vi.stubGlobal('WebAssembly', platform)
    hot = await createExecutive('nexus', 'prague', { hotAfter: 1 })
    await agreed(growing(100, 5_000))
    vi.unstubAllGlobals()
  })

  it('stop when the guard says so', async () => {
    const endless = assembled(1, '5b80', 3, '02', 1, '01', 7, '1690', '50', 2, '56')
    let asked = 0
    const made = vi.spyOn(webAssembly() as Wasm, 'Instance')
    hot.guard.shouldStop = () => ++asked > 40
    await expect(run(hot, endless, 2 ** 32, [])).rejects.toBeInstanceOf(ExecutionStopped)
    await expect(run(hot, endless, 2 ** 32, [])).rejects.toBeInstanceOf(ExecutionStopped)
    expect(made).toHaveBeenCalled()
    made.mockRestore()
    hot.guard.shouldStop = null
    await agreed(endless, 100_000)
  })

  it('take short words for long ones as soon as they are', async () => {
    // Doubles two numbers 5, 42, 79 … 375 times, until they are longer than 53, 64 and 256 bits.
    const before = assembled(5, 0, '52')
    const outer = concatBytes(before, assembled('5b', 3, 5, 0))
    const code = concatBytes(
      outer,
      // a b turn -- a + a, a + a + b, turn + 1
      assembled('5b', '91800191', '90820190', 1, '0180', 0, '51', '11', outer.length, '57', '50'),
      assembled('18', 64, '5101', 64, '52', 0, '51', 37, '0180', 0, '52'),
      assembled(400, '11', before.length, '57', toHex(shownFrom(0, 96))),
    )
    await inWebAssembly(code)
  })
})
