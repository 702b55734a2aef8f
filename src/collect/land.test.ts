/** From the log into the table, exactly once: real log, real lake, real engine; kills between and during commits. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { isMaruError } from '../base/errors.ts'
import { nodeFiles } from '../base/node-files.ts'
import { openDuckdbEngine } from '../engine/duckdb/duckdb.ts'
import type { Engine } from '../engine/engine.ts'
import { mergeWhile, queryEvents } from '../../test/collect/lake.ts'
import { openLake } from '../lake/lake.ts'
import type { Lake } from '../lake/lake.ts'
import { openSqliteState } from '../state/sqlite.ts'
import type { State } from '../state/state.ts'
import { openDuplicates } from './duplicates.ts'
import { startLanding } from './land.ts'
import type { Landing, LandingOptions } from './land.ts'
import { openSegmentLog } from './log/segment-log.ts'
import { openSegmentReader } from './log/segment-reader.ts'
import type { LogWriter } from './log.ts'
import { listQuarantine, replayQuarantine } from './quarantine.ts'
import type { Refused } from './quarantine.ts'
import { encodeRequest } from './record.ts'
import type { Verdict } from './record.ts'
import type { CollectSettings } from './settings.ts'

describe('the landing', () => {
  let engine: Engine
  let folder: string
  let state: State
  let lake: Lake
  let logs: LogWriter[]
  before(async () => {
    engine = await openDuckdbEngine()
  })
  after(async () => await engine.close())
  beforeEach(async () => {
    errors.length = 0
    folder = await mkdtemp(join(tmpdir(), 'maru-land-'))
    state = await openSqliteState({ path: join(folder, 'state.db'), files: nodeFiles })
    lake = openLake({ folder: join(folder, 'lake'), state, files: nodeFiles })
    logs = await Promise.all(
      ['0', '1'].map((name) => openSegmentLog({ folder: join(folder, 'log', name) })),
    )
  })
  afterEach(async () => {
    for (const log of logs) await log.close()
    await state.close()
    await rm(folder, { recursive: true })
  })

  const land = async (over: Partial<LandingOptions> = {}): Promise<Landing> =>
    await startLanding({
      reader: await openSegmentReader({ folder: join(folder, 'log'), name: 'landing' }),
      state,
      engine,
      files: nodeFiles,
      zone: 'Asia/Seoul',
      events: () => [
        { id: 'raw.event.viewed', event: 'viewed', owner: 'shop', version: '1', properties: [] },
      ],
      workFolder: join(folder, 'work'),
      onError: (error) => errors.push(error),
      commitEveryMs: 20,
      lake,
      ...over,
    })
  const errors: unknown[] = []

  async function append(
    log: number,
    ids: readonly string[],
    quarantined: readonly Verdict[] = [],
  ): Promise<void> {
    const events = ids.map((id) => ({
      id,
      event: 'viewed',
      anonymous_id: 'visitor',
      occurred_at: '2026-05-01T16:30:00Z',
      properties: { product: 7 },
    }))
    const record = encodeRequest({
      requestId: `request-${log}-${ids.join()}`,
      receivedAtMs: Date.now(),
      source: 'web',
      dialect: 'native',
      route: 'events',
      catalog: 'c',
      versions: { viewed: '1' },
      quarantined,
      body: Buffer.from(JSON.stringify({ events })),
    })
    await logs[log]!.append([{ partition: 3, ...record }])
  }

  const rows = (sql: string): ReturnType<typeof queryEvents> =>
    queryEvents({ engine, lake, zone: 'Asia/Seoul' }, sql)

  it('lands every event of every process once, with its local day and lane', async () => {
    const landing = await land()
    await append(0, ['a', 'b'])
    await append(1, ['b', 'c'])
    await append(0, ['c', 'd', 'd'])
    await landing.stop()
    deepEqual(
      await rows(
        'select id, cast(day as varchar), partition, properties from raw.event order by id',
      ),
      [
        ['a', '2026-05-02', 3, '{"product":7}'],
        ['b', '2026-05-02', 3, '{"product":7}'],
        ['c', '2026-05-02', 3, '{"product":7}'],
        ['d', '2026-05-02', 3, '{"product":7}'],
      ],
    )
    deepEqual(landing.progress(), { landed: 4, duplicates: 3, quarantined: 0 })
  })

  it('numbers landings in the order of their commits, also when the clock is set back between two starts', async () => {
    const start = Date.UTC(2026, 4, 2)
    for (const [index, days] of [0, -1, -9, 3, 1].entries()) {
      await append(0, [`event ${index}`])
      await (await land({ windowIdsMax: 1, now: () => start + days * 86_400_000 })).stop()
    }
    const landed = await rows('select id from raw.event order by landing')
    deepEqual(
      landed.map(([id]) => id),
      [0, 1, 2, 3, 4].map((index) => `event ${index}`),
    )
  })

  it('knows after a start what landed before it', async () => {
    await append(0, ['a'])
    await (await land()).stop()
    await append(1, ['a', 'b'])
    const landing = await land()
    await landing.stop()
    deepEqual(
      await rows('select id, dense_rank() over (order by landing) from raw.event order by id'),
      [
        ['a', 1],
        ['b', 2],
      ],
    )
    equal(landing.progress().duplicates, 1)
  })

  it('lands once whatever became of the fingerprints of what landed', async () => {
    const ids = Array.from({ length: 40 }, (_, index) => `e${index}`)
    const fingerprints = join(folder, 'work', 'ids')
    const startedAtMs = Date.now()
    const losses: (() => Promise<void>)[] = [
      () => Promise.resolve(),
      // Those of an earlier moment.
      async () => {
        const names = (await readdir(fingerprints)).toSorted()
        await rm(join(fingerprints, names.at(-1)!))
      },
      async () => {
        const names = (await readdir(fingerprints)).toSorted()
        for (const name of names.slice(0, -1)) await writeFile(join(fingerprints, name), 'damaged')
      },
      async () => await rm(fingerprints, { recursive: true }),
    ]
    for (const [turn, lose] of losses.entries()) {
      for (const id of ids.slice(0, (turn + 1) * 10)) await append(turn % 2, [id])
      // So far apart that a start does not read the earlier ones back anyway.
      const landing = await land({ windowIdsMax: 4, now: () => startedAtMs + turn * 600_000 })
      await landing.stop()
      deepEqual(landing.progress(), { landed: 10, duplicates: turn * 10, quarantined: 0 })
      await lose()
    }
    deepEqual(await rows('select count(*), count(distinct id) from raw.event'), [[40, 40]])
  })

  it('lands once although the clock jumps ahead by months, and back', async () => {
    const hours = [0, 1, 2_000, 2, 3]
    for (const [turn, hour] of hours.entries()) {
      for (let event = 0; event <= turn; event++) await append(event % 2, [`e${event}`])
      const landing = await land({ now: () => Date.UTC(2026, 0) + hour * 3_600_000 })
      await landing.stop()
      deepEqual(landing.progress(), { landed: 1, duplicates: turn, quarantined: 0 })
    }
    deepEqual(
      await rows('select id from raw.event order by landing'),
      hours.map((_, turn) => [`e${turn}`]),
    )
  })

  it('takes an event for another although the fingerprints of both are the same', async () => {
    await append(0, ['a'])
    await (await land()).stop()
    const fingerprints = await openDuplicates({ folder: join(folder, 'work', 'ids') })
    const [landed] = await rows('select min(landing) from raw.event')
    fingerprints.add('web', 'b', Number(landed![0]))
    await fingerprints.close()
    await append(0, ['a', 'b'])
    await (await land()).stop()
    deepEqual(await rows('select id from raw.event order by id'), [['a'], ['b']])
  })

  it('keeps what was refused, with the rule and its owner', async () => {
    await append(0, ['a', 'b'], [{ index: 1, rule: 'wrong_type', reason: 'no integer' }])
    await (await land()).stop()
    deepEqual(await rows('select id from raw.event'), [['a']])
    deepEqual(await rows('select message_id, rule, reason, owner from raw.quarantine'), [
      ['b', 'wrong_type', 'no integer', 'shop'],
    ])
  })

  it('brings refused events back once the catalog takes them, once however often', async () => {
    await append(0, ['a', 'b'], [{ index: 1, rule: 'unknown_event', reason: 'no such event' }])
    await (await land()).stop()
    const settings: CollectSettings = {
      catalog: 'd',
      events: [
        { id: 'raw.event.viewed', event: 'viewed', owner: 'shop', version: '2', properties: [] },
      ],
      sources: [{ name: 'web', keys: [], address: 'keep', unknownProperties: 'keep' }],
    }
    const refused = async (): Promise<readonly Refused[]> => {
      const session = await engine.open({ zone: 'Asia/Seoul' })
      try {
        return await listQuarantine({ lake, session }, { rowsMax: 10 })
      } finally {
        await session.close()
      }
    }
    const before = await refused()
    equal(before.length, 1)
    const log = await openSegmentLog({ folder: join(folder, 'log', 'replay') })
    logs.push(log)
    for (let turn = 0; turn < 2; turn++)
      deepEqual(await replayQuarantine(before, { settings, log }), { replayed: 1, refused: 0 })
    await (await land()).stop()
    deepEqual(await rows('select id, quarantine_id, schema_version from raw.event order by id'), [
      ['a', null, '1'],
      ['b', before[0]!.id, '2'],
    ])
    deepEqual(await refused(), [])
  })

  it('tells readers of a view which of its days changed', async () => {
    await append(0, ['a'])
    await (await land()).stop()
    const entries = await state.journal(['raw.event.viewed'], 0)
    deepEqual(
      entries.map((entry) => entry.partition),
      ['day=2026-05-02'],
    )
  })

  it('keeps files few behind many small commits while others merge them too, and every row once', async () => {
    const commits = 50
    const landing = await land({ upkeepEveryMs: 20, commitEveryMs: 0 })
    let isLanding = true
    const others = mergeWhile({ engine, lake }, { isGoing: () => isLanding, everyMs: 100 })
    for (let commit = 1; commit <= commits; commit++) {
      await append(commit % 2, [`e${commit}`])
      while (landing.progress().landed < commit) await wait(2)
    }
    isLanding = false
    await others
    const filesOf = async (): Promise<number> =>
      (await lake.scan((await lake.table('raw.event'))!)).filesTotal
    for (let commit = 1; commit <= 25; commit++) {
      await append(commit % 2, [`late ${commit}`])
      while (landing.progress().landed < commits + commit) await wait(2)
    }
    while ((await filesOf()) >= 10) await wait(20)
    await landing.stop()
    deepEqual(await rows('select count(*), count(distinct id) from raw.event'), [
      [commits + 25, commits + 25],
    ])
    deepEqual(errors, [])
  })

  it('goes on behind what retention removed before it landed, and says so', async () => {
    await append(0, ['a'])
    await (await land()).stop()
    await logs[0]!.close()
    const retention = { keepMs: 0, keepBytes: 0, bytesMax: 1 }
    logs[0] = await openSegmentLog({ folder: join(folder, 'log', '0'), retention })
    await append(0, ['lost'])
    await logs[0].close()
    // Retention comes with a new segment.
    logs[0] = await openSegmentLog({ folder: join(folder, 'log', '0'), retention })
    await append(0, ['b'])
    await logs[0].close()
    const landing = await land()
    await landing.stop()
    deepEqual(await rows('select id from raw.event order by id'), [['a'], ['b']])
    equal(errors.length, 1)
    ok(isMaruError(errors[0]) && errors[0].code === 'LOG_EXPIRED')
  })

  it('lands other logs while one is damaged, and the rest of that one when it is whole again', async () => {
    for (const id of ['a', 'b', 'c']) await append(0, [id])
    await append(1, ['d'])
    const [name] = (await readdir(join(folder, 'log', '0'))).filter((file) =>
      file.endsWith('.segment'),
    )
    const path = join(folder, 'log', '0', name!)
    const whole = await readFile(path)
    const damaged = Buffer.from(whole)
    damaged[Math.floor(damaged.length / 2)]! ^= 1
    await writeFile(path, damaged)
    const landing = await land()
    while (landing.progress().landed < 2) await wait(10)
    deepEqual(await rows('select id from raw.event order by id'), [['a'], ['d']])
    ok(errors.every((error) => isMaruError(error) && error.code === 'LOG_CORRUPT'))
    await writeFile(path, whole)
    while (landing.progress().landed < 4) await wait(10)
    await landing.stop()
    deepEqual(await rows('select count(*), count(distinct id) from raw.event'), [[4, 4]])
  })

  it('lands once although commits fail before, between and after the two tables', async () => {
    let countdown = 0
    const shaky: Lake = {
      ...bound(lake),
      commit: async (...given) => {
        const turn = countdown++ % 4
        if (turn === 0) throw new Error('before the commit')
        const table = await lake.commit(...given)
        if (turn === 2) throw new Error('after the commit')
        return table
      },
    }
    await append(0, ['a', 'b', 'c'], [{ index: 1, rule: 'wrong_type', reason: 'x' }])
    const landing = await land({ lake: shaky })
    while ((await state.values('land/raw.event/local')).size === 0)
      await new Promise((resolve) => setTimeout(resolve, 20))
    await append(1, ['c', 'd'])
    await landing.stop()
    await (await land()).stop()
    deepEqual(await rows('select id from raw.event order by id'), [['a'], ['c'], ['d']])
    deepEqual(await rows('select message_id from raw.quarantine'), [['b']])
    // What a failed try staged is not left to fill the disk.
    for (const id of ['raw.event', 'raw.quarantine']) {
      const table = (await lake.table(id))!
      const files = await readdir(join(table.folder, 'data'), { recursive: true })
      const staged = files.filter((file) => file.endsWith('.parquet'))
      equal(staged.length, (await lake.scan(table)).filesTotal)
    }
  })
})

/** The lake's methods apart from the object, so that one can be replaced. */
function bound(lake: Lake): Lake {
  return {
    folder: lake.folder,
    table: (id) => lake.table(id),
    create: (definition) => lake.create(definition),
    commit: (...given) => lake.commit(...given),
    scan: (...given) => lake.scan(...given),
    expire: (...given) => lake.expire(...given),
    findTables: () => lake.findTables(),
    removeOrphans: (age) => lake.removeOrphans(age),
    drop: (table) => lake.drop(table),
    dataFolder: (table) => lake.dataFolder(table),
  }
}
