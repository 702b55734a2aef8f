import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { Session } from '../engine/engine.ts'
import type { Attempt, RunContext } from './context.ts'

/** Opens a session with a folder of its own for spilling, and closes and clears both whatever happens. */
export async function withSession<T>(
  attempt: Pick<Attempt, 'context'>,
  work: (session: Session, folder: string) => Promise<T>,
): Promise<T> {
  const { context } = attempt
  const folder = join(temporaryFolder(context), randomUUID())
  await context.files.makeFolder(folder)
  try {
    const session = await context.engine.open({
      zone: context.zone,
      temporaryFolder: folder,
      ...(context.memoryLimitBytes === undefined
        ? {}
        : { memoryLimitBytes: Math.floor(context.memoryLimitBytes / context.concurrency) }),
    })
    try {
      return await work(session, folder)
    } finally {
      await session.close()
    }
  } finally {
    await context.files.removeFolder(folder)
  }
}

export function temporaryFolder(context: RunContext): string {
  return join(context.workFolder, 'temporary', 'run')
}
