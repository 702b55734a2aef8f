/** The landing is killed at any moment, again and again, while events keep coming and files are merged: every event is in the table once. */
import { deepEqual, equal } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { encodeRequest } from '../../src/collect/collect.ts'
import { openSegmentLog } from '../../src/collect/log/segment-log.ts'
import { mergeWhile, openTestLake } from './lake.ts'

const kills = process.env['MARU_SOAK'] === undefined ? 6 : 200

async function startChild(folder: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'land-child.ts'), folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`the landing ended with ${code} before it was at work`)
  })
  await Promise.race([once(child.stdout, 'data'), ended])
  // How it ends from now on is for who started it.
  ended.catch(() => undefined)
  return child
}

it(`lands each event once through ${kills} kills`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maru-land-kill-'))
  try {
    const log = await openSegmentLog({ folder: join(folder, 'log', '0'), segmentBytesMax: 65_536 })
    let sent = 0
    let isSending = true
    const sending = (async (): Promise<void> => {
      while (isSending) {
        const events = Array.from({ length: 20 }, () => ({
          id: `e${sent++}`,
          kind: 'page',
          anonymous_id: 'visitor',
        }))
        // Every request is sent twice, as a client does that heard no answer.
        for (let turn = 0; turn < 2; turn++) {
          const record = encodeRequest({
            requestId: `${sent} ${turn}`,
            receivedAtMs: Date.now(),
            source: 'web',
            dialect: 'native',
            route: 'events',
            catalog: 'c',
            quarantined: [{ index: 19, rule: 'no_id', reason: 'made so' }],
            body: Buffer.from(JSON.stringify({ events })),
          })
          await log.append([{ partition: 0, ...record }])
        }
        await wait(4)
      }
    })()
    const merging = mergeBeside(folder, () => isSending)
    // Seeded: the same moments in each run, as far as a machine keeps time.
    let seed = 7
    for (let kill = 0; kill < kills; kill++) {
      const child = await startChild(folder)
      seed = (seed * 48_271) % 2_147_483_647
      await wait(seed % 300)
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    isSending = false
    await sending
    await merging
    await log.close()
    const last = await startChild(folder)
    last.kill('SIGTERM')
    equal((await once(last, 'exit'))[0], 0)
    deepEqual(await count(folder), {
      rows: sent - sent / 20,
      ids: sent - sent / 20,
      refused: sent / 10,
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

/** Beside the landing, which merges too. */
async function mergeBeside(folder: string, isGoing: () => boolean): Promise<void> {
  const at = await openTestLake(folder)
  await mergeWhile(at, { isGoing, everyMs: 200 })
  await at.close()
}

async function count(folder: string): Promise<object> {
  const at = await openTestLake(folder)
  const rows = await at.query(
    'select count(*), count(distinct id), (select count(*) from raw.quarantine) from raw.event',
  )
  await at.close()
  return { rows: rows[0]![0], ids: rows[0]![1], refused: rows[0]![2] }
}
