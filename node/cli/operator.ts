import type { Command } from 'commander'
import type { CliContext } from './context.ts'
import { addInspectCommand } from './inspect.ts'
import { addPeersCommand } from './peers.ts'
import { addPruneCommand } from './prune.ts'
import { addRollbackCommand } from './rollback.ts'
import { addStatusCommand } from './status.ts'
import { addTestnetCommand } from './testnet.ts'

/** What operators of nodes and chains use. */
export function addOperatorCommands(program: Command, context: CliContext): void {
  addStatusCommand(program, context)
  addPeersCommand(program, context)
  addInspectCommand(program, context)
  addRollbackCommand(program, context)
  addPruneCommand(program, context)
  addTestnetCommand(program, context)
}
