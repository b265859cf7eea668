// Loaded before a node: its wall clock is wrong. Durations are right, as on a machine whose time server lies.
const skewMs = Number(new URL(import.meta.url).searchParams.get('ms') ?? '0')
const now = Date.now
Date.now = () => now() + skewMs
