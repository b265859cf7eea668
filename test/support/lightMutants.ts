// The light client with a known mistake in it, for tests of the tests.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type * as light from '../../consensus/light/index.ts'

export type LightModule = Pick<typeof light, 'verify' | 'LightClient'>

/** The text must occur exactly once in the file, so that a refactoring cannot disarm a mistake. */
export type Mistake = {
  readonly file: string
  readonly find: string
  readonly replace: string
}

const root = fileURLToPath(new URL('../../', import.meta.url))

/** A copy of consensus/light and of the certificate check, changed; everything else is the real one. */
export async function mutantOf(
  mistakes: readonly Mistake[],
): Promise<LightModule & { readonly dispose: () => void }> {
  const folder = mkdtempSync(join(tmpdir(), 'nexus-light-'))
  mkdirSync(join(folder, 'consensus/light'), { recursive: true })
  const files = readdirSync(join(root, 'consensus/light')).filter((name) => name.endsWith('.ts'))
  for (const path of ['verifyCertificate.ts', ...files.map((name) => `light/${name}`)]) {
    let text = readFileSync(join(root, 'consensus', path), 'utf8')
    for (const { file, find, replace } of mistakes) {
      if (file !== path) continue
      if (text.split(find).length !== 2) throw new Error(`${file} does not have it once: ${find}`)
      text = text.replace(find, () => replace)
    }
    const real = text.replaceAll(/'(?:\.\.\/)+core\//g, `'${root}core/`)
    writeFileSync(join(folder, 'consensus', path), real)
  }
  const module = (await import(join(folder, 'consensus/light/index.ts'))) as LightModule
  return { ...module, dispose: () => rmSync(folder, { recursive: true, force: true }) }
}
