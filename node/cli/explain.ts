import { NexusError } from '../../core/primitives/errors.ts'

/** What a failure means to the person who meets it, and what that person can do. */
export type Advice = { readonly means: string; readonly todo: string }

/** By code; a code that is not here is shown with its own message alone. */
const ADVICE: Readonly<Record<string, Advice>> = {
  INVALID_CONFIG: {
    means: 'The configuration cannot be used: a mistake in it would otherwise show much later.',
    todo: 'Correct every line above; "nexus start --help" lists the settings.',
  },
  INVALID_GENESIS: {
    means: 'No node accepts this genesis; nodes must agree on it to the last byte.',
    todo: 'Correct every line above, then run "nexus genesis validate FILE" again.',
  },
  HOME_MISSING: {
    means: 'There is no node in this directory.',
    todo: 'Make one with "nexus init --home DIR", or name another directory with --home.',
  },
  HOME_EXISTS: {
    means: 'Initializing again would replace the chain that this node belongs to.',
    todo: 'Start it with "nexus start", or choose another directory with --home.',
  },
  LOCKED: {
    means: 'Another process uses these files; two processes with one validator key sign twice.',
    todo: 'Stop that process, or choose another directory with --home.',
  },
  SECRET_MISSING: {
    means: 'This node has no key of this kind.',
    todo: 'Make it with "nexus keys create", or set validatorKeyFile to none to observe only.',
  },
  SECRET_PERMISSIONS: {
    means: 'Other users of this machine could take or swap the key.',
    todo: 'chmod 600 the key file and chmod 700 its directory; if others had access, make a new key.',
  },
  SECRET_OWNER: {
    means: 'The user that owns a key can change it at any time.',
    todo: 'Run nexus as that user, or chown the file.',
  },
  KEY_INVALID: {
    means: 'The key file was changed or is not one.',
    todo: 'Restore it from a backup; do not correct it by hand.',
  },
  KEY_NOT_READ: {
    means: 'No key was taken from the input.',
    todo: 'Give 32 bytes as 64 hex digits, or the words of a mnemonic with --mnemonic-file.',
  },
  FILE_EXISTS: {
    means: 'Nothing was written: a key that is replaced is lost.',
    todo: 'Move the file away first, or choose another --home.',
  },
  FILE_UNREADABLE: {
    means: 'The file could not be read.',
    todo: 'Check the path and the permissions.',
  },
  FILE_UNWRITABLE: {
    means: 'The file could not be written.',
    todo: 'Check the path, the permissions and the free space.',
  },
  OBSERVER_WITHOUT_GENESIS: {
    means: 'A new chain needs a validator; an observer joins a chain that exists.',
    todo: 'Give the genesis of that chain with --genesis FILE, or leave --observer out.',
  },
  PORT_IN_USE: {
    means: 'Another process listens there; perhaps another devnet.',
    todo: 'Stop it, or choose other ports (--port for a devnet, --rpc-port and --metrics-port for a node).',
  },
  DEVNET_RUNNING: {
    means: 'Two devnets cannot share a directory.',
    todo: 'Use the one that runs, stop it, or choose another directory with --data and other ports with --port.',
  },
  DEVNET_CONFLICT: {
    means: 'A chain cannot change after its first block.',
    todo: 'Leave these options out to continue that chain, add --reset to begin anew, or use another --data.',
  },
  DEVNET_INCOMPLETE: {
    means: 'An earlier start was interrupted before the chain existed.',
    todo: 'Run the same command with --reset.',
  },
  DEVNET_FOREIGN_DATA: {
    means: 'Nothing was deleted or written: the directory holds files that are not a devnet.',
    todo: 'Choose an empty or a new directory with --data.',
  },
  VALIDATOR_FAILED: {
    means: 'The devnet was stopped, because not all validators started.',
    todo: 'Read the log file named above; "nexus devnet --log-level debug" writes more into it.',
  },
  DEVNET_SLOW: {
    means: 'The validators run, but the chain makes no blocks yet.',
    todo: 'Look at the log files; on a busy machine try fewer --validators.',
  },
}

/** An error as text for a person: what happened, what it means, what to do. */
export function explainError(error: unknown): string {
  if (!(error instanceof NexusError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return `nexus: this is a bug in Nexus; please report it with these lines\n${text}`
  }
  const { code } = error.detail
  const advice = ADVICE[code]
  const lines = [`nexus: ${code}`, ...error.message.split('\n').map((line) => `  ${line}`)]
  if (advice !== undefined) lines.push(advice.means, `What to do: ${advice.todo}`)
  return lines.join('\n')
}
