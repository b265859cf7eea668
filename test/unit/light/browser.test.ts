// What a browser lacks: modules of Node, native packages. The light client and its proofs need neither.
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { lightBlockCodec } from '../../../consensus/light/index.ts'
import { toHex } from '../../../core/primitives/bytes.ts'
import { encode } from '../../../core/primitives/codec.ts'
import { lightBlockOf, setOf } from '../../support/lightChain.ts'

const root = new URL('../../../', import.meta.url)

/** Every file and package that a module brings along; types are not there at run time. */
function closureOf(path: string, known = new Set<string>()): Set<string> {
  if (known.has(path)) return known
  known.add(path)
  const url = new URL(path, root)
  const text = readFileSync(url, 'utf8').replaceAll(/^(?:import|export) type [^'"]*'[^']+'/gm, '')
  for (const [, target = ''] of text.matchAll(/\b(?:from|import)\s*\(?\s*'([^'\s]+)'/g)) {
    if (!target.startsWith('.')) known.add(target)
    else closureOf(new URL(target, url).href.slice(root.href.length), known)
  }
  return known
}

describe('the light client', () => {
  it.each(['consensus/light/index.ts', 'rpc/client/index.ts'])('%s needs no Node', (path) => {
    const packages = [...closureOf(path)].filter((name) => !name.endsWith('.ts'))
    const portable = /^(@noble\/(curves|hashes)\/.*|hash-wasm|secp256k1\/bindings\.js)$/
    expect(packages.filter((name) => !portable.test(name))).toEqual([])
  })

  it('verifies without the native library', { timeout: 60_000 }, async () => {
    const set = setOf({ a: 1, b: 1, c: 1, d: 1 })
    const block = lightBlockOf({ height: 5, time: 5_000, validators: set, nextValidators: set })
    const program = `
      const { registerHooks } = await import('node:module')
      registerHooks({
        resolve: (name, context, next) => {
          if (name.startsWith('secp256k1')) throw new Error('there is none in a browser')
          return next(name, context)
        },
      })
      const { signatures } = await import('./core/primitives/signature.ts')
      const light = await import('./consensus/light/index.ts')
      const { fromHex } = await import('./core/primitives/bytes.ts')
      const decoded = light.decodeLightBlock(fromHex('${toHex(encode(lightBlockCodec, block))}'))
      const trusted = { height: 1, time: 1, id: '', nextValidators: decoded.value.validators }
      const options = { ...light.defaultLightOptions, chainId: 3940 }
      const verdict = light.verify(trusted, decoded.value, options, 6_000)
      const [first] = decoded.value.certificate.signatures
      first.signature[5] ^= 1
      const forged = light.verify(trusted, decoded.value, options, 6_000)
      console.log(JSON.stringify([signatures.name, verdict.ok, forged.code]))`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '-e', program],
      { cwd: fileURLToPath(root) },
    )
    expect(JSON.parse(stdout)).toEqual(['noble', true, 'BAD_SIGNATURE'])
  })
})
