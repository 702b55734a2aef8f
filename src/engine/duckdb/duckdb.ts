/** The engine that is in the process: DuckDB. A session is its own in-memory instance (decision 0005), some 15 ms to open. */
import { randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { assert } from '../../base/errors.ts'
import type { Engine, Session, SessionOptions } from '../engine.ts'
import type { DuckdbApi } from './api.ts'
import { registerBucketFunctions } from './bucket.ts'
import { engineError } from './errors.ts'
import { quoteName, quoteText, standardCatalogs } from './names.ts'
import { DuckdbSession } from './session.ts'

export interface DuckdbOptions {
  /** For each session that does not say its own. */
  readonly memoryLimitBytes?: number
  readonly threads?: number
  readonly temporaryFolder?: string
}

export async function openDuckdbEngine(options: DuckdbOptions = {}): Promise<Engine> {
  const api = await import('@duckdb/node-api')
  const sessions = new Set<Session>()
  let isClosed = false
  return {
    can: { asOfJoin: true, formats: ['csv', 'ndjson', 'parquet'] },
    version: `duckdb ${api.version().replace(/^v/, '')}`,
    open: async (sessionOptions) => {
      assert(!isClosed, 'a closed engine opens no session')
      const session: Session = await openSession(api, { ...options, ...sessionOptions }, () =>
        sessions.delete(session),
      )
      sessions.add(session)
      return session
    },
    close: async () => {
      isClosed = true
      await Promise.all([...sessions].map((session) => session.close()))
    },
  }
}

async function openSession(
  api: DuckdbApi,
  options: SessionOptions,
  onClose: () => void,
): Promise<Session> {
  try {
    const instance = await api.DuckDBInstance.create(':memory:', instanceOptions(options))
    const connection = await instance.connect()
    await connection.run(
      [
        `set TimeZone = ${quoteText(options.zone)}`,
        // A division by zero is null, as the translation for Spark has it, and not Infinity or NaN in somebody's total.
        'set ieee_floating_point_ops = false',
        // A file does not change; binding and reading it would each read what it says of itself.
        'set parquet_metadata_cache = true',
        ...standardCatalogs.map((catalog) => `attach ':memory:' as ${quoteName(catalog)}`),
      ].join(';\n'),
    )
    registerBucketFunctions(api, connection)
    if (options.readFolders !== undefined)
      await connection.run(confinement(options.readFolders).join(';\n'))
    return new DuckdbSession({ api, instance, connection, zone: options.zone, onClose })
  } catch (error) {
    throw engineError(error)
  }
}

/** The settings are locked, so that no text can lift them again. */
function confinement(folders: readonly string[]): readonly string[] {
  return [
    `set allowed_directories = [${folders.map(quoteText).join(', ')}]`,
    'set enable_external_access = false',
    'set lock_configuration = true',
  ]
}

/** A partitioned write keeps this many files open before it flushes the oldest; rows come sorted by partition, so few are needed. */
const openFilesMax = 300

function instanceOptions(options: SessionOptions): Record<string, string> {
  const { memoryLimitBytes, threads } = options
  return {
    // Nothing is fetched from the network, whatever a text asks for.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    partitioned_write_max_open_files: String(openFilesMax),
    // Instances that share a folder would take each other's spill files.
    temp_directory: join(
      options.temporaryFolder ?? tmpdir(),
      `maru-spill-${process.pid}-${randomBytes(4).toString('hex')}`,
    ),
    ...(memoryLimitBytes === undefined
      ? {}
      : { memory_limit: `${Math.max(1, Math.floor(memoryLimitBytes / 1_000_000))}MB` }),
    ...(threads === undefined ? {} : { threads: String(threads) }),
  }
}
