/**
 * Journal entries that must be free before a call starts. The longest call of a sane engine writes a
 * few thousand columns; a call that writes more than this is a fault of the engine.
 */
export const JOURNAL_MARGIN = 1 << 16
