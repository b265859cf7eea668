const MIB = 1024 * 1024

export type RpcLimits = {
  readonly bodyBytes: number
  readonly headerBytes: number
  readonly batchRequests: number
  /** Of one answer; a batch is one answer. */
  readonly responseBytes: number
  /** For a call; a batch has `batchMs` in all. */
  readonly requestMs: number
  readonly batchMs: number
  /** Requests that are being answered at one time, over all connections. */
  readonly inFlight: number
  readonly connections: number
  /** Of them, of one address that is not among `unlimitedClients`. */
  readonly connectionsPerClient: number
  readonly webSocketClients: number
  /** Of one WebSocket connection. */
  readonly subscriptions: number
  /** Unread bytes of a WebSocket client, at which it is dropped. */
  readonly outgoingBytes: number
  readonly filters: number
  /** A filter nobody asks for longer than this is forgotten. */
  readonly filterMs: number
  /** In one answer of eth_getLogs and the filters. */
  readonly logs: number
  readonly logBlocks: number
  /** What traces may take as JSON, in bytes: about. */
  readonly traceBytes: number
  /** Transactions in one answer of txpool_content. */
  readonly poolTransactions: number
  /** Longest wait of eth_sendRawTransactionSync. */
  readonly syncMs: number
  /** What one client may ask for; a unit is a cheap call, 0: no limit. */
  readonly clientUnitsPerSecond: number
  /** What a client that was quiet may ask for at once. */
  readonly clientBurstUnits: number
}

export type RpcOptions = {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Web origins that may call: exact ones, `http://localhost:*` for every port, or `*`. */
  readonly corsOrigins: readonly string[]
  /** Host headers accepted besides localhost and IP addresses; `*` accepts all. */
  readonly allowedHosts: readonly string[]
  /** Addresses of clients whose calls nobody counts: this machine's own, or a proxy's that counts them. */
  readonly unlimitedClients: readonly string[]
  /** The least that `eth_maxPriorityFeePerGas` suggests, in wei. */
  readonly suggestedTip: bigint
  readonly limits: RpcLimits
}

export const defaultRpcLimits: RpcLimits = {
  // A transaction has 128 KiB at most, twice that as hex: a batch of 15 of the largest fits.
  bodyBytes: 4 * MIB,
  headerBytes: 16 * 1024,
  batchRequests: 1_000,
  responseBytes: 25 * MIB,
  requestMs: 5_000,
  batchMs: 15_000,
  inFlight: 4_096,
  connections: 1_000,
  connectionsPerClient: 200,
  webSocketClients: 100,
  subscriptions: 32,
  outgoingBytes: 16 * MIB,
  filters: 1_000,
  filterMs: 5 * 60_000,
  logs: 10_000,
  logBlocks: 100_000,
  traceBytes: 16 * MIB,
  poolTransactions: 4_096,
  syncMs: 20_000,
  // A wallet asks for some units a second, a dApp for some hundred; a simulated call is 20.
  clientUnitsPerSecond: 2_000,
  clientBurstUnits: 10_000,
}

export const defaultRpcOptions: RpcOptions = {
  host: '127.0.0.1',
  port: 8545,
  corsOrigins: [],
  allowedHosts: [],
  unlimitedClients: ['127.0.0.1', '::1'],
  // geth's own default: 0.001 gwei.
  suggestedTip: 1_000_000n,
  limits: defaultRpcLimits,
}
