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
  DEVNET_METHODS_REFUSED: {
    means: 'These methods set the time of blocks and sign with keys that everybody knows.',
    todo: 'Set devnet.methods to false, or make a chain of your own with "nexus devnet".',
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
  KEY_ENCRYPTED: {
    means: 'The key needs a password to be read, and this command asks for none.',
    todo: 'Use "nexus keys decrypt" or "nexus keys change-password".',
  },
  KEY_NOT_ENCRYPTED: {
    means: 'There is no password to change.',
    todo: 'Encrypt the key with "nexus keys encrypt".',
  },
  KEYSTORE_PASSWORD: {
    means: 'Nothing was decrypted. A wrong password and a damaged file cannot be told apart.',
    todo: 'Try again; if the password is right, restore the file from a backup.',
  },
  KEYSTORE_INVALID: {
    means: 'The encrypted part of the key file was changed or is not a keystore.',
    todo: 'Restore it from a backup; do not correct it by hand.',
  },
  KEYSTORE_VERSION: {
    means: 'Only Web3 Secret Storage of version 3 is read, as geth and ethers write it.',
    todo: 'Convert the file with the wallet that made it, and import it again.',
  },
  KEYSTORE_UNSUPPORTED: {
    means: 'The keystore uses a cipher or function that wallets do not use in practice.',
    todo: 'Convert the file with the wallet that made it, and import it again.',
  },
  KEYSTORE_TOO_COSTLY: {
    means: 'Opening this file would take more memory or time than any honest one.',
    todo: 'Do not trust the file; export the key again from the wallet that has it.',
  },
  PASSWORD_NEEDED: {
    means: 'The key is encrypted, and nobody can be asked for its password.',
    todo: 'Give --password-file FILE or --password-fd N, or run the command on a terminal.',
  },
  PASSWORD_INVALID: {
    means: 'No password could be read.',
    todo: 'Put it into the first line of a file that only you may read.',
  },
  PASSWORD_SHORT: {
    means: 'A short password is found by trying.',
    todo: 'Choose a longer one; a few random words are good.',
  },
  PASSWORD_DIFFERS: { means: 'Nothing was encrypted.', todo: 'Run the command again.' },
  PASSWORD_ABORTED: { means: 'Nothing was done.', todo: 'Run the command again.' },
  LAST_SIGNED_MISSING: {
    means: 'Without it this validator could sign twice, which is provable and punished.',
    todo: 'See "Moving a validator" in docs/operations.md.',
  },
  LAST_SIGNED_CORRUPT: {
    means: 'What this validator signed last is not certain, so it must not sign.',
    todo: 'Move the file away and run "nexus keys guard --create --above HEIGHT".',
  },
  LAST_SIGNED_OTHER_KEY: {
    means: 'The file guards another key or another chain.',
    todo: 'Use the file that belongs to this key.',
  },
  LAST_SIGNED_EXISTS: {
    means: 'Replacing it would forget what this validator signed.',
    todo: 'Keep it; "nexus keys guard" shows what it says.',
  },
  GUARD_HEIGHT_MISSING: {
    means: 'A new last-signed state must refuse whatever this key signed before.',
    todo: 'Copy the state from where the key was, or give --above HEIGHT ("nexus keys guard --help").',
  },
  DOUBLE_SIGN_RISK: {
    means: 'Signing now could be signing twice, which is provable and punished.',
    todo: 'Stop the other process with this key. If there is none, wait until the chain made more blocks than signing.doubleSignCheckHeights without you, then start again.',
  },
  FORK_DETECTED: {
    means:
      'A third or more of the validators broke the protocol; which block counts is for people to agree.',
    todo: 'Keep the evidence, ask the other operators, and see "Forks" in docs/operations.md.',
  },
  FORK_FILE_INVALID: {
    means: 'Somebody or something changed the evidence that this node wrote.',
    todo: 'Restore the file from a backup, or move it away if you know that there was no fork.',
  },
  SIGNER_UNAVAILABLE: {
    means: 'The remote signer does not answer; without it this validator cannot vote.',
    todo: 'Start "nexus signer", and compare its address with the signer.socket setting.',
  },
  SIGNER_SECRET_MISMATCH: {
    means: 'One of the two is not the one that the other was made for.',
    todo: 'Copy the secret file of the signer to where signer.secretFile points.',
  },
  SIGNER_CHAIN_MISMATCH: {
    means: 'A signer signs for the chain it was started for, and for no other.',
    todo: 'Start the signer with --chain-id of this chain.',
  },
  SIGNER_BUSY: {
    means: 'Two nodes with one validator would take each other’s turns.',
    todo: 'Stop the other node. One that died gives its place up within seconds.',
  },
  SIGNER_VERSION: {
    means: 'Node and signer are of different releases.',
    todo: 'Run the same release of Nexus on both sides.',
  },
  SIGNER_PROTOCOL: {
    means: 'What listens there is not a signer, or somebody changed what it says.',
    todo: 'Check the signer.socket setting and who listens there.',
  },
  SIGNER_SOCKET: {
    means: 'The signer cannot be reached by anybody.',
    todo: 'Choose another place with --socket.',
  },
  SIGNER_ADDRESS: {
    means: 'No signer can listen or be reached there.',
    todo: 'Use a path, or tcp:127.0.0.1:PORT.',
  },
  SIGNER_SECRET: {
    means: 'Node and signer know each other by this secret.',
    todo: 'Copy the file of the signer; "nexus signer init" makes one.',
  },
  SIGNER_HOME_MISSING: {
    means: 'There is no key to sign with.',
    todo: 'Make one with "nexus signer init --home DIR --chain-id N".',
  },
  CHAIN_ID_MISSING: {
    means: 'A signature that does not name its chain could be used on another one.',
    todo: 'Give the chain id of the genesis with --chain-id.',
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
  SNAPSHOT_TOO_EARLY: {
    means:
      'A snapshot is checked against the block after it, and made where the engines are stored.',
    todo: 'Let the node run on, or use an earlier snapshot ("nexus snapshot list").',
  },
  SNAPSHOT_MISSING: {
    means: 'Nothing was changed.',
    todo: 'Look at "nexus snapshot list", and choose another directory with --from or another --height.',
  },
  SNAPSHOT_DAMAGED: {
    means: 'A file of the snapshot is not what validators certified; nothing was restored.',
    todo: 'Fetch the snapshot again, or use another one.',
  },
  SNAPSHOT_NOT_TRUSTED: {
    means:
      'A snapshot proves that its state belongs to its block, not that the block is the right one.',
    todo: 'Look the block of its height up in a place that you trust, and give its id with --trust-hash.',
  },
  RESTORE_TARGET_EXISTS: {
    means: 'A restore never replaces a chain.',
    todo: 'Move the database away first, or choose another directory with --home.',
  },
  TRUST_NEEDED: {
    means:
      'Validators of long ago could sign another history today, and nobody could hold them to account.',
    todo: 'Look a recent block up in a place that you trust; set stateSync.trustHeight and stateSync.trustHash.',
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
  OUTPUT_EXISTS: {
    means: 'Nothing was written: the keys of that testnet would be lost.',
    todo: 'Choose another --output, or add --force to delete it.',
  },
  OUTPUT_FOREIGN: {
    means: 'Nothing was deleted or written: the directory holds files that are not a testnet.',
    todo: 'Choose an empty or a new directory with --output.',
  },
  DATABASE_EMPTY: {
    means: 'There is nothing to work on yet.',
    todo: 'Start the node once with "nexus start", or name another directory with --home.',
  },
  DATABASE_LOCKED: {
    means: 'The database belongs to a running process.',
    todo: 'Stop the node first.',
  },
  STORAGE_CORRUPT: {
    means: 'The disk lost or changed what was stored; a node must not go on from it.',
    todo: 'Restore data/db from a copy, or delete it and let the node sync again; keep data/last-signed.',
  },
  NODE_UNREACHABLE: {
    means: 'No node answers there: it does not run, still starts, or listens elsewhere.',
    todo: 'Look with "nexus status --home DIR"; a node that runs has rpc.enabled and admin.enabled set.',
  },
  HEIGHT_UNKNOWN: {
    means: 'This node does not keep what was asked for.',
    todo: 'Choose a height within the limits above, or ask a node that keeps more.',
  },
  PRUNE_WITHOUT_LIMIT: {
    means: 'Nothing was deleted.',
    todo: 'Give --keep N or --below HEIGHT; --dry-run shows what would go.',
  },
  ROLLBACK_AHEAD: {
    means: 'A rollback goes back only.',
    todo: 'Choose a lower height; "nexus status --home DIR" says where the database ends.',
  },
  ROLLBACK_TOO_FAR: {
    means: 'What would undo those heights is not kept any more.',
    todo: 'Choose a height within the limits above, or delete data/db (never data/last-signed) and sync again.',
  },
  ROLLBACK_MISMATCH: {
    means: 'What came out is not what the chain committed: the stored history is damaged.',
    todo: 'Keep a copy of data/db and report it; then delete data/db (never data/last-signed) and sync again.',
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
