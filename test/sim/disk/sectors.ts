// What a power cut leaves of one file: which of the unsynced writes, and which sectors of them.

/** A disk writes a sector whole or not at all, unless it is the one in flight. */
export const SECTOR = 512

export type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number }

/**
 * What happened to what was not synced.
 * none: all of it is lost. all: it reached the disk just before. prefix: in order, cut at some byte.
 * subset: any sectors of it, in any order. garbage: a subset, and in one of its sectors what was
 * written is noise. sector: the same, and the noise covers what the sector held before as well, as
 * on a disk that loses power while it writes.
 */
export type PowerCut = 'none' | 'all' | 'prefix' | 'subset' | 'garbage' | 'sector'

/** Uniform in [0, bound). */
export type Random = (bound: number) => number

export function changed(data: Uint8Array, change: Change): Uint8Array {
  return changedInPlace(data.slice(), change)
}

/** The same for bytes that the caller owns: where they are long enough they are written to. */
export function changedInPlace(data: Uint8Array, change: Change): Uint8Array {
  if (change.kind === 'truncate') return resized(data, change.length)
  const end = change.position + change.bytes.length
  const out = end <= data.length ? data : resized(data, end)
  out.set(change.bytes, change.position)
  return out
}

/** The durable image after a power cut. */
export function survivors(
  durable: Uint8Array,
  pending: readonly Change[],
  cut: PowerCut,
  random: Random,
): Uint8Array {
  if (pending.length === 0 || cut === 'none') return durable
  const all = (changes: readonly Change[]): Uint8Array =>
    changes.reduce(changedInPlace, durable.slice())
  if (cut === 'all') return all(pending)
  if (cut === 'prefix') return all(prefixOf(pending, random))
  const sectors = pending.flatMap(sectorsOf)
  const kept = sectors.filter(() => random(2) === 0)
  // The size is metadata: it may be there before the data is.
  const grown = random(4) === 0 ? resized(durable, all(pending).length) : durable
  const image = kept.reduce(changedInPlace, grown.slice())
  return cut === 'subset' ? image : withNoise(image, sectors, cut, random)
}

function prefixOf(pending: readonly Change[], random: Random): Change[] {
  const kept = pending.slice(0, random(pending.length + 1))
  const last = kept.pop()
  if (last === undefined) return kept
  if (last.kind === 'truncate') return [...kept, last]
  return [...kept, { ...last, bytes: last.bytes.subarray(0, random(last.bytes.length + 1)) }]
}

function sectorsOf(change: Change): Change[] {
  if (change.kind === 'truncate') return [change]
  const { position, bytes } = change
  const sectors: Change[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + SECTOR - ((position + at) % SECTOR))
    sectors.push({ kind: 'write', position: position + at, bytes: bytes.subarray(at, end) })
    at = end
  }
  return sectors
}

function withNoise(
  image: Uint8Array,
  sectors: readonly Change[],
  cut: 'garbage' | 'sector',
  random: Random,
): Uint8Array {
  const hit = sectors[random(sectors.length)]
  if (hit === undefined || hit.kind === 'truncate') return image
  const whole = Math.floor(hit.position / SECTOR) * SECTOR
  const [start, length] = cut === 'sector' ? [whole, SECTOR] : [hit.position, hit.bytes.length]
  const noise = Uint8Array.from({ length }, () => random(256))
  return changed(image, { kind: 'write', position: start, bytes: noise })
}

function resized(data: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length)
  out.set(data.subarray(0, length))
  return out
}
