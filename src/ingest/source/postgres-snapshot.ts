/**
 * One instant of a PostgreSQL database, over a few connections: the first begins a read-only transaction and exports its snapshot, the
 * others take it over. Every error leaves here as Maru's, without the URL.
 */
import pg from 'pg'
import { MaruError, isMaruError, messageOf } from '../../base/errors.ts'

export interface PostgresAddress {
  /** The source's name in maru.config.ts. */
  readonly name: string
  readonly url: string
  readonly connectTimeoutMs?: number
}

const connectionsMax = 2
const connectTimeoutMs = 10_000
const begin = 'begin isolation level repeatable read read only'

/** Texts of values must not depend on how server or role are configured. */
const settings = `
set time zone 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'iso_8601'; set extra_float_digits = 1; set bytea_output = 'hex';
set xmlbinary = 'base64'; set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set lock_timeout = '60s'`

export class PostgresSnapshot {
  private readonly address: PostgresAddress
  private readonly free: pg.Client[] = []
  private readonly waiting: ((client: pg.Client | undefined) => void)[] = []
  private readonly all = new Set<pg.Client>()
  private connecting = 0
  private leader: Promise<pg.Client> | undefined
  private snapshotId: string | undefined
  private isClosed = false

  constructor(address: PostgresAddress) {
    checkUrl(address)
    this.address = address
  }

  /** Lends a connection inside the snapshot. What fails is undone to where it began, so that the next may go on. */
  async use<T>(work: (client: pg.Client) => Promise<T>, signal?: AbortSignal): Promise<T> {
    signal?.throwIfAborted()
    const client = await this.take()
    const onAbort = (): void => drop(client)
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      await client.query('savepoint maru')
      const result = await work(client)
      await client.query('release savepoint maru')
      return result
    } catch (error) {
      await client.query('rollback to savepoint maru').catch(() => this.loseAll())
      signal?.throwIfAborted()
      throw postgresError(this.address, error)
    } finally {
      signal?.removeEventListener('abort', onAbort)
      this.give(client)
    }
  }

  async close(): Promise<void> {
    this.isClosed = true
    await this.leader?.catch(() => undefined)
    // A connection that is lost already has nothing to end.
    await Promise.all([...this.all].map((client) => client.end().catch(() => undefined)))
    this.all.clear()
  }

  private async take(): Promise<pg.Client> {
    if (this.isClosed) throw unreachable(this.address, 'the source is closed')
    if (this.leader === undefined) {
      this.leader = this.lead()
      return await this.leader
    }
    // Everything after waits for the snapshot; one that could not be made fails all.
    await this.leader
    const free = this.free.pop()
    if (free !== undefined) return free
    if (this.snapshotId !== undefined && this.all.size + this.connecting < connectionsMax) {
      const another = await this.follow(this.snapshotId)
      if (another !== undefined) return another
    }
    if (this.all.size === 0) throw unreachable(this.address, 'the connection was lost')
    const { promise, resolve } = Promise.withResolvers<pg.Client | undefined>()
    this.waiting.push(resolve)
    const client = await promise
    if (client === undefined) throw unreachable(this.address, 'the connection was lost')
    return client
  }

  private give(client: pg.Client): void {
    if (!this.all.has(client)) return
    const next = this.waiting.shift()
    if (next === undefined) this.free.push(client)
    else next(client)
  }

  /** The snapshot lives as long as the connection that exported it, so with any of them all are given up. */
  private loseAll(): void {
    for (const client of this.all) drop(client)
    this.all.clear()
    this.free.length = 0
    this.snapshotId = undefined
    for (const next of this.waiting.splice(0)) next(undefined)
  }

  private async lead(): Promise<pg.Client> {
    const client = await this.connect()
    try {
      await client.query(begin)
      const exported = await client.query<{ id: string }>('select pg_export_snapshot() as id')
      this.snapshotId = exported.rows[0]?.id
    } catch {
      // A standby may not export: then there is one connection, and tables are read one after another.
      await this.guarded(() => client.query(`rollback; ${begin}`))
    }
    return client
  }

  /** Undefined when the server gives no further connection: the tables then share those that there are. */
  private async follow(snapshotId: string): Promise<pg.Client | undefined> {
    this.connecting++
    try {
      const client = await this.connect()
      await client.query(`${begin}; set transaction snapshot '${snapshotId}'`)
      return client
    } catch {
      this.snapshotId = undefined
      return this.free.pop()
    } finally {
      this.connecting--
    }
  }

  private async connect(): Promise<pg.Client> {
    return await this.guarded(async () => {
      const client = new pg.Client({
        connectionString: this.address.url,
        connectionTimeoutMillis: this.address.connectTimeoutMs ?? connectTimeoutMs,
        application_name: 'maru',
        // A server that vanished without a word is noticed by the system's probes, some ten minutes after these begin.
        keepAlive: true,
        keepAliveInitialDelayMillis: 10_000,
      })
      // A connection that ends while idle is found out by the next statement on it.
      client.on('error', () => undefined)
      await client.connect()
      await client.query(settings)
      this.all.add(client)
      return client
    })
  }

  private async guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      throw postgresError(this.address, error)
    }
  }
}

/** Ends the connection at once, whatever it is doing. */
function drop(client: pg.Client): void {
  const { connection } = client as unknown as { connection: { stream: { destroy(): void } } }
  connection.stream.destroy()
}

/** The URL holds a password, so neither it nor an error that quotes it is passed on. */
function checkUrl(address: PostgresAddress): void {
  const isRight =
    URL.canParse(address.url) && /^postgres(ql)?:$/.test(new URL(address.url).protocol)
  if (isRight) return
  throw new MaruError(
    'PROJECT_CONFIG',
    `the url of source "${address.name}" is not a PostgreSQL URL`,
    {
      hint: 'write postgres://user:password@host:5432/database; special characters of the password as %XX',
    },
  )
}

/** Where the database is, without user and password. */
function placeOf(address: PostgresAddress): string {
  const url = new URL(address.url)
  return `${url.hostname === '' ? 'local socket' : url.hostname}:${url.port === '' ? '5432' : url.port}${url.pathname}`
}

function unreachable(address: PostgresAddress, reason: string, cause?: unknown): MaruError {
  return new MaruError(
    'SOURCE_UNREACHABLE',
    `the database "${address.name}" (${placeOf(address)}) cannot be reached: ${reason}`,
    {
      hint: 'start it, or correct its url in maru.config.ts, and run again; nothing was loaded from it',
      retry: 'later',
      ...(cause === undefined ? {} : { cause }),
    },
  )
}

/** SQLSTATE classes: 28 who, 3D which database, 42501 rights; what is no answer of the server is a lost connection. */
function postgresError(address: PostgresAddress, error: unknown): unknown {
  if (isMaruError(error)) return error
  const code = (error as { readonly code?: unknown }).code
  const state = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : ''
  const reason = messageOf(error) || 'no answer'
  if (/^(28|3D)/.test(state) || state === '42501') {
    return new MaruError(
      'SOURCE_UNREACHABLE',
      `the database "${address.name}" (${placeOf(address)}) refuses: ${reason}`,
      {
        hint: 'correct user, password and database in the url, or grant the right: grant select on all tables in schema … to …',
        cause: error,
      },
    )
  }
  return unreachable(address, reason, error)
}
