import type { CoreCallOutcome, CorePort } from '../../core/host/corePort.ts'

/** The port with a list beside it of all that it answered, also what was undone later. */
export function recordingPort(port: CorePort): {
  readonly port: CorePort
  readonly answers: readonly CoreCallOutcome[]
} {
  const answers: CoreCallOutcome[] = []
  return {
    answers,
    port: {
      has: port.has,
      mark: () => port.mark(),
      revertTo: (mark) => port.revertTo(mark),
      call: (call) => {
        const answer = port.call(call)
        answers.push(answer)
        return answer
      },
    },
  }
}
