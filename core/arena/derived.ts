import type { Cells } from './cells.ts'
import type { RowHashIndex } from './hashIndex.ts'
import type { RowOrderedIndex } from './orderedIndex.ts'
import type { RowTable } from './table.ts'

/** An arena's parts by name, with the table each index is over. */
export type Parts = {
  readonly cells: Cells
  readonly tables: ReadonlyMap<string, RowTable>
  readonly hashIndexes: ReadonlyMap<string, { readonly of: RowTable; readonly index: RowHashIndex }>
  readonly orderedIndexes: ReadonlyMap<
    string,
    { readonly of: RowTable; readonly index: RowOrderedIndex }
  >
}

/** Fills empty indexes from the live rows. `step` is called after every row. O(rows log rows). */
export function buildDerived(parts: Parts, step: () => void): void {
  for (const { of, index } of parts.hashIndexes.values()) {
    for (const row of liveRows(of)) {
      if (index.admits(row)) index.insert(row)
      step()
    }
  }
  for (const { of, index } of parts.orderedIndexes.values()) {
    const rows = [...liveRows(of)].filter((row) => index.admits(row))
    for (const row of rows.sort((a, b) => index.compare(a, b))) {
      index.insert(row)
      step()
    }
  }
}

/** What `actual` holds otherwise than `expected`, whose indexes were built from the same rows. */
export function compareDerived(actual: Parts, expected: Parts): readonly string[] {
  const differences: string[] = []
  for (const [name, { of, index }] of actual.hashIndexes) {
    const twin = expected.hashIndexes.get(name)?.index
    if (twin === undefined) continue
    if (index.count() !== twin.count()) {
      differences.push(`${name}: ${index.count()} entries, ${twin.count()} rows`)
    }
    for (const row of liveRows(of)) {
      if (index.admits(row) && index.sameKey(row) !== row)
        differences.push(`${name}: row ${row} is not found`)
    }
  }
  for (const [name, { index }] of actual.orderedIndexes) {
    const twin = expected.orderedIndexes.get(name)?.index
    if (twin !== undefined) differences.push(...compareOrdered(name, index, twin))
  }
  return differences
}

function compareOrdered(
  name: string,
  actual: RowOrderedIndex,
  expected: RowOrderedIndex,
): string[] {
  for (let group = 0; group < expected.groups; group++) {
    const a = walk(actual, group)
    const b = walk(expected, group)
    for (;;) {
      const found = a.next()
      const wanted = b.next()
      if (found.value !== wanted.value) {
        return [
          `${name}: group ${group} has ${found.value ?? 'nothing'} where ${wanted.value ?? 'nothing'} belongs`,
        ]
      }
      if (found.done === true) break
    }
  }
  return []
}

function* walk(index: RowOrderedIndex, group: number): Generator<string, undefined> {
  yield `${index.levels(group)} levels${index.tree.isBalanced(group) ? '' : ', out of balance'}`
  let below = 0
  for (let level = index.lowest(group); level !== 0; level = index.higher(level)) {
    const isLinked =
      index.lower(level) === below && index.levelAt(group, index.priceOf(level)) === level
    yield `price ${index.priceOf(level)} with ${index.countOf(level)} rows${isLinked ? '' : ', badly linked'}`
    for (let row = index.firstOf(level); row !== 0; row = index.nextOf(row)) {
      yield `row ${row}${index.levelOf(row) === level ? '' : ' of another level'}`
    }
    below = level
  }
  yield index.highest(group) === below ? 'the end' : 'another end'
  return undefined
}

function* liveRows(table: RowTable): Generator<number> {
  for (let row = table.next(0); row !== 0; row = table.next(row)) yield row
}
