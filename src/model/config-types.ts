/** What `maru.config.ts` says, and the environment that declarations read. The project folder validates the values. */
import { MaruError } from '../base/errors.ts'

export interface ProjectConfig {
  /** IANA name; a day is a local day here. */
  readonly zone: string
  readonly currency?: string
  /** Databases by the name that `source({ from })` uses. */
  readonly sources?: Readonly<Record<string, SourceConfig>>
  /** Events over HTTP. Absent: no collector runs. */
  readonly collect?: CollectConfig
  /** Partitions of objects and attributes. */
  readonly buckets?: number
  /** Folder of the tables; `.maru/lake` when absent. */
  readonly lake?: string
  /** File of Maru's records; `.maru/state.db` when absent. */
  readonly state?: string
}

export type SourceConfig = PostgresConfig

export interface PostgresConfig {
  readonly kind: 'postgres'
  /** Holds a password: never printed, never part of the Model. */
  readonly url: string
  /** How often `maru start` reads its tables again. Absent: only `maru run` does. */
  readonly every?: Every
}

export type Every = `${number} ${'second' | 'minute' | 'hour' | 'day'}${'' | 's'}`

/** What collects events, and from whom. */
export interface CollectConfig {
  /** Default 8780. */
  readonly port?: number
  /** That share the port; default 1. */
  readonly processes?: number
  /** Who sends, by the name that rows carry. Each has its own write keys: `maru keys create NAME`. */
  readonly sources: Readonly<Record<string, CollectSourceConfig>>
  /** Addresses and networks of the proxies in front, as `10.0.0.0/8`: what they say about the sender holds. Absent: the sender is whoever connects. */
  readonly trustedProxies?: readonly string[]
  /** Where records go behind the local log; absent: landing reads the local log. */
  readonly log?: KafkaConfig
}

export interface CollectSourceConfig {
  /** Events a second of each key, over all requests of one process; absent: no limit. */
  readonly rate?: number
  /** What is kept of the sender's address: default `truncate`, without its last part. */
  readonly address?: 'keep' | 'truncate' | 'remove'
  /** Categories without which an event of a sender who stated his consent is not kept; `unstated`: what holds for one who said nothing, default `keep`. */
  readonly consent?: {
    readonly categories: readonly string[]
    readonly unstated?: 'keep' | 'drop'
  }
  /** A property that is not declared: default `keep`. */
  readonly unknownProperties?: 'keep' | 'quarantine'
  /** Write keys from elsewhere, several by commas: `env('WEB_KEYS')`. Never printed, stored only as SHA-256. */
  readonly keys?: string
}

export interface KafkaConfig {
  readonly kind: 'kafka'
  /** `host:port`. */
  readonly brokers: readonly string[]
  readonly topic: string
}

/** Checks the types in the editor; the value is returned as it is. */
export function defineConfig(config: ProjectConfig): ProjectConfig {
  return config
}

export function postgres(options: {
  readonly url: string
  readonly every?: Every
}): PostgresConfig {
  return { kind: 'postgres', ...options }
}

export function kafka(options: {
  readonly brokers: readonly string[]
  readonly topic: string
}): KafkaConfig {
  return { kind: 'kafka', ...options }
}

/** Two copies of the package share one record of what was read, so it hangs on a global symbol. */
const environmentKey = Symbol.for('maru.environment')

/**
 * The value of an environment variable now, else the default; an empty value counts as none. The name and value are remembered,
 * so that the cache of `maru check` can tell when they differ.
 */
export function env(name: string, fallback?: string): string {
  // Declarations are the one place where the environment enters; everything behind them sees only values.
  // oxlint-disable-next-line node/no-process-env
  const value = process.env[name]
  record().set(name, value)
  if (value !== undefined && value !== '') return value
  if (fallback !== undefined) return fallback
  throw new MaruError('PROJECT_CONFIG', `the environment variable ${name} is not set`, {
    hint: `set it, or give a default: env('${name}', '…')`,
  })
}

/** Names that declarations read since the process began, with the values (secrets among them: hash before keeping). */
export function environmentRead(): ReadonlyMap<string, string | undefined> {
  return record()
}

function record(): Map<string, string | undefined> {
  const holder = globalThis as { [environmentKey]?: Map<string, string | undefined> }
  return (holder[environmentKey] ??= new Map())
}
