import type { Schema } from '../arena/schema.ts'
import type { Coprocessor } from './coprocessor.ts'
import type { LedgerPort } from './ledgerPort.ts'
import type { MessengerPort } from './messengerPort.ts'

/** The engines of a chain in id order, and the two that the host uses directly. */
export type Registry = {
  readonly engines: readonly Coprocessor[]
  readonly ledger: LedgerPort
  /** Of the engine with id 0; a registry without it has no queue between the domains. */
  readonly messenger?: MessengerPort
}

/** An engine whose state and parameters are its own business: what a registry holds. */
export const asEngine = <S extends Schema, P>(engine: Coprocessor<S, P>): Coprocessor =>
  engine as unknown as Coprocessor

export const asLedger = <S extends Schema>(port: LedgerPort<S>): LedgerPort =>
  port as unknown as LedgerPort

export const asMessenger = <S extends Schema>(port: MessengerPort<S>): MessengerPort =>
  port as unknown as MessengerPort
