import { concatBytes } from '../../core/primitives/bytes.ts'
import { keccak256 } from '../../core/primitives/hash.ts'
import type { DevnetBackend } from '../devnetBackend.ts'
import { type Completed, TransactionSigner } from '../devnetTransactions.ts'
import { data, quantity } from '../format/hex.ts'
import { type Method, type MethodModules, type MethodTable, method } from '../method.ts'
import { fail, type Outcome } from '../outcome.ts'
import { anything } from '../params/any.ts'
import { address, bytes } from '../params/hex.ts'
import { required } from '../params/parameter.ts'
import { transactionRequest } from '../params/transactionRequest.ts'
import { typedDataDigest } from '../typedDataDigest.ts'

/** Methods of a node that holds keys: those of a devnet's test accounts, and no others. */
export function unlockedMethods(modules: MethodModules): MethodTable {
  const { backend } = modules
  const { devnet } = backend
  if (devnet === undefined) return withoutKeys
  const signer = new TransactionSigner(modules, devnet)
  const wanted = required(transactionRequest(backend.identity.chainId))
  const typed = method([required(address), required(anything)], (_, who, json) => {
    const digest = typedDataDigest(json)
    return digest.ok
      ? signed(devnet, who, digest.value)
      : fail({ code: 'INVALID_PARAMS', problem: `typed data: ${digest.problem}` })
  })
  return {
    eth_accounts: method([], () => ({
      ok: true,
      value: [...devnet.accounts, ...devnet.impersonated].map(data),
    })),
    eth_sendTransaction: method([wanted], async (call, request) => {
      const sent = await signer.send(request, call.deadline)
      return sent.ok ? { ok: true, value: data(sent.value) } : sent
    }),
    eth_signTransaction: method([wanted], async (call, request) => {
      const completed = await signer.sign(request, call.deadline)
      return completed.ok ? { ok: true, value: shown(completed.value) } : completed
    }),
    eth_sign: method([required(address), required(bytes)], (_, who, message) =>
      signed(devnet, who, personalDigest(message)),
    ),
    personal_sign: method([required(bytes), required(address)], (_, message, who) =>
      signed(devnet, who, personalDigest(message)),
    ),
    eth_signTypedData: typed,
    eth_signTypedData_v4: typed,
  }
}

const noKeys: Method = {
  isHeavy: false,
  isPatient: false,
  run: () => fail({ code: 'NO_KEYS_HERE' }),
}

/** As a node of a chain answers: it signs for nobody. */
const withoutKeys: MethodTable = {
  eth_accounts: method([], () => ({ ok: true, value: [] })),
  eth_sendTransaction: noKeys,
  eth_signTransaction: noKeys,
  eth_sign: noKeys,
  personal_sign: noKeys,
  eth_signTypedData: noKeys,
  eth_signTypedData_v4: noKeys,
}

function signed(devnet: DevnetBackend, who: Uint8Array, digest: Uint8Array): Outcome<string> {
  const signature = devnet.signDigest(who, digest)
  return signature === null
    ? fail({ code: 'ACCOUNT_LOCKED', address: who })
    : { ok: true, value: data(signature) }
}

/** EIP-191, version 0x45. */
const personalDigest = (message: Uint8Array): Uint8Array =>
  keccak256(
    concatBytes(
      new TextEncoder().encode(`\x19Ethereum Signed Message:\n${message.length}`),
      message,
    ),
  )

/** What geth answers: the signed bytes, and what they say. */
function shown({ raw, transaction }: Completed): unknown {
  const { type, nonce, gas, maxFeePerGas, maxPriorityFeePerGas, to, value } = transaction
  const fees =
    type < 2
      ? { gasPrice: quantity(maxFeePerGas) }
      : {
          maxFeePerGas: quantity(maxFeePerGas),
          maxPriorityFeePerGas: quantity(maxPriorityFeePerGas),
        }
  return {
    raw: data(raw),
    tx: {
      type: quantity(type),
      nonce: quantity(nonce),
      gas: quantity(gas),
      ...fees,
      to: to === null ? null : data(to),
      value: quantity(value),
      input: data(transaction.data),
      hash: data(keccak256(raw)),
    },
  }
}
