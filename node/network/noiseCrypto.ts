import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { ICryptoInterface } from '@libp2p/noise'
import { defaultCrypto } from '@libp2p/noise/crypto'

// What noise's own cipher costs a node beside the arithmetic: given the bytes of a key, Node finds out that they are
// no key object by an error that it makes, with its stack, and catches, and then makes a key object; every frame
// again. That was 9 µs of the 13 of a frame of 1,200 bytes.

/** Noise's cryptography with the keys of a connection made ready once. The same bytes on the wire. */
export const noiseCrypto: ICryptoInterface = {
  ...defaultCrypto,
  chaCha20Poly1305Encrypt(plaintext, nonce, ad, key) {
    if (plaintext instanceof Uint8Array || plaintext.byteLength < LONG)
      return defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, ad, key)
    const cipher = createCipheriv(ALGORITHM, keyObjectOf(key), nonce, TAG)
    cipher.setAAD(ad, { plaintextLength: plaintext.byteLength })
    const out = plaintext.sublist(0, 0)
    for (const part of plaintext.byteLength < JOINED ? [plaintext.subarray()] : plaintext)
      out.append(cipher.update(part))
    cipher.final()
    out.append(cipher.getAuthTag())
    return out
  },
  /** Throws for bytes that the key did not seal. */
  chaCha20Poly1305Decrypt(sealed, nonce, ad, key, into) {
    if (sealed instanceof Uint8Array || sealed.byteLength < LONG)
      return defaultCrypto.chaCha20Poly1305Decrypt(sealed, nonce, ad, key, into)
    const end = sealed.byteLength - TAG.authTagLength
    const decipher = createDecipheriv(ALGORITHM, keyObjectOf(key), nonce, TAG)
    decipher.setAAD(ad, { plaintextLength: end })
    decipher.setAuthTag(sealed.subarray(end))
    const out = sealed.sublist(0, 0)
    for (const part of sealed.sublist(0, end)) out.append(decipher.update(part))
    decipher.final()
    return out
  },
}

const ALGORITHM = 'chacha20-poly1305'
const TAG = { authTagLength: 16 }
/** From here on OpenSSL pays back the call into it; below, noise's own choice is WebAssembly. */
const LONG = 512
/** Below, parts are joined first: a call for each costs more. */
const JOINED = 8_192

/** By the array that holds the key: a cipher state keeps it as long as it lives. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>()

function keyObjectOf(key: Uint8Array): KeyObject {
  const known = keyObjects.get(key)
  if (known !== undefined) return known
  const made = createSecretKey(key)
  keyObjects.set(key, made)
  return made
}
