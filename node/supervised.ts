/** What a node tells the process that forked it. Plain data over Node's IPC channel. */
export type NodeMessage =
  | {
      readonly kind: 'ready'
      readonly rpcUrl: string | null
      readonly metricsUrl: string | null
      readonly height: number
    }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }

/** Nothing when nobody forked us. Resolves when the message has left, so that an exit may follow. */
export function tellParent(message: NodeMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined || !process.connected) resolve()
    else process.send(message, undefined, {}, () => resolve())
  })
}

/** Both kinds are told from any other message by their `kind`; a parent forks only our own program. */
export function isNodeMessage(value: unknown): value is NodeMessage {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false
  return value.kind === 'ready' || value.kind === 'failed'
}
