export { lightClientAttackCodec } from './attack.ts'
export { LightClient, type LightClientCode } from './client.ts'
export {
  checkLightBlock,
  decodeLightBlock,
  LIGHT_BLOCK_BYTES,
  type LightBlock,
  lightBlockCodec,
} from './lightBlock.ts'
export {
  defaultLightOptions,
  type LightClientOptions,
  type VerifyOptions,
} from './options.ts'
export type { LightProvider } from './source.ts'
export { type TrustedState, trustedOf } from './trusted.ts'
export { verify, verifySignatures } from './verify.ts'
