/** The clock of the landing's machine jumps: what it landed is not landed again. */
import { deepEqual, equal } from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { openSegmentLog } from '../../src/collect/log/segment-log.ts'
import { startClientCollector, writeKey } from './collector.ts'
import { until } from './hostile.ts'
import { openTestLake } from './lake.ts'

const hourMs = 3_600_000

it('lands each event once although its clock jumps, also beyond the horizon, and through a restart at each time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maru-land-clock-'))
  const log = await openSegmentLog({ folder: join(folder, 'log', 'one') })
  const collector = await startClientCollector({ log })
  const lake = await openTestLake(folder)
  try {
    let offMs = 0
    const now = (): number => Date.now() + offMs
    const sent: string[] = []
    let landing = await lake.land({ now, windowIdsMax: 8 })
    for (const hours of [0, 1, -1, 24, -20, 40, -2, 100, 0, -60, 1000, 0]) {
      offMs = hours * hourMs
      sent.push(...Array.from({ length: 6 }, (_, index) => `${sent.length + index}`))
      // What came before comes again, each time.
      const events = sent.map((id) => ({ id, kind: 'page', anonymous_id: 'v' }))
      const init = {
        method: 'POST',
        headers: { 'x-write-key': writeKey },
        body: JSON.stringify({ events }),
      }
      equal((await fetch(`${collector.host}/v1/events`, init)).status, 200)
      const known = landing.progress().landed + landing.progress().duplicates
      await until(
        'they are read',
        () => landing.progress().landed + landing.progress().duplicates >= known + events.length,
      )
      await landing.stop()
      landing = await lake.land({ now, windowIdsMax: 8 })
    }
    await landing.stop()
    const [counts] = await lake.query('select count(*), count(distinct id) from raw.event')
    deepEqual(counts, [sent.length, sent.length])
  } finally {
    await lake.close()
    await collector.close()
    await log.close()
    await rm(folder, { recursive: true, force: true })
  }
})
