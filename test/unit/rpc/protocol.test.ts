// JSON-RPC itself: what is a request, what is a batch, and what is answered to everything else.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseStrictJson } from '../../../rpc/json.ts'
import { type Answer, RpcHarness } from '../../support/rpcHarness.ts'

const rpc = new RpcHarness([[{}], [{}]])
const call = (fields: object): string =>
  JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_blockNumber', params: [], ...fields })
const answerTo = async (text: string): Promise<Answer> =>
  JSON.parse((await rpc.raw(text)) ?? 'null') as Answer

describe('a request', () => {
  it.each([
    ['a number', 7],
    ['zero', 0],
    ['a fraction', 0.5],
    ['a negative number', -3],
    ['a string', 'a "quoted" \u2028 id'],
    ['null', null],
  ])('gets its id back: %s', async (_, id) => {
    expect(await answerTo(call({ id }))).toEqual({ jsonrpc: '2.0', id, result: '0x2' })
  })

  it.each([
    ['a list', []],
    ['an object', {}],
    ['a boolean', true],
    ['a string without end', 'x'.repeat(257)],
  ])('is refused with an id that is %s', async (_, id) => {
    expect(await answerTo(call({ id }))).toMatchObject({ id: null, error: { code: -32600 } })
  })

  it.each(['1e400', '9007199254740993', '123456789012345678901234567890'])(
    'is refused with an id that would come back as another: %s',
    async (id) => {
      const text = `{"jsonrpc":"2.0","id":${id},"method":"eth_chainId"}`
      expect(await answerTo(text)).toMatchObject({ id: null, error: { code: -32600 } })
    },
  )

  it.each([
    ['no version', call({ jsonrpc: undefined }), -32600, 1],
    ['an old version', call({ jsonrpc: '1.0' }), -32600, 1],
    ['no method', call({ method: undefined }), -32600, 1],
    ['a method that is a list', call({ method: ['eth_chainId'] }), -32600, 1],
    ['an empty method', call({ method: '' }), -32600, 1],
    ['an endless method', call({ method: 'x'.repeat(65) }), -32600, 1],
    ['a method nobody has', call({ method: 'eth_stealCoins' }), -32601, 1],
    ['a method of the prototype', call({ method: 'constructor' }), -32601, 1],
    ['__proto__ as its method', call({ method: '__proto__' }), -32601, 1],
    ['named parameters', call({ params: { a: 1 } }), -32602, 1],
    ['parameters that are a word', call({ params: 'all' }), -32602, 1],
    ['too many parameters', call({ params: [1] }), -32602, 1],
    ['nothing', '', -32700, null],
    ['half an object', '{"jsonrpc":', -32700, null],
    ['two values', '{} {}', -32700, null],
    ['a bare word', 'hello', -32700, null],
    ['a string', '"hello"', -32600, null],
    ['a number', '5', -32600, null],
    ['null', 'null', -32600, null],
    [
      'a member named twice',
      '{"jsonrpc":"2.0","id":1,"id":2,"method":"eth_chainId"}',
      -32600,
      null,
    ],
    [
      'a member named twice, once in escapes',
      '{"jsonrpc":"2.0","id":1,"method":"a","\\u006dethod":"eth_chainId"}',
      -32600,
      null,
    ],
    ['a prototype', '{"jsonrpc":"2.0","id":1,"__proto__":{},"method":"eth_chainId"}', -32600, null],
    ['deep nesting', '['.repeat(100_000), -32600, null],
    ['33 levels', call({}).replace('[]', '['.repeat(33) + ']'.repeat(33)), -32600, null],
  ])('with %s is an error', async (_, text, code, id) => {
    const answer = await answerTo(text)
    expect(answer).toMatchObject({ jsonrpc: '2.0', id, error: { code } })
    expect(answer).not.toHaveProperty('result')
  })

  it('may leave its parameters out or null', async () => {
    expect((await answerTo(call({ params: undefined }))).result).toBe('0x2')
    expect((await answerTo(call({ params: null }))).result).toBe('0x2')
  })

  it('without an id is carried out and not answered', async () => {
    const before = rpc.backend.submitted.length
    const text = JSON.stringify({
      jsonrpc: '2.0',
      method: 'eth_sendRawTransaction',
      params: ['0x1234'],
    })
    expect(await rpc.raw(text)).toBeNull()
    expect(rpc.backend.submitted.length).toBe(before + 1)
    expect(await rpc.raw(`[${text}]`)).toBeNull()
  })
})

