// What a disk or an operator may bring: logs, guards, documents.
import { inputCodec } from '../../../consensus/index.ts'
import { concatBytes } from '../../../core/primitives/bytes.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { parseGenesis } from '../../../genesis/index.ts'
import { defaultConfigValues } from '../../../node/config/schema.ts'
import { loadNodeConfig } from '../../../node/config.ts'
import { LastSignedFile } from '../../../node/consensus/lastSigned.ts'
import {
  decodeHeader,
  encodeHeader,
  HEADER_BYTES,
  RECORD_HEAD_BYTES,
  recoverRecords,
  saltCrc,
  writeRecord,
} from '../../../node/consensus/walFormat.ts'
import { block, prevote, START } from '../../support/consensus.ts'
import { fileSystemWith, MemoryFileSystem } from '../../support/memoryFileSystem.ts'
import { textOf, validDocument } from '../../unit/genesis/fixtures.ts'
import { codeOfThrown, type Target } from '../target.ts'

const utf8 = new TextDecoder()
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

const salt = new Uint8Array(16).fill(7)
const header = { chainId: 3940, genesisHash: new Uint8Array(32).fill(1), height: 5, salt }

function walOf(payloads: readonly Uint8Array[]): Uint8Array {
  const size = payloads.reduce((sum, { length }) => sum + RECORD_HEAD_BYTES + length, HEADER_BYTES)
  const file = new Uint8Array(size)
  file.set(encodeHeader(header))
  let at = HEADER_BYTES
  for (const payload of payloads) {
    writeRecord(file, at, { type: 1, payload, salt: saltCrc(salt), offset: at, flush: at })
    at += RECORD_HEAD_BYTES + payload.length
  }
  return file
}
const entries = [START, prevote(0, block('a'), 1), prevote(0, null, 2)].map((input) =>
  encode(inputCodec, input),
)

const walTarget: Target = {
  name: 'consensus log',
  seeds: [
    walOf([]),
    walOf(entries),
    walOf([...entries, new Uint8Array(4_000)]),
    concatBytes(walOf(entries), walOf(entries)),
  ],
  run: (bytes) => {
    const found = decodeHeader(bytes)
    if (found === null) return 'no header'
    try {
      const { entries: recovered, end } = recoverRecords(bytes, saltCrc(found.salt), 'wal')
      if (end > bytes.length) throw new Error('the log ends behind its file')
      return `ok ${Math.min(4, recovered.length)}`
    } catch (error) {
      return codeOfThrown(error)
    }
  },
}

const PATH = '/data/lastSigned'
const identity = { chainId: 3940, address: new Uint8Array(20).fill(9) }

async function savedGuard(): Promise<Uint8Array> {
  const files = new MemoryFileSystem()
  await LastSignedFile.create(PATH, identity, files)
  const file = await LastSignedFile.open(PATH, identity, files)
  for (const height of [4, 5, 6])
    await file.save({
      ...{ height, round: 1, step: 2 },
      signBytes: new Uint8Array(60).fill(height),
      signature: new Uint8Array(64).fill(height),
    })
  return (await files.read(PATH)) ?? new Uint8Array(0)
}

const guardTarget: Target = {
  name: 'last-signed file',
  seeds: [await savedGuard()],
  run: async (bytes) => {
    try {
      const files = await fileSystemWith(PATH, bytes)
      const { current } = await LastSignedFile.open(PATH, identity, files)
      // A guard that forgot its newest state would sign that step again.
      if (current.height < 5) throw new Error(`the guard went back to ${current.height}`)
      return `ok ${current.height}`
    } catch (error) {
      return codeOfThrown(error)
    }
  },
}

const genesisTarget: Target = {
  name: 'genesis',
  isJson: true,
  seeds: [bytesOf(textOf(validDocument()))],
  run: (bytes) => {
    const parsed = parseGenesis(utf8.decode(bytes))
    return parsed.ok ? 'ok' : [...new Set(parsed.problems.map(({ code }) => code))].sort().join(' ')
  },
}

const configTarget: Target = {
  name: 'config.json',
  isJson: true,
  seeds: [bytesOf(JSON.stringify(defaultConfigValues, null, 2)), bytesOf('{"rpc":{"port":1}}')],
  run: (bytes) => {
    try {
      const file = utf8.decode(bytes)
      loadNodeConfig({ home: '/home/nexus', file, environment: {}, flags: new Map() })
      return 'ok'
    } catch (error) {
      return codeOfThrown(error)
    }
  },
}

export const fileTargets: readonly Target[] = [walTarget, guardTarget, genesisTarget, configTarget]
