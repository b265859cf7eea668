import { runCli } from './cli/program.ts'
import { collectSeldom, inlineMore } from './threads/engineFlags.ts'

// What --disable-proto does, for a start without the flags: nothing here needs `__proto__`, and a
// setter that every object inherits is how a parsed document changes another object.
Reflect.deleteProperty(Object.prototype, '__proto__')

inlineMore()
collectSeldom()
await runCli(process.argv.slice(2))
