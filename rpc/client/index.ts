export { type AccountWanted, type ProvenAccount, verifyAccountProof } from './accountProof.ts'
export { type ClientOptions, createNexusClient, NexusClient, type SendOptions } from './client.ts'
export { type Action, type EngineTable, type EngineTables, engineTablesOf } from './engines.ts'
export {
  getLightBlock,
  type LightAnswer,
  type LightProviderOptions,
  lightProvider,
} from './lightProvider.ts'
export type { ChannelHandlers, ChannelMessage, Subscription } from './live.ts'
export { createNonces } from './nonces.ts'
export {
  type ProvenRow,
  type RowWanted,
  type TrustedHeader,
  type TrustedValidators,
  verifyProof,
} from './proof.ts'
export type { ActionResult, CallResult } from './results.ts'
export { privateKeySigner, type Signer, walletSigner } from './signer.ts'
export type { Hex, Inputs, Outputs } from './values.ts'
export { VerifiedClient, type VerifiedClientOptions } from './verified.ts'
