// What clients match on: geth's numbers and words, and our codes beside them.
import { describe, expect, it } from 'vitest'
import { data } from '../../../rpc/format/hex.ts'
import { type RpcFailure, wireErrorOf } from '../../../rpc/jsonRpc.ts'
import { revertReasonOf } from '../../../rpc/revertReason.ts'
import { addressOf, digest } from '../../support/fakeRpcBackend.ts'
import { openRpc } from '../../support/openRpc.ts'
import { RpcHarness } from '../../support/rpcHarness.ts'

const fromHex = (hex: string): Uint8Array =>
  new Uint8Array(Buffer.from(hex.replace('0x', ''), 'hex'))

describe('errors that geth was recorded with', () => {
  const reverted = Object.entries(openRpc.errors).filter(
    ([name, { error }]) => name.startsWith('eth_call') && error.code === 3,
  )
  it.each(reverted)('%s', async (_, { method, params, error }) => {
    const rpc = new RpcHarness()
    const output = fromHex(error.data ?? '')
    rpc.backend.onCall = async () => ({
      ok: false,
      failure: { code: 'EXECUTION_REVERTED', output },
    })
    expect(await rpc.error(method, params)).toEqual(error)
  })

  const filters = Object.entries(openRpc.errors).filter(([name]) => name.startsWith('eth_getLogs'))
  it.each(filters)('%s', async (_, { method, params, error }) => {
    expect(await new RpcHarness([[], [], []]).error(method, params)).toEqual(error)
  })

  it('are there', () => expect([reverted.length, filters.length]).toEqual([2, 3]))
})

describe('failures', () => {
  const address = addressOf('sender')
  const table: readonly (readonly [RpcFailure, number, RegExp])[] = [
    [
      { code: 'NONCE_TOO_LOW', next: 5, nonce: 3 },
      -32000,
      /^nonce too low: next nonce 5, tx nonce 3$/,
    ],
    [{ code: 'NONCE_TOO_HIGH', next: 5, nonce: 900 }, -32000, /^nonce too high/],
    [
      { code: 'INSUFFICIENT_FUNDS', balance: 1n, cost: 3n },
      -32000,
      /^insufficient funds for gas \* price \+ value: balance 1, tx cost 3, overshot 2$/,
    ],
    [{ code: 'REPLACEMENT_UNDERPRICED' }, -32000, /^replacement transaction underpriced$/],
    [{ code: 'ALREADY_KNOWN' }, -32000, /^already known$/],
    [{ code: 'INTRINSIC_GAS_TOO_LOW' }, -32000, /^intrinsic gas too low/],
    [{ code: 'UNDERPRICED' }, -32000, /^transaction underpriced$/],
    [
      { code: 'FEE_BELOW_BASE_FEE', sender: address, maxFeePerGas: 1n, baseFee: 7n },
      -32000,
      /^max fee per gas less than block base fee: address 0x[0-9a-fA-F]{40}, maxFeePerGas: 1, baseFee: 7$/,
    ],
    [{ code: 'GAS_LIMIT_TOO_HIGH' }, -32000, /^exceeds block gas limit$/],
    [{ code: 'BAD_SIGNATURE' }, -32000, /^invalid sender/],
    [
      { code: 'TRANSACTION_TOO_LARGE', size: 200_000, limit: 131_072 },
      -32000,
      /^oversized data: transaction size 200000, limit 131072$/,
    ],
    [{ code: 'EXECUTION_FAILED', reason: 'out of gas' }, -32000, /^out of gas$/],
    [{ code: 'BLOCK_NOT_FOUND' }, -32000, /^header not found$/],
    [{ code: 'LIMIT_EXCEEDED', problem: 'too many', limit: 3 }, -32005, /^too many$/],
  ]
  it.each(table.map((row) => [row[0].code, ...row] as const))(
    '%s',
    (_, failure, number, message) => {
      const error = wireErrorOf(failure)
      expect(error.code).toBe(number)
      expect(error.message).toMatch(message)
      expect(error.data).toMatchObject({ code: failure.code })
    },
  )

  it('carry their numbers as QUANTITY and their bytes as DATA', () => {
    const failure = { code: 'FEE_BELOW_BASE_FEE', sender: address, maxFeePerGas: 1n } as const
    expect(wireErrorOf({ ...failure, baseFee: 255n }).data).toEqual({
      code: 'FEE_BELOW_BASE_FEE',
      sender: data(address),
      maxFeePerGas: '0x1',
      baseFee: '0xff',
    })
  })

  it('of the protocol carry no data', () => {
    expect(wireErrorOf({ code: 'PARSE_ERROR' })).toEqual({ code: -32700, message: 'parse error' })
  })

  it('of a wait that was too long carry the hash alone (EIP-7966)', () => {
    const hash = digest('transaction')
    const error = wireErrorOf({ code: 'SYNC_TIMED_OUT', hash, timeoutMs: 5 })
    expect(error).toMatchObject({ code: 4, data: data(hash) })
  })
})

describe('revert reasons', () => {
  const error = (text: string, length = text.length): Uint8Array =>
    fromHex(
      `08c379a0${'20'.padStart(64, '0')}${length.toString(16).padStart(64, '0')}${Buffer.from(text).toString('hex').padEnd(64, '0')}`,
    )
  it.each([
    ['Error(string)', error('not enough'), 'not enough'],
    ['an empty reason', error(''), ''],
    ['a length beyond the data', error('short', 99_999), null],
    ['an offset beyond the data', fromHex(`08c379a0${'f'.repeat(64)}`), null],
    ['a panic', fromHex(`4e487b71${'11'.padStart(64, '0')}`), 'arithmetic underflow or overflow'],
    ['an unknown panic', fromHex(`4e487b71${'99'.padStart(64, '0')}`), 'unknown panic code: 0x99'],
    ['a custom error', fromHex('12345678'), null],
    ['nothing', new Uint8Array(0), null],
  ])('%s', (_, output, reason) => expect(revertReasonOf(output)).toBe(reason))
})
