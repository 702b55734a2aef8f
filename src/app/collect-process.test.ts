import { deepEqual, equal, ok } from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { createHash } from 'node:crypto'
import { nodeFiles } from '../base/node-files.ts'
import { decodeRequest, readRows, writeSettings } from '../collect/collect.ts'
import { openSegmentReader } from '../collect/log/segment-reader.ts'
import type { CollectProcessOptions } from './collect-process.ts'

const key = 'key-of-the-web'
const killsMax = process.env['MARU_SOAK'] === undefined ? 4 : 300
const clients = 8
const eventsPerRequest = 5

interface Answered {
  readonly results: readonly { readonly id: string; readonly result: string }[]
}

describe('a collector process', () => {
  let folder: string
  let options: CollectProcessOptions

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-collect-'))
    options = {
      settingsPath: join(folder, 'settings.json'),
      logFolder: join(folder, 'log'),
      duplicatesFolder: join(folder, 'known'),
      name: 'one',
      reusePort: true,
      host: '127.0.0.1',
      port: 0,
    }
    const sha256 = createHash('sha256').update(key).digest('hex')
    await writeSettings(nodeFiles, options.settingsPath, {
      catalog: 'first',
      events: [
        { id: 'raw.event.seen', event: 'Seen', owner: 'shop', version: '1', properties: [] },
      ],
      sources: [
        {
          name: 'web',
          keys: [{ id: 'web-1', sha256 }],
          address: 'remove',
          unknownProperties: 'keep',
        },
      ],
    })
  })

  after(() => rm(folder, { recursive: true, force: true }))

  it('has every acknowledged event in its log, however often it is killed', async () => {
    const acknowledged = new Set<string>()
    let sent = 0
    for (let kill = 0; kill < killsMax; kill++) {
      const { child, port } = await start(options)
      const exited = once(child, 'exit')
      const senders = Array.from({ length: clients }, async () => {
        for (;;) {
          const ids = Array.from({ length: eventsPerRequest }, () => `event-${sent++}`)
          const answer = await post(port, ids)
          if (answer === undefined) return
          for (const { id, result } of answer.results) if (result === 'ok') acknowledged.add(id)
        }
      })
      setTimeout(() => child.kill('SIGKILL'), 40 + ((kill * 37) % 160))
      await exited
      await Promise.all(senders)
    }
    ok(acknowledged.size > killsMax * eventsPerRequest, `only ${acknowledged.size} acknowledged`)
    const logged = await idsOf(options)
    const lost = [...acknowledged].filter((id) => !logged.has(id))
    equal(lost.length, 0, `acknowledged and lost: ${lost.slice(0, 5).join(', ')}`)
  })

  it('knows after a kill what it had accepted before, and leaves with 0 when it is asked to', async () => {
    const first = await start(options)
    equal((await post(first.port, ['again']))?.results[0]?.result, 'ok')
    const killed = once(first.child, 'exit')
    first.child.kill('SIGKILL')
    await killed
    const second = await start(options)
    equal((await post(second.port, ['again']))?.results[0]?.result, 'duplicate')
    const exited = once(second.child, 'exit')
    second.child.kill('SIGTERM')
    equal((await exited)[0], 0)
    const files = await readdir(join(options.logFolder, options.name))
    const readers = files.filter((file) => file.startsWith('reader-'))
    deepEqual(readers, [], 'no reader holds the log back that only looked at its start')
  })
})

async function start(
  options: CollectProcessOptions,
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const entry = join(import.meta.dirname, 'collect-process.ts')
  const child = spawn(process.execPath, [entry, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const signal = AbortSignal.timeout(15_000)
  const [line] = (await once(child.stdout, 'data', { signal })) as [Buffer]
  const { port } = JSON.parse(line.toString()) as { readonly port: number }
  return { child, port }
}

/** undefined: nobody answered. */
async function post(port: number, ids: readonly string[]): Promise<Answered | undefined> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/v1/events`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({
        events: ids.map((id) => ({ id, event: 'Seen', anonymous_id: `visitor of ${id}` })),
      }),
    })
    equal(response.status, 200)
    return (await response.json()) as Answered
  } catch (error) {
    // The process was killed: what it did not answer, nobody counts.
    if (error instanceof TypeError) return undefined
    throw error
  }
}

async function idsOf(options: CollectProcessOptions): Promise<ReadonlySet<string>> {
  const reader = await openSegmentReader({ folder: options.logFolder })
  const ids = new Set<string>()
  let position: string | undefined
  for (;;) {
    const batch = await reader.read('one', { position, bytesMax: 8_000_000 })
    for (const { bytes } of batch.records)
      for (const { id } of readRows(decodeRequest(bytes)).events) ids.add(id)
    if (batch.atEnd || batch.position === undefined) break
    position = batch.position
  }
  await reader.close()
  return ids
}
