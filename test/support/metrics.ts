/** One sample of a Prometheus page: the sum over all label sets of a name. */
export async function metricOf(metricsUrl: string, name: string): Promise<number> {
  const url = metricsUrl.endsWith('/metrics') ? metricsUrl : `${metricsUrl}/metrics`
  const text = await (await fetch(url, { signal: AbortSignal.timeout(5_000) })).text()
  const values = text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)))
  // A counter with labels has no samples until something was counted.
  if (!text.includes(`# TYPE ${name} `)) throw new Error(`${url} has no ${name}`)
  return values.reduce((sum, value) => sum + value, 0)
}
