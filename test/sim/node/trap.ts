// While simulated code runs, the sources of real time and chance throw: what it awaits and draws must
// come from the seed. Between turns of the event loop they are given back, for the test runner's sake.
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'

const realImmediate = setImmediate

type Patch = { readonly target: object; readonly name: string }

const PATCHES: readonly Patch[] = [
  ...['setTimeout', 'setInterval', 'setImmediate'].map((name) => ({ target: globalThis, name })),
  { target: Date, name: 'now' },
  { target: Math, name: 'random' },
  { target: performance, name: 'now' },
  { target: process, name: 'hrtime' },
  { target: globalThis.crypto, name: 'getRandomValues' },
  { target: globalThis.crypto, name: 'randomUUID' },
  ...['randomBytes', 'randomInt', 'randomFillSync', 'randomUUID'].map((name) => ({
    target: crypto,
    name,
  })),
]

export class Trapped extends Error {
  override readonly name = 'Trapped'
}

/** Makes the real clock and real randomness throw until the result is called. */
function setTrap(): () => void {
  const before = PATCHES.map(({ target, name }) => Object.getOwnPropertyDescriptor(target, name))
  for (const { target, name } of PATCHES)
    Object.defineProperty(target, name, {
      configurable: true,
      writable: true,
      value: () => {
        throw new Trapped(`simulated code called ${name}`)
      },
    })
  syncBuiltinESMExports()
  return () => {
    for (const [index, { target, name }] of PATCHES.entries()) {
      const descriptor = before[index]
      if (descriptor === undefined) Reflect.deleteProperty(target, name)
      else Object.defineProperty(target, name, descriptor)
    }
    syncBuiltinESMExports()
  }
}

/** Resolves when no promise job is left: Node runs its ticks after the queue of promise jobs is empty. */
export const drained = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve))

/** Runs simulated code with the trap set. It may ask for a real turn of the event loop, during which the trap is open. */
export async function trapped<T>(run: (breathe: () => Promise<void>) => Promise<T>): Promise<T> {
  let open = setTrap()
  const breathe = async (): Promise<void> => {
    open()
    await new Promise((resolve) => realImmediate(resolve))
    open = setTrap()
  }
  try {
    return await run(breathe)
  } finally {
    open()
  }
}
