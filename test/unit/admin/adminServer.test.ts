import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AdminActions } from '../../../node/admin/adminMethods.ts'
import { type AdminServer, startAdminServer } from '../../../node/admin/adminServer.ts'
import { callNode } from '../../../node/cli/nodeClient.ts'
import { createLogger } from '../../../node/observability/logger.ts'

const PEER = '12D3KooWJDjGWcTjK5rEzZC2vGnxnEmqXnNkdgQgmkZBJdTVwLBe'

let directory = ''
let server: AdminServer
let done: unknown[] = []
const actions: AdminActions = {
  peers: () => [],
  bans: () => [{ id: PEER, code: 'BAD_SIGNATURE', remainingMs: 5 }],
  ban: (peerId, ms) => void done.push(['ban', peerId, ms]),
  unban: (peerId) => {
    done.push(['unban', peerId])
    return false
  },
  setLogLevel: (level) => void done.push(['level', level]),
  stop: () => void done.push(['stop']),
}
const socket = (): string => path.join(directory, 'admin.sock')
const ask = (method: string, ...params: unknown[]): Promise<unknown> =>
  callNode({ kind: 'socket', path: socket() }, method, params)

beforeEach(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'nexus-admin-'))
  done = []
  server = await startAdminServer(socket(), actions)
})
afterEach(async () => {
  await server.close()
  fs.rmSync(directory, { recursive: true })
})

describe('the admin socket', () => {
  it('is for its user only, and is gone with the server', async () => {
    expect((fs.statSync(socket()).mode & 0o777).toString(8)).toBe('600')
    await server.close()
    await expect(ask('admin_peers')).rejects.toMatchObject({ detail: { code: 'NODE_UNREACHABLE' } })
  })

  it('does what it is told', async () => {
    expect(await ask('admin_bans')).toEqual([{ id: PEER, code: 'BAD_SIGNATURE', remainingMs: 5 }])
    expect(await ask('admin_banPeer', PEER, 60_000)).toBe(true)
    expect(await ask('admin_unbanPeer', PEER)).toBe(false)
    expect(await ask('admin_setLogLevel', 'debug')).toBe(true)
    expect(await ask('admin_stop')).toBe(true)
    expect(done).toEqual([['ban', PEER, 60_000], ['unban', PEER], ['level', 'debug'], ['stop']])
  })

  it.each([
    ['admin_banPeer', [], 'ADMIN_PARAMS'],
    ['admin_banPeer', ['../../etc/passwd', 5], 'ADMIN_PARAMS'],
    ['admin_banPeer', [PEER, -1], 'ADMIN_PARAMS'],
    ['admin_banPeer', [PEER, 1e300], 'ADMIN_PARAMS'],
    ['admin_unbanPeer', [{}], 'ADMIN_PARAMS'],
    ['admin_setLogLevel', ['loud'], 'ADMIN_PARAMS'],
    ['eth_blockNumber', [], 'ADMIN_METHOD'],
    ['constructor', [], 'ADMIN_METHOD'],
  ])('refuses %s(%j) with %s', async (method, params, code) => {
    await expect(ask(method, ...params)).rejects.toMatchObject({ detail: { code } })
    expect(done).toEqual([])
  })

  it('takes the place of a socket that a dead process left', async () => {
    await server.close()
    fs.writeFileSync(socket(), '')
    server = await startAdminServer(socket(), actions)
    expect(await ask('admin_peers')).toEqual([])
  })

  it('names a path that the system cannot bind', async () => {
    const long = path.join(directory, 'x'.repeat(120))
    await expect(startAdminServer(long, actions)).rejects.toMatchObject({
      detail: { code: 'ADMIN_SOCKET' },
    })
  })
})

describe('the level of a running logger', () => {
  it('changes for its children too', () => {
    const lines: string[] = []
    const sink = createLogger(
      { level: 'warn', format: 'json', node: 'n' },
      { write: (line) => void lines.push(line) },
    )
    const child = sink.log.child('sync')
    child.debug('one')
    sink.setLevel('debug')
    child.debug('two')
    sink.setLevel('silent')
    child.fatal('three')
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['two'])
  })
})
