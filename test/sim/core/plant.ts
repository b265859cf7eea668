// Loads a copy of consensus/ with a mistake in it, beside the real one.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Core } from './messages.ts'
import type { Change, Mutant } from './mutant.ts'

/** The core's own assertions would stop some mutants before they do harm; the drivers must not need them. */
const NO_ASSERTIONS: readonly Change[] = [
  {
    file: 'round.ts',
    find: '  assertTransition(state, transition[0])\n',
    replace: '  if (state.round < -1) assertTransition(state, transition[0])\n',
  },
  {
    file: 'driver.ts',
    find: '    this.#assertSupported(before, after)\n',
    replace: '    if (after.round < -1) this.#assertSupported(before, after)\n',
  },
]

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** Throws when a place is not in the source exactly once. */
export async function plant({ name, changes, shell }: Mutant): Promise<Core> {
  const all = [...changes, ...NO_ASSERTIONS]
  const files = readdirSync(join(root, 'consensus')).filter((file) => file.endsWith('.ts'))
  const texts = files.map((file) => {
    const text = readFileSync(join(root, 'consensus', file), 'utf8')
    const mistaken = all
      .filter((change) => change.file === file)
      .reduce((before, change) => replaceOnce(before, change, name), text)
    return mistaken.replaceAll("'../core/", `'${root}core/`)
  })
  const folder = join(mkdtempSync(join(tmpdir(), 'nexus-mutant-')), 'consensus')
  mkdirSync(folder)
  files.forEach((file, i) => {
    writeFileSync(join(folder, file), texts[i] as string)
  })
  const core = (await import(join(folder, 'index.ts'))) as Core
  rmSync(join(folder, '..'), { recursive: true })
  return { ...core, ...(shell === undefined ? {} : { shell }) }
}

function replaceOnce(text: string, { find, replace }: Change, name: string): string {
  if (text.split(find).length !== 2) throw new Error(`the place of "${name}" is not in the source`)
  return text.replace(find, () => replace)
}
