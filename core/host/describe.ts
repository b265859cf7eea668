import { selectorOf } from './abi.ts'
import type { Coprocessor } from './coprocessor.ts'
import type { Field, Fields } from './fields.ts'
import { HOST_CODES } from './hostCodes.ts'
import { elementNameOf, errorNameOf, pascalOf } from './naming.ts'

const ENGINE_NAME = /^[a-z][a-z0-9]*$/
const NAME = /^[a-z][A-Za-z0-9]*$/
const EVENT_NAME = /^[A-Za-z][A-Za-z0-9]*$/
const CODE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/
const CHOICE = /^[ -~]+$/
/** What a readable signature shows beside the arguments. */
const ENVELOPE_NAMES = ['signer', 'nonce', 'maxFee', 'expiresAfter']
/** A scope has a bit for each function. */
const IDS = 32
/** `CoreRejected` carries it in a word. */
const CODE_LENGTH = 32

/**
 * What keeps an engine's table from having one meaning in every form derived from it, in words. A
 * registry holds only engines of which this says nothing.
 */
export function faultsOf(engine: Coprocessor): readonly string[] {
  const fns = Object.entries(engine.publicFns)
  const views = Object.entries(engine.views)
  const faults = [
    ...unless(
      ENGINE_NAME.test(engine.name) && engine.name !== 'nexus',
      `engine name ${engine.name}`,
    ),
    ...repeated(
      'function id',
      fns.map(([, fn]) => fn.id),
    ),
    ...repeated(
      'view id',
      views.map(([, view]) => view.id),
    ),
    ...repeated(
      'function or view',
      [...fns, ...views].map(([name]) => name),
    ),
  ]
  for (const [name, fn] of fns) {
    faults.push(...unless(isId(fn.id), `${name} has id ${fn.id}`))
    faults.push(...unless(NAME.test(name), `function name ${name}`))
    faults.push(...fieldsFaults(name, fn.args), ...fieldsFaults(name, fn.result))
    const taken = Object.keys(fn.args).filter((field) => ENVELOPE_NAMES.includes(field))
    faults.push(...taken.map((field) => `${name}.${field} is a name of the envelope`))
  }
  for (const [name, view] of views) {
    faults.push(...unless(isId(view.id), `${name} has id ${view.id}`))
    faults.push(...unless(NAME.test(name), `view name ${name}`))
    faults.push(...fieldsFaults(name, view.args), ...fieldsFaults(name, view.result))
  }
  for (const [kind, fields] of Object.entries(engine.events)) {
    faults.push(
      ...unless(EVENT_NAME.test(kind), `event name ${kind}`),
      ...fieldsFaults(kind, fields),
    )
    if (Object.hasOwn(fields, 'kind')) faults.push(`${kind}.kind is the event's own name`)
  }
  faults.push(...repeated('code', engine.codes))
  for (const code of engine.codes) {
    faults.push(...unless(CODE.test(code) && code.length <= CODE_LENGTH, `code ${code}`))
  }
  // Signatures exist only for descriptions without a fault.
  return faults.length === 0 ? namesInSolidity(engine) : faults
}

const isId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < IDS

const unless = (holds: boolean, fault: string): string[] => (holds ? [] : [fault])

function repeated(what: string, values: readonly (string | number)[]): string[] {
  const twice = values.filter((value, i) => values.indexOf(value) !== i)
  return twice.map((value) => `${what} ${value} is there twice`)
}

/** Errors and events share one scope there, and selectors are four bytes only. */
function namesInSolidity(engine: Coprocessor): string[] {
  const codes = [...new Set<string>([...HOST_CODES, ...engine.codes])]
  const events = Object.keys(engine.events).map(pascalOf)
  const callable = [
    ...Object.entries(engine.publicFns).filter(([, fn]) => fn.only !== 'core'),
    ...Object.entries(engine.views),
  ]
  return [
    ...repeated('error or event', [...codes.map(errorNameOf), ...events, 'CoreRejected']),
    ...repeated(
      'error selector',
      codes.map((code) => selectorOf(errorNameOf(code), {})),
    ),
    ...repeated(
      'selector',
      callable.map(([name, { args }]) => selectorOf(name, args)),
    ),
  ]
}

function fieldsFaults(path: string, fields: Fields): string[] {
  const entries = Object.entries(fields)
  const lists = entries.filter(([, field]) => field.kind === 'list')
  return [
    ...repeated(
      `${path}: element type`,
      lists.map(([name]) => elementNameOf(name)),
    ),
    ...entries.flatMap(([name, field]) => [
      ...unless(NAME.test(name), `field name ${path}.${name}`),
      ...fieldFaults(`${path}.${name}`, field),
    ]),
  ]
}

function fieldFaults(path: string, field: Field): string[] {
  if (field.kind === 'choice') {
    return [
      ...unless(field.of.length > 0 && field.of.length <= 256, `${path} has 1 to 256 choices`),
      ...unless(
        field.of.every((value) => CHOICE.test(value)),
        `${path} has a choice without a name`,
      ),
      ...repeated(`${path}: choice`, field.of),
    ]
  }
  if (field.kind !== 'list') return []
  return [
    ...unless(Object.keys(field.of).length > 0, `${path} has elements without fields`),
    ...fieldsFaults(path, field.of),
  ]
}
