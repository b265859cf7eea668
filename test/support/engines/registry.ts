// The chain that the tests of the host run: the real messenger, ledger and exchange with small
// tables, and the counter. Engine threads import it as their registry.
import { createExchange } from '../../../coprocessors/exchange/index.ts'
import { ledger, ledgerPort, ledgerSchemaOf } from '../../../coprocessors/ledger/index.ts'
import {
  messenger,
  messengerPort,
  messengerSchemaOf,
} from '../../../coprocessors/messenger/index.ts'
import { asEngine, asLedger, asMessenger, type Registry } from '../../../core/host/registry.ts'
import { counter } from './counter.ts'

export const QUEUE_ROWS = 256

const smallLedger = {
  ...ledger,
  schema: ledgerSchemaOf({
    accounts: 256,
    assets: 16,
    balances: 512,
    signers: 128,
    agents: 64,
    grants: 64,
  }),
}

export const coreRegistry: Registry = {
  engines: [
    asEngine({ ...messenger, schema: messengerSchemaOf(QUEUE_ROWS) }),
    asEngine(smallLedger),
    asEngine(createExchange({ orders: 1_024, balances: 512, timers: 64, assets: 16 })),
    asEngine(counter),
  ],
  ledger: asLedger(ledgerPort),
  messenger: asMessenger(messengerPort),
}