describe('a batch', () => {
  it('is answered in its order, notifications left out', async () => {
    const texts = [call({ id: 'a' }), call({ id: undefined }), call({ id: 'b', method: 'eth_no' })]
    const answers = JSON.parse((await rpc.raw(`[${texts.join()}]`)) ?? '') as Answer[]
    expect(answers.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(answers[1]?.error?.code).toBe(-32601)
  })

  it('that is empty or too long is one error', async () => {
    expect(await answerTo('[]')).toMatchObject({ id: null, error: { code: -32600 } })
    const long = `[${Array(1_001).fill(call({})).join()}]`
    expect(await answerTo(long)).toMatchObject({ id: null, error: { code: -32600 } })
  })

  it('may hold junk between requests', async () => {
    const answers = (await answerTo(`[1,${call({})},null,[]]`)) as unknown as Answer[]
    expect(answers.map(({ error }) => error?.code)).toEqual([-32600, undefined, -32600, -32600])
  })

  it('starts light calls in order without waiting for each', async () => {
    const harness = new RpcHarness()
    const order: string[] = []
    let release: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    harness.backend.onSubmit = async (bytes) => {
      order.push(`in ${bytes[0]}`)
      if (order.length === 3) release()
      await gate
      return { ok: true, value: bytes }
    }
    const texts = ['0x01', '0x02', '0x03'].map((raw) =>
      call({ method: 'eth_sendRawTransaction', params: [raw] }),
    )
    const answers = JSON.parse((await harness.raw(`[${texts.join()}]`)) ?? '') as Answer[]
    expect(order).toEqual(['in 1', 'in 2', 'in 3'])
    expect(answers.map(({ result }) => result)).toEqual(['0x01', '0x02', '0x03'])
  })

  it('runs heavy calls one after the other', async () => {
    const harness = new RpcHarness()
    let running = 0
    let most = 0
    harness.backend.onCall = async () => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      return { ok: true, value: new Uint8Array(0) }
    }
    const text = call({ method: 'eth_call', params: [{}] })
    await harness.raw(`[${text},${text},${text}]`)
    expect(most).toBe(1)
  })

  it('stops giving results once they are too large', async () => {
    const harness = new RpcHarness([], { responseBytes: 2_000 })
    const text = call({ method: 'eth_getBlockByNumber', params: ['latest', false] })
    const answers = JSON.parse((await harness.raw(`[${text},${text},${text}]`)) ?? '') as Answer[]
    expect(answers.map(({ error }) => error?.code)).toEqual([undefined, -32003, -32003])
  })
})

describe('limits', () => {
  it('answers at most so many requests at one time', async () => {
    const harness = new RpcHarness([], { inFlight: 2 })
    let release: (value: { ok: true; value: Uint8Array }) => void = () => undefined
    harness.backend.onCall = () =>
      new Promise((resolve) => {
        release = resolve
      })
    const first = harness.ask('eth_call', [{}])
    const second = harness.ask('eth_call', [{}])
    expect((await harness.ask('eth_chainId')).error?.code).toBe(-32005)
    release({ ok: true, value: new Uint8Array(0) })
    await second
    expect((await harness.ask('eth_chainId')).result).toBe('0xf64')
    void first
  })

  it('gives up on a call that does not come back', async () => {
    const harness = new RpcHarness([], { requestMs: 20 })
    harness.backend.onCall = () => new Promise(() => undefined)
    expect((await harness.error('eth_call', [{}])).code).toBe(-32002)
    expect(harness.dispatcher.inFlight).toBe(0)
  })

  it('tells of each call, and counts names it does not know as one', async () => {
    const harness = new RpcHarness()
    await harness.ask('eth_chainId')
    await harness.ask(`eth_${Math.random()}`)
    await harness.ask('eth_getBalance', ['0x12'])
    expect(harness.calls.map(({ method, code }) => [method, code])).toEqual([
      ['eth_chainId', 'ok'],
      ['unknown', '-32601'],
      ['eth_getBalance', '-32602'],
    ])
    expect(harness.calls.every(({ seconds }) => seconds >= 0 && seconds < 1)).toBe(true)
  })

  it('answers an internal error when a method throws, and reports what it was', async () => {
    const harness = new RpcHarness()
    harness.backend.onCall = () => Promise.reject(new Error('disk on fire'))
    const error = await harness.error('eth_call', [{}])
    expect(error).toEqual({ code: -32603, message: 'internal error' })
    expect(harness.faults).toHaveLength(1)
  })
})

