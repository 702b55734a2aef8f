import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeFiles } from '../base/node-files.ts'
import { openSqliteState } from './sqlite.ts'
import { describeState } from './state.suite.ts'
import type { Records } from './state.suite.ts'

describeState('SQLite', makeRecords)

async function makeRecords(): Promise<Records> {
  const folder = await mkdtemp(join(tmpdir(), 'maru-state-'))
  return {
    open: (options) =>
      openSqliteState({ path: join(folder, 'inner', 'state.db'), files: nodeFiles, ...options }),
    remove: () => rm(folder, { recursive: true }),
  }
}
