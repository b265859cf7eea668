import type { Certificate } from '../../core/chain/certificate.ts'
import type { Validator } from '../../core/chain/validatorSet.ts'
import { addressOfPublicKey, signatures } from '../../core/primitives/signature.ts'
import type { AccusedView, ForkView, NodeIdentity, NodeStatus, PeerView } from '../backend.ts'
import { data, quantity } from './hex.ts'

export const statusOf = (
  identity: NodeIdentity,
  status: NodeStatus,
  head: { readonly height: number; readonly hash: Uint8Array; readonly timestamp: number },
) => ({
  moniker: status.moniker,
  version: status.version,
  chainId: quantity(identity.chainId),
  genesisHash: data(identity.genesisHash),
  validator: status.validator === null ? null : data(status.validator),
  height: quantity(head.height),
  blockHash: data(head.hash),
  blockTimestamp: quantity(head.timestamp),
  catchingUp: status.catchingUp,
  highestKnown: quantity(status.highestKnown),
  pendingTransactions: quantity(status.pendingTransactions),
  peers: status.peers.map(peerOf),
  fork: status.fork === null ? null : forkOf(status.fork),
})

const forkOf = ({ height, blockIds, proved, suspected, totalPower }: ForkView) => ({
  height: quantity(height),
  blockIds: blockIds.map((id) => `0x${id}`),
  proved: proved.map(accusedOf),
  suspected: suspected.map(accusedOf),
  totalPower,
})

const accusedOf = ({ address, power }: AccusedView) => ({ address: data(address), power })

const peerOf = (peer: PeerView) => ({
  id: peer.id,
  moniker: peer.moniker,
  address: peer.address,
  direction: peer.direction,
  height: quantity(peer.height),
  validator: peer.validator === null ? null : data(peer.validator),
})

/** Priorities may be negative and powers exceed no number, so both are JSON numbers. */
export const validatorsOf = (height: number, validators: readonly Validator[]) => ({
  height: quantity(height),
  totalPower: validators.reduce((sum, { power }) => sum + power, 0),
  validators: validators.map((validator, index) => ({
    index,
    address: data(addressOf(validator)),
    publicKey: data(validator.publicKey),
    power: validator.power,
    priority: validator.priority,
  })),
})

/** Signatures are r ‖ s over the precommit's digest; a contract tries both recovery ids. */
export const certificateOf = (
  chainId: number,
  certificate: Certificate,
  validators: readonly Validator[],
) => ({
  chainId: quantity(chainId),
  height: quantity(certificate.height),
  round: quantity(certificate.round),
  blockId: `0x${certificate.blockId}`,
  signatures: certificate.signatures.map(({ validatorIndex, signature }) => {
    const validator = validators[validatorIndex]
    return {
      index: validatorIndex,
      address: validator === undefined ? null : data(addressOf(validator)),
      signature: data(signature),
    }
  }),
})

/** By the key object, which a validator set keeps: expanding a key costs 10 µs. */
const addresses = new WeakMap<Uint8Array, Uint8Array>()

function addressOf({ publicKey }: Validator): Uint8Array {
  const known = addresses.get(publicKey)
  if (known !== undefined) return known
  const address = addressOfPublicKey(signatures.expand(publicKey))
  addresses.set(publicKey, address)
  return address
}
