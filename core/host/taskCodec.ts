import { assert } from '../primitives/assert.ts'
import { type Codec, decode, encode, Reader, Writer } from '../primitives/codec.ts'
import type { EngineTable, HostedFn } from './engineHost.ts'
import { fieldsCodec } from './fieldCodec.ts'
import type { Fields, Values } from './fields.ts'
import type { CallOutcome, EngineOutcome, EngineTask, EngineUnit, UnitCall } from './runner.ts'

/**
 * A task and its outcome as single byte arrays: between threads an array moves for 20 µs, while an
 * object is cloned for 1 µs. What one side wrote the other reads; nothing here comes from outside.
 */
const CLASSES = ['cancel', 'postOnly', 'other'] as const

/** Arguments go with accounts as ids: an engine thread cannot ask the ledger. */
export function encodeTask(table: EngineTable, task: EngineTask): Uint8Array {
  const writer = new Writer(1 << 14)
  writer.u16(task.engine)
  writeInt(writer, task.height)
  writeInt(writer, task.time)
  writeInt(writer, task.blockGas)
  writer.u32(task.budgets.length)
  for (const budget of task.budgets) writeInt(writer, budget)
  writer.u32(task.units.length)
  for (const unit of task.units) {
    writer.u8(CLASSES.indexOf(unit.class))
    writer.u32(unit.account)
    writer.raw(unit.address)
    writer.u32(unit.budget)
    writer.u16(unit.calls.length)
    for (const call of unit.calls) writeCall(writer, hostedOf(table, call.fn), call)
  }
  return writer.finish()
}

export function decodeTask(
  tableOf: (engine: number) => EngineTable,
  bytes: Uint8Array,
): EngineTask {
  const reader = new Reader(bytes)
  const engine = reader.u16()
  const table = tableOf(engine)
  const height = readInt(reader)
  const time = readInt(reader)
  const blockGas = readInt(reader)
  const budgets = many(reader.u32(), () => readInt(reader))
  const units = many(reader.u32(), (): EngineUnit => {
    const kind = CLASSES[reader.u8()]
    assert(kind !== undefined, 'a unit has a class')
    const account = reader.u32()
    const address = reader.raw(20)
    const budget = reader.u32()
    const calls = many(reader.u16(), () => readCall(reader, table))
    return { class: kind, account, address, budget, calls }
  })
  assert(reader.fault === null && reader.remaining === 0, 'a task is read as it was written')
  return { engine, height, time, blockGas, budgets, units }
}

/** Without the posts, which are plain objects and few. */
export function encodeOutcome(outcome: EngineOutcome): Uint8Array {
  const writer = new Writer(1 << 14)
  writer.u16(outcome.engine)
  writeInt(writer, outcome.gasUsed)
  writer.u32(outcome.calls.length)
  for (const { code, gasUsed, result } of outcome.calls) {
    writeText(writer, code ?? '')
    writeInt(writer, gasUsed)
    writer.u32(result.length)
    writer.raw(result)
  }
  writer.u32(outcome.events.length)
  writer.raw(outcome.events)
  return writer.finish()
}

export function decodeOutcome(bytes: Uint8Array): Omit<EngineOutcome, 'posts'> {
  const reader = new Reader(bytes)
  const engine = reader.u16()
  const gasUsed = readInt(reader)
  const calls = many(reader.u32(), (): CallOutcome => {
    const code = readText(reader)
    const gas = readInt(reader)
    return { code: code === '' ? null : code, gasUsed: gas, result: reader.raw(reader.u32()) }
  })
  const events = reader.raw(reader.u32())
  assert(reader.fault === null && reader.remaining === 0, 'an outcome is read as it was written')
  return { engine, calls, events, gasUsed }
}

function hostedOf(table: EngineTable, fn: number): HostedFn {
  const hosted = table.fns[fn]
  assert(hosted !== undefined, 'a unit calls functions that exist')
  return hosted
}

function writeCall(writer: Writer, { fn, namesInArgs }: HostedFn, call: UnitCall): void {
  const args = namesInArgs ? encode(argsCodec(fn.args), call.values as Values<Fields>) : call.args
  writer.u8(call.fn)
  writer.u32(args.length)
  writer.raw(args)
}

function readCall(reader: Reader, table: EngineTable): UnitCall {
  const fn = reader.u8()
  const args = reader.raw(reader.u32())
  const values = decode(argsCodec(hostedOf(table, fn).fn.args), args)
  assert(values.ok, 'arguments are read as they were written')
  return { fn, args, values: values.value }
}

const argsCodec = (fields: Fields): Codec<Values<Fields>> => fieldsCodec(fields)

function many<T>(count: number, read: () => T): T[] {
  const values: T[] = []
  for (let i = 0; i < count; i++) values.push(read())
  return values
}

/** Two halves, since a u64 would be a bigint. */
function writeInt(writer: Writer, value: number): void {
  writer.u32(Math.floor(value / 2 ** 32))
  writer.u32(value % 2 ** 32)
}
const readInt = (reader: Reader): number => reader.u32() * 2 ** 32 + reader.u32()

function writeText(writer: Writer, text: string): void {
  writer.u8(text.length)
  for (let i = 0; i < text.length; i++) writer.u8(text.charCodeAt(i))
}
function readText(reader: Reader): string {
  const length = reader.u8()
  let text = ''
  for (let i = 0; i < length; i++) text += String.fromCharCode(reader.u8())
  return text
}
