import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import type { DuckDBConnection } from '@duckdb/node-api'
import { attach, fromClause, resolvePath } from '../../src/plan/attach.ts'
import { compileQuestion } from '../../src/metric/metric.ts'
import type { Model, RelatedColumn } from '../../src/model/model.ts'
import { aggregate, modelOf } from './build-model.ts'
import { describeData, sharedData } from '../shared-data.ts'
import { load, useMemory, query } from './dataset.ts'
import { versionAt } from './reference-row.ts'
import { cellsText } from './rows.ts'
import type { Cell, Dataset, Row } from './rows.ts'

const data = sharedData('asof-cases')
const file = join(data.folder, 'cases.json')

interface AsOfTable {
  readonly columns: readonly string[]
  readonly rows?: readonly (readonly Cell[])[]
  readonly generated?: string
}

interface AsOfCase {
  readonly name: string
  readonly versions: AsOfTable
  readonly probes: AsOfTable
  readonly match: {
    readonly version_key: readonly string[]
    readonly probe_key: readonly string[]
    readonly version_time: string
    readonly probe_time: string
    readonly probe_time_compared: '>=' | '>' | '<=' | '<'
    readonly keep: 'inner' | 'left' | 'right' | 'semi' | 'anti'
    readonly null_keys?: 'match' | Readonly<Record<string, 'match' | 'no match'>>
    readonly also?: string
    readonly oldest_allowed_hours?: number
  }
  readonly expected: {
    readonly columns: readonly string[]
    readonly rows: readonly (readonly Cell[])[]
  }
}

describeData('cases of as-of joins', data, answers)

function answers(): void {
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as {
    readonly cases: readonly AsOfCase[]
  }
  let connection: DuckDBConnection
  useMemory((opened) => (connection = opened))

  for (const one of cases) {
    if (one.match.also !== undefined) {
      it(`answers ${one.name} by a related column`, async () => {
        const matches = await matchesInSight(connection, one, one.match.also!)
        assert.deepEqual(texts(keptOf(one, matches)), texts(one.expected.rows))
      })
      continue
    }
    for (const isIndexed of [true, false]) {
      it(`answers ${one.name} by ${isIndexed ? 'version key' : 'interval'}`, async () => {
        const answered = await answer(connection, one, isIndexed)
        assert.deepEqual(texts(answered), texts(one.expected.rows))
      })
    }
  }
}

/** Rows without their order. */
function texts(rows: readonly (readonly Cell[])[]): readonly string[] {
  return rows.map((row) => cellsText(row)).toSorted()
}

/**
 * Versions become an object with history, probes an activity that refers to it. Comparisons that look forward are the same question on a clock
 * that runs backwards; a strict one asks for the instant just before.
 */
async function answer(
  connection: DuckDBConnection,
  one: AsOfCase,
  isIndexed: boolean,
): Promise<readonly (readonly Cell[])[]> {
  const { model, dataset, probes } = translate(one, isIndexed)
  await load(connection, model, dataset)
  const path = resolvePath(model, 'act.probe', 'thing.row_number')!
  const attachment = attach(model, 'act.probe', [path])
  const sql = `select ${attachment.root.alias}.id, ${attachment.expressions[0]}\n${fromClause(attachment)}\norder by 1`
  const matches = (await query(connection, sql)) as readonly Match[]
  assert.equal(matches.length, probes.length, 'no probe is lost or doubled')
  assert.deepEqual(matches, byReference(dataset))
  return keptOf(one, matches)
}

type Match = readonly [number, number | null]

/** The rows and columns that the case expects, given the version that each probe matches. */
function keptOf(one: AsOfCase, matches: readonly Match[]): readonly (readonly Cell[])[] {
  const versions = rowsOf(one.versions)
  const probes = rowsOf(one.probes)
  const see = (text: string, at: { probe: number | null; version: number | null }): Cell => {
    const [table, column] = text.split('.') as ['probe' | 'version', string]
    const row = at[table]
    return row === null ? null : (table === 'probe' ? probes : versions)[row]![column]!
  }
  const sum = /^sum\((.*)\)$/.exec(one.expected.columns[0]!)
  if (sum !== null) {
    const found = matches.filter(([, version]) => version !== null)
    return [
      [
        found.reduce(
          (total, [probe, version]) => total + Number(see(sum[1]!, { probe, version })),
          0,
        ),
      ],
    ]
  }
  const { keep } = one.match
  const kept: { probe: number | null; version: number | null }[] = matches
    .filter(
      ([, version]) => keep === 'left' || (keep === 'anti' ? version === null : version !== null),
    )
    .map(([probe, version]) => ({ probe, version }))
  if (keep === 'right') {
    const taken = new Set(matches.map(([, version]) => version))
    for (const version of versions.keys())
      if (!taken.has(version)) kept.push({ probe: null, version })
  }
  return kept.map((pair) => one.expected.columns.map((column) => see(column, pair)))
}

