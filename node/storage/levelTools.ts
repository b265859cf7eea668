import { ClassicLevel } from 'classic-level'
import { COLUMN, type Column } from './schema.ts'

/** Bytes on disk by column, as LevelDB estimates them: without what its log still holds. */
export async function columnSizes(path: string): Promise<ReadonlyMap<Column, number>> {
  return withLevel(path, async (level) => {
    const sizes = new Map<Column, number>()
    for (const [column, byte] of Object.entries(COLUMN) as [Column, number][])
      sizes.set(column, await level.approximateSize(Uint8Array.of(byte), Uint8Array.of(byte + 1)))
    return sizes
  })
}

/** Rewrites all files without what was deleted. Minutes for tens of gigabytes, and as much free disk. */
export async function compactDatabase(path: string): Promise<void> {
  await withLevel(path, (level) => level.compactRange(Uint8Array.of(0), Uint8Array.of(0xff)))
}

/** For what the program itself never needs. Another handle of this process may have the database open. */
async function withLevel<T>(
  path: string,
  use: (level: ClassicLevel<Uint8Array, Uint8Array>) => Promise<T>,
): Promise<T> {
  const level = new ClassicLevel<Uint8Array, Uint8Array>(path, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    createIfMissing: false,
    compression: false,
    multithreading: true,
  })
  await level.open()
  try {
    return await use(level)
  } finally {
    await level.close()
  }
}
