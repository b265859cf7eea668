#!/usr/bin/env node
// The compiler of npm behind the native one's command line, as far as forge uses it: nothing is downloaded.
import { readFileSync } from 'node:fs'
import solc from 'solc'

const args = process.argv.slice(2)
if (args.includes('--version'))
  process.stdout.write(
    `solc, the solidity compiler commandline interface\nVersion: ${solc.version().replace('Emscripten.clang', 'Linux.g++')}\n`,
  )
else if (args.includes('--standard-json'))
  process.stdout.write(solc.compile(readFileSync(0, 'utf8')))
else {
  process.stderr.write(`this compiler knows --version and --standard-json, not ${args.join(' ')}\n`)
  process.exitCode = 1
}
