/** Run as a process of its own by concurrency.test.ts: appends files to one table, a commit each. */
import path from 'node:path'
import { nodeFiles } from '../base/node-files.ts'
import { openSqliteState } from '../state/sqlite.ts'
import { openLake } from './lake.ts'
import { purchase, stage } from './test-lake.suite.ts'

const [folder, writer, commits] = process.argv.slice(2)
const state = await openSqliteState({ path: path.join(folder!, 'state.db'), files: nodeFiles })
const lake = openLake({
  folder: path.join(folder!, 'lake'),
  state,
  files: nodeFiles,
  rules: { keepSnapshots: 20, keepSnapshotsMs: 0, manifestMergeCount: 4 },
})
let table = await lake.create(purchase)
for (let commit = 0; commit < Number(commits); commit++) {
  const partition = `day=2011-01-${String((commit % 28) + 1).padStart(2, '0')}`
  const files = [await stage(table, { partition, rows: 1, bytes: `${writer} ${commit}` })]
  const changes = [{ partition, from: `${writer} ${commit}` }]
  table = await lake.commit(table, { kind: 'append', files }, { publication: { changes } })
}
await state.close()
