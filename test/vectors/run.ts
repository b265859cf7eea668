// npm run vectors: published test vectors, as vitest files, or one suite with a table of its own.
import { spawnSync } from 'node:child_process'
import { runStateTests } from './evm/command.ts'

const HELP = `usage: npm run vectors [-- evm ...]

  npm run vectors                 every published vector, as vitest runs them in npm test
  npm run vectors -- wycheproof   the files whose name holds the text
  npm run vectors -- evm --help   the state tests of Ethereum, by fork and executive`

const [suite, ...rest] = process.argv.slice(2)
if (suite === 'evm') process.exitCode = await runStateTests(rest)
else if (suite === '--help') console.log(HELP)
else {
  const vitest = new URL('../../node_modules/vitest/vitest.mjs', import.meta.url).pathname
  const parameters = [vitest, 'run', '--project', 'vectors', ...process.argv.slice(2)]
  process.exitCode = spawnSync(process.execPath, parameters, { stdio: 'inherit' }).status ?? 1
}
