/**
 * `fastify-eventfeed/metrics`: the figures of `app.eventfeed.stats()` as Prometheus metrics, in a registry of
 * `prom-client`. They are read when somebody scrapes; nothing is counted here. It does not serve them: a route of the
 * application does.
 */
import type { FastifyPluginAsync } from 'fastify'
import fp from 'fastify-plugin'
import type { Counter, Gauge, Metric } from 'prom-client'
import { BadOption, describe, MissingPeer, shown } from '../errors.ts'
import { METRICS, type Figures } from './metric-table.ts'

/**
 * A registry of `prom-client`, by what is used of it: the types of this entry point must not need a package that need
 * not be installed.
 */
export interface MetricsRegistry {
  registerMetric (metric: never): void
  getSingleMetric (name: string): unknown
  removeSingleMetric (name: string): void
}

/** The options of `app.register(metrics, options)`. */
export interface MetricsOptions {
  /** Where the metrics are registered. Default: the default registry of `prom-client`. */
  registry?: MetricsRegistry | undefined
  /** What their names begin with. Two applications that share a registry need two. Default: `eventfeed_`. */
  // as Fastify's own option of this name, which must not be undefined
  prefix?: string
}

/** As Prometheus has it: https://prometheus.io/docs/concepts/data_model. Without a prefix the names are good too. */
const PREFIX = /^([a-zA-Z_:][a-zA-Z0-9_:]*)?$/

const register: FastifyPluginAsync<MetricsOptions> = async (app, options) => {
  const { Counter, Gauge, register: defaultRegistry } = await importPromClient()
  const { registry = defaultRegistry, prefix = 'eventfeed_' } = options
  if (typeof registry?.registerMetric !== 'function') throw new BadOption(`the option registry must be a Registry of prom-client, not ${describe(registry)}`)
  if (typeof prefix !== 'string' || !PREFIX.test(prefix)) throw new BadOption(`the option prefix must be the beginning of a metric's name, such as "eventfeed_", not ${shown(prefix)}`)
  const names = METRICS.map(({ name }) => `${prefix}${name}`)
  const taken = names.find((name) => registry.getSingleMetric(name) !== undefined)
  if (taken !== undefined) throw new BadOption(`the registry has a metric ${taken} already: give each application a prefix or a registry of its own`)

  const figures = figuresOf(() => app.eventfeed.stats())
  for (const { name, help, kind, labels: labelNames, samples } of METRICS) {
    const Kind = kind === 'counter' ? Counter : Gauge
    const metric: Metric = new Kind({
      name: `${prefix}${name}`,
      help,
      labelNames,
      registers: [],
      // counters may only grow: each scrape resets this one to the current total, which only grows too
      collect (this: Counter | Gauge) {
        this.reset()
        for (const { labels, value } of samples(figures())) this.inc(labels, value)
      }
    })
    registry.registerMetric(metric as never) // a registry of prom-client takes its metrics
  }
  app.addHook('onClose', async () => { for (const name of names) registry.removeSingleMetric(name) })
}

/** `prom-client` is loaded when it is needed: who takes no metrics need not install it. */
async function importPromClient (): Promise<typeof import('prom-client')> {
  try {
    return await import('prom-client')
  } catch (error) {
    throw new MissingPeer('prom-client', 'fastify-eventfeed/metrics', 'prom-client', { cause: error })
  }
}

/**
 * Reads the figures once for all metrics of a scrape, which are collected in one turn. A route that was seen stays,
 * with 0 when it has no stream any more: a series that ends would be drawn as unknown, not as nobody.
 */
function figuresOf (read: () => Figures): () => Figures {
  const routesSeen: Record<string, number> = {}
  let current: Figures | undefined
  return () => {
    if (current === undefined) {
      const figures = read()
      for (const route of Object.keys(figures.routes)) routesSeen[route] = 0
      current = { ...figures, routes: { ...routesSeen, ...figures.routes } }
      queueMicrotask(() => { current = undefined })
    }
    return current
  }
}

/**
 * The Fastify plugin. Register it where `fastify-eventfeed` is registered, after it; its metrics leave the registry
 * when the application closes.
 */
export const metrics = fp(register, { name: 'fastify-eventfeed-metrics', fastify: '5.x', dependencies: ['fastify-eventfeed'] })

const plugin = Object.assign(metrics, { default: metrics, metrics })
export { plugin as 'module.exports' }
export default plugin