/**
 * A condition on both the version and the probe is a transform's: it makes an activity of the versions that are in sight of a probe. A related column of the probe
 * is the last of these.
 */
async function matchesInSight(
  connection: DuckDBConnection,
  one: AsOfCase,
  also: string,
): Promise<readonly Match[]> {
  const { match } = one
  assert.deepEqual([match.version_key.length, match.probe_time_compared], [1, '>='])
  const versions = rowsOf(one.versions)
  const probes = rowsOf(one.probes)
  const inSight = (await query(
    connection,
    `select probe.row_number, version.row_number
    from ${valuesOf('probe', one.probes)} cross join ${valuesOf('version', one.versions)}
    where ${also}`,
  )) as readonly (readonly [number, number])[]
  const keys = [...new Set(versions.map((row) => row[match.version_key[0]!]!))]
  const built = modelOf({
    zone: 'UTC',
    objects: { 'obj.thing': { key: 'key', columns: {} } },
    activities: {
      'act.probe': { columns: { thing: 'obj.thing' } },
      'act.sight': { columns: { thing: 'obj.thing', probe: 'integer', row_number: 'integer' } },
    },
    metrics: {
      probes: aggregate('act.probe', 'count'),
    },
  })
  const matched: RelatedColumn = {
    column: {
      name: 'matched',
      type: { kind: 'integer' },
      description: 'the last version in sight',
      required: false,
      tags: [],
    },
    selection: {
      kind: 'selection',
      activity: 'act.sight',
      selector: { kind: 'last' },
      window: { to: { at: { kind: 'row' }, inclusive: true } },
      same: [{ path: 'probe', anchor: 'id' }],
      take: { kind: 'column', column: 'row_number' },
    },
  }
  const tables = built.tables.map((table) =>
    table.id === 'merged.probe' && table.kind === 'merged'
      ? { ...table, related: [matched] }
      : table,
  )
  const model = { ...built, tables }
  const probeRows = probes.map((row, id) => ({
    id,
    thing: keys.indexOf(row[match.probe_key[0]!]!),
    occurred_at: instantOf(row[match.probe_time]!),
  }))
  const sightRows = inSight.map(([probe, version], id) => ({
    id,
    thing: keys.indexOf(versions[version]![match.version_key[0]!]!),
    occurred_at: instantOf(versions[version]![match.version_time]!),
    probe,
    row_number: version,
  }))
  await load(
    connection,
    model,
    new Map([
      ['act.probe', probeRows],
      ['act.sight', sightRows],
    ]),
  )
  const { sql } = compileQuestion(model, { metrics: ['probes'], by: ['id', 'matched'] })
  const rows = (await query(connection, sql)) as readonly (readonly [number, number | null])[]
  return rows.map(([id, version]): Match => [id, version])
}

function valuesOf(name: string, table: AsOfTable): string {
  const rows = (table.rows ?? []).map((cells, at) => {
    const texts = cells.map((cell) => (typeof cell === 'string' ? `'${cell}'` : String(cell)))
    return `(${[at, ...texts].join(', ')})`
  })
  return `(values ${rows.join(', ')}) as ${name}(row_number, ${table.columns.join(', ')})`
}

function byReference(dataset: Dataset): readonly (readonly [number, number | null])[] {
  return dataset.get('act.probe')!.map((row) => {
    const version = versionAt(dataset.get('obj.thing')!, {
      keyColumn: 'key',
      key: row['thing']!,
      instant: row['occurred_at'] as bigint | null,
    })
    return [row['id'] as number, (version?.['row_number'] ?? null) as number | null] as const
  })
}

interface Translated {
  readonly model: Model
  readonly dataset: Dataset
  readonly versions: readonly Row[]
  readonly probes: readonly Row[]
}

