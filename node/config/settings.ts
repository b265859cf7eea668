import { z } from 'zod'
import { assert } from '../../core/primitives/assert.ts'
import { configSchema } from './schema.ts'

/** One value of the configuration that a person may set. */
export type Setting = {
  /** `rpc.port` */
  readonly path: string
  readonly kind: SettingKind
  readonly description: string
  /** `--rpc-port` */
  readonly flag: string
  /** `NEXUS_RPC_PORT` */
  readonly variable: string
}

export type SettingKind = 'integer' | 'boolean' | 'list' | 'text' | 'textOrNone'

/** Every leaf of the schema, in its order. */
export const SETTINGS: readonly Setting[] = leavesOf(configSchema, [])

/**
 * The value that a flag or a variable means, or the text itself when it means none: the schema
 * then says what was expected.
 */
export function valueOfText(setting: Setting, text: string): unknown {
  switch (setting.kind) {
    case 'integer':
      return /^\d{1,16}$/.test(text) ? Number(text) : text
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text
    case 'list':
      return text === '' ? [] : text.split(',').map((element) => element.trim())
    case 'textOrNone':
      return text === 'none' ? null : text
    case 'text':
      return text
  }
}

function leavesOf(schema: z.ZodType, keys: readonly string[]): readonly Setting[] {
  if (schema instanceof z.ZodObject)
    return Object.entries(schema.shape as Record<string, z.ZodType>).flatMap(([key, member]) =>
      leavesOf(member, [...keys, key]),
    )
  const words = keys.flatMap((key) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`))
  assert(schema.description !== undefined, 'every setting is described')
  return [
    {
      path: keys.join('.'),
      kind: kindOf(schema),
      description: schema.description,
      flag: `--${words.join('-')}`,
      variable: `NEXUS_${words.join('-').replaceAll('-', '_').toUpperCase()}`,
    },
  ]
}

function kindOf(schema: z.ZodType): SettingKind {
  if (schema instanceof z.ZodNumber) return 'integer'
  if (schema instanceof z.ZodBoolean) return 'boolean'
  if (schema instanceof z.ZodArray) return 'list'
  return schema instanceof z.ZodNullable ? 'textOrNone' : 'text'
}
