import { ENGINE, type Post } from './coprocessor.ts'
import type { SentPost } from './runner.ts'

/**
 * What undoes a refused post. Value leaves an account before it arrives elsewhere; when the other
 * side will not have it, it goes back: a deposit to the ledger account it came from, a release to
 * the engine that gave it, a transfer to the EVM to its sender. Null: nothing was on its way, or
 * this was itself a return, whose amount then stays with the engine's module account.
 */
export function bounceOf({ source, post }: SentPost, ledger: number): Post | null {
  const { target, fn } = post
  const { account, asset, amount } = post.args
  const value = { account, asset, amount }
  if (source === ledger && fn === 'credit') {
    return { target: ledger, fn: 'refund', args: { engine: target, ...value } }
  }
  if (target === ledger && fn === 'release') return { target: source, fn: 'credit', args: value }
  if (target === ENGINE.messenger && fn === 'toEvm') {
    return { target: ledger, fn: 'returned', args: value }
  }
  return null
}
