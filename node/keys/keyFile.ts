import { NexusError } from '../../core/primitives/errors.ts'
import { createSecretFile, readSecretFile, replaceSecretFile } from './files.ts'
import {
  encryptedText,
  type KeyDocument,
  type KeyKind,
  keyInvalid,
  parseKeyDocument,
  plainText,
} from './keyDocument.ts'
import { decryptSecret } from './keystore.ts'

/** Asked only when a file is encrypted. */
export type Password = () => Promise<Uint8Array>

/** The files of one kind of key. Permissions, owner and contents are checked whenever one is read. */
export class KeyFiles<K> {
  readonly #kind: KeyKind<K>
  readonly #publicNames: readonly string[]

  constructor(kind: KeyKind<K>, publicNames: readonly string[]) {
    this.#kind = kind
    this.#publicNames = publicNames
  }

  /** FILE_EXISTS when there is one: a key that is replaced is lost. */
  save(file: string, key: K): void {
    createSecretFile(file, plainText(this.#kind, key))
  }

  async saveEncrypted(file: string, key: K, password: Uint8Array): Promise<void> {
    createSecretFile(file, await encryptedText(this.#kind, key, password))
  }

  /** The same key in a file that exists, encrypted or (password null) not; a crash leaves one or the other. */
  async rewrite(file: string, key: K, password: Uint8Array | null): Promise<void> {
    const text =
      password === null
        ? plainText(this.#kind, key)
        : await encryptedText(this.#kind, key, password)
    // What is about to be the only copy must open again.
    await this.#secretIn(this.#parse(text, file), file, async () => password ?? new Uint8Array(0))
    replaceSecretFile(file, text)
  }

  /** KEY_ENCRYPTED, KEY_INVALID, and the codes of `readSecretFile`. */
  load(file: string): K {
    const document = this.#read(file)
    const { secret } = document
    if (secret.kind === 'encrypted')
      throw new NexusError(
        { code: 'KEY_ENCRYPTED', path: file },
        { message: `${file} is encrypted, and no password was asked for` },
      )
    return this.#checked(document, this.#kind.parseSecret(secret.text), file)
  }

  /** As `load`, and decrypts with a password: the codes of `parseKeystore`, and KEYSTORE_PASSWORD. */
  async open(file: string, password: Password): Promise<K> {
    return this.#secretIn(this.#read(file), file, password)
  }

  /** What a file says in public, unverified when it is encrypted. */
  inspect(file: string): {
    readonly encrypted: boolean
    readonly publicMembers: ReadonlyMap<string, string>
  } {
    const document = this.#read(file)
    const encrypted = document.secret.kind === 'encrypted'
    if (!encrypted) this.load(file)
    return { encrypted, publicMembers: document.publicMembers }
  }

  #read(file: string): KeyDocument {
    return this.#parse(readSecretFile(file), file)
  }

  #parse(text: string, file: string): KeyDocument {
    const { type } = this.#kind
    return parseKeyDocument(text, file, { type, publicNames: this.#publicNames })
  }

  async #secretIn(document: KeyDocument, file: string, password: Password): Promise<K> {
    const { secret } = document
    if (secret.kind === 'plain')
      return this.#checked(document, this.#kind.parseSecret(secret.text), file)
    const bytes = await password()
    return this.#checked(document, await decryptSecret(secret.keystore, bytes, file), file)
  }

  #checked(document: KeyDocument, secret: Uint8Array | null, file: string): K {
    const { what, decode, publicOf, keystoreForm } = this.#kind
    const key = secret === null ? null : decode(secret)
    if (key === null) throw keyInvalid(file, `privateKey is not ${what}`)
    for (const [name, value] of Object.entries(publicOf(key))) {
      const found = document.publicMembers.get(name) ?? ''
      // Either form: a plain file that was written by hand from a keystore is still this key's.
      if (keystoreForm(name, found) !== keystoreForm(name, value))
        throw keyInvalid(file, `${name} is not the ${name} of privateKey`)
    }
    return key
  }
}