describe('whatever comes', () => {
  const names = [
    'eth_call',
    'eth_getLogs',
    'eth_getBlockByNumber',
    'eth_feeHistory',
    'eth_getProof',
    'eth_newFilter',
    'eth_subscribe',
    'eth_getStorageAt',
    'eth_sendRawTransaction',
    'nexus_validators',
  ]
  const hexish = fc.oneof(
    fc.constantFrom('latest', 'pending', '0x', '0x0', '0x00', '0xzz', `0x${'ab'.repeat(20)}`),
    fc.string({ maxLength: 8 }).map((text) => `0x${text}`),
  )
  const member = fc.constantFrom(
    ...['from', 'to', 'data', 'input', 'gas', 'fromBlock', 'toBlock', 'address', 'topics'],
    ...['blockHash', 'blockNumber', 'accessList', 'stateDiff', 'state', 'code', 'number'],
  )
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      hexish,
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.oneof(member, hexish), tie('value'), { maxKeys: 4 }),
    ),
  }))

  it('is answered with JSON-RPC and never with a throw: texts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (text) => {
        const answer = await rpc.raw(text)
        const parsed = JSON.parse(answer ?? 'null') as Answer
        for (const one of Array.isArray(parsed) ? (parsed as Answer[]) : [parsed])
          expect(one).toMatchObject({ jsonrpc: '2.0', error: { code: expect.any(Number) } })
      }),
      { numRuns: 300 },
    )
  })

  it('is answered with JSON-RPC and never with a throw: parameters', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.array(value, { maxLength: 4 }),
        async (method, params) => {
          const { error } = await rpc.ask(method, params)
          expect(error?.code, JSON.stringify(error)).not.toBe(-32603)
        },
      ),
      { numRuns: 1_000 },
    )
    expect(rpc.faults).toEqual([])
  })

  it('has the structure that JSON.parse sees', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), (text) => {
        const strict = parseStrictJson(text)
        // Objects made by fast-check name a member once, except for the one name that is refused.
        if (!strict.ok) expect(text).toContain('__proto__')
        else expect(strict.value).toEqual(JSON.parse(text))
      }),
    )
  })

  it('is refused exactly where an object names a member twice', () => {
    type Node =
      | string
      | readonly Node[]
      | { readonly members: readonly (readonly [string, Node])[] }
    // Some names are written in two ways.
    const nameText = fc.constantFrom('"a"', '"\\u0061"', '"b"', '"1"', '"__proto__"', '"\\\\\\""')
    const { node } = fc.letrec<{ node: Node }>((tie) => ({
      node: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom('1', 'null', '"{\\"a\\":1,"', '"]"'),
        fc.array(tie('node'), { maxLength: 3 }),
        fc.array(fc.tuple(nameText, tie('node')), { maxLength: 3 }).map((members) => ({ members })),
      ),
    }))
    const textOf = (one: Node): string => {
      if (typeof one === 'string') return one
      if ('members' in one)
        return `{${one.members.map(([name, value]) => `${name}: ${textOf(value)}`).join()}}`
      return `[${one.map(textOf).join(' ,')}]`
    }
    const isFine = (one: Node): boolean => {
      if (typeof one === 'string') return true
      if (!('members' in one)) return one.every(isFine)
      const names = one.members.map(([name]) => JSON.parse(name) as string)
      const isOnce = new Set(names).size === names.length && !names.includes('__proto__')
      return isOnce && one.members.every(([, value]) => isFine(value))
    }
    fc.assert(
      fc.property(node, (one) => {
        const strict = parseStrictJson(textOf(one))
        expect(strict.ok ? 'fine' : strict.code).toBe(isFine(one) ? 'fine' : 'DUPLICATE_KEY')
      }),
      { numRuns: 1_000 },
    )
  })
})
