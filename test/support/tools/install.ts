// npm run tools: puts the programs of npm/package.json, which Nexus itself does not depend on, into a cache beside its packages.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
} from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const MANIFEST = ['package.json', 'package-lock.json']
const source = fileURLToPath(new URL('npm/', import.meta.url))
const cache = fileURLToPath(new URL('../../../node_modules/.cache/nexus-tools/', import.meta.url))
/** Half a minute where the registry answers and the disk is free. */
const TIMEOUT_MS = 300_000

/** The tools cannot be had here; the message says why and what to do. */
export class NoTools extends Error {}

/**
 * The folder whose `node_modules` holds the tools in the locked versions, installed if they are
 * not there yet. Throws NoTools.
 */
export async function installTools(): Promise<string> {
  const folder = join(cache, keyOf())
  if (existsSync(folder)) return folder
  console.error(`tools: npm installs anvil and Hardhat into ${folder}: half a minute, once`)
  mkdirSync(cache, { recursive: true })
  const unfinished = mkdtempSync(join(cache, 'unfinished-'))
  try {
    for (const file of MANIFEST) copyFileSync(join(source, file), join(unfinished, file))
    await runNpm(unfinished)
    publish(unfinished, folder)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  for (const name of readdirSync(cache))
    if (!name.startsWith('unfinished-') && name !== basename(folder))
      rmSync(join(cache, name), { recursive: true, force: true })
  return folder
}

/** By what decides which files npm lays out. */
function keyOf(): string {
  const hash = createHash('sha256')
  for (const file of MANIFEST) hash.update(readFileSync(join(source, file)))
  const [major] = process.versions.node.split('.')
  return `${hash.digest('hex').slice(0, 16)}-node${major}-${process.platform}-${process.arch}`
}

/** This Node runs npm: an older one of the system would leave native packages out without a word. */
async function runNpm(cwd: string): Promise<void> {
  // The programs bring their executables as packages; nothing needs to run at installation.
  const args = ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`
  // An `npm run` around this hands on its own folder, where npm would install, and its silence.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^npm_config_((local_)?prefix|loglevel)$/i.test(name),
    ),
  )
  const options = { cwd, env: { ...env, PATH: path }, timeout: TIMEOUT_MS }
  const npm = npmProgram()
  await new Promise<void>((resolve, reject) => {
    execFile(process.execPath, [npm, ...args], options, (error, stdout, stderr) => {
      if (error === null) return resolve()
      const said = `${stdout}${stderr}`.trim().split('\n').slice(-15).join('\n')
      const how = error.killed ? 'was not done in five minutes' : `ended with code ${error.code}`
      reject(
        new NoTools(
          `npm ${how}, so that anvil and Hardhat are missing. It needs the registry once ("npm run tools"):\n${said}`,
        ),
      )
    })
  })
}

/** Another process may have been faster: its folder is as good. */
function publish(from: string, to: string): void {
  try {
    renameSync(from, to)
  } catch (error) {
    if (!existsSync(to)) throw error
  }
}

function npmProgram(): string {
  const caller = process.env.npm_execpath ?? ''
  if (basename(caller) === 'npm-cli.js') return caller
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    // npm's program is a link to its script, or lies beside the folder of its package.
    const link = join(folder, 'npm')
    const linked = existsSync(link) ? realpathSync(link) : ''
    const beside = join(folder, 'node_modules/npm/bin/npm-cli.js')
    for (const file of [linked, beside])
      if (basename(file) === 'npm-cli.js' && existsSync(file)) return file
  }
  throw new NoTools('npm is not on the PATH, so that anvil and Hardhat cannot be installed')
}

if (import.meta.main) {
  try {
    console.log(await installTools())
  } catch (error) {
    if (!(error instanceof NoTools)) throw error
    console.error(`tools: ${error.message}`)
    process.exitCode = 1
  }
}
