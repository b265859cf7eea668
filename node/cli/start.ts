import { type Command, Option } from 'commander'
import { homePaths } from '../config/paths.ts'
import { SETTINGS } from '../config/settings.ts'
import { loadNodeConfig, type NodeConfig } from '../config.ts'
import { assertHome } from '../home.ts'
import { readTextFileIfPresent } from '../keys/files.ts'
import { AskedPassword, readPassword } from '../keys/password.ts'
import { type CliContext, resolveHome } from './context.ts'
import { addPasswordOptions, passwordPlace } from './passwords.ts'

/** Settings by attribute name, as written. */
type StartOptions = { readonly passwordFd?: number } & Readonly<Record<string, string | undefined>>

export function addStartCommand(program: Command, context: CliContext): void {
  const start = program
    .command('start')
    .description('run the node of a home until it is told to stop')
    .option('--home <dir>', 'home of the node (default: NEXUS_HOME or ~/.nexus/node)')
  addPasswordOptions(start)
  start.option('--evm <which>', 'short for --execution-evm')
  for (const { flag, path, kind, description, variable } of SETTINGS) {
    const value = kind === 'list' ? '<a,b>' : kind === 'boolean' ? '<true|false>' : '<value>'
    const group = path.includes('.') ? `Settings of ${path.split('.')[0]}:` : 'Settings:'
    start.addOption(new Option(`${flag} ${value}`, `${description} (${variable})`).helpGroup(group))
  }
  start
    .addHelpText(
      'after',
      `
A flag counts before its variable (in parentheses), that before config.json in the home, and that
before the default. Ctrl-C or SIGTERM stops the node cleanly; a second one stops it at once.
The password of an encrypted key is asked for on the terminal unless a file or descriptor gives it.

Examples:
  nexus start
  nexus start --home ./.nexus/devnet/validator-2 --log-level debug --log-format pretty
  NEXUS_RPC_HOST=0.0.0.0 nexus start --rpc-cors-origins https://app.example`,
    )
    .action(async ({ passwordFd, ...options }: StartOptions) => {
      const config = loadConfig(options, context)
      const { passwordFile } = options
      const place = passwordPlace(
        {
          ...(passwordFile === undefined ? {} : { passwordFile }),
          ...(passwordFd === undefined ? {} : { passwordFd }),
        },
        context,
      )
      const question = `Password of the keys in ${config.paths.home}`
      const password = new AskedPassword(() => readPassword(place, question))
      // Loaded only now: the node's libraries take longer to load than any other command to run.
      const { runNode } = await import('../runNode.ts')
      context.setExitCode(await runNode(config, password))
    })
}

function loadConfig(
  options: Readonly<Record<string, string | undefined>>,
  context: CliContext,
): NodeConfig {
  const home = resolveHome(context, options.home)
  const paths = homePaths(home)
  assertHome(paths)
  const flags = new Map<string, string>()
  for (const { flag, path } of SETTINGS) {
    const value = options[new Option(flag).attributeName()]
    if (value !== undefined) flags.set(path, value)
    else if (path === 'execution.evm' && options.evm !== undefined) flags.set(path, options.evm)
  }
  return loadNodeConfig({
    home,
    file: readTextFileIfPresent(paths.config),
    environment: context.environment,
    flags,
  })
}
