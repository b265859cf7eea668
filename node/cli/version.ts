import type { Command } from 'commander'
import { readVersion } from '../version.ts'
import { type CliContext, json } from './context.ts'

export function addVersionCommand(program: Command, context: CliContext): void {
  program
    .command('version')
    .description('print the versions of Nexus and of what it runs on')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  nexus version\n  nexus version --json')
    .action((options: { readonly json?: true }) => {
      const version = readVersion()
      if (options.json) return context.write(json(version))
      context.write(`nexus ${version.nexus}`)
      context.write(`commit ${version.commit ?? 'unknown'}`)
      context.write(`node ${version.node} on ${version.platform}`)
    })
}
