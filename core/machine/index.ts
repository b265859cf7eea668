export { receiptsHashOf } from './blockStep.ts'
export { createCoreMachine } from './machine.ts'
export { type CoreSimulation, createCoreSimulation } from './simulation.ts'
export type * from './types.ts'
