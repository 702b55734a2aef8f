/** The snapshots of other tables that a task looked at last, kept with what it made of them, so that the next time it looks at the files that came and went. */
import { z } from 'zod'
import { stringifyJson } from '../base/json.ts'
import type { Lake, Scan, Table } from '../lake/lake.ts'
import type { Publication, State } from '../state/state.ts'

/** By the id of the table; '' where it had no rows. */
type Snapshots = Readonly<Record<string, string>>

const snapshotsSchema = z.record(z.string(), z.string())

/** `scope` says what they were looked at for. */
export function snapshotValues(
  scope: string,
  taskId: string,
  snapshots: Snapshots,
): NonNullable<Publication['values']> {
  return new Map([[scope, new Map([[taskId, stringifyJson(snapshots)]])]])
}

/** undefined: never looked at. */
export async function formerSnapshots(
  state: State,
  scope: string,
  taskId: string,
): Promise<Snapshots | undefined> {
  const text = (await state.values(scope)).get(taskId)
  return text === undefined ? undefined : snapshotsSchema.parse(JSON.parse(text))
}

/** undefined: it has expired since, or is of a table that was made anew. */
export async function scanSnapshot(
  lake: Lake,
  table: Table,
  snapshot: string | undefined,
): Promise<Scan | undefined> {
  const found = table.snapshots.find((each) => String(each.id) === snapshot)
  return found === undefined ? undefined : await lake.scan(table, { snapshotId: found.id })
}
