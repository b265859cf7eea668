import * as path from 'node:path'
import { NexusError } from '../core/primitives/errors.ts'
import { type JsonValue, parseJson } from '../genesis/json.ts'
import { formatProblems } from '../genesis/problems.ts'
import { type HomePaths, homePaths } from './config/paths.ts'
import { type ConfigValues, configSchema, defaultConfigValues } from './config/schema.ts'
import { SETTINGS, type Setting, valueOfText } from './config/settings.ts'

type DeepReadonly<T> = T extends (infer E)[]
  ? readonly DeepReadonly<E>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** What one process needs to know besides the genesis; frozen, and changed only by passing a changed copy. */
export type NodeConfig = DeepReadonly<ConfigValues> & {
  readonly paths: HomePaths
}

export type ConfigSources = {
  /** Absolute. */
  readonly home: string
  /** The text of `config.json`, or null when there is none. */
  readonly file: string | null
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Flags by setting path, as written. */
  readonly flags: ReadonlyMap<string, string>
}

export const defaultNodeConfig = (home: string): NodeConfig =>
  freeze({ ...structuredClone(defaultConfigValues), paths: homePaths(home) })

/**
 * Flags before environment before file before defaults, into one frozen object. INVALID_CONFIG
 * names every unknown key and every wrong value at once, with the place it came from.
 */
export function loadNodeConfig(sources: ConfigSources): NodeConfig {
  const problems: string[] = []
  const values = structuredClone(defaultConfigValues) as Tree
  const origins = new Map<string, string>()
  if (sources.file !== null) overlayFile(values, sources.file, origins, problems)
  overlayEnvironment(values, sources.environment, origins, problems)
  for (const setting of SETTINGS) {
    const text = sources.flags.get(setting.path)
    if (text !== undefined) assign(values, setting, text, { origins, origin: setting.flag })
  }
  const parsed = configSchema.safeParse(values)
  if (!parsed.success) problems.push(...describeIssues(parsed.error.issues, values, origins))
  if (!parsed.success || problems.length > 0) throw invalidConfig(problems)
  return freeze({ ...parsed.data, paths: pathsOf(parsed.data, sources.home) })
}

/** The text of a new `config.json`: only what differs from the defaults, which may change. */
export function formatConfig(values: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(values, null, 2)}\n`
}

function pathsOf({ validatorKeyFile }: ConfigValues, home: string): HomePaths {
  const paths = homePaths(home)
  if (validatorKeyFile === null) return paths
  return { ...paths, validatorKey: path.resolve(home, validatorKeyFile) }
}

const invalidConfig = (problems: readonly string[]): NexusError =>
  new NexusError({ code: 'INVALID_CONFIG', problems }, { message: problems.join('\n') })

type Tree = { [key: string]: unknown }

/** Config files are written by people. */
const MAX_FILE_LENGTH = 1024 * 1024

function overlayFile(
  values: Tree,
  text: string,
  origins: Map<string, string>,
  problems: string[],
): void {
  const json = parseJson(text, MAX_FILE_LENGTH)
  if (!json.ok) {
    problems.push(...formatProblems(json.problems).split('\n'))
    return
  }
  if (json.value instanceof Map) overlay(values, json.value, '', origins)
  else problems.push('(document): expected an object')
}

/** Unknown keys are copied as they are: the schema reports them like any other mistake. */
function overlay(
  values: Tree,
  members: ReadonlyMap<string, JsonValue>,
  prefix: string,
  origins: Map<string, string>,
): void {
  for (const [key, member] of members) {
    const place = prefix + key
    const below = Object.hasOwn(values, key) ? values[key] : undefined
    if (member instanceof Map && isTree(below)) overlay(below, member, `${place}.`, origins)
    else {
      define(values, key, plain(member))
      origins.set(place, 'config.json')
    }
  }
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Defines rather than assigns, since a key may be called `__proto__`. */
function define(values: Tree, key: string, value: unknown): void {
  Object.defineProperty(values, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

function plain(value: JsonValue): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (!(value instanceof Map)) return value
  const tree: Tree = {}
  for (const [key, member] of value as ReadonlyMap<string, JsonValue>)
    define(tree, key, plain(member))
  return tree
}

/** Read by the command line itself, before there is a configuration. */
const OTHER_VARIABLES = new Set(['NEXUS_HOME'])

function overlayEnvironment(
  values: Tree,
  environment: ConfigSources['environment'],
  origins: Map<string, string>,
  problems: string[],
): void {
  const settings = new Map(SETTINGS.map((setting) => [setting.variable, setting]))
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith('NEXUS_') || text === undefined) continue
    const setting = settings.get(variable)
    if (setting !== undefined) assign(values, setting, text, { origins, origin: variable })
    else if (!OTHER_VARIABLES.has(variable))
      problems.push(`${variable}: UNKNOWN_VARIABLE: no setting has this name`)
  }
}

function assign(
  values: Tree,
  setting: Setting,
  text: string,
  { origins, origin }: { readonly origins: Map<string, string>; readonly origin: string },
): void {
  const keys = setting.path.split('.')
  const last = keys.pop() as string
  let at = values
  for (const key of keys) {
    // A file that holds something else here has its own problem; the flag still has its effect.
    if (!isTree(at[key])) define(at, key, {})
    at = at[key] as Tree
  }
  at[last] = valueOfText(setting, text)
  origins.set(setting.path, origin)
}

type Issue = {
  readonly code: string
  readonly path: readonly PropertyKey[]
  readonly message: string
}

function describeIssues(
  issues: readonly Issue[],
  values: Tree,
  origins: ReadonlyMap<string, string>,
): string[] {
  return issues.flatMap((issue) => {
    const place = issue.path.join('.')
    if (issue.code === 'unrecognized_keys')
      return (issue as Issue & { readonly keys: readonly string[] }).keys.map(
        (key) =>
          `${place === '' ? key : `${place}.${key}`}: UNKNOWN_KEY: no setting has this name (config.json)`,
      )
    const origin = originOf(issue.path, origins)
    const found = JSON.stringify(valueAt(values, issue.path))?.slice(0, 80) ?? 'nothing'
    return [`${place}: INVALID_VALUE: ${issue.message}, found ${found} (${origin})`]
  })
}

function originOf(keys: readonly PropertyKey[], origins: ReadonlyMap<string, string>): string {
  for (let length = keys.length; length > 0; length--) {
    const origin = origins.get(keys.slice(0, length).join('.'))
    if (origin !== undefined) return origin
  }
  return 'config.json'
}

function valueAt(values: unknown, keys: readonly PropertyKey[]): unknown {
  let at = values
  for (const key of keys) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[key]
  return at
}

function freeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const member of Object.values(value)) freeze(member)
  return value
}
