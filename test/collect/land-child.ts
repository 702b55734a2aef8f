/** A landing over the folder in the first argument, until it is killed or told to stop. */
import { join } from 'node:path'
import { nodeFiles } from '../../src/base/node-files.ts'
import { startLanding } from '../../src/collect/collect.ts'
import { openSegmentReader } from '../../src/collect/log/segment-reader.ts'
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import { openLake } from '../../src/lake/lake.ts'
import { openSqliteState } from '../../src/state/sqlite.ts'

const folder = process.argv[2]!
const engine = await openDuckdbEngine()
const state = await openSqliteState({ path: join(folder, 'state.db'), files: nodeFiles })
const landing = await startLanding({
  reader: await openSegmentReader({ folder: join(folder, 'log'), name: 'landing' }),
  lake: openLake({ folder: join(folder, 'lake'), state, files: nodeFiles }),
  state,
  engine,
  files: nodeFiles,
  zone: 'Asia/Seoul',
  events: () => [],
  workFolder: join(folder, 'work'),
  onError: (error) => process.stderr.write(`${String(error)}\n`),
  commitEveryMs: 10,
  // So few that files of fingerprints come and go between kills.
  windowIdsMax: 100,
  upkeepEveryMs: 50,
})
process.once('SIGTERM', () => {
  void landing.stop().then(async () => {
    await state.close()
    await engine.close()
  })
})
process.stdout.write('landing\n')
