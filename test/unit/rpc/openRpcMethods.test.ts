// Every method of Ethereum's OpenRPC document is answered, or refused with a reason.
import { describe, expect, it } from 'vitest'
import { openRpc } from '../../support/openRpc.ts'
import { RpcHarness } from '../../support/rpcHarness.ts'

const rpc = new RpcHarness()

describe('methods of the OpenRPC document', () => {
  it('are all known', () => {
    expect(openRpc.methods.length).toBeGreaterThan(80)
  })

  it.each(openRpc.methods)('%s', async (method) => {
    const { error } = await rpc.ask(method)
    const isUnknown = error?.code === -32601 && !error.message.includes(': ')
    expect(isUnknown, error?.message).toBe(false)
  })
})
