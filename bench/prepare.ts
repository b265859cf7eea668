import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { Funder } from './funder.ts'
import type { KeepAliveClient } from './keepAlive.ts'
import type { Prepared } from './pump.ts'
import { type Sender, sendersOf, signTransaction } from './sign.ts'
import { type Kind, workloadOf } from './workloads.ts'

export type PrepareOptions = {
  readonly client: KeepAliveClient
  readonly chainId: number
  readonly fundingKey: Uint8Array
  readonly kind: Kind
  readonly senders: number
  readonly prepared: number
  readonly lanes: number
  /** A file that keeps the signed transactions for other new chains with the same accounts. */
  readonly signedFile?: string
}

/**
 * Funds the senders and signs their transactions, one list for each lane. A sender stays on one
 * lane, so that its nonces arrive in order; senders take turns, so that no block needs many
 * transactions of one.
 */
export async function prepareTransactions(options: PrepareOptions): Promise<Prepared[][]> {
  const { client, chainId, prepared, lanes, kind, signedFile } = options
  const senders = sendersOf(options.senders)
  const funder = new Funder(client, chainId, options.fundingKey)
  await funder.fund(senders)
  const workload = await workloadOf(kind, funder, senders)
  const nonces = await Promise.all(senders.map((sender) => funder.nonceOf(sender)))
  const sign = (i: number): Prepared => {
    const index = i % senders.length
    const turn = Math.floor(i / senders.length)
    const nonce = (nonces[index] as number) + turn
    return signTransaction(senders[index] as Sender, { chainId, nonce, ...workload(index, turn) })
  }
  const signAll = (): Prepared[] => Array.from({ length: prepared }, (_, i) => sign(i))
  // Whoever signed them takes them from the file as well: a generator must not be slower for having made its load.
  if (signedFile !== undefined && !existsSync(signedFile)) writeSigned(signedFile, signAll())
  const signed =
    signedFile === undefined ? signAll() : readSigned(signedFile, [sign(0), sign(prepared - 1)])
  const out: Prepared[][] = Array.from({ length: lanes }, () => [])
  for (const [i, transaction] of signed.entries())
    out[(i % senders.length) % lanes]?.push(transaction)
  return out
}

/** `ends` are what this chain's first and last would be. */
function readSigned(file: string, ends: readonly Prepared[]): Prepared[] {
  const signed = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => {
      const [raw = '', hash = ''] = line.split(' ')
      return { raw, hash }
    })
  for (const [i, one] of [signed[0], signed.at(-1)].entries())
    if (one?.hash !== ends[i]?.hash)
      throw new Error(`${file} is of a chain with other contracts or nonces`)
  return signed
}

function writeSigned(file: string, signed: readonly Prepared[]): void {
  writeFileSync(`${file}.new`, signed.map(({ raw, hash }) => `${raw} ${hash}`).join('\n'))
  renameSync(`${file}.new`, file)
}
