import { assert } from '../primitives/assert.ts'
import { indexedOf } from './abi.ts'
import { abiForm } from './abiForms.ts'
import type { Coprocessor } from './coprocessor.ts'
import { faultsOf } from './describe.ts'
import type { Field, Fields } from './fields.ts'
import { HOST_CODES } from './hostCodes.ts'
import { elementNameOf, errorNameOf, pascalOf } from './naming.ts'

/** A parameter, result or struct member as Solidity and its JSON ABI name it. */
export type SolidityParam = {
  /** Of the field, as in the JSON ABI. */
  readonly field: string
  /** The same in source code: with `_` behind it where Solidity has other uses for the word. */
  readonly name: string
  /** Elementary type, or `tuple`, with `[]` for lists. */
  readonly type: string
  /** How source code writes it: a struct's name in the place of `tuple`. */
  readonly source: string
  readonly struct: SolidityStruct | null
  readonly indexed: boolean
  /** Names of a choice, by number. */
  readonly choices: readonly string[]
}
export type SolidityStruct = { readonly name: string; readonly members: readonly SolidityParam[] }
export type SolidityFunction = {
  readonly name: string
  readonly inputs: readonly SolidityParam[]
  readonly outputs: readonly SolidityParam[]
  readonly mutability: 'view' | 'payable' | 'nonpayable'
  /** Core gas before what grows with the work. */
  readonly gas: number
}
export type SolidityEvent = { readonly name: string; readonly inputs: readonly SolidityParam[] }

export type SolidityShape = {
  readonly name: string
  readonly structs: readonly SolidityStruct[]
  readonly events: readonly SolidityEvent[]
  /** Without arguments, in the order host, engine. */
  readonly errors: readonly string[]
  readonly functions: readonly SolidityFunction[]
}

export const interfaceNameOf = (engine: Coprocessor): string => `I${pascalOf(engine.name)}`

/** What contracts see of an engine. The engine's table must be without faults. */
export function solidityShapeOf(engine: Coprocessor): SolidityShape {
  assert(faultsOf(engine).length === 0, `${engine.name}: ${faultsOf(engine).join('; ')}`)
  const events = Object.keys(engine.events).map(pascalOf)
  const errors = [...new Set<string>([...HOST_CODES, ...engine.codes])].map(errorNameOf)
  const structs = new Structs([...events, ...errors])
  const functions: SolidityFunction[] = []
  for (const [name, fn] of Object.entries(engine.publicFns)) {
    if (fn.only === 'core') continue
    const mutability = fn.payable === true ? 'payable' : 'nonpayable'
    functions.push({ name, ...structs.signature(name, fn), mutability, gas: fn.gas })
  }
  for (const [name, view] of Object.entries(engine.views)) {
    functions.push({ name, ...structs.signature(name, view), mutability: 'view', gas: view.gas })
  }
  return {
    name: interfaceNameOf(engine),
    structs: structs.all,
    events: Object.entries(engine.events).map(([kind, fields]) => ({
      name: pascalOf(kind),
      inputs: structs.event(pascalOf(kind), fields),
    })),
    errors,
    functions,
  }
}

/** A contract that names more results than this runs out of stack. */
const NAMED_RESULTS = 8
const UNNAMED = { field: '', name: '' }
const NONE: ReadonlySet<string> = new Set()

/** Gives all lists of the same elements one struct, named after its first use. */
class Structs {
  readonly all: SolidityStruct[] = []
  readonly #byContent = new Map<string, SolidityStruct>()
  readonly #taken: Set<string>

  /** `taken`: what else the interface declares. */
  constructor(taken: readonly string[]) {
    this.#taken = new Set(taken)
  }

  signature(
    name: string,
    of: { readonly args: Fields; readonly result: Fields },
  ): Pick<SolidityFunction, 'inputs' | 'outputs'> {
    const owner = pascalOf(name)
    const inputs = this.#params(owner, of.args, NONE)
    const isWide = Object.keys(of.result).length > NAMED_RESULTS && !abiForm(of.result).isDynamic
    // A static struct has the same bytes as its members in a row.
    const outputs = isWide
      ? [this.#tuple(UNNAMED, this.#struct([owner, `${owner}Result`], of.result), '')]
      : this.#params(owner, of.result, new Set(inputs.map((input) => input.name)))
    return { inputs, outputs }
  }

  event(owner: string, fields: Fields): readonly SolidityParam[] {
    const indexed = indexedOf(fields)
    return this.#params(owner, fields, NONE).map((param, i) => ({
      ...param,
      indexed: indexed.includes(Object.keys(fields)[i] as string),
    }))
  }

  #params(owner: string, fields: Fields, taken: ReadonlySet<string>): SolidityParam[] {
    return Object.entries(fields).map(([field, of]) => {
      const name = RESERVED.has(field) || taken.has(field) ? `${field}_` : field
      return this.#param(owner, { field, name }, of)
    })
  }

  #param(
    owner: string,
    names: { readonly field: string; readonly name: string },
    of: Field,
  ): SolidityParam {
    if (of.kind === 'list') {
      const element = elementNameOf(names.field)
      return this.#tuple(names, this.#struct([element, owner + element], of.of), '[]')
    }
    const type = abiForm({ value: of }).type.slice(1, -1)
    const choices = of.kind === 'choice' ? of.of : []
    return { ...names, type, source: type, struct: null, indexed: false, choices }
  }

  #tuple(
    names: { readonly field: string; readonly name: string },
    struct: SolidityStruct,
    suffix: '' | '[]',
  ): SolidityParam {
    const source = struct.name + suffix
    return { ...names, type: `tuple${suffix}`, source, struct, indexed: false, choices: [] }
  }

  /** Takes the first name that is free. */
  #struct(names: readonly string[], fields: Fields): SolidityStruct {
    // Descriptions are plain data: what has the same members is the same struct.
    const content = JSON.stringify(fields)
    const known = this.#byContent.get(content)
    if (known !== undefined) return known
    const name = names.find((one) => !this.#taken.has(one))
    assert(name !== undefined, `one of ${names.join(', ')} is free`)
    this.#taken.add(name)
    const struct = { name, members: this.#params(name, fields, NONE) }
    this.#byContent.set(content, struct)
    this.all.push(struct)
    return struct
  }
}

/** Words that Solidity keeps for itself, or will. */
const RESERVED: ReadonlySet<string> = new Set(
  `abstract address after alias anonymous apply as assembly at auto bool break byte bytes calldata
  case catch constant constructor continue contract copyof days default define delete do else emit
  enum error ether event external fallback false final finney fixed for function gwei hours if
  immutable implements import in indexed inline int interface internal is layout let library macro
  mapping match memory minutes modifier mutable new null of override partial payable pragma private
  promise public pure receive reference relocatable return returns sealed seconds sizeof static
  storage string struct super supports switch szabo this throw transient true try type typedef typeof
  ufixed uint unchecked unicode using var view virtual weeks wei while years`.split(/\s+/),
)
