/** Lines fetched at once: few enough that the processor still knows their pages when they are used. */
export const FETCH = 64

/** Keeps the loads alive. */
const seen = new Int32Array(1)

/**
 * Looks at the first word of each line, so that a loop over lines far apart waits for many of them at a time and not
 * for one after the other: the processor looks only some hundred instructions ahead. Line n begins at `base` + n × `size`.
 */
export function fetchLines(
  lines: Int32Array | Uint32Array,
  range: { readonly from: number; readonly to: number },
  where: { readonly words: Int32Array; readonly base: number; readonly size: number },
): void {
  const { words, base, size } = where
  let mixed = 0
  for (let i = range.from; i < range.to; i++)
    mixed ^= words[base + (lines[i] as number) * size] as number
  seen[0] = mixed
}
