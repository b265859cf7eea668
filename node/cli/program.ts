import { Command, CommanderError } from 'commander'
import { clientVersion, readVersion } from '../version.ts'
import { type CliContext, EXIT, processContext } from './context.ts'
import { addDevnetCommand } from './devnet.ts'
import { explainError } from './explain.ts'
import { addGenesisCommand } from './genesis.ts'
import { addInitCommand } from './init.ts'
import { addKeysCommand } from './keys.ts'
import { addOperatorCommands } from './operator.ts'
import { addSignerCommand } from './signer.ts'
import { addSnapshotCommand } from './snapshot.ts'
import { addStartCommand } from './start.ts'
import { addVersionCommand } from './version.ts'

/** Runs one command and sets the exit code: 0 done, 1 failed, 2 used wrongly. Never rejects. */
export async function runCli(
  argv: readonly string[],
  context: CliContext = processContext(),
): Promise<void> {
  try {
    await createProgram(context).parseAsync([...argv], { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) {
      context.setExitCode(error.exitCode === 0 ? EXIT.ok : EXIT.usage)
      return
    }
    context.writeError(explainError(error))
    context.setExitCode(EXIT.failed)
  }
}

function createProgram(context: CliContext): Command {
  const program = new Command('nexus')
    .description('Nexus: a blockchain node with an EVM, and everything to run one.')
    .version(clientVersion(readVersion()), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help of a command')
    // "signer" and "signer init" have options of the same names.
    .enablePositionalOptions()
    .showHelpAfterError('Run the command with --help to see how it is used.')
    .configureOutput({
      writeOut: (text) => context.write(text.replace(/\n$/, '')),
      writeErr: (text) => context.writeError(text.replace(/\n$/, '')),
    })
    .exitOverride()
    .addHelpText(
      'after',
      `
Examples:
  nexus devnet                     four validators on this machine, with funded test accounts
  nexus init --moniker alice       a node of your own, with keys and a genesis
  nexus start                      run it
  nexus keys show                  its public identity, for the other operators
  nexus genesis validate FILE      every mistake in a genesis, in one message`,
    )
  addDevnetCommand(program, context)
  addInitCommand(program, context)
  addStartCommand(program, context)
  addKeysCommand(program, context)
  addSignerCommand(program, context)
  addGenesisCommand(program, context)
  addOperatorCommands(program, context)
  addSnapshotCommand(program, context)
  addVersionCommand(program, context)
  return program
}
