import type { Testnet, TestnetNode } from './testnet.ts'

/** Runs the home it lies in, wherever that is. */
export function startScript(encrypted: boolean): string {
  const password = encrypted ? ' --password-file "$PASSWORD_FILE"' : ''
  return `#!/bin/sh
# NEXUS: the program, when it is not on the path.${encrypted ? '\n# PASSWORD_FILE: holds the password of the validator key.' : ''}
set -eu
home="$(cd "$(dirname "$0")" && pwd)"
exec "\${NEXUS:-nexus}" start --home "$home"${password} "$@"
`
}

export function systemdUnit(moniker: string, encrypted: boolean): string {
  // %d is the directory of the credentials that systemd hands over.
  const password = encrypted ? ' --password-file %d/validator-password' : ''
  const credential = encrypted
    ? 'LoadCredential=validator-password:/etc/nexus/validator-password\n'
    : ''
  return `[Unit]
Description=Nexus ${moniker}
After=network-online.target
Wants=network-online.target

[Service]
User=nexus
ExecStart=/opt/nexus/bin/nexus.mjs start --home /var/lib/nexus${password}
${credential}Restart=on-failure
RestartSec=2
TimeoutStopSec=30
UMask=0077

[Install]
WantedBy=multi-user.target
`
}

/** What a person does with the files, machine by machine. */
export function instructionsOf(testnet: Testnet): string {
  const byHost = new Map<string, TestnetNode[]>()
  for (const node of testnet.nodes) byHost.set(node.host, [...(byHost.get(node.host) ?? []), node])
  const machines = [...byHost].map(([host, nodes]) => machineText(host, nodes)).join('\n')
  return `# Testnet ${testnet.chainId}

Genesis \`${testnet.genesisHash}\`: compare it on every machine with \`nexus genesis hash genesis.json\`.
The same \`genesis.json\` is in every home. \`testnet.json\` says all of this for programs.

| node | machine | power | peers dial | RPC and metrics (loopback) |
|---|---|---|---|---|
${testnet.nodes.map(rowOf).join('\n')}

Each directory below is the home of one node and holds its private keys: copy it to its machine and
nowhere else, keep the modes (0600 for keys, 0700 for directories), then delete it here. Never run one
home twice.
${testnet.encrypted ? '\nThe validator keys are encrypted: each machine needs a file with the password, readable by its user only.\n' : ''}
${machines}
The chain starts when more than two thirds of the power are connected. Open the peer port in the
firewalls; RPC and metrics listen on loopback, put a proxy in front of what the public may call.
${accountsText(testnet.accounts.length)}`
}

const rowOf = ({ moniker, host, validator, address, ports }: TestnetNode): string =>
  `| ${moniker} | ${host} | ${validator?.power ?? 'observes'} | \`${address}\` | ${ports.rpc}, ${ports.metrics} |`

function machineText(host: string, nodes: readonly TestnetNode[]): string {
  const steps = nodes.map(
    ({ moniker }) => `\
rsync -a --chmod=D700 ${moniker}/ nexus@${host}:/var/lib/nexus${nodes.length > 1 ? `/${moniker}` : ''}/
ssh nexus@${host} /var/lib/nexus${nodes.length > 1 ? `/${moniker}` : ''}/start.sh`,
  )
  return `## ${host}

\`\`\`sh
${steps.join('\n')}
\`\`\`

Or install \`${nodes[0]?.moniker}/nexus.service\` (paths in it may need a change) and \`systemctl start nexus\`.
`
}

const accountsText = (count: number): string =>
  count === 0
    ? ''
    : `
${count} accounts are funded whose keys everybody knows (the mnemonic of every test tool): nothing on
this chain is worth anything.
`
