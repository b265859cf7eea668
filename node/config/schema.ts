import { z } from 'zod'
import { defaultLightOptions } from '../../consensus/light/index.ts'
import { defaultTimeoutOptions } from '../../consensus/timeouts.ts'
import { defaultRpcLimits, defaultRpcOptions, type RpcLimits } from '../../rpc/options.ts'
import { defaultPoolOptions } from '../mempool/pool.ts'

const port = z.int().min(1).max(65_535)
/** A day: longer is a typing mistake. */
const millis = z.int().min(1).max(86_400_000)
const count = z.int().min(1).max(1_000_000)
const bytes = z
  .int()
  .min(1)
  .max(2 ** 40)
const host = z.string().regex(/^[A-Za-z0-9.:-]{1,253}$/, 'a host name or an IP address')
const origin = z
  .string()
  .regex(
    /^(\*|https?:\/\/[^\s/]+|[a-z-]+-extension:\/\/[^\s/]+)$/,
    'an origin such as https://app.example, or *',
  )
const hostPattern = z.string().regex(/^(\*|[A-Za-z0-9.-]{1,253})$/, 'a host name, or *')
const transport = String.raw`\/(ip4|ip6|dns|dns4|dns6)\/[^\s/]+\/tcp\/\d{1,5}`
const listenAddress = z
  .string()
  .regex(new RegExp(`^${transport}$`), 'an address such as /ip4/0.0.0.0/tcp/26656')
const peerAddress = z
  .string()
  .regex(
    new RegExp(`^${transport}/p2p/[1-9A-HJ-NP-Za-km-z]{40,70}$`),
    'an address such as /ip4/10.0.0.2/tcp/26656/p2p/12D3Koo…',
  )
const span = (what: string) =>
  z.strictObject({
    baseMs: millis.describe(`${what}: time in round 0`),
    perRoundMs: z.int().min(0).max(60_000).describe(`${what}: added by every round`),
  })

/**
 * The whole configuration of a node: what a key is called in `config.json`, what it may be, and
 * the sentence that help shows. Flags and variables follow from the paths: `rpc.port` is
 * `--rpc-port` and `NEXUS_RPC_PORT`.
 */
