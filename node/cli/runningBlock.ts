import { NexusError } from '../../core/primitives/errors.ts'
import type { NodeConfig } from '../config.ts'
import type { BlockName } from '../maintenance/inspectBlock.ts'
import { callNode, targetOf } from './nodeClient.ts'

type RpcBlock = { readonly number: string; readonly transactions: readonly unknown[] }

/** What a running node says of a block. BLOCK_UNKNOWN, NODE_UNREACHABLE, NODE_ANSWER. */
export async function blockOfRunningNode(config: NodeConfig, name: BlockName): Promise<object> {
  const target = targetOf(config.rpc)
  const block =
    name.kind === 'hash'
      ? await callNode<RpcBlock | null>(target, 'eth_getBlockByHash', [hexOf(name.hash), false])
      : await callNode<RpcBlock | null>(target, 'eth_getBlockByNumber', [
          name.kind === 'latest' ? 'latest' : `0x${name.height.toString(16)}`,
          false,
        ])
  if (block === null)
    throw new NexusError(
      { code: 'BLOCK_UNKNOWN' },
      { message: 'the node has no such block; it finds blocks by height and by Ethereum hash' },
    )
  const { transactions, ...ethereum } = block
  const [certificate, validators] = await Promise.all([
    callNode<object | null>(target, 'nexus_commitCertificate', [block.number]),
    callNode<object | null>(target, 'nexus_validators', [block.number]),
  ])
  return {
    height: Number(block.number),
    ethereum: { ...ethereum, transactions: transactions.length },
    certificate,
    validators,
  }
}

const hexOf = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`