function translate(one: AsOfCase, isIndexed: boolean): Translated {
  const { match } = one
  const versions = rowsOf(one.versions)
  const probes = rowsOf(one.probes)
  const keyNumbers = new Map<string, number>()
  const keyOf = (row: Row, columns: readonly string[]): number | null => {
    const parts = columns.map((column, at) => {
      const rule =
        typeof match.null_keys === 'object'
          ? match.null_keys[match.version_key[at]!]
          : match.null_keys
      return row[column] === null && rule !== 'match' ? undefined : String(row[column])
    })
    if (parts.includes(undefined)) return null
    const text = JSON.stringify(parts)
    if (!keyNumbers.has(text)) keyNumbers.set(text, keyNumbers.size)
    return keyNumbers.get(text)!
  }
  const isForward = match.probe_time_compared.startsWith('<')
  const isStrict = match.probe_time_compared.length === 1
  const timeOf = (cell: Cell): bigint | null => {
    const time = instantOf(cell)
    return time === null ? null : isForward ? -time : time
  }
  const held: { key: number; from: bigint; row: number }[] = []
  for (const [row, version] of versions.entries()) {
    const key = keyOf(version, match.version_key)
    const from = timeOf(version[match.version_time]!)
    // A version without a key or time never holds; of two at one time the first listed does.
    if (
      key === null ||
      from === null ||
      held.some((other) => other.key === key && other.from === from)
    )
      continue
    held.push({ key, from, row })
  }
  held.sort((left, right) => left.key - right.key || (left.from < right.from ? -1 : 1))
  const things = held.map(({ key, from, row }, at): Row => {
    const next = held[at + 1]?.key === key ? held[at + 1]!.from : null
    const last =
      match.oldest_allowed_hours === undefined
        ? null
        : from + BigInt(match.oldest_allowed_hours) * 3_600_000_000n + 1n
    const to = next === null || (last !== null && last < next) ? last : next
    return { key, row_number: row, valid_from: from, valid_to: to, recorded_at: null, version: at }
  })
  const asked = probes.map((probe, id): Row => {
    const time = timeOf(probe[match.probe_time]!)
    return {
      id,
      thing: keyOf(probe, match.probe_key),
      occurred_at: time === null ? null : isStrict ? time - 1n : time,
    }
  })
  const built = modelOf({
    zone: 'UTC',
    objects: { 'obj.thing': { key: 'key', history: true, columns: { row_number: 'integer' } } },
    activities: { 'act.probe': { columns: { thing: 'obj.thing' } } },
  })
  // Without a stored version the join is by interval, as it is behind a second reference.
  const tables = built.tables.map((table) =>
    table.kind === 'merged' && !isIndexed ? { ...table, versions: [] } : table,
  )
  return {
    model: { ...built, tables },
    versions,
    probes,
    dataset: new Map([
      ['obj.thing', things],
      ['act.probe', asked],
    ]),
  }
}

/** Beyond every time of the cases, yet inside of what an engine's instants hold. */
const infinity = 10n ** 16n

function instantOf(cell: Cell): bigint | null {
  if (cell === null) return null
  if (cell === 'infinity') return infinity
  if (cell === '-infinity') return -infinity
  if (typeof cell === 'string') return BigInt(Date.parse(`${cell.replace(' ', 'T')}Z`)) * 1000n
  return BigInt(Math.round(Number(cell) * 1_000_000))
}

function rowsOf(table: AsOfTable): readonly Row[] {
  const rows = table.rows ?? generate(table.generated!)
  return rows.map((cells) =>
    Object.fromEntries(table.columns.map((column, at) => [column, cells[at]!])),
  )
}

/** `for v in 0..9, k in 0..4: (k, 2001-01-01 00:00:00 + v minutes, v)`; the probes' keys are doubled and half a minute earlier. */
function generate(text: string): readonly (readonly Cell[])[] {
  const [, versionMax, keyMax, tuple] = /^for v in 0\.\.(\d+), k in 0\.\.(\d+): \((.*)\)$/.exec(
    text,
  )!
  const start = Date.parse('2001-01-01T00:00:00Z')
  const rows: Cell[][] = []
  for (let v = 0; v <= Number(versionMax); v++) {
    for (let k = 0; k <= Number(keyMax); k++) {
      const cells = tuple!.split(', ').map((item): Cell => {
        if (item === 'k') return k
        if (item === '2 * k') return 2 * k
        if (item === 'v') return v
        const seconds = item.includes('- 30 seconds') ? v * 60 - 30 : v * 60
        return new Date(start + seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')
      })
      rows.push(cells)
    }
  }
  return rows
}
