/** A collector's process on a bad day: the disk is full, slow or broken, the clock jumps. Nothing that was acknowledged is lost, and nobody waits without an answer. */
import { deepEqual, equal, match, ok } from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { clientSettings, readLog, writeKey } from './collector.ts'
import type { CollectFaults } from './faulty-process.ts'
import { until } from './hostile.ts'
import { openTestLake } from './lake.ts'
import { startCollectProcess } from './process.ts'
import type { CollectProcess } from './process.ts'
import { cannotMount, mountSmallDisk } from './small-disk.ts'

const settings = clientSettings
const kibibyte = 1024

interface Sent {
  readonly status: number
  readonly retryAfter: string | null
  readonly result: string | undefined
}

describe('a collector process', () => {
  let folder: string
  let faultsPath: string
  let collector: CollectProcess

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-faults-'))
    faultsPath = join(folder, 'faults.json')
  })
  afterEach(async () => {
    collector.kill('SIGKILL')
    await collector.ended
    await rm(folder, { recursive: true, force: true })
  })

  function inject(faults: CollectFaults): void {
    writeFileSync(faultsPath, JSON.stringify(faults))
  }

  async function send(id: string, more: object = {}, timeoutMs = 8_000): Promise<Sent> {
    const response = await fetch(`http://127.0.0.1:${collector.port}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${writeKey}` },
      body: JSON.stringify({ id, kind: 'page', anonymous_id: 'v', ...more }),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const { results } = (await response.json()) as { results?: { result: string }[] }
    return {
      status: response.status,
      retryAfter: response.headers.get('retry-after'),
      result: results?.[0]?.result,
    }
  }

  const page = async (path: string): Promise<number> =>
    (await fetch(`http://127.0.0.1:${collector.port}${path}`)).status

  async function assertLogged(acknowledged: readonly string[]): Promise<void> {
    const { events } = await readLog(join(folder, 'log'))
    const ids = new Set(events.map(({ id }) => id))
    deepEqual(
      acknowledged.filter((id) => !ids.has(id)),
      [],
    )
  }

  it('lets wait for a sync of two seconds, refuses early what would wait longer, loses nothing, and is well again by itself', async () => {
    inject({})
    collector = await startCollectProcess(folder, { settings, faultsPath })
    equal((await send('before')).status, 200)
    inject({ syncMs: 2_000 })
    const waited = ['slow-0', 'slow-1', 'slow-2']
    for (const { status } of await Promise.all(waited.map((id) => send(id)))) equal(status, 200)
    inject({ syncMs: 3_000 })
    const late = ['late-0', 'late-1']
    const waiting = late.map((id) => send(id))
    await until('it is not ready', async () => (await page('/health/ready')) === 503)
    equal(await page('/health/live'), 200)
    deepEqual(await send('shed'), { status: 429, retryAfter: '2', result: undefined })
    for (const { status } of await Promise.all(waiting)) equal(status, 200)
    inject({})
    await until('it is ready', async () => (await page('/health/ready')) === 200)
    equal((await send('after')).status, 200)
    await assertLogged(['before', ...waited, ...late, 'after'])
    equal(collector.said(), '')
  })

  it('takes nothing more when the disk fails, says so to senders and people, ends, and has what it acknowledged at the next start', async () => {
    inject({})
    collector = await startCollectProcess(folder, { settings, faultsPath })
    equal((await send('before')).result, 'ok')
    inject({ syncFails: 'EIO' })
    const refused = await Promise.allSettled([send('a'), send('b')])
    for (const each of refused) {
      // Who came just after may find nobody.
      if (each.status === 'fulfilled')
        deepEqual([each.value.status, each.value.retryAfter], [503, '10'])
    }
    equal(refused[0].status, 'fulfilled')
    equal(await collector.ended, 1)
    match(collector.said(), /^maru: the log .* stopped: cannot sync .* EIO.*\[LOG_FAILED\]/)
    match(collector.said(), /look at the disk, then start again/)
    inject({})
    collector = await startCollectProcess(folder, { settings, faultsPath })
    equal((await send('before')).result, 'duplicate')
    equal((await send('after')).result, 'ok')
    await assertLogged(['before', 'after'])
  })

  it('lands each event once and right in time although the clock jumps by hours and days', async () => {
    const hourMs = 3_600_000
    inject({})
    collector = await startCollectProcess(folder, { settings, faultsPath })
    const lake = await openTestLake(folder)
    try {
      const landing = await lake.land()
      const sent: string[] = []
      for (const [turn, hours] of [0, 1, -1, 72, -72, 0.01, 24, -48, 0].entries()) {
        inject({ offByMs: hours * hourMs })
        // The sender's clock is wrong too, by years: what it says is ten seconds between two of its own times.
        const times = { occurred_at: '2019-01-01T00:00:00Z', sent_at: '2019-01-01T00:00:10Z' }
        for (let index = 0; index < 5; index++) {
          const id = `${turn}-${index}`
          equal((await send(id, times)).result, 'ok')
          equal((await send(id, times)).result, 'duplicate')
          sent.push(id)
        }
      }
      for (const id of sent) equal((await send(id)).status, 200)
      collector.kill('SIGKILL')
      await collector.ended
      collector = await startCollectProcess(folder, { settings, faultsPath })
      for (const id of sent) equal((await send(id)).status, 200)
      await landing.stop()
      const [row] = await lake.query(`select count(*), count(distinct id),
          count(*) filter (where epoch_ms(received_at) - epoch_ms(occurred_at) = 10000 and time_flag is null)
        from raw.event`)
      deepEqual(row, [sent.length, sent.length, sent.length])
      equal(collector.said(), '')
    } finally {
      await lake.close()
    }
  })

  it(
    'refuses what a full disk has no room for, serves on, and takes again when there is room',
    { skip: cannotMount },
    async () => {
      const log = join(folder, 'log')
      const disk = await mountSmallDisk(log, '1m')
      try {
        await mkdir(join(log, 'one'))
        await writeFile(join(log, 'one', 'other'), Buffer.alloc(512 * kibibyte))
        collector = await startCollectProcess(folder, { settings })
        const acknowledged: string[] = []
        const properties = { filling: 'x'.repeat(16 * kibibyte) }
        let refused: Sent | undefined
        for (let index = 0; refused === undefined; index++) {
          ok(index < 1_000, 'the disk is not full')
          const answer = await send(`a-${index}`, { properties })
          if (answer.status === 200) acknowledged.push(`a-${index}`)
          else refused = answer
        }
        ok(acknowledged.length > 5)
        deepEqual([refused.status, refused.retryAfter], [503, '10'])
        deepEqual([await page('/health/live'), await page('/health/ready')], [200, 503])
        equal((await send('full', { properties })).status, 503)
        await rm(join(log, 'one', 'other'))
        for (let index = 0; index < 5; index++) {
          equal((await send(`b-${index}`, { properties })).status, 200)
          acknowledged.push(`b-${index}`)
        }
        await assertLogged(acknowledged)
        collector.kill('SIGKILL')
        await collector.ended
        collector = await startCollectProcess(folder, { settings })
        for (const id of acknowledged) equal((await send(id)).result, 'duplicate')
      } finally {
        collector.kill('SIGKILL')
        await collector.ended
        disk.remove()
      }
    },
  )
})
