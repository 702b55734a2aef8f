/**
 * Gives version rows their numbers and when Maru first saw them. A version whose (key, valid_from) was there keeps its number, so merged rows that
 * name it stay right; its recorded_at stays too while its attributes are the same. New ones are numbered k·N + b within bucket b of N.
 */
import { assert } from '../base/errors.ts'
import { stringifyJson } from '../base/json.ts'
import { instantMicros } from '../base/time.ts'
import type { Session } from '../engine/engine.ts'
import type { PartitionKey, Scan } from '../lake/lake.ts'
import { holds, literal, made, never } from '../plan/plan.ts'
import { sqlType } from '../model/column-type.ts'
import type { Dirty, Task } from '../plan/plan.ts'
import type { Attempt } from './context.ts'
import { bucketSql } from './partition-condition.ts'
import { bindTable } from './stored-table.ts'

export interface NumberedVersions {
  /** `versions/<table>/<buckets>`: bucket → next k. */
  readonly scope: string
  readonly next: ReadonlyMap<string, string>
  /** By partition: the earliest instant from which another version holds. Absent when the table was empty. */
  readonly from: (
    changed: ReadonlySet<PartitionKey>,
  ) => Promise<ReadonlyMap<PartitionKey, string> | undefined>
}

/** The stored versions of the partitions in hand. */
export const kept = 'kept_versions'

/** All of them, where `kept` is of some keys alone. */
export const storedVersions = 'stored_versions'

export interface VersionsWork {
  readonly sql: string
  readonly dirty: Dirty
  /** A condition on the key that all rows of the SELECT meet; others of their partitions stay as they are. */
  readonly only?: string
}

/** Makes `made` from the SELECT of versions without numbers. */
export async function numberVersions(
  attempt: Attempt,
  session: Session,
  work: VersionsWork,
): Promise<NumberedVersions> {
  const { task, context } = attempt
  const key = task.rows.key
  assert(key !== undefined, `${task.id} has versions of a key`)
  const scan = await bindKept(attempt, session, work)
  const scope = versionScope(task)
  const numbers = await context.state.values(scope)
  const bucketCount = bucketsOf(task)
  const bucket =
    task.partition.kind === 'bucket'
      ? bucketSql(session, task, { column: key, count: bucketCount, alias: 'fresh' })
      : '0'
  const own = task.columns
    .map((column) => column.name)
    .filter((name) => name !== 'version' && name !== 'recorded_at')
  const attributes = own.filter(
    (name) => name !== key && name !== 'valid_from' && name !== 'valid_to',
  )
  const same = [
    'kept.version is not null',
    ...attributes.map((name) => `kept.${name} is not distinct from fresh.${name}`),
  ].join(' and ')
  const next = Array.from(
    { length: bucketCount },
    (_, index) => `(${index}, ${numbers.get(String(index)) ?? '0'})`,
  )
  const expressions: Readonly<Record<string, string>> = {
    // Later than before whatever the clock says: that it differs tells that the values do.
    recorded_at: `case when is_same then kept_recorded_at else greatest(${literal(new Date(context.now()).toISOString(), { kind: 'timestamp' })}, kept_recorded_at + interval '1' microsecond) end`,
    version: `coalesce(kept_version, (next_number.next + row_number() over (partition by bucket_number, kept_version is null order by ${key}, valid_from) - 1) * ${bucketCount} + bucket_number)`,
  }
  const columns = task.columns.map(
    ({ name, type }) => `cast(${expressions[name] ?? name} as ${sqlType(type)}) as ${name}`,
  )
  await session.run(`create temp table ${made} as
with matched as (
  select ${own.map((name) => `fresh.${name}`).join(', ')}, kept.version as kept_version, kept.recorded_at as kept_recorded_at,
    ${same} as is_same, ${bucket} as bucket_number
  from (${work.sql}) as fresh
  left join ${kept} as kept on kept.${key} = fresh.${key} and kept.valid_from = fresh.valid_from
)
select ${columns.join(', ')}
from matched
join (values ${next.join(', ')}) as next_number(bucket, next) on next_number.bucket = matched.bucket_number`)
  return {
    scope,
    next: laterNumbers(numbers, await numbersGiven(session, task, made)),
    from: async (changed) =>
      scan === undefined || scan.filesTotal === 0
        ? undefined
        : await changedFrom(attempt, session, { key, changed }),
  }
}

/** The stored versions that keep their numbers; none when they were numbered for another count of buckets. */
async function bindKept(
  { context, task }: Attempt,
  session: Session,
  { dirty, only }: VersionsWork,
): Promise<Scan | undefined> {
  const table = await context.lake.table(task.id)
  if (table !== undefined && stringifyJson(table.partition) !== stringifyJson(task.partition)) {
    await session.bindEmpty(kept, task.columns)
    return undefined
  }
  const scan = await bindTable(session, context.lake, {
    task,
    as: only === undefined ? kept : storedVersions,
    keep: (file) => holds(dirty, file.partition),
  })
  if (only !== undefined)
    await session.bindView(kept, `select * from ${storedVersions} where ${only}`)
  return scan
}

/** Numbers say their bucket, so another count of buckets counts anew. */
export function versionScope(task: Task): string {
  return `versions/${task.id}/${bucketsOf(task)}`
}

/** The next number of each bucket after those in the rows of `from`. */
export async function numbersGiven(
  session: Session,
  task: Task,
  from: string,
): Promise<ReadonlyMap<string, string>> {
  const bucketCount = bucketsOf(task)
  const found = await session.query(
    `select version % ${bucketCount} as bucket, max(version) as highest from ${from} where version is not null group by 1`,
  )
  return new Map(
    found.rows.map(([bucket, highest]) => [
      String(bucket),
      String(Math.floor(Number(highest) / bucketCount) + 1),
    ]),
  )
}

/** Numbers are never given twice, even when the version that had one is gone. */
function laterNumbers(
  before: ReadonlyMap<string, string>,
  given: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const next = new Map(before)
  for (const [bucket, number] of given)
    next.set(bucket, String(Math.max(Number(number), Number(before.get(bucket) ?? 0))))
  return next
}

function bucketsOf(task: Task): number {
  return task.partition.kind === 'bucket' ? task.partition.count : 1
}

/** Versions follow each other without gaps, so which one holds changes only where a beginning came or went. */
async function changedFrom(
  attempt: Attempt,
  session: Session,
  compared: { readonly key: string; readonly changed: ReadonlySet<PartitionKey> },
): Promise<ReadonlyMap<PartitionKey, string>> {
  const { key } = compared
  const { task } = attempt
  const bucket =
    task.partition.kind === 'bucket'
      ? bucketSql(session, task, { column: key, count: task.partition.count })
      : '0'
  const found = await session.query(`with moved as (
  (select ${key}, valid_from from ${made} except select ${key}, valid_from from ${kept})
  union all
  (select ${key}, valid_from from ${kept} except select ${key}, valid_from from ${made})
)
select ${bucket} as bucket, min(valid_from) as earliest from moved group by 1`)
  const earliest = new Map(
    found.rows.map((row) => [
      task.partition.kind === 'bucket' ? `bucket=${String(row[0])}` : '',
      instantMicros(String(row[1])).toString(),
    ]),
  )
  return new Map(
    [...compared.changed].map((partition) => [partition, earliest.get(partition) ?? never]),
  )
}
