// Stands in for a validator: speaks to its supervisor like one, and does what its argument says.
const [behaviour] = process.argv.slice(2)
const ready = () => process.send({ kind: 'ready', rpcUrl: null, metricsUrl: null, height: 0 })
console.log(`fake ${behaviour} ${process.env.NEXUS_RPC_PORT ?? 'clean'}`)
setInterval(() => {}, 1_000)
process.on('disconnect', () => process.exit(0))
process.on('SIGTERM', () => {
  if (behaviour === 'stubborn') return
  console.log('stopped cleanly')
  process.exit(0)
})
if (behaviour === 'fails')
  process.send({ kind: 'failed', code: 'PORT_IN_USE', message: 'port 1 is in use' }, () =>
    process.exit(1),
  )
else ready()
