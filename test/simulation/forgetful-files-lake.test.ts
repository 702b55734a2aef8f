import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { messageOf } from '../../src/base/errors.ts'
import { nodeFiles } from '../../src/base/node-files.ts'
import { openLake } from '../../src/lake/lake.ts'
import type { DataFile, Lake, Table, TableDefinition } from '../../src/lake/lake.ts'
import { openSqliteState } from '../../src/state/sqlite.ts'
import type { State } from '../../src/state/state.ts'
import { ForgetfulFiles, SimulatedCrash } from './forgetful-files.ts'
import type { Faults, Survival } from './forgetful-files.ts'

const shape: Omit<TableDefinition, 'id'> = {
  partition: { kind: 'day', column: 'day' },
  columns: [
    { name: 'id', type: { kind: 'integer' }, required: false },
    { name: 'day', type: { kind: 'date' }, required: false },
  ],
}

interface World {
  readonly outer: string
  /** Worlds share the records, which are not what is tested here, so each has a table of its own. */
  readonly definition: TableDefinition
  readonly root: string
  readonly state: State
  readonly files: ForgetfulFiles
  readonly lake: Lake
}

/** What a reader sees: the columns, and the bytes of each file; `none` when there is no table. */
type Seen = 'none' | { readonly columns: readonly string[]; readonly contents: readonly string[] }

const columns = ['id', 'day']

/** One kind of write, and what is to be seen before and after it. */
interface Phase {
  readonly name: string
  readonly before: Seen
  readonly after: Seen
  readonly write: (world: World) => Promise<unknown>
}

const phases: readonly Phase[] = [
  {
    name: 'creating a table',
    before: 'none',
    after: { columns, contents: [] },
    write: ({ lake, definition }) => lake.create(definition),
  },
  {
    name: 'a first append',
    before: { columns, contents: [] },
    after: { columns, contents: ['first of day 1', 'first of day 2'] },
    write: async (world) => {
      const { lake } = world
      const table = await there(world)
      await lake.dataFolder(table)
      const files = [
        await stage(table, 1, 'first of day 1'),
        await stage(table, 2, 'first of day 2'),
      ]
      return lake.commit(table, { kind: 'append', files })
    },
  },
  {
    name: 'replacing a day while the older snapshot expires',
    before: { columns, contents: ['first of day 1', 'first of day 2'] },
    after: { columns, contents: ['first of day 2', 'new day 3', 'second of day 1'] },
    write: async (world) => {
      const { lake } = world
      const table = await there(world)
      const files = [await stage(table, 1, 'second of day 1'), await stage(table, 3, 'new day 3')]
      return lake.commit(table, { kind: 'replace', partitions: new Set(['day=2011-01-01']), files })
    },
  },
  {
    name: 'adding a column',
    before: { columns, contents: ['first of day 2', 'new day 3', 'second of day 1'] },
    after: {
      columns: [...columns, 'city'],
      contents: ['first of day 2', 'new day 3', 'second of day 1'],
    },
    write: async (world) => {
      const city = { name: 'city', type: { kind: 'text' }, required: false } as const
      return world.lake.commit(await there(world), {
        kind: 'schema',
        columns: [...world.definition.columns, city],
      })
    },
  },
]

async function there({ lake, definition }: World): Promise<Table> {
  const table = await lake.table(definition.id)
  assert.ok(table !== undefined)
  return table
}

/** As an engine leaves a file: written, not synced. */
async function stage(table: Table, day: number, content: string): Promise<DataFile> {
  const partition = `day=2011-01-0${day}`
  const relative = path.join(
    'data',
    partition,
    `${content.replaceAll(' ', '-')}-${Math.random()}.parquet`,
  )
  await mkdir(path.join(table.folder, path.dirname(relative)), { recursive: true })
  await writeFile(path.join(table.folder, relative), content)
  return { path: relative, partition, rows: 1, sizeBytes: content.length, columns: new Map() }
}

let worlds = 0

async function openWorld(state: State): Promise<World> {
  const outer = await mkdtemp(path.join(os.tmpdir(), 'maru-crash-'))
  const root = path.join(outer, 'root')
  await mkdir(root)
  const files = await ForgetfulFiles.over(root)
  const definition = { ...shape, id: `act.purchase_${++worlds}` }
  return { outer, definition, root, state, files, lake: lakeOver(root, state, files) }
}

function lakeOver(root: string, state: State, files: ForgetfulFiles | typeof nodeFiles): Lake {
  return openLake({
    folder: path.join(root, 'lake'),
    state,
    files,
    rules: { keepSnapshots: 1, keepSnapshotsMs: 0, metadataLog: 2 },
  })
}

/** Reads as a new process would. */
async function look(world: World): Promise<Seen> {
  const lake = lakeOver(world.root, world.state, nodeFiles)
  const table = await lake.table(world.definition.id)
  if (table === undefined) return 'none'
  const { files } = await lake.scan(table)
  const contents = await Promise.all(files.map((file) => readFile(file.path, 'utf8')))
  return { columns: table.schema.fields.map((field) => field.name), contents: contents.toSorted() }
}

interface Outcome {
  readonly error: unknown
  readonly operations: number
  readonly syncs: number
}

