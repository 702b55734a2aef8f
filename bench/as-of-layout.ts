/** A thousand attributes that change at different rates: version groups, beside one row of all attributes and beside a wide merged table. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { join } from 'node:path'
import { assert } from '../src/base/errors.ts'
import { openDuckdbEngine } from '../src/engine/duckdb/duckdb.ts'
import type { Session } from '../src/engine/engine.ts'
import type { Scan } from '../src/lake/lake.ts'
import { compileQuestion } from '../src/metric/metric.ts'
import type { ColumnType, Model } from '../src/model/model.ts'
import { modelOf } from '../test/metric/build-model.ts'
import type { Bench, Figure } from './figure.ts'
import { parquetOf, stage } from './metric-shop.ts'

/** Versions of a member in each group over two years: some change monthly, some once, some never. */
const versionsOfGroup = [24, 24, 12, 12, 4, 4, 2, 2, 1, 1]
const attributesEach = 100
const days = 720
const start = `timestamptz '2010-01-01 00:00:00+00'`
const seconds = days * 86_400

interface Layout {
  readonly what: string
  readonly scans: readonly Scan[]
  readonly answer: (attributes: readonly string[]) => string
}

export const run: Bench = async ({ short }) => {
  const size = { members: short ? 400 : 2_000, rows: short ? 40_000 : 200_000 }
  const folder = mkdtempSync(join(tmpdir(), 'maru-bench-layout-'))
  const engine = await openDuckdbEngine()
  try {
    const session = await engine.open({ zone: 'UTC' })
    await session.run(`create temp table purchase as ${purchases(size)}`)
    const [groups, groupsMs] = await built(() => versionGroups(session, size, folder))
    const [row, rowMs] = await built(() => oneRow(session, size, folder))
    const [wide, wideMs] = await built(() => wideMerged(session, folder))
    const figures: Figure[] = []
    for (const [other, otherMs] of [
      [row, rowMs],
      [wide, wideMs],
    ] as const) {
      figures.push({
        what: 'writing the tables',
        value: groupsMs,
        unit: 'ms',
        beside: { what: other.what, value: otherMs },
      })
      figures.push({
        what: `bytes of ${attributesEach * versionsOfGroup.length} attributes of ${size.members} members at ${size.rows} activities`,
        value: megabytes(groups),
        unit: 'MB',
        beside: { what: other.what, value: megabytes(other) },
      })
    }
    for (const count of [1, 5]) {
      const attributes = Array.from({ length: count }, (_, at) => `a_${at * 2}_7`)
      figures.push(...(await times(session, { attributes, groups, others: [row, wide] })))
    }
    return figures
  } finally {
    await engine.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function built(work: () => Promise<Layout>): Promise<readonly [Layout, number]> {
  const started = performance.now()
  const layout = await work()
  return [layout, Math.round(performance.now() - started)]
}

interface Size {
  readonly members: number
  readonly rows: number
}

/** Which of its versions a group is in at an instant that is `at` seconds after the start; each group changes at hours of its own. */
function versionAt(group: number, at: string): string {
  const period = Math.floor(seconds / versionsOfGroup[group]!)
  return `greatest(0, least(${versionsOfGroup[group]! - 1}, (${at} - ${group * 3600}) // ${period}))`
}

function attributeNames(group: number): readonly string[] {
  return Array.from({ length: attributesEach }, (_, at) => `a_${group}_${at}`)
}

/** Every layout computes an attribute from the member and the group's version, so that all hold the same values. */
function attributesSql(group: number, member: string, version: string): string {
  return attributeNames(group)
    .map(
      (name, at) =>
        `cast(hash(${member} * 977 + ${version} * 31 + ${at}) % 9 as bigint) as ${name}`,
    )
    .join(', ')
}

function purchases({ members, rows }: Size): string {
  const at = `cast(86400 + hash(range * 7) % ${seconds - 2 * 86_400} as bigint)`
  const plain = `select range as id, cast(hash(range) % ${members} as bigint) as member, ${at} as moment, cast(hash(range + 5) % 10000 / 100.0 as decimal(18, 2)) as amount from range(${rows})`
  const versions = versionsOfGroup.map((_, group) => `${versionAt(group, 'moment')} as k_${group}`)
  return `select *, ${start} + to_seconds(moment) as occurred_at, ${versions.join(', ')} from (${plain})`
}

const integer: ColumnType = { kind: 'integer' }
const rowColumns = [
  { name: 'id', type: integer },
  { name: 'occurred_at', type: { kind: 'timestamp' } },
  { name: 'member', type: integer },
  { name: 'amount', type: { kind: 'decimal', precision: 18, scale: 2 } },
  { name: 'day', type: { kind: 'date' } },
] as const
const rowSql = 'id, occurred_at, member, amount, cast(occurred_at as date) as day'
const historyColumns = [
  { name: 'valid_from', type: { kind: 'timestamp' } },
  { name: 'valid_to', type: { kind: 'timestamp' } },
  { name: 'recorded_at', type: { kind: 'timestamp' } },
  { name: 'version', type: integer },
] as const

function attributeColumns(
  groups: readonly number[],
): readonly { readonly name: string; readonly type: ColumnType }[] {
  return groups.flatMap((group) => attributeNames(group).map((name) => ({ name, type: integer })))
}

const allGroups = versionsOfGroup.map((_, group) => group)

function layoutModel(): Model {
  const groups = allGroups.map((group) => {
    const columns = Object.fromEntries(attributeNames(group).map((name) => [name, 'integer']))
    return [
      `obj_attr.member.group_${group}`,
      { object: 'obj.member', history: true, columns },
    ] as const
  })
  return modelOf({
    zone: 'UTC',
    objects: { 'obj.member': { key: 'id', columns: {} } },
    attributes: Object.fromEntries(groups),
    activities: { 'act.purchase': { columns: { member: 'obj.member', amount: 'decimal(2)' } } },
    metrics: {
      sales: {
        kind: 'aggregate',
        selection: {
          kind: 'selection',
          activity: 'act.purchase',
          selector: { kind: 'all' },
          take: { kind: 'aggregate', aggregate: 'sum', column: 'amount' },
        },
      },
    },
  })
}

/** As Maru stores it: a table for each group, and a version key for each in the activity's row. */
async function versionGroups(session: Session, { members }: Size, folder: string): Promise<Layout> {
  const model = layoutModel()
  const scans: Scan[] = []
  const keep = async (
    id: string,
    sql: string,
    columns: readonly { readonly name: string; readonly type: ColumnType }[],
  ): Promise<void> => {
    const scan = await stage(session, { id, sql, columns, partition: { kind: 'none' }, folder })
    scans.push(scan)
    await session.bindScan(id, scan)
  }
  for (const group of allGroups) {
    const versions = versionsOfGroup[group]!
    const from = `${start} + to_seconds(cast(k * ${Math.floor(seconds / versions)} + ${group * 3600} as bigint))`
    const sql = `select member as id, ${attributesSql(group, 'member', 'k')}, ${from} as valid_from, lead(${from}) over (partition by member order by k) as valid_to,
      ${start} as recorded_at, member * ${versions} + k as version
    from (select range // ${versions} as member, range % ${versions} as k from range(${members * versions}))`
    await keep(`obj_attr.member.group_${group}`, sql, [
      { name: 'id', type: integer },
      ...attributeColumns([group]),
      ...historyColumns,
    ])
  }
  const keys = allGroups.map((group) => `member__group_${group}_version`)
  const keySql = allGroups.map(
    (group) => `member * ${versionsOfGroup[group]!} + k_${group} as ${keys[group]!}`,
  )
  await keep('stored.purchase', `select ${rowSql}, ${keySql.join(', ')} from purchase`, [
    ...rowColumns,
    ...keys.map((name) => ({ name, type: integer })),
  ])
  return {
    what: 'version groups',
    scans,
    answer: (attributes) =>
      compileQuestion(model, { metrics: ['sales'], by: attributes.map((name) => `member.${name}`) })
        .sql,
  }
}

/** One history of all attributes: a change of any makes a row of all; the activity holds one version key. */
async function oneRow(session: Session, { members }: Size, folder: string): Promise<Layout> {
  const changes = versionsOfGroup.reduce((total, count) => total + count, 0)
  const instants = allGroups.map((group) => {
    const count = versionsOfGroup[group]!
    return `select range * ${Math.floor(seconds / count)} + ${group * 3600} as moment from range(${count})`
  })
  const attributes = allGroups.map((group) =>
    attributesSql(group, 'member', versionAt(group, 'moment')),
  )
  const sql = `select member as id, ${attributes.join(', ')}, ${start} + to_seconds(moment) as valid_from, cast(null as timestamptz) as valid_to, ${start} as recorded_at,
    member * ${changes} + nth as version
  from (select range as member from range(${members})) cross join (select moment, row_number() over (order by moment) - 1 as nth from (${instants.join(' union all ')}))`
  const columns = [{ name: 'id', type: integer }, ...attributeColumns(allGroups), ...historyColumns]
  const versions = await stage(session, {
    id: 'obj.all_attributes',
    sql,
    columns,
    partition: { kind: 'none' },
    folder,
  })
  const started = allGroups.map((group) => `k_${group} + 1`).join(' + ')
  const rows = await stage(session, {
    id: 'stored.one_key',
    sql: `select ${rowSql}, member * ${changes} + ${started} - 1 as all_version from purchase`,
    columns: [...rowColumns, { name: 'all_version', type: integer }],
    partition: { kind: 'none' },
    folder,
  })
  await session.run(
    `create temp view one_key as select * from ${parquetOf(rows)}; create temp view all_attributes as select * from ${parquetOf(versions)}`,
  )
  return {
    what: 'one row of all attributes',
    scans: [versions, rows],
    answer: (names) =>
      `select ${names.join(', ')}, sum(amount) from one_key left join all_attributes on version = all_version group by all order by all`,
  }
}

/** No join at all: every attribute stands in the activity's row. */
async function wideMerged(session: Session, folder: string): Promise<Layout> {
  const attributes = allGroups.map((group) => attributesSql(group, 'member', `k_${group}`))
  const rows = await stage(session, {
    id: 'stored.wide',
    sql: `select ${rowSql}, ${attributes.join(', ')} from purchase`,
    columns: [...rowColumns, ...attributeColumns(allGroups)],
    partition: { kind: 'none' },
    folder,
  })
  await session.run(`create temp view wide as select * from ${parquetOf(rows)}`)
  return {
    what: 'a wide merged table',
    scans: [rows],
    answer: (names) =>
      `select ${names.join(', ')}, sum(amount) from wide group by all order by all`,
  }
}

interface Timing {
  readonly attributes: readonly string[]
  readonly groups: Layout
  readonly others: readonly Layout[]
}

async function times(
  session: Session,
  { attributes, groups, others }: Timing,
): Promise<readonly Figure[]> {
  const best = new Map<Layout, number>()
  for (let round = 0; round < 7; round++) {
    const expected = (await session.query(groups.answer(attributes))).rows
    for (const layout of [groups, ...others]) {
      const started = performance.now()
      const { rows } = await session.query(layout.answer(attributes))
      best.set(layout, Math.min(best.get(layout) ?? Infinity, performance.now() - started))
      assert(
        rows.length > 1 && isDeepStrictEqual(rows, expected),
        `${layout.what} gives the same answer`,
      )
    }
  }
  const round = (layout: Layout): number => Math.round(best.get(layout)! * 10) / 10
  return others.map((other) => ({
    what: `sales by ${attributes.length} of the attributes`,
    value: round(groups),
    unit: 'ms',
    beside: { what: other.what, value: round(other) },
  }))
}

function megabytes(layout: Layout): number {
  const bytes = layout.scans
    .flatMap((scan) => scan.files)
    .reduce((total, file) => total + file.sizeBytes, 0)
  return Math.round(bytes / 1e5) / 10
}
