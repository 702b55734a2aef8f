/** Reads and checks maru.config.ts: the border where what an author wrote becomes trusted values. */
import { readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ZodString } from 'zod'
import { MaruError, type Place, type Problem } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import { isTimeZone } from '../base/time.ts'
import { configFile } from './find.ts'

/** What of the configuration decides about results and places; it holds no secret and may be stored. */
export interface ProjectSettings {
  /** IANA name. */
  readonly zone: string
  readonly currency?: string
  /** Partitions of objects and attributes. */
  readonly buckets: number
  /** Absolute. */
  readonly lakeFolder: string
  /** Absolute path of the state database. */
  readonly statePath: string
}

export interface ResolvedConfig extends ProjectSettings {
  readonly sources: Readonly<Record<string, SourceConfig>>
  /** Absent: no collector runs. */
  readonly collect?: ResolvedCollect
}

export interface ResolvedCollect {
  readonly port: number
  readonly processes: number
  readonly sources: Readonly<Record<string, ResolvedCollectSource>>
  /** Addresses and networks. */
  readonly trustedProxies?: readonly string[]
  readonly log?: {
    readonly kind: 'kafka'
    readonly brokers: readonly string[]
    readonly topic: string
  }
}

/** `keys` are secrets: never print them. */
export interface ResolvedCollectSource {
  readonly rate?: number
  readonly address: 'keep' | 'truncate' | 'remove'
  readonly consent?: { readonly categories: readonly string[]; readonly unstated: 'keep' | 'drop' }
  readonly unknownProperties: 'keep' | 'quarantine'
  readonly keys: readonly string[]
}

/** `url` holds a password: never print it. */
export interface SourceConfig {
  readonly kind: 'postgres'
  readonly url: string
  /** Absent: only `maru run` reads it. */
  readonly everyMs?: number
}

/** Throws PROJECT_CONFIG with the first fault. */
export async function loadConfig(folder: string): Promise<ResolvedConfig> {
  const { config, problems } = await readConfig(folder)
  if (config !== undefined) return config
  const [first, ...others] = problems
  throw new MaruError(
    'PROJECT_CONFIG',
    others.length === 0 ? first!.message : `${first!.message} (and ${others.length} more)`,
    {
      where: first!.where,
      ...(first!.hint === undefined ? {} : { hint: first!.hint }),
    },
  )
}

/** Every fault at once; the configuration when there is none. */
export async function readConfig(
  folder: string,
): Promise<{ readonly config?: ResolvedConfig; readonly problems: readonly Problem[] }> {
  const path = join(folder, configFile)
  let value: unknown
  try {
    const url = pathToFileURL(path)
    // A long-lived process must see an edit: modules are kept by URL.
    url.searchParams.set('changed', String(statSync(path).mtimeMs))
    value = ((await import(url.href)) as { readonly default?: unknown }).default
  } catch (error) {
    return { problems: await importFault(folder, error) }
  }
  if (value === undefined)
    return {
      problems: [
        problem('it has no default export', "write `export default defineConfig({ zone: '…' })`"),
      ],
    }
  const parsed = (await configSchema()).safeParse(value)
  if (!parsed.success) {
    const source = readFileSync(path, 'utf8')
    return { problems: parsed.error.issues.flatMap((issue) => describeIssue(issue, source)) }
  }
  const { zone, currency, buckets, lake, state, sources, collect } = parsed.data
  return {
    config: {
      zone,
      ...(currency === undefined ? {} : { currency }),
      buckets,
      lakeFolder: resolve(folder, lake),
      statePath: resolve(folder, state),
      sources,
      ...(collect === undefined ? {} : { collect }),
    },
    problems: [],
  }
}

/** The settings alone; with a faulty configuration those by which the other faults can still be found. */
export function settingsOf(config: ResolvedConfig | undefined, folder: string): ProjectSettings {
  if (config === undefined)
    return {
      zone: 'UTC',
      buckets: 8,
      lakeFolder: resolve(folder, '.maru/lake'),
      statePath: resolve(folder, '.maru/state.db'),
    }
  const { sources: _, collect: _collect, ...settings } = config
  return settings
}

// zod takes 40 ms to load, and a start from the cache needs no configuration: hence the late import.
// oxlint-disable-next-line typescript/explicit-function-return-type
async function configSchema() {
  const { z } = await import('zod')
  const every = z
    .string()
    .regex(/^[1-9]\d{0,5} (second|minute|hour|day)s?$/, {
      error: "is no interval, as '10 minutes'",
    })
    .transform(everyMs)
  const source = z
    .strictObject({
      kind: z.literal('postgres'),
      url: z.string().min(1),
      every: every.exactOptional(),
    })
    .transform(({ every: interval, ...rest }) => ({
      ...rest,
      ...(interval === undefined ? {} : { everyMs: interval }),
    }))
  const name = z
    .string()
    .regex(/^[a-z][a-z0-9_]*$/, { error: 'is not a snake_case name' })
    .max(40)
  return z.strictObject({
    zone: z.string().refine(isTimeZone, { error: 'is not a time zone that IANA names' }),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, { error: 'is not a currency code of three capital letters' })
      .optional(),
    buckets: z.int().min(1).max(1024).default(8),
    lake: z.string().min(1).default('.maru/lake'),
    state: z.string().min(1).default('.maru/state.db'),
    sources: z.record(name, source).default({}),
    collect: (await collectSchema(name)).optional(),
  })
}

