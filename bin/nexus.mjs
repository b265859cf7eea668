#!/usr/bin/env node
// Plain JavaScript that an old Node can read: it finds a Node that runs TypeScript and hands over.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as modules from 'node:module'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'

const OLDEST = 24
const FLAGS = ['--disable-proto=throw', '--unhandled-rejections=strict']

const main = new URL('../node/main.ts', import.meta.url)

// Compiled code is kept beside the packages (not in a shared temporary folder, where others could
// plant some): every process and worker thread then starts in half the time.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(
  new URL('../node_modules/.cache/nexus', import.meta.url),
)

if (Number.parseInt(process.versions.node, 10) >= OLDEST) {
  modules.enableCompileCache(process.env.NODE_COMPILE_CACHE)
  await import(main.href)
} else handOver(nodeFromPackages())

/** The runtime is a dependency of this package, so that any machine with some Node can start it. */
function nodeFromPackages() {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  try {
    const manifest = modules.createRequire(import.meta.url).resolve('node/package.json')
    const file = path.join(path.dirname(manifest), 'bin', name)
    if (existsSync(file)) return file
  } catch {
    // Reported below, together with a package whose install script did not run.
  }
  console.error(
    [
      `nexus: this is Node ${process.versions.node}, and Nexus needs Node ${OLDEST} or newer.`,
      'It installs its own from npm, but that is missing: its install script has not run.',
      'Run "npm ci" (or "npm rebuild node") in the folder of Nexus, or install Node 24.',
    ].join('\n'),
  )
  process.exit(1)
}

function handOver(file) {
  const child = spawn(file, [...FLAGS, fileURLToPath(main), ...process.argv.slice(2)], {
    // The channel tells the child when this process is killed and cannot pass anything on.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`nexus: cannot start ${file}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    // Ends by the same signal, so that a shell or a supervisor sees what happened.
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
