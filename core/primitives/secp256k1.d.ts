// The package ships no types. Only what `signature.ts` uses.
declare module 'secp256k1/bindings.js' {
  export type Secp256k1 = {
    privateKeyVerify(privateKey: Uint8Array): boolean
    publicKeyVerify(publicKey: Uint8Array): boolean
    publicKeyCreate(privateKey: Uint8Array, compressed: boolean): Uint8Array
    publicKeyConvert(publicKey: Uint8Array, compressed: boolean): Uint8Array
    ecdsaSign(
      digest: Uint8Array,
      privateKey: Uint8Array,
    ): { readonly signature: Uint8Array; readonly recid: number }
    ecdsaVerify(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean
    ecdsaRecover(
      signature: Uint8Array,
      recid: number,
      digest: Uint8Array,
      compressed: boolean,
    ): Uint8Array
  }
  const secp256k1: Secp256k1
  export default secp256k1
}
