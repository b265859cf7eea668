import { afterEach, expect, it } from 'vitest'
import { createSimulator } from '../../../evm/index.ts'
import { ChainBackend, defaultChainBackendOptions } from '../../../node/rpc/chainBackend.ts'
import { ChainReader, defaultChainReaderOptions } from '../../../node/storage/chainReader.ts'
import { keyNumber } from '../../support/evmWorld.ts'
import { RealChain } from '../../support/realChain.ts'
import { replicaOf } from '../../support/replica.ts'
import { feesOf } from '../../support/rpcChain.ts'
import { until } from '../../support/wait.ts'

let chain: RealChain | null = null
let reader: ChainReader | null = null
let backend: ChainBackend | null = null
afterEach(async () => {
  backend?.close()
  await reader?.close()
  await chain?.close()
})

it('tells every height once and after its head, also those that came while a call held the state', async () => {
  chain = await RealChain.create([keyNumber(0)])
  reader = await ChainReader.open(chain.directory, {
    ...defaultChainReaderOptions,
    ...chain.identity,
  })
  const replica = await replicaOf(chain, () => backend?.committed())
  const made = new ChainBackend(
    {
      ...defaultChainBackendOptions,
      identity: { ...chain.identity, clientVersion: 'test' },
      rules: { chainId: 3940, blockGasLimit: chain.genesis.consensus.maxBlockGas },
      fees: feesOf(chain.genesis),
      core: { chainId: 3940, blockGas: 4_000_000, gasRatio: 5 },
    },
    {
      reader,
      simulator: await createSimulator({ chainId: 3940, hardfork: 'prague' }),
      node: { call: () => Promise.reject(new Error('nothing is asked of the node')) },
      replica,
      recovery: { decode: () => Promise.reject(new Error('nobody sends')) },
    },
  )
  backend = made
  const told: string[] = []
  made.subscribe((event) => {
    if (event.kind === 'head') told.push(`head ${event.outline.header.number}`)
    if (event.kind === 'core') told.push(`core ${event.height} at ${replica.height}`)
  })
  await replica.holding(async () => {
    for (let i = 0; i < 2; i++) await chain?.block([])
    await until({ what: 'two heads', everyMs: 1 }, () => told.length === 2)
    expect(told).toEqual(['head 1', 'head 2'])
  })
  await chain.block([])
  await until({ what: 'the third height', everyMs: 1 }, () => told.includes('core 3 at 3'))
  expect(told.slice(2)).toEqual(['core 1 at 1', 'core 2 at 2', 'head 3', 'core 3 at 3'])
})
