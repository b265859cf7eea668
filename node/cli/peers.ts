import type { Command } from 'commander'
import type { BannedPeer, PeerInfo } from '../network/peerInfo.ts'
import { type CliContext, json } from './context.ts'
import { formatAge, formatBytes } from './units.ts'
import { parseLongDuration } from './values.ts'

type Flags = { readonly home?: string; readonly json?: true; readonly for?: number }

export function addPeersCommand(program: Command, context: CliContext): void {
  const peers = program
    .command('peers')
    .description('the peers of a running node: who they are, and who is refused')
    .addHelpText(
      'after',
      `
The node is asked over a socket in its home, which only the user it runs as can open. Bans outlive
a restart of the node.

Examples:
  nexus peers
  nexus peers list --json
  nexus peers ban 12D3KooWQ… --for 2h
  nexus peers unban 12D3KooWQ…`,
    )
  const command = (name: string, description: string, isDefault = false): Command =>
    peers
      .command(name, { isDefault })
      .description(description)
      .option('--home <dir>', 'home of the node (default: NEXUS_HOME or ~/.nexus/node)')
      .option('--json', 'print JSON')
  command('list', 'peers that are connected now', true)
    .addHelpText('after', '\nExample:\n  nexus peers list --json')
    .action(async (flags: Flags) => {
      const found = await ask<readonly PeerInfo[]>(flags, context, 'admin_peers')
      if (flags.json) return context.write(json(found))
      const refused = await ask<readonly BannedPeer[]>(flags, context, 'admin_bans')
      context.write(refused.length === 0 ? listOf(found) : `${listOf(found)}\n${bansOf(refused)}`)
    })
  command('bans', 'peers that are refused, and for how long')
    .addHelpText('after', '\nExample:\n  nexus peers bans')
    .action(async (flags: Flags) => {
      const found = await ask<readonly BannedPeer[]>(flags, context, 'admin_bans')
      context.write(flags.json ? json(found) : bansOf(found))
    })
  command('ban', 'disconnect a peer and refuse it for a time')
    .argument('<peer id>', 'as nexus peers shows it')
    .option('--for <time>', 'such as 30m, 12h or 7d', parseLongDuration, 3_600_000)
    .addHelpText('after', '\nExample:\n  nexus peers ban 12D3KooWQ… --for 12h')
    .action(async (peerId: string, flags: Flags) => {
      const { for: ms } = flags
      await ask(flags, context, 'admin_banPeer', [peerId, ms])
      context.write(
        flags.json ? json({ peerId, ms }) : `Refusing ${peerId} for ${formatAge(ms ?? 0)}`,
      )
    })
  command('unban', 'let a peer in again')
    .argument('<peer id>', 'as nexus peers bans shows it')
    .addHelpText('after', '\nExample:\n  nexus peers unban 12D3KooWQ…')
    .action(async (peerId: string, flags: Flags) => {
      const wasBanned = await ask<boolean>(flags, context, 'admin_unbanPeer', [peerId])
      const text = wasBanned ? `${peerId} may connect again` : `${peerId} was not banned`
      context.write(flags.json ? json({ peerId, wasBanned }) : text)
    })
}

async function ask<T>(
  flags: Flags,
  context: CliContext,
  method: string,
  params: readonly unknown[] = [],
): Promise<T> {
  const { callNode, configOfHome } = await import('./nodeClient.ts')
  const { adminSocket } = configOfHome(context, flags.home).paths
  return callNode<T>({ kind: 'socket', path: adminSocket }, method, params)
}

function listOf(peers: readonly PeerInfo[]): string {
  if (peers.length === 0) return 'No peers'
  return peers
    .map((peer) => {
      const { id, moniker, direction, address, height, score, latencyMs } = peer
      const latency = latencyMs === null ? 'unknown' : `${latencyMs} ms`
      return [
        `${moniker}  ${id}`,
        `  ${direction} ${address}, nexus ${peer.softwareVersion}, protocol ${peer.protocolVersion}`,
        `  height ${height}, score ${score.toFixed(1)}, latency ${latency}, in ${formatBytes(peer.bytesReceived)}, out ${formatBytes(peer.bytesSent)}`,
      ].join('\n')
    })
    .join('\n')
}

const bansOf = (bans: readonly BannedPeer[]): string =>
  bans.length === 0
    ? 'No peer is refused'
    : bans
        .map(
          ({ id, code, remainingMs }) => `Refused: ${id}  for ${formatAge(remainingMs)} (${code})`,
        )
        .join('\n')
