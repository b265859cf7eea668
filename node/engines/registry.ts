import { exchange } from '../../coprocessors/exchange/index.ts'
import { ledger, ledgerPort } from '../../coprocessors/ledger/index.ts'
import { messenger, messengerPort } from '../../coprocessors/messenger/index.ts'
import { asEngine, asLedger, asMessenger, type Registry } from '../../core/host/registry.ts'
import type { GenesisParams } from '../../core/machine/index.ts'
import { coreParamsOf } from '../../genesis/coreParams.ts'
import type { Genesis } from '../../genesis/index.ts'

/** Every engine of a Nexus chain. The executor and each engine thread build theirs from it. */
export const coreRegistry: Registry = {
  engines: [asEngine(messenger), asEngine(ledger), asEngine(exchange)],
  ledger: asLedger(ledgerPort),
  messenger: asMessenger(messengerPort),
}

/** What a genesis gives each of them to begin with. */
export const genesisParamsOf: (genesis: Genesis) => GenesisParams = coreParamsOf
