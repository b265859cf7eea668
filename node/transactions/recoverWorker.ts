import { recoverSenders } from './senderRecovery.ts'

export default recoverSenders
