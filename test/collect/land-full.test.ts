/** The lake's disk is full while the landing works: it tries again, and when there is room each event is in the table once. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { openSegmentLog } from '../../src/collect/log/segment-log.ts'
import { startClientCollector, writeKey } from './collector.ts'
import { until } from './hostile.ts'
import { openTestLake } from './lake.ts'
import { cannotMount, mountSmallDisk } from './small-disk.ts'

it(
  'lands each event once past a full disk of the lake, and of the spool',
  { skip: cannotMount },
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'maru-land-full-'))
    const disk = await mountSmallDisk(join(folder, 'small'), '4m')
    const log = await openSegmentLog({ folder: join(folder, 'log', 'one') })
    const collector = await startClientCollector({ log })
    const lake = await openTestLake(folder, { lakeFolder: join(folder, 'small', 'lake') })
    try {
      const sent: string[] = []
      const send = async (): Promise<void> => {
        const events = Array.from({ length: 20 }, () => {
          const id = `e-${sent.length}`
          sent.push(id)
          // Of what cannot be packed.
          const properties = { filling: randomBytes(1_000).toString('base64') }
          return { id, kind: 'page', anonymous_id: 'v', properties }
        })
        const init = {
          method: 'POST',
          headers: { 'x-write-key': writeKey },
          body: JSON.stringify({ events }),
        }
        equal((await fetch(`${collector.host}/v1/events`, init)).status, 200)
      }
      const errors: unknown[] = []
      const workFolder = join(folder, 'small', 'work')
      const landing = await lake.land({ workFolder, onError: (error) => void errors.push(error) })
      await send()
      await until('it landed', () => landing.progress().landed === 20)
      deepEqual(errors, [])

      const filler = join(folder, 'small', 'filler')
      // As much as there is.
      await writeFile(filler, Buffer.alloc(8 * 1024 * 1024)).catch(() => undefined)
      await send()
      await until('the landing cannot', () => errors.length >= 2)
      await send()
      equal(landing.progress().landed, 20)
      await rm(filler)
      await until('all landed', () => landing.progress().landed === sent.length)
      await send()
      await landing.stop()
      const [counts] = await lake.query('select count(*), count(distinct id) from raw.event')
      deepEqual(counts, [sent.length, sent.length])
      ok(/no space|full|DISK_FULL/i.test(String(errors[0])), String(errors[0]))
    } finally {
      await lake.close()
      await collector.close()
      await log.close()
      disk.remove()
      await rm(folder, { recursive: true, force: true })
    }
  },
)