const unitMs: Readonly<Record<string, number>> = {
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
}

function everyMs(text: string): number {
  const [count, unit] = text.split(' ') as [string, string]
  return Number(count) * unitMs[unit.replace(/s$/, '')]!
}

// oxlint-disable-next-line typescript/explicit-function-return-type
async function collectSchema(name: ZodString) {
  const { z } = await import('zod')
  const keys = z
    .string()
    .transform((text) =>
      text
        .split(',')
        .map((key) => key.trim())
        .filter((key) => key !== ''),
    )
    .refine((given) => given.every((key) => key.length >= 16), {
      error: 'has a key of fewer than 16 characters, which can be guessed',
    })
  const collectSource = z.strictObject({
    rate: z.number().positive().exactOptional(),
    address: z.enum(['keep', 'truncate', 'remove']).default('truncate'),
    consent: z
      .strictObject({
        categories: z.array(z.string().min(1)).min(1),
        unstated: z.enum(['keep', 'drop']).default('keep'),
      })
      .exactOptional(),
    unknownProperties: z.enum(['keep', 'quarantine']).default('keep'),
    keys: keys.default([]),
  })
  const log = z.strictObject({
    kind: z.literal('kafka'),
    brokers: z.array(z.string().regex(/^[^\s:]+:\d{1,5}$/, { error: 'is not host:port' })).min(1),
    topic: z.string().regex(/^[\w.-]{1,249}$/, { error: 'is not a name of a topic' }),
  })
  const network = z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], {
    error: 'is no address or network, as 10.0.0.0/8',
  })
  return z.strictObject({
    port: z.int().min(0).max(65_535).default(8780),
    processes: z.int().min(1).max(64).default(1),
    sources: z.record(name, collectSource),
    trustedProxies: z.array(network).exactOptional(),
    log: log.exactOptional(),
  })
}

interface Issue {
  readonly code: string
  readonly path: readonly PropertyKey[]
  readonly message: string
  readonly keys?: readonly string[]
}

function describeIssue(issue: Issue, source: string): Problem[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys') {
    const known = knownAt(path)
    return (issue.keys ?? []).map((key) => ({
      ...problem(`${[...path, key].join('.')} is not a setting`, suggest(key, known)),
      where: placeOf(key, source),
    }))
  }
  const hint =
    path[0] === 'zone'
      ? "write an IANA name, for example zone: 'Asia/Seoul'"
      : 'see docs/reference/declarations.md'
  const message = path.length === 0 ? issue.message : `${path.join('.')}: ${issue.message}`
  return [{ ...problem(message, hint), where: placeOf(path.at(-1), source) }]
}

/** Names of the settings at a path of the configuration. */
function knownAt(path: readonly string[]): readonly string[] {
  if (path.length === 0) return settingNames
  if (path[0] === 'sources') return ['url', 'every']
  if (path[1] === 'log') return ['brokers', 'topic']
  if (path[3] === 'consent') return ['categories', 'unstated']
  return path[1] === 'sources' ? collectSourceNames : collectNames
}

const settingNames = ['zone', 'currency', 'sources', 'collect', 'buckets', 'lake', 'state']
const collectNames = ['port', 'processes', 'sources', 'trustedProxies', 'log']
const collectSourceNames = ['rate', 'address', 'consent', 'unknownProperties', 'keys']

/** Where the key is written, as far as the text shows. */
function placeOf(key: string | undefined, source: string): Place {
  const match =
    key === undefined
      ? null
      : new RegExp(`(?:^|[{,\\s])(['"]?)${key.replaceAll(/\W/g, '\\$&')}\\1\\s*:`).exec(source)
  if (match === null) return { file: configFile }
  const before = source.slice(0, match.index + match[0].search(/['"\w]/))
  return {
    file: configFile,
    line: before.split('\n').length,
    column: before.length - before.lastIndexOf('\n'),
  }
}

async function importFault(folder: string, error: unknown): Promise<readonly Problem[]> {
  const { importProblems } = await import('./import-problem.ts')
  return importProblems([{ path: configFile, error }], {
    folder,
    imports: new Map([[configFile, new Set()]]),
    readSource: (path) => readFileSync(join(folder, path), 'utf8'),
  }).map((fault) => ({ ...fault, code: 'PROJECT_CONFIG' }))
}

function problem(message: string, hint: string): Problem {
  return { code: 'PROJECT_CONFIG', message, hint, where: { file: configFile } }
}
