import { readlinkSync } from 'node:fs'
import { setPriority } from 'node:os'

/**
 * Of threads that consensus does not wait for, as Linux counts: an ordinary one has 0. While they want the same core
 * signatures get a ninth of its share and requests two fifths, since whoever hands out work must not wait for it.
 */
export const NICE = { requests: 4, background: 10 } as const

/**
 * Makes this thread yield to the ones that vote and execute. With more work than cores, what comes in
 * from outside (requests, signatures) would otherwise take the time that the blocks need which would
 * clear it: rounds fail, and a chain that is offered too much stands still. Where cores are free nothing
 * changes. Does nothing where the system has no priorities of threads (all but Linux).
 */
export function yieldToConsensus(nice: number): void {
  if (process.platform !== 'linux') return
  try {
    // Linux's setpriority takes the number of a thread, too; this link names the one that reads it.
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
    setPriority(thread, nice)
  } catch {
    // Without /proc, or in a sandbox that forbids it: the node runs as well, but for the overload.
  }
}
