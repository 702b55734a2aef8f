/** The scaffold of `maru init` as a project that things go wrong in, and what must hold whatever went wrong. */
import { strict as assert } from 'node:assert'
import type { RunRecord } from '../../src/app/app.ts'
import { openApp } from '../../src/app/open.ts'
import type { TestProject } from '../../src/project/test-project.suite.ts'

export interface Seen {
  readonly rows: unknown
  readonly sales: unknown
  /** Rows and time of publication of every table. */
  readonly tables: unknown
}

export async function runOnce(project: TestProject): Promise<RunRecord> {
  const app = openApp({ folder: project.folder })
  try {
    return await app.run({ ids: [] })
  } finally {
    await app.close()
  }
}

/** What a reader sees: the same before and after a failure, to the time of each publication. */
export async function look(project: TestProject): Promise<Seen> {
  const app = openApp({ folder: project.folder })
  try {
    const { rows } = await app.query('select * from merged.purchase order by id')
    const { result } = await app.metric({ metrics: ['sales', 'orders', 'buyers'] })
    return { rows, sales: result.rows, tables: await app.list() }
  } finally {
    await app.close()
  }
}

export function assertDone(record: RunRecord): void {
  assert.deepEqual(
    record.tasks.flatMap((task) => (task.error === undefined ? [] : [task.error])),
    [],
  )
  assert.equal(record.status, 'done')
}

/** One task failed so; what reads it is blocked, and nothing of either is published. */
export function assertFailed(record: RunRecord, taskId: string, says: RegExp): void {
  assert.equal(record.status, 'failed')
  const failed = record.tasks.filter((task) => task.status === 'failed')
  assert.deepEqual(
    failed.map((task) => task.taskId),
    [taskId],
  )
  assert.match(failed[0]!.error!, says)
  assert.match(failed[0]!.error!, / → \S/, 'the error says what to do')
  const blocked = record.tasks.filter((task) => task.status === 'blocked')
  assert.ok(blocked.length > 0)
  for (const task of [...failed, ...blocked]) assert.equal(task.partitionsPublished, 0)
}
