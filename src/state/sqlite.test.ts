import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { sleep } from '../base/bounded.ts'
import type { ErrorCode } from '../base/error-codes.ts'
import { isMaruError } from '../base/errors.ts'
import type { MaruError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { nodeFiles } from '../base/node-files.ts'
import { SqliteConnection, translateSqliteError } from './sqlite-connection.ts'
import { schemaSteps, upgradeSchema } from './sqlite-schema.ts'
import { openSqliteState } from './sqlite.ts'
import { describeState } from './state.suite.ts'
import type { Records } from './state.suite.ts'
import type { Publication, State } from './state.ts'

describeState('SQLite', makeRecords)

const something: Publication = { values: new Map([['s', new Map([['n', 'v']])]]) }

async function makeRecords(): Promise<Records> {
  const folder = await mkdtemp(join(tmpdir(), 'maru-state-'))
  return {
    open: (options) =>
      openSqliteState({ path: join(folder, 'state.db'), files: nodeFiles, ...options }),
    remove: () => rm(folder, { recursive: true }),
  }
}

describe('SQLite state', () => {
  let folder: string
  let path: string
  const open = (options: { files?: Files; busyTimeoutMs?: number } = {}): Promise<State> =>
    openSqliteState({ path, files: nodeFiles, ...options })

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-state-'))
    path = join(folder, 'made', 'for', 'it', 'state.db')
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('makes its folder and syncs the names of the file and its log, also when the log is made anew', async () => {
    const synced: string[] = []
    const files: Files = {
      ...nodeFiles,
      syncFolder: async (target) => {
        ok(
          existsSync(path) && existsSync(`${path}-wal`),
          'the names are there when the folder is synced',
        )
        synced.push(target)
        await nodeFiles.syncFolder(target)
      },
    }
    for (const opening of [1, 2]) {
      const state = await open({ files })
      await state.publish(something)
      equal(synced.length, opening)
      await state.close()
    }
    deepEqual(new Set(synced), new Set([dirname(path)]))
  })

  it('refuses records of a newer format and leaves them as they are', async () => {
    await (await open()).close()
    withDatabase(path, (database) => database.exec('pragma user_version = 999'))
    const before = await readFile(path)
    await rejects(open(), (error) => {
      hasCode(error, 'STATE_NEWER')
      match(error.message, /format 999/)
      match(error.hint ?? '', /npm install/)
      return true
    })
    deepEqual(await readFile(path), before)
  })

  it('refuses the database of another program, and a file that is none, without writing to them', async () => {
    await mkdir(dirname(path), { recursive: true })
    withDatabase(path, (database) => database.exec('create table theirs (a)'))
    const theirs = await readFile(path)
    await rejects(open(), fails('FILE_FAILED', /another program/))
    deepEqual(await readFile(path), theirs)

    await writeFile(path, 'a letter, not a database '.repeat(100))
    await rejects(open(), fails('FILE_FAILED', /not a database/))
    match(await readFile(path, 'utf8'), /^a letter/)
  })

  it('refuses a path that cannot be opened', async () => {
    await mkdir(path, { recursive: true })
    await rejects(open(), fails('FILE_FAILED', /unable to open/))
  })

  it('takes the missing steps of its format when opened, all or none', async () => {
    await (await open()).close()
    const connection = new SqliteConnection({ path, busyTimeoutMs: 0 })
    const upgrade = (...added: readonly string[]): Promise<void> =>
      connection.write(() => upgradeSchema(connection.database, path, [...schemaSteps, ...added]))
    connection.run("insert into scoped_value values ('s', 'n', 'v')")
    const addNote = 'alter table scoped_value add column note text'

    await rejects(upgrade(addNote, 'no sql'))
    deepEqual(
      { ...connection.get('select * from scoped_value') },
      { scope: 's', name: 'n', value: 'v' },
    )
    equal(connection.get('pragma user_version')?.['user_version'], schemaSteps.length)

    await upgrade(addNote)
    await upgrade(addNote)
    deepEqual(
      { ...connection.get('select * from scoped_value') },
      { scope: 's', name: 'n', value: 'v', note: null },
    )
    connection.close()
    await rejects(open(), fails('STATE_NEWER'))
  })

  it('can be opened for the first time by many at once', async () => {
    const states = await Promise.all(Array.from({ length: 8 }, () => open()))
    for (const state of states) equal(await state.journalEnd(), 0)
    for (const state of states) await state.close()
  })

  it('waits for another writer without stopping the process, then says that it is busy', async (test) => {
    const state = await open({ busyTimeoutMs: 100 })
    const writer = new DatabaseSync(path)
    let ticks = 0
    const timer = setInterval(() => ticks++, 5)
    test.after(() => clearInterval(timer))
    writer.exec('begin immediate')
    await rejects(state.publish(something), (error) => {
      hasCode(error, 'STATE_BUSY', /stayed locked for 0\.1 s/)
      return error.retry === 'later'
    })
    ok(ticks >= 3, `${ticks} ticks while waiting`)
    equal(await state.journalEnd(), 0, 'readers do not wait')
    writer.close()
    equal(await state.publish(something), 'published')
    await state.close()
  })

  it('goes on when the other writer ends in time', async () => {
    const state = await open()
    const writer = new DatabaseSync(path)
    writer.exec('begin immediate')
    const publication = state.publish(something)
    await sleep(20)
    writer.exec('commit')
    writer.close()
    equal(await publication, 'published')
    await state.close()
  })

  it('calls a full disk a full disk', () => {
    const database = new DatabaseSync(':memory:')
    database.exec('pragma max_page_count = 2')
    let failure: unknown
    try {
      database.exec('create table a (x); create table b (x); create table c (x)')
    } catch (error) {
      failure = error
    }
    database.close()
    const translated = translateSqliteError(failure, 'state.db')
    hasCode(translated, 'DISK_FULL', /state\.db/)
    equal(translated.retry, 'later')
  })

  it('keeps the newest 1,000 runs', async () => {
    const state = await open()
    for (let index = 0; index < 1_005; index++) {
      await state.recordRun({ runId: `r${index}`, startedAtMs: index, status: 'done', tasks: [] })
    }
    const runs = await state.runs(2_000)
    deepEqual([runs.length, runs[0]?.runId, runs.at(-1)?.runId], [1_000, 'r1004', 'r5'])
    await state.close()
  })
})

function withDatabase(path: string, work: (database: DatabaseSync) => void): void {
  const database = new DatabaseSync(path)
  try {
    work(database)
  } finally {
    database.close()
  }
}

function fails(code: ErrorCode, message?: RegExp): (error: unknown) => true {
  return (error) => {
    hasCode(error, code, message)
    return true
  }
}

function hasCode(
  error: unknown,
  code: ErrorCode,
  message: RegExp = /./,
): asserts error is MaruError {
  ok(isMaruError(error), String(error))
  equal(error.code, code)
  match(error.message, message)
}