export const configSchema = z.strictObject({
  moniker: z
    .string()
    .regex(/^[\x20-\x7e]{1,64}$/, '1 to 64 printable ASCII characters')
    .describe('name of this node in logs and for its peers'),
  validatorKeyFile: z
    .string()
    .min(1)
    .nullable()
    .describe('validator key, relative to the home; "none" observes without voting'),
  signer: z.strictObject({
    kind: z
      .enum(['file', 'remote'])
      .describe('who holds the validator key: this process (file) or "nexus signer" (remote)'),
    socket: z
      .string()
      .min(1)
      .describe('remote: path of its socket, relative to the home, or tcp:127.0.0.1:PORT'),
    secretFile: z
      .string()
      .min(1)
      .describe('remote: the secret shared with it, relative to the home'),
    timeoutMs: z
      .int()
      .min(20)
      .max(10_000)
      .describe('remote: no vote when it does not answer within this time'),
    connectMs: millis.describe('remote: how long a start waits for it'),
  }),
  signing: z.strictObject({
    doubleSignCheckHeights: z
      .int()
      .min(0)
      .max(10_000)
      .describe('committed blocks searched for own signatures nobody here made; 0: none'),
  }),
  rpc: z.strictObject({
    enabled: z.boolean().describe('answer JSON-RPC over HTTP and WebSocket'),
    host: host.describe('address to listen on; beyond loopback everybody may call'),
    port: port.describe('port of HTTP and WebSocket'),
    corsOrigins: z.array(origin).max(64).describe('web origins that may call'),
    allowedHosts: z
      .array(hostPattern)
      .max(64)
      .describe('Host headers accepted besides localhost and IP addresses'),
    unlimitedClients: z
      .array(z.union([z.ipv4(), z.ipv6()]))
      .max(64)
      .describe(
        'addresses of clients that are not limited, such as a proxy that limits them itself',
      ),
    suggestedTip: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .describe('least tip that eth_maxPriorityFeePerGas suggests, in wei'),
    signatureThreads: z
      .int()
      .min(0)
      .max(64)
      .describe(
        'threads at most that recover signers of what is submitted; beyond the first they come and go with the load; 0: none',
      ),
    limits: z.strictObject({
      bodyBytes: bytes.describe('size of a request'),
      headerBytes: bytes.describe('size of the headers of a request'),
      batchRequests: count.describe('requests in a batch'),
      responseBytes: bytes.describe('size of an answer'),
      requestMs: millis.describe('time for a request'),
      batchMs: millis.describe('time for a batch'),
      inFlight: count.describe('requests that are answered at one time'),
      connections: count.describe('open connections'),
      connectionsPerClient: count.describe('of them of one address, if its calls are limited'),
      webSocketClients: count.describe('of them WebSocket'),
      subscriptions: count.describe('subscriptions of a connection'),
      outgoingBytes: bytes.describe('unread bytes at which a WebSocket client is dropped'),
      filters: count.describe('installed filters'),
      filterMs: millis.describe('a filter nobody asks for this long is forgotten'),
      logs: count.describe('logs in an answer'),
      logBlocks: count.describe('blocks that eth_getLogs may search'),
      traceBytes: bytes.describe('size of the traces in an answer'),
      poolTransactions: count.describe('transactions in an answer of txpool_content'),
      syncMs: millis.describe('longest wait of eth_sendRawTransactionSync'),
      clientUnitsPerSecond: z
        .int()
        .min(0)
        .max(1_000_000)
        .describe(
          'units one client may use a second: a cheap call is 1, a heavy one 20; 0: no limit',
        ),
      clientBurstUnits: count.describe('units a client that was quiet may use at once'),
    } satisfies Record<keyof RpcLimits, z.ZodType>),
  }),
  metrics: z.strictObject({
    enabled: z.boolean().describe('serve /metrics and /health'),
    host: host.describe('address to listen on'),
    port: port.describe('port of metrics and health'),
  }),
  admin: z.strictObject({
    enabled: z.boolean().describe('answer nexus peers on a socket in the home'),
  }),
  p2p: z.strictObject({
    listen: z.array(listenAddress).min(1).max(8).describe('addresses to listen on for peers'),
    peers: z.array(peerAddress).max(256).describe('peers to stay connected to'),
    maxPeers: z.int().min(1).max(1_024).describe('connections at most'),
  }),
  log: z.strictObject({
    level: z.enum(['debug', 'info', 'warn', 'error', 'fatal', 'silent']).describe('least level'),
    format: z
      .enum(['auto', 'json', 'pretty'])
      .describe('JSON lines or for people; auto: for people on a terminal'),
  }),
  consensus: z.strictObject({
    timeouts: z.strictObject({
      propose: span('wait for a proposal'),
      prevote: span('wait for more prevotes'),
      precommit: span('wait for more precommits'),
      rebroadcast: span('send own votes again'),
      maxMs: millis.describe('no timeout is longer'),
    }),
  }),
  storage: z.strictObject({
    historyBlocks: z.int().min(0).max(1e12).describe('past blocks whose state answers eth_call'),
    retainBlocks: z
      .int()
      .min(0)
      .max(1e12)
      .describe('newest blocks kept with their receipts, if nothing else needs more; 0: all'),
    lightBlockMs: z
      .int()
      .min(0)
      .max(31_536_000_000)
      .describe('age up to which blocks are kept for light clients and joining nodes'),
    cacheBytes: bytes.describe('database cache'),
  }),
  snapshots: z.strictObject({
    everyBlocks: z
      .int()
      .min(0)
      .max(1e12)
      .describe('blocks between snapshots of the state that joining nodes can fetch; 0: none'),
    keep: z.int().min(1).max(16).describe('snapshots kept, the newest'),
  }),
  stateSync: z.strictObject({
    enabled: z.boolean().describe('start an empty node from a snapshot of its peers'),
    trustHeight: z
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .describe('height of the trusted block'),
    trustHash: z
      .string()
      .regex(/^0x[0-9a-fA-F]{64}$/, 'a block id: 0x and 64 hex digits')
      .nullable()
      .describe(
        'id of a block you trust, looked up elsewhere; "none" trusts the genesis while it is young',
      ),
  }),
  execution: z.strictObject({
    engineThreads: z
      .int()
      .min(0)
      .max(64)
      .describe('threads that run the engines of NexusCore; 0: the executor does'),
    evm: z
      .enum(['nexus', 'reference', 'shadow'])
      .describe(
        'which EVM runs blocks: nexus, reference (@ethereumjs/evm), or shadow: both, to halt on a difference',
      ),
  }),
  devnet: z.strictObject({
    methods: z
      .boolean()
      .describe('answer evm_*, anvil_* and hardhat_*; on a chain of nexus devnet only'),
  }),
  mempool: z.strictObject({
    transactions: count.describe('transactions held'),
    bytes: bytes.describe('bytes of transactions held'),
    perSender: count.describe('transactions held of one sender'),
    lifetimeMs: millis.describe('a transaction not included by then is dropped'),
    priceBumpPercent: z.int().min(0).max(1_000).describe('more fee that a replacement must pay'),
    signatureThreads: z
      .int()
      .min(0)
      .max(64)
      .describe('threads that recover signers of what peers send; 0: none'),
  }),
})

