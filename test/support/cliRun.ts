import { runCli } from '../../node/cli/program.ts'
import type { CliRun } from './nexusCli.ts'

type Person = {
  readonly environment?: Readonly<Record<string, string>>
  /** Standard input. */
  readonly input?: string
  /** What is answered on the terminal, one after the other; absent: there is no terminal. */
  readonly typed?: string[]
}

/** A command in this process, which is ten times as fast as one of its own. */
export async function cliRun(
  directory: string,
  args: readonly string[],
  person: Person = {},
): Promise<CliRun> {
  const { environment = {}, input = '', typed } = person
  const run = { code: 0, out: '', err: '' }
  await runCli(args, {
    write: (text) => {
      run.out += `${text}\n`
    },
    writeError: (text) => {
      run.err += `${text}\n`
    },
    environment,
    directory,
    readInput: async () => input,
    ...(typed === undefined
      ? {}
      : { askHidden: async () => new TextEncoder().encode(typed.shift() ?? '') }),
    setExitCode: (code) => {
      run.code = code
    },
  })
  return run
}
