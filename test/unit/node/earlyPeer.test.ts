import { expect, it } from 'vitest'
import { defaultTimeoutOptions } from '../../../consensus/index.ts'
import { NexusBft } from '../../../node/consensus/engine.ts'
import { TEST_PARAMS } from '../../support/testChain.ts'

it('answers a peer that comes before consensus starts with where the chain stands', () => {
  const sent: unknown[] = []
  const network = { send: (peerId: string, message: unknown) => sent.push([peerId, message]) }
  const engine = new NexusBft(
    { chainId: 1, params: TEST_PARAMS, timeouts: defaultTimeoutOptions },
    { network, onFatal: () => undefined } as never,
  )
  engine.standAt({ summary: { height: 7 } } as never)
  engine.greet('early')
  expect(sent).toEqual([['early', { kind: 'status', height: 7, round: 0 }]])
  expect(engine.state).toMatchObject({ height: 8, started: false })
})
