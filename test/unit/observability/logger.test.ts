import { describe, expect, it } from 'vitest'
import { NexusError } from '../../../core/primitives/errors.ts'
import { createLogger, type LogFormat, type LogLevel } from '../../../node/observability/logger.ts'

function linesOf(level: LogLevel, format: LogFormat = 'json') {
  const lines: string[] = []
  const stream = {
    write: (line: string) => {
      lines.push(line)
    },
  }
  const { log } = createLogger({ level, format, node: 'alice' }, stream)
  return { log, lines, parsed: () => lines.map((line) => JSON.parse(line) as object) }
}

describe('createLogger', () => {
  it('writes one JSON object a line, with the part of the node', () => {
    const { log, parsed } = linesOf('debug')
    log.child('consensus').info('Block decided', { height: 7 })
    expect(parsed()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/),
        node: 'alice',
        module: 'consensus',
        height: 7,
        msg: 'Block decided',
      },
    ])
  })

  it('leaves out what is below the level', () => {
    const { log, lines } = linesOf('warn')
    log.debug('one')
    log.info('two')
    log.warn('three')
    log.error('four')
    log.fatal('five')
    expect(lines.length).toBe(3)
  })

  it('makes bytes short, bigints text and errors their code', () => {
    const { log, parsed } = linesOf('debug')
    const cause = new NexusError({ code: 'WAL_CHECKSUM', offset: 12 })
    log.error('Failed', {
      hash: new Uint8Array(32).fill(0xab),
      key: Uint8Array.of(1, 2),
      fee: 2n ** 70n,
      error: new Error('outer', { cause }),
    })
    expect(parsed()[0]).toMatchObject({
      hash: `${'ab'.repeat(8)}…`,
      key: '0102',
      fee: '1180591620717411303424',
      error: { message: 'outer', cause: { code: 'WAL_CHECKSUM', offset: 12 } },
    })
  })
})
