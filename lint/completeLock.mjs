// Adds to every package-lock.json of the project the optional packages of other platforms, which npm leaves out where the
// registry does not offer them; `npm ci` refuses a lock file without them. Run after `npm install`.
import { readFileSync, writeFileSync } from 'node:fs'

const LOCKS = ['../package-lock.json', '../test/support/tools/npm/package-lock.json']
const SYSTEMS = ['android', 'darwin', 'freebsd', 'openharmony', 'win32', 'linux']
const PROCESSORS = [
  ['arm64', 'arm64'],
  ['aarch64', 'arm64'],
  ['amd64', 'x64'],
  ['x64', 'x64'],
  ['ia32', 'ia32'],
  ['riscv64', 'riscv64'],
  ['ppc64', 'ppc64'],
  ['s390x', 's390x'],
  ['loong64', 'loong64'],
  ['arm', 'arm'],
]

/** Where Node would look for a dependency of the package at `path`. */
function isLocked(lock, path, name) {
  for (let base = path; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    if (lock.packages[`${base === '' ? '' : `${base}/`}node_modules/${name}`]) return true
    if (base === '') return false
  }
}

function entryOf(name, version, dev) {
  const os = SYSTEMS.find((system) => name.includes(system))
  const cpu = PROCESSORS.find(([token]) => name.includes(token))?.[1]
  if (os === undefined) return null
  const libc = name.includes('musl')
    ? 'musl'
    : os === 'linux' && name.includes('gnu')
      ? 'glibc'
      : null
  return {
    version: version.replace(/^[\^~]/, ''),
    ...(cpu ? { cpu: [cpu] } : {}),
    ...(dev ? { dev: true } : {}),
    ...(libc ? { libc: [libc] } : {}),
    optional: true,
    os: [os],
  }
}

function complete(file) {
  const lock = JSON.parse(readFileSync(file, 'utf8'))
  let added = 0
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
      const missing = isLocked(lock, path, name) ? null : entryOf(name, version, entry.dev === true)
      if (missing === null) continue
      lock.packages[`node_modules/${name}`] = missing
      added++
    }
  }
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1))
  lock.packages = Object.fromEntries(sorted)
  writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`)
  return added
}

for (const path of LOCKS) {
  const added = complete(new URL(path, import.meta.url))
  process.stdout.write(`${added} packages of other platforms added to ${path.slice(3)}\n`)
}
