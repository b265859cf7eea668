import { addressOfPublicKey, signatures } from '../core/primitives/signature.ts'

/** The address of a validator: the Ethereum address of its key, which must be a point on the curve. */
export const addressOfValidator = ({ publicKey }: { readonly publicKey: Uint8Array }): Uint8Array =>
  addressOfPublicKey(signatures.expand(publicKey))
