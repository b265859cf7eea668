import { readdirSync, readFileSync } from 'node:fs'
import { getAddress } from 'viem'
import { beforeAll, describe, expect, it } from 'vitest'
import { INTERFACES, interfaceFiles } from '../../../contracts/generate.ts'
import { abiEntriesOf } from '../../../core/host/abi.ts'
import type { Coprocessor } from '../../../core/host/coprocessor.ts'
import { solidityOf } from '../../../core/host/solidity.ts'
import { coreRegistry } from '../../../node/engines/registry.ts'
import { sampleEngine } from '../../support/sampleEngine.ts'
import { compileTexts, type SolidityOutput } from '../../support/solidity.ts'

const engines: readonly Coprocessor[] = [...coreRegistry.engines, sampleEngine]
const files = interfaceFiles(engines)

type Entry = Readonly<Record<string, unknown>> & {
  readonly type: string
  readonly name: string
  readonly inputs: readonly unknown[]
}

/** Entries in an order of their own; the compiler sees `after_` where the field is `after`. */
const comparable = (abi: readonly unknown[]): readonly unknown[] =>
  abi
    .map((entry) => JSON.stringify(sorted(entry)))
    .sort()
    .map((text) => JSON.parse(text) as unknown)

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, one]) => [
    key,
    key === 'name' ? String(one).replace(/_$/, '') : sorted(one),
  ])
  return Object.fromEntries(entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)))
}

describe('solidity', () => {
  let compiled: SolidityOutput
  beforeAll(() => {
    const sources = [...files].filter(([name]) => name.endsWith('.sol'))
    const user = `// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.20;
import {ISample} from "ISample.sol";
import {NexusAddresses} from "NexusAddresses.sol";
contract User {
    ISample constant SAMPLE = ISample(NexusAddresses.SAMPLE);
    function bestBid(uint16 market) external view returns (uint64) {
        (, ISample.Bid[] memory bids, ISample.Bid[] memory asks) = SAMPLE.book(market, 1);
        return bids.length > 0 ? bids[0].price : asks[0].price;
    }
    function lotOf(uint16 market) external view returns (uint64) {
        ISample.Market memory found = SAMPLE.market(market);
        return found.lotSize;
    }
    function quote(uint16 market) external payable returns (uint64 orderId) {
        SAMPLE.depositNative{value: msg.value}();
        try SAMPLE.placeOrder(market, 0, 1, 1, 7, address(this)) returns (uint64 id, uint64, uint8) {
            orderId = id;
        } catch (bytes memory reason) {
            require(bytes4(reason) == ISample.PostOnlyWouldCross.selector, "other");
        }
    }
    function tokens() external pure returns (address, address) {
        return (NexusAddresses.tokenOf(1), NexusAddresses.tokenOf(65535));
    }
}
`
    compiled = compileTexts(new Map([...sources, ['User.sol', user]]))
  })

  it('compiles without a warning, and contracts can use it', () => {
    expect(compiled.problems).toEqual([])
    expect(compiled.abis.has('User')).toBe(true)
  })

  it('has the JSON ABI that the compiler makes of it', () => {
    for (const engine of engines) {
      const name = `I${engine.name.slice(0, 1).toUpperCase()}${engine.name.slice(1)}`
      const made = JSON.parse(files.get(`${name}.json`) ?? '') as readonly Entry[]
      expect(comparable(made), name).toEqual(comparable(compiled.abis.get(name) ?? []))
      const functions = made.filter((entry) => entry.type === 'function')
      expect(functions.map((entry) => entry.name)).toEqual(
        [...abiEntriesOf(engine).values()].map((entry) => entry.name),
      )
    }
  })

  it('has addresses that are where the engines are', () => {
    const text = files.get('NexusAddresses.sol') ?? ''
    for (const engine of engines) {
      const address = `0x${(0x0800 + engine.id).toString(16).padStart(40, '0')}`
      expect(text).toContain(` ${engine.name.toUpperCase()} = ${getAddress(address)};`)
    }
    expect(text).toContain(`SYSTEM = ${getAddress(`0x${'ff'.repeat(19)}fe`)};`)
  })

  it('names the values of a choice', () => {
    const text = files.get('ISample.sol') ?? ''
    expect(text).toContain('/// @param side 0 buy, 1 sell\n')
    expect(text).toContain('/// Result `status`: 0 open, 1 filled.\n')
    expect(text).toContain('uint8 status; // 0 open, 1 halted\n')
  })

  it('leaves out what only signed actions may call', () => {
    expect(files.get('ISample.sol')).not.toContain('voidNonce')
  })

  it('says what is wrong with a table instead of writing it', () => {
    const wrong = { ...sampleEngine, codes: ['ORDER_ACCEPTED'] } as Coprocessor
    expect(() => solidityOf(wrong)).toThrow('error or event OrderAccepted is there twice')
  })

  it('is committed as the generator writes it', () => {
    const wanted = interfaceFiles(coreRegistry.engines)
    expect(readdirSync(INTERFACES).sort()).toEqual([...wanted.keys()].sort())
    for (const [name, text] of wanted) {
      const committed = readFileSync(new URL(name, INTERFACES), 'utf8')
      expect(committed === text, `${name}: run node contracts/generate.ts`).toBe(true)
    }
  })
})
