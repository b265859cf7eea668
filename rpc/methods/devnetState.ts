import type { StateEdit } from '../../core/chain/stateEdit.ts'
import type { Deadline } from '../deadline.ts'
import type { DevnetBackend } from '../devnetBackend.ts'
import { editState } from '../devnetEdits.ts'
import { TransactionSigner } from '../devnetTransactions.ts'
import { type MethodModules, type MethodTable, method, patient } from '../method.ts'
import type { Outcome } from '../outcome.ts'
import { address, boolean, bytes, slot, uint256 } from '../params/hex.ts'
import { looseInteger } from '../params/integer.ts'
import { bad, type Parser, required } from '../params/parameter.ts'

/** What the chain takes; counting up never reaches it. */
const MAX_NONCE = 2 ** 48

const nonce: Parser<number> = (json) => {
  const parsed = looseInteger(json)
  return parsed.ok && parsed.value > MAX_NONCE ? bad(`more than ${MAX_NONCE}`) : parsed
}
/** Some send a number, or a padded word, for a slot or a value. */
const word: Parser<Uint8Array> = (json) =>
  slot(typeof json === 'number' && Number.isSafeInteger(json) ? `0x${json.toString(16)}` : json)

/** State at will, and transactions of anybody: `anvil_*` and `hardhat_*`, on any devnet. */
export function devnetStateMethods(modules: MethodModules, devnet: DevnetBackend): MethodTable {
  const signer = new TransactionSigner(modules, devnet)
  const edit = async (
    wanted: StateEdit,
    deadline: Deadline,
    answer: unknown,
  ): Promise<Outcome<unknown>> => {
    const done = await editState({ ...modules, devnet, signer }, wanted, deadline)
    return done.ok ? { ok: true, value: answer } : done
  }
  const balance = (answer: unknown) =>
    patient(
      method([required(address), required(uint256)], ({ deadline }, who, wei) =>
        edit({ kind: 'balance', address: who, balance: wei }, deadline, answer),
      ),
    )
  const counted = (answer: unknown) =>
    patient(
      method([required(address), required(nonce)], ({ deadline }, who, count) =>
        edit({ kind: 'nonce', address: who, nonce: count }, deadline, answer),
      ),
    )
  const code = (answer: unknown) =>
    patient(
      method([required(address), required(bytes)], ({ deadline }, who, text) =>
        edit({ kind: 'code', address: who, code: text }, deadline, answer),
      ),
    )
  const storage = patient(
    method([required(address), required(word), required(word)], ({ deadline }, who, at, value) =>
      edit({ kind: 'slot', address: who, slot: at, value }, deadline, true),
    ),
  )
  return {
    anvil_setBalance: balance(null),
    hardhat_setBalance: balance(true),
    tenderly_setBalance: balance(null),
    anvil_setNonce: counted(null),
    hardhat_setNonce: counted(true),
    evm_setAccountNonce: counted(true),
    anvil_setCode: code(null),
    hardhat_setCode: code(true),
    anvil_setStorageAt: storage,
    hardhat_setStorageAt: storage,
    ...impersonation(devnet),
  }
}

function impersonation(devnet: DevnetBackend): MethodTable {
  const start = (answer: unknown) =>
    method([required(address)], (_, who) => {
      devnet.impersonate(who)
      return { ok: true, value: answer }
    })
  const stop = (answer: unknown) =>
    method([required(address)], (_, who) => {
      devnet.stopImpersonating(who)
      return { ok: true, value: answer }
    })
  return {
    anvil_impersonateAccount: start(null),
    hardhat_impersonateAccount: start(true),
    anvil_stopImpersonatingAccount: stop(null),
    hardhat_stopImpersonatingAccount: stop(true),
    anvil_autoImpersonateAccount: method([required(boolean)], (_, isOn) => {
      devnet.impersonateAll(isOn)
      return { ok: true, value: null }
    }),
  }
}

/** Their names, for nodes that have none of them. */
export const DEVNET_STATE_NAMES = [
  'anvil_setBalance',
  'hardhat_setBalance',
  'tenderly_setBalance',
  'anvil_setNonce',
  'hardhat_setNonce',
  'evm_setAccountNonce',
  'anvil_setCode',
  'hardhat_setCode',
  'anvil_setStorageAt',
  'hardhat_setStorageAt',
  'anvil_impersonateAccount',
  'hardhat_impersonateAccount',
  'anvil_stopImpersonatingAccount',
  'hardhat_stopImpersonatingAccount',
  'anvil_autoImpersonateAccount',
]
