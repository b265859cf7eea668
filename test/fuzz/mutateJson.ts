// What a client may send that is still JSON: other types, edges of numbers, parts in other places.
import type { Random } from '../support/smallRandom.ts'

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const STRANGE: readonly Json[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  '',
  '0x',
  '0x0',
  '0x00',
  '0xg',
  '-1',
  `0x${'ff'.repeat(32)}`,
  `0x1${'00'.repeat(32)}`,
  'latest',
  'constructor',
  '\u0000\ud800',
  'x'.repeat(5_000),
  [],
  {},
  [[[[[[]]]]]],
  { length: 3 },
]
const NAMES = [
  'from',
  'to',
  'data',
  'input',
  'method',
  'params',
  'id',
  'toString',
  'hasOwnProperty',
]

/** Every place in a tree that holds something, as what to do to replace it. */
function placesOf(root: Json): ((value: Json) => void)[] {
  const places: ((value: Json) => void)[] = []
  const visit = (node: Json): void => {
    if (node === null || typeof node !== 'object') return
    for (const [key, child] of Object.entries(node)) {
      places.push((value) => {
        Object.defineProperty(node, key, { value, enumerable: true, configurable: true })
      })
      visit(child)
    }
  }
  visit(root)
  return places
}

function pick<T>(list: readonly T[], random: Random): T | undefined {
  return list[random(list.length)]
}

/** Null: the bytes are no JSON. */
export function mutateJson(
  bytes: Uint8Array,
  random: Random,
  other: Uint8Array,
): Uint8Array | null {
  const parsed = parse(bytes)
  if (parsed === undefined) return null
  const holder = { root: parsed }
  for (let left = 1 + random(3); left > 0; left--) {
    const donor = random(4) === 0 ? parse(other) : undefined
    const value = donor ?? structuredClone(pick(STRANGE, random) ?? null)
    const place = pick(placesOf(holder), random)
    if (random(6) === 0) grow(holder.root, pick(NAMES, random) ?? 'x', value)
    else place?.(value)
  }
  return new TextEncoder().encode(JSON.stringify(holder.root))
}

function grow(node: Json, name: string, value: Json): void {
  if (Array.isArray(node)) node.push(value)
  else if (node !== null && typeof node === 'object') node[name] = value
}

function parse(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Json
  } catch {
    return undefined
  }
}
