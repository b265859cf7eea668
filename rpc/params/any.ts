import { bad, type Parser } from './parameter.ts'

/** For what is looked into later. */
export const anything: Parser<unknown> = (json) => ({ ok: true, value: json })

export const list =
  (max: number): Parser<readonly unknown[]> =>
  (json) => {
    if (!Array.isArray(json)) return bad('expected a list')
    return json.length <= max ? { ok: true, value: json } : bad(`a list of more than ${max}`)
  }
