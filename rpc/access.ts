import { isIP } from 'node:net'

/** Names that only this machine can mean. */
const LOCAL_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]'])
/** Installed by the person at the browser; a page cannot claim such an origin. */
const EXTENSION = /^(chrome|moz|safari-web)-extension:\/\/[\w-]+$/

/**
 * Whether a Host header may be served. An attacker's page reaches a loopback port by pointing its
 * own name there, so names must be known; an address in the header cannot come about that way
 * (geth's rule for virtual hosts).
 */
export function isHostAllowed(host: string | undefined, allowed: readonly string[]): boolean {
  if (host === undefined) return false
  const name = host.replace(/:\d{1,5}$/, '').toLowerCase()
  if (LOCAL_HOSTS.has(name) || allowed.includes('*')) return true
  if (isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0) return true
  return allowed.some((candidate) => candidate.toLowerCase() === name)
}

/**
 * Whether a page of this origin may call. Programs send no origin; browsers always do, for
 * WebSocket too, where they ask nobody first. `http://localhost:*` allows every port of a host.
 */
export function isOriginAllowed(origin: string | undefined, allowed: readonly string[]): boolean {
  if (origin === undefined || allowed.includes('*') || EXTENSION.test(origin)) return true
  const wanted = origin.toLowerCase()
  return allowed.some((candidate) => {
    const known = candidate.toLowerCase().replace(/\/$/, '')
    if (!known.endsWith(':*')) return known === wanted
    return wanted === known.slice(0, -2) || wanted.replace(/:\d{1,5}$/, '') === known.slice(0, -2)
  })
}
