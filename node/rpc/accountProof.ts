import { bytesToBigint } from '../../core/primitives/bytes.ts'
import type { AccountProof as EvmAccountProof } from '../../evm/index.ts'
import type { AccountProof } from '../../rpc/index.ts'

export const accountProofOf = (proof: EvmAccountProof): AccountProof => ({
  balance: proof.account.balance,
  nonce: proof.account.nonce,
  codeHash: proof.account.codeHash,
  storageHash: proof.account.storageRoot,
  accountProof: proof.accountProof,
  storageProof: proof.storageProof.map(({ value, proof: nodes }) => ({
    value: bytesToBigint(value),
    proof: nodes,
  })),
})
