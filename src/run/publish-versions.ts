/** Versions without numbers get theirs, are checked and published: those of whole partitions, or of some keys alone. */
import type { Session } from '../engine/engine.ts'
import type { Dirty, Task } from '../plan/plan.ts'
import { checkRows } from './check-rows.ts'
import type { Attempt } from './context.ts'
import { bucketSql } from './partition-condition.ts'
import { publish } from './publish.ts'
import type { Built, Published } from './publish.ts'
import { kept, numberVersions, storedVersions } from './versions.ts'
import type { VersionsWork } from './versions.ts'

export async function publishVersions(
  attempt: Attempt,
  work: VersionsWork & Pick<Built, 'session' | 'update' | 'inputs' | 'values'>,
): Promise<Published> {
  const { session, sql, dirty, only, ...records } = work
  const numbered = await numberVersions(attempt, session, {
    sql,
    dirty,
    ...(only === undefined ? {} : { only }),
  })
  await checkRows(attempt, session)
  return await publish(attempt, {
    ...records,
    session,
    dirty,
    values: new Map<string, ReadonlyMap<string, string | null>>([
      ...(work.values ?? []),
      [numbered.scope, numbered.next],
    ]),
    from: numbered.from,
    ...(only === undefined
      ? {}
      : {
          within: {
            replaced: `select * from ${kept}`,
            staying: `select * from ${storedVersions} where not (${only})`,
          },
        }),
  })
}

/** The partitions of the keys that a SELECT gives. */
export async function partitionsOfKeys(session: Session, task: Task, keys: string): Promise<Dirty> {
  if (task.partition.kind !== 'bucket') {
    const { rows } = await session.query(`select count(*) from (${keys}) as keys`)
    return rows[0]?.[0] === 0 ? { kind: 'none' } : { kind: 'all' }
  }
  const bucket = bucketSql(session, task, task.partition)
  const { rows } = await session.query(`select distinct ${bucket} from (${keys}) as keys`)
  return { kind: 'keys', keys: new Set(rows.map(([number]) => `bucket=${String(number)}`)) }
}
