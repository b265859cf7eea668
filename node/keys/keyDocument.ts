import { assert } from '../../core/primitives/assert.ts'
import { NexusError } from '../../core/primitives/errors.ts'
import { parseJson } from '../../genesis/json.ts'
import { formatProblems } from '../../genesis/problems.ts'

const MAX_LENGTH = 4_096

/**
 * The members of a key file: its `type` and exactly the given keys, all strings. KEY_INVALID never
 * repeats contents of the file, which may be secret.
 */
export function readKeyDocument(
  text: string,
  file: string,
  { type, keys }: { readonly type: string; readonly keys: readonly string[] },
): (key: string) => string {
  const json = parseJson(text, MAX_LENGTH)
  if (!json.ok) {
    const places = json.problems.map((problem) => ({ ...problem, found: 'something else' }))
    throw invalid(file, `it is not a key file: ${formatProblems(places)}`)
  }
  const members = json.value
  if (!(members instanceof Map)) throw invalid(file, 'it is not a JSON object')
  if (members.get('type') !== type) throw invalid(file, `its type is not "${type}"`)
  for (const key of members.keys()) {
    if (key !== 'type' && !keys.includes(key)) throw invalid(file, 'it has an unknown key')
  }
  for (const key of keys) {
    if (typeof members.get(key) !== 'string') throw invalid(file, `${key} is not a string`)
  }
  return (key) => {
    const value: unknown = members.get(key)
    assert(typeof value === 'string', 'only checked members of a key file are read')
    return value
  }
}

const invalid = (file: string, reason: string): NexusError =>
  new NexusError({ code: 'KEY_INVALID', path: file, reason }, { message: `${file}: ${reason}` })
