import type { Coprocessor } from '../../core/host/coprocessor.ts'
import { type AccountNames, toOutside } from '../../core/host/fieldCodec.ts'
import { toJson } from '../../core/host/fieldJson.ts'
import type { Field, Fields, Values } from '../../core/host/fields.ts'
import type { CoreEvent } from '../coreBackend.ts'
import { data } from './hex.ts'

type Write = (value: unknown) => string
type Part = { readonly field: string; readonly label: string; readonly write: Write }
type Form = { readonly opening: string; readonly parts: readonly Part[] }

/** Addresses kept as text; each is 42 characters. */
const MAX_KNOWN = 65_536

/**
 * Events as JSON text: `kind`, then the fields as `toJson` writes them, accounts as addresses. A busy
 * block has thousands for whoever follows a market, so each kind is compiled once; 1 µs for a fill.
 */
export class EventTexts {
  readonly #names: AccountNames
  readonly #forms: ReadonlyMap<number, ReadonlyMap<string, Form>>
  readonly #addresses = new Map<number, string>()

  constructor(engines: readonly Coprocessor[], names: AccountNames) {
    this.#names = names
    this.#forms = new Map(
      engines.map(({ id, events }) => [
        id,
        new Map(Object.entries(events).map(([kind, fields]) => [kind, this.#formOf(kind, fields)])),
      ]),
    )
  }

  textOf({ engine, event }: CoreEvent): string {
    const form = this.#forms.get(engine)?.get(event.kind)
    if (form === undefined) return JSON.stringify({ kind: event.kind })
    let text = form.opening
    for (const { field, label, write } of form.parts) text += label + write(event[field])
    return `${text}}`
  }

  #formOf(kind: string, fields: Fields): Form {
    return {
      opening: `{"kind":${JSON.stringify(kind)}`,
      parts: Object.entries(fields).map(([name, field]) => ({
        field: name,
        label: `,${JSON.stringify(name)}:`,
        write: this.#writerOf(field),
      })),
    }
  }

  #writerOf(field: Field): Write {
    switch (field.kind) {
      case 'bool':
      case 'u8':
      case 'u16':
      case 'u32':
        return String
      case 'int':
      case 'signed':
      case 'u128':
      case 'u256':
        return (value) => `"${value}"`
      case 'account':
        return (value) => this.#addressOf(value as number)
      case 'address':
      case 'bytes32':
      case 'bytes':
        return (value) => `"${data(value as Uint8Array)}"`
      case 'text':
      case 'choice':
        return JSON.stringify
      case 'list':
        return (value) => this.#listOf(field, value)
    }
  }

  #listOf(field: Field, value: unknown): string {
    const fields = { list: field }
    const outside = toOutside(fields, { list: value } as Values<typeof fields>, this.#names)
    return JSON.stringify(toJson(fields, outside).list)
  }

  #addressOf(account: number): string {
    const known = this.#addresses.get(account)
    if (known !== undefined) return known
    const address = account === 0 ? new Uint8Array(20) : this.#names.addressOf(account)
    const text = `"${data(address)}"`
    if (this.#addresses.size >= MAX_KNOWN) this.#addresses.clear()
    this.#addresses.set(account, text)
    return text
  }
}
