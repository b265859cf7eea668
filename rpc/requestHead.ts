import { isHostAllowed } from './access.ts'

const FIRST_LINE = 'POST / HTTP/1.1\r\n'
const JSON_TYPES = new Set(['application/json', 'application/json; charset=utf-8'])
/** Visible ASCII, spaces, and line ends: what needs more is for the library. */
const PLAIN = /^[\x20-\x7e\r\n]*$/
/** Not more digits than any limit has. */
const DECIMAL = /^\d{1,9}$/
/** Headers that change nothing about a request. */
const IDLE = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'pragma',
  'sec-fetch-mode',
  'user-agent',
])

/**
 * The body length that a plain request announces; null: it is not plain, or not to be answered, and
 * a whole HTTP server has to judge it. Plain is a POST to `/` by HTTP/1.1 from a program, on a
 * connection that stays, with nothing but well-known headers, each of those that matter once.
 * `head` is what comes before the empty line, a character for each byte.
 */
export function plainBodyBytes(head: string, allowedHosts: readonly string[]): number | null {
  if (!head.startsWith(FIRST_LINE) || !PLAIN.test(head)) return null
  let host: string | null = null
  let type: string | null = null
  let length: string | null = null
  for (const line of head.slice(FIRST_LINE.length).split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon < 0 || line.includes('\r') || line.includes('\n')) return null
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    if (name === 'host' && host === null) host = value
    else if (name === 'content-type' && type === null) type = value
    else if (name === 'content-length' && length === null) length = value
    else if (name === 'connection') {
      if (value.toLowerCase() !== 'keep-alive') return null
    } else if (!IDLE.has(name)) return null
  }
  if (host === null || type === null || length === null) return null
  const isFine =
    DECIMAL.test(length) && JSON_TYPES.has(type.toLowerCase()) && isHostAllowed(host, allowedHosts)
  return isFine ? Number(length) : null
}
