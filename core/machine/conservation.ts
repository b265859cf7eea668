import type { AssetSupply } from '../host/ledgerPort.ts'
import { bytesToBigint } from '../primitives/bytes.ts'
import { NexusError } from '../primitives/errors.ts'
import type { EvmTotals } from './types.ts'

/** The native coin as the ledger knows it, in wei. */
export const nativeInEvm = (supplies: readonly AssetSupply[]): bigint =>
  supplies.find((supply) => supply.token === null)?.evm ?? 0n

/**
 * For every asset: Core + in flight + EVM = issued − burned; and what the ledger believes to be in
 * the EVM is there. Without `evm` only the ledger's own sum is checked. Throws CONSERVATION_BROKEN.
 */
export function checkConservation(
  supplies: readonly AssetSupply[],
  evm: (EvmTotals & { readonly nativeBefore: bigint }) | null,
): void {
  for (const supply of supplies) {
    const { coreDecimals, evmDecimals, core, inFlight, issued, burned } = supply
    const scale = 10n ** BigInt(evmDecimals - coreDecimals)
    if ((core + inFlight) * scale + supply.evm !== issued - burned) {
      throw broken('Core + in flight + EVM = issued - burned', supply, issued - burned)
    }
    if (evm === null) continue
    const inEvm =
      supply.token === null ? evm.nativeBefore + evm.nativeDelta : evm.tokenSupply(supply.token)
    if (supply.evm !== inEvm) throw broken('the ledger knows what the EVM holds', supply, inEvm)
  }
}

function broken(rule: string, supply: AssetSupply, expected: bigint): NexusError {
  const { asset, core, inFlight, evm, issued, burned, coreDecimals, evmDecimals, token } = supply
  return new NexusError(
    {
      code: 'CONSERVATION_BROKEN',
      rule,
      asset,
      core: core.toString(),
      inFlight: inFlight.toString(),
      evm: evm.toString(),
      issued: issued.toString(),
      burned: burned.toString(),
      expected: expected.toString(),
      coreDecimals,
      evmDecimals,
      token: token === null ? null : `0x${bytesToBigint(token).toString(16).padStart(40, '0')}`,
    },
    { message: `Conservation of asset ${asset} is broken: ${rule}, expected ${expected}` },
  )
}