export type ConfigValues = z.infer<typeof configSchema>

const MIB = 1024 * 1024

/** What `config.json` need not say: a node on a LAN that answers its own machine only. */
export const defaultConfigValues: ConfigValues = {
  moniker: 'nexus',
  validatorKeyFile: 'keys/validator.json',
  signer: {
    kind: 'file',
    socket: 'signer/signer.sock',
    secretFile: 'signer/secret',
    timeoutMs: 500,
    connectMs: 30_000,
  },
  signing: { doubleSignCheckHeights: 10 },
  rpc: {
    enabled: true,
    host: '127.0.0.1',
    port: 8545,
    corsOrigins: [],
    allowedHosts: [],
    unlimitedClients: [...defaultRpcOptions.unlimitedClients],
    // geth's own: 0.001 gwei.
    suggestedTip: Number(defaultRpcOptions.suggestedTip),
    signatureThreads: 2,
    limits: { ...defaultRpcLimits },
  },
  metrics: { enabled: true, host: '127.0.0.1', port: 9545 },
  admin: { enabled: true },
  p2p: { listen: ['/ip4/127.0.0.1/tcp/26656'], peers: [], maxPeers: 64 },
  log: { level: 'info', format: 'auto' },
  consensus: { timeouts: structuredClone(defaultTimeoutOptions) },
  storage: {
    historyBlocks: 10_000,
    retainBlocks: 0,
    lightBlockMs: defaultLightOptions.trustingPeriodMs,
    cacheBytes: 32 * MIB,
  },
  snapshots: { everyBlocks: 0, keep: 2 },
  stateSync: { enabled: false, trustHeight: 0, trustHash: null },
  execution: { engineThreads: 0, evm: 'nexus' },
  devnet: { methods: false },
  mempool: {
    transactions: defaultPoolOptions.maxCount,
    bytes: defaultPoolOptions.maxBytes,
    perSender: defaultPoolOptions.maxPerSender,
    lifetimeMs: defaultPoolOptions.lifetimeMs,
    priceBumpPercent: defaultPoolOptions.replacementPercent,
    signatureThreads: 1,
  },
}
