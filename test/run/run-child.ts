/** A run in a process of its own, to be killed: `node run-child.ts FOLDER STEP` over the shop's rows at a step, `node run-child.ts FOLDER events` over the events that landed in the folder. Prints `running` when the work begins and `done` after it. */
import { openDuckdbEngine } from '../../src/engine/duckdb/duckdb.ts'
import { eventsModel, plainVariant } from './landed-events.ts'
import { openWorkshop, requireDone } from './run-harness.ts'
import { rowsAtStep } from './kill-rows.ts'
import { shopModel } from './shop-project.ts'

const [folder, step] = process.argv.slice(2)
const engine = await openDuckdbEngine({ threads: 1 })
const workshop = await openWorkshop({
  model: step === 'events' ? eventsModel(plainVariant) : shopModel('Asia/Seoul'),
  engine,
  folder: folder!,
  rows: () => rowsAtStep(Number(step)),
})
process.stdout.write('running\n')
requireDone(await workshop.run())
process.stdout.write('done\n')
await workshop.state.close()
await engine.close()
