/** Workload `responsive`: how long an ordinary route takes beside generators that are always ready. */
import { Agent, get } from 'node:http'
import type { Finding } from './finding.ts'
import type { Effort, Stage } from './stage.ts'

const PINGS = 1_000
const QUICK_PINGS = 100
const WARM_UP_PINGS = 100
const GENERATORS = [0, 1, 10]

/** One request after the other on one connection, first alone, then beside more and more streams. */
export async function responsive (stage: Stage, { isQuick }: Effort): Promise<Finding[]> {
  const server = await stage.serve('responsive')
  const crowd = stage.crowd(server)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const findings: Finding[] = []
  try {
    for (const generators of GENERATORS) {
      if (generators > crowd.readers) await crowd.open(generators - crowd.readers, '/fast')
      const latencies: number[] = []
      for (let ping = -WARM_UP_PINGS; ping < (isQuick ? QUICK_PINGS : PINGS); ping++) {
        const took = await pingOnce(server.port, agent)
        if (ping >= 0) latencies.push(took)
      }
      latencies.sort((one, other) => one - other)
      const at = (rank: number): number => latencies[Math.floor(rank * (latencies.length - 1))] ?? NaN
      const beside = generators === 0 ? 'alone' : `beside ${generators} generator${generators === 1 ? '' : 's'}`
      findings.push({ label: `${beside}, p50`, value: at(0.5), unit: 'ms' }, { label: `${beside}, p99`, value: at(0.99), unit: 'ms', note: `worst ${at(1).toFixed(1)} ms` })
    }
  } finally {
    agent.destroy()
  }
  return findings
}

/** In milliseconds, until the whole answer has come. */
function pingOnce (port: number, agent: Agent): Promise<number> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path: '/ping', agent }, (response) => {
      response.resume().on('end', () => { resolve(performance.now() - began) }).on('error', reject)
    }).on('error', reject)
  })
}
