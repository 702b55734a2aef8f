/** Runs a task's checks on the rows in hand. Nothing that breaks one is published; the rejected rows are kept to look at. */
import { join } from 'node:path'
import { MaruError } from '../base/errors.ts'
import { stringifyJson } from '../base/json.ts'
import type { Session } from '../engine/engine.ts'
import type { Attempt } from './context.ts'

/** Kept of the rejected rows; the count is of all. */
const rejectedRowsMax = 1000

/** Throws RUN_CHECK_FAILED for the first check that finds rows. */
export async function checkRows(attempt: Attempt, session: Session): Promise<void> {
  for (const check of attempt.task.checks) {
    const found = await session.query(check.sql, { rowsMax: rejectedRowsMax })
    if (found.rows.length === 0) continue
    const count = found.truncated
      ? Number(
          (await session.query(`select count(*) as rows from (${check.sql}) as rejected`))
            .rows[0]![0],
        )
      : found.rows.length
    const path = await keepRejected(attempt, check.name, {
      check: check.describes,
      count,
      columns: found.columns.map((column) => column.name),
      rows: found.rows,
    })
    throw new MaruError(
      'RUN_CHECK_FAILED',
      `${attempt.task.id}: ${count} ${count === 1 ? 'row breaks' : 'rows break'} the check "${check.describes}"`,
      {
        where: attempt.task.table.place,
        hint: `nothing was published; up to ${rejectedRowsMax} of the rows are in ${path}`,
      },
    )
  }
  await attempt.context.files.remove(rejectedPath(attempt))
}

function rejectedPath(attempt: Attempt): string {
  return join(attempt.context.workFolder, 'rejected', `${attempt.task.id}.json`)
}

async function keepRejected(attempt: Attempt, name: string, rejected: object): Promise<string> {
  const { files, workFolder } = attempt.context
  const path = rejectedPath(attempt)
  await files.makeFolder(join(workFolder, 'rejected'))
  await files.remove(path)
  await files.writeNew(
    path,
    new TextEncoder().encode(stringifyJson({ task: attempt.task.id, name, ...rejected }, 1)),
  )
  return path
}
