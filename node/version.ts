import * as fs from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

export type Version = {
  readonly nexus: string
  readonly node: string
  readonly platform: string
  /** Null in an installation that is not a git checkout. */
  readonly commit: string | null
}

export function readVersion(): Version {
  const manifest = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8')) as {
    readonly version: string
  }
  return {
    nexus: manifest.version,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    commit: commitOf(path.join(root, '.git')),
  }
}

/** As `web3_clientVersion` and peers see it: `nexus/0.1.0/linux-x64/node24.21.0`. */
export const clientVersion = ({ nexus, platform, node }: Version): string =>
  `nexus/${nexus}/${platform}/node${node}`

/** Reads the reference by hand: starting git for it would cost more than the whole command. */
function commitOf(directory: string): string | null {
  const head = readLine(path.join(directory, 'HEAD'))
  if (head === null || !head.startsWith('ref: ')) return head
  const reference = head.slice('ref: '.length)
  const loose = readLine(path.join(directory, reference))
  if (loose !== null) return loose
  const packed = readText(path.join(directory, 'packed-refs')) ?? ''
  const line = packed.split('\n').find((each) => each.endsWith(` ${reference}`))
  return line?.split(' ')[0] ?? null
}

function readLine(file: string): string | null {
  return readText(file)?.trim() ?? null
}

function readText(file: string): string | null {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch {
    return null
  }
}
