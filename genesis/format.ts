import { bytesToBigint, toHex } from '../core/primitives/bytes.ts'
import { checksumAddress } from '../core/primitives/checksumAddress.ts'
import type { CoreGenesis } from './core.ts'
import { faucetOf, GENESIS_FORMAT, type Genesis, type GenesisAccount } from './genesis.ts'

/** The document of a genesis as JSON for people; `parseGenesis` gives the same genesis back. */
export function formatGenesis(genesis: Genesis): string {
  const { chainId, genesisTime, validators, consensus, evm, accounts, core } = genesis
  const document = {
    format: GENESIS_FORMAT,
    chainId,
    genesisTime: new Date(genesisTime).toISOString(),
    validators: validators.map(({ name, publicKey, power }) => ({
      name,
      publicKey: `0x${toHex(publicKey)}`,
      power,
    })),
    consensus,
    evm: {
      hardfork: evm.hardfork,
      baseFeePerGas: evm.baseFeePerGas.toString(),
      treasury: checksumAddress(evm.treasury),
      ...(faucetOf(genesis) === null ? {} : { faucet: checksumAddress(evm.faucet) }),
    },
    accounts: accounts.map(formatAccount),
    core: formatCore(core),
  }
  return `${JSON.stringify(document, null, 2)}\n`
}

function formatCore(core: CoreGenesis): object {
  return {
    ...core,
    treasury: checksumAddress(core.treasury),
    assets: core.assets.map(({ issuer, ...asset }) => ({
      ...asset,
      ...(issuer.some((byte) => byte !== 0) ? { issuer: checksumAddress(issuer) } : {}),
    })),
    balances: core.balances.map((balance) => ({
      ...balance,
      address: checksumAddress(balance.address),
    })),
    exchange: { ...core.exchange, admin: checksumAddress(core.exchange.admin) },
  }
}

function formatAccount({ address, balance, nonce, code, storage }: GenesisAccount): object {
  const isContract = code.length > 0
  return {
    address: checksumAddress(address),
    balance: balance.toString(),
    ...(nonce === (isContract ? 1 : 0) ? {} : { nonce }),
    ...(isContract ? { code: `0x${toHex(code)}` } : {}),
    ...(storage.length > 0
      ? {
          storage: Object.fromEntries(
            storage.map(({ slot, value }) => [
              `0x${toHex(slot)}`,
              `0x${bytesToBigint(value).toString(16)}`,
            ]),
          ),
        }
      : {}),
  }
}