/** Makes the phases before it without faults, all durable, then this one with them. */
async function attempt(world: World, phase: Phase, faults: Faults): Promise<Outcome> {
  for (const earlier of phases.slice(0, phases.indexOf(phase))) await earlier.write(world)
  world.files.inject(faults)
  let error: unknown
  try {
    await phase.write(world)
  } catch (thrown) {
    error = thrown
  }
  const { operations, syncs } = world.files
  return { error, operations, syncs }
}

/** A linear congruential generator: the same dice at every run. */
function dice(seed: number): () => number {
  let current = seed
  return () => {
    current = (current * 1_103_515_245 + 12_345) % 2_147_483_648
    return current / 2_147_483_648
  }
}

describe('a lake on a disk that forgets', () => {
  let folder = ''
  let state: State
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'maru-crash-'))
    state = await openSqliteState({ path: path.join(folder, 'state.db'), files: nodeFiles })
  })
  after(async () => {
    await state.close()
    await rm(folder, { recursive: true, force: true })
  })

  async function inWorld(work: (world: World) => Promise<void>): Promise<void> {
    const world = await openWorld(state)
    try {
      await work(world)
    } finally {
      await rm(world.outer, { recursive: true, force: true })
    }
  }

  async function counted(phase: Phase): Promise<Outcome> {
    let outcome: Outcome | undefined
    await inWorld(async (world) => {
      outcome = await attempt(world, phase, {})
      assert.equal(outcome.error, undefined)
      assert.deepEqual(await look(world), phase.after)
    })
    return outcome!
  }

  for (const phase of phases) {
    const either = (seen: Seen): void => {
      const wanted = [phase.before, phase.after].map((state) => JSON.stringify(state))
      assert.ok(wanted.includes(JSON.stringify(seen)), JSON.stringify(seen))
    }

    it(`${phase.name}: a crash at any step leaves the old or the new table, and writing goes on`, async () => {
      const { operations } = await counted(phase)
      for (let step = 1; step <= operations; step++) {
        const survivals: Survival[] = [
          'nothing',
          { random: dice(step) },
          { random: dice(step + 1000) },
        ]
        for (const survival of survivals) {
          await inWorld(async (world) => {
            const { error } = await attempt(world, phase, { crashAt: step })
            await world.files.crash(survival)
            const seen = await look(world)
            either(seen)
            // Removal after the commit is quiet: then the commit was acknowledged, and what it wrote must be there.
            if (error === undefined) assert.deepEqual(seen, phase.after)
            else assert.ok(error instanceof SimulatedCrash, messageOf(error))
            const files = await ForgetfulFiles.over(world.root)
            const again = { ...world, files, lake: lakeOver(world.root, world.state, files) }
            if (JSON.stringify(seen) !== JSON.stringify(phase.after)) await phase.write(again)
            await files.crash()
            assert.deepEqual(await look(world), phase.after)
          })
        }
      }
    })

    it(`${phase.name}: what was acknowledged survives a crash`, async () => {
      await inWorld(async (world) => {
        await attempt(world, phase, {})
        await world.files.crash()
        assert.deepEqual(await look(world), phase.after)
      })
    })

    it(`${phase.name}: leaving out any one sync loses something, so each is needed`, async () => {
      const { syncs } = await counted(phase)
      assert.ok(syncs >= 2)
      for (let sync = 1; sync <= syncs; sync++) {
        await inWorld(async (world) => {
          const { error } = await attempt(world, phase, { ignoreSync: sync })
          assert.equal(error, undefined)
          await world.files.crash()
          const seen = await look(world).catch((thrown: unknown) => String(thrown))
          assert.notDeepEqual(
            seen,
            phase.after,
            `nothing was lost without sync ${sync} of ${syncs}`,
          )
        })
      }
    })

    it(`${phase.name}: a full or broken disk at any step is said, and the table is the old one or the new one`, async () => {
      const { operations } = await counted(phase)
      for (let step = 1; step <= operations; step++) {
        const code = step % 2 === 0 ? 'ENOSPC' : 'EIO'
        await inWorld(async (world) => {
          const { error } = await attempt(world, phase, { failAt: { operation: step, code } })
          const expected = code === 'ENOSPC' ? 'DISK_FULL' : 'FILE_FAILED'
          if (error !== undefined) assert.equal((error as { code?: string }).code, expected)
          // A step that fails after the commit is the removal of what expired: an orphan, not a failure.
          assert.deepEqual(await look(world), error === undefined ? phase.after : phase.before)
          if (error !== undefined) await phase.write(world)
          assert.deepEqual(await look(world), phase.after)
        })
      }
    })
  }

  it('is read whole while writing is slow', async () => {
    await inWorld(async (world) => {
      await phases[0]!.write(world)
      world.files.inject({ delayMs: 5 })
      let done = false
      const writing = (phases[1]!.write(world) as Promise<unknown>).finally(() => (done = true))
      while (!done) {
        const seen = await look(world)
        assert.ok(
          [phases[1]!.before, phases[1]!.after].some(
            (state) => JSON.stringify(state) === JSON.stringify(seen),
          ),
        )
      }
      await writing
      assert.deepEqual(await look(world), phases[1]!.after)
    })
  })
})
