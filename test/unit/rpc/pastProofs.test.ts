// eth_getProof at past heights: the trie of then, made from the changes since.
import { afterEach, expect, it } from 'vitest'
import { fromHex } from '../../../core/primitives/bytes.ts'
import { keccak256 } from '../../../core/primitives/hash.ts'
import { contractAddress } from '../../../evm/index.ts'
import { data } from '../../../rpc/format/hex.ts'
import { keyNumber, signTransaction } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'
import { RpcChain } from '../../support/rpcChain.ts'

const user = keyNumber(0)
const newcomer = keyNumber(9)
const contract = contractAddress(user.address, 0)
/** Sets the slot of the block's number modulo 4 to the number, and clears the next one. */
const INITCODE = fromHex('6010600a5f3960105ff3436003431655' + '5f600360014301165500')

let rpc: RpcChain | null = null
afterEach(async () => {
  await rpc?.close()
  expect(rpc?.faults).toEqual([])
  rpc = null
})

type Proof = { readonly accountProof: readonly string[]; readonly storageProof: readonly object[] }

it('is at every height whose state is kept what it was then', async () => {
  const own = await RpcChain.over(await RealChain.create([user], { historyBlocks: 6 }))
  rpc = own
  const proofsAt = async (block: string): Promise<Proof[]> => [
    await own.result<Proof>('eth_getProof', data(contract), ['0x0', '0x1', '0x2', '0x3'], block),
    await own.result<Proof>('eth_getProof', data(newcomer.address), [], block),
  ]
  const then: (readonly [string, readonly Proof[]])[] = []
  for (let nonce = 0; nonce < 12; nonce++) {
    const to = nonce === 0 ? null : nonce === 8 ? newcomer.address : contract
    const payload = nonce === 0 ? INITCODE : new Uint8Array(0)
    await own.mine(signTransaction({ nonce, to, data: payload, gasLimit: 200_000 }, user))
    const block = `0x${(nonce + 1).toString(16)}`
    const proofs = await proofsAt(block)
    const { stateRoot } = await own.result('eth_getBlockByNumber', block, false)
    expect(data(keccak256(fromHex(proofs[0]?.accountProof[0] ?? '')))).toBe(stateRoot)
    then.push([block, proofs])
  }
  const slots = then.map(([, [proof]]) => JSON.stringify(proof?.storageProof))
  expect(new Set(slots).size).toBeGreaterThan(8)
  for (const [block, proofs] of then.slice(-7)) expect(await proofsAt(block), block).toEqual(proofs)
  expect((await own.error('eth_getProof', data(contract), [], '0x2')).data).toMatchObject({
    code: 'STATE_NOT_AVAILABLE',
  })
}, 30_000)
