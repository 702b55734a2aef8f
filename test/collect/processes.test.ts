/** Several collectors share a port, one is killed, clients send again what they are not sure of, the landing works all the while: each acknowledged event is in the lake once. */
import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { clientSettings, readLog, writeKey } from './collector.ts'
import { openTestLake } from './lake.ts'
import { startCollectProcess } from './process.ts'
import type { CollectProcess } from './process.ts'

const processes = 3
const requests = 400
const senders = 8
const eventsPerRequest = 5

type Result = 'ok' | 'duplicate' | 'quarantined'

/** By a connection of its own, which any of the processes may get. undefined: nobody answered. */
function send(port: number, ids: readonly string[]): Promise<readonly Result[] | undefined> {
  const events = ids.map((id) => ({ id, kind: 'page', anonymous_id: `visitor of ${id}` }))
  const headers = { authorization: `Bearer ${writeKey}` }
  const options = {
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/v1/events',
    agent: false,
    headers,
  }
  return new Promise((resolve) => {
    const sent = request(options, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('error', () => resolve(undefined))
      response.on('end', () => {
        if (response.statusCode !== 200) return resolve(undefined)
        const { results } = JSON.parse(text) as { readonly results: readonly { result: Result }[] }
        resolve(results.map(({ result }) => result))
      })
    })
    sent.on('error', () => resolve(undefined))
    sent.end(JSON.stringify({ events }))
  })
}

it(`lands each acknowledged event once from ${processes} processes on one port, past a kill and everything sent twice`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maru-processes-'))
  const settings = clientSettings
  const running = new Map<string, CollectProcess>()
  const lake = await openTestLake(folder)
  try {
    const first = await startCollectProcess(folder, { settings, name: '0' })
    running.set('0', first)
    const { port } = first
    const start = async (name: string): Promise<void> => {
      running.set(name, await startCollectProcess(folder, { settings, name, port }))
    }
    for (let index = 1; index < processes; index++) await start(String(index))
    const landing = await lake.land()
    const acknowledged = new Set<string>()
    const twice = { taken: 0, known: 0 }
    let next = 0
    const sending = Array.from({ length: senders }, async () => {
      while (next < requests) {
        const number = next++
        const ids = Array.from({ length: eventsPerRequest }, (_, index) => `${number}-${index}`)
        let isAnswered = false
        // A client that hears nothing sends again, until it hears something; and once more in any case.
        for (let turn = 0; turn < 2 || !isAnswered; turn++) {
          const results = await send(port, ids)
          if (results === undefined) continue
          for (const [index, result] of results.entries())
            if (result === 'ok' || result === 'duplicate') acknowledged.add(ids[index]!)
          if (isAnswered) twice[results[0] === 'ok' ? 'taken' : 'known']++
          isAnswered = true
        }
        if (number === requests / 2) {
          const killed = running.get('1')!
          killed.kill('SIGKILL')
          await killed.ended
          await start('1')
        }
      }
    })
    await Promise.all(sending)
    for (const each of running.values()) {
      each.kill('SIGTERM')
      equal(await each.ended, 0)
      equal(each.said(), '')
    }
    await landing.stop()

    equal(acknowledged.size, requests * eventsPerRequest)
    ok(twice.taken > 0 && twice.known > 0, `sent again: ${JSON.stringify(twice)}`)
    const [counts] = await lake.query('select count(*), count(distinct id) from raw.event')
    deepEqual(counts, [acknowledged.size, acknowledged.size])
    const logs = (await readdir(join(folder, 'log'))).toSorted()
    deepEqual(logs, ['0', '1', '2'])
    const logged = await Promise.all(logs.map((name) => readLog(join(folder, 'log'), name)))
    for (const { events } of logged) ok(events.length > 0, 'a process got nothing')
    ok(landing.progress().duplicates > 0)
  } finally {
    for (const each of running.values()) each.kill('SIGKILL')
    await lake.close()
    await rm(folder, { recursive: true, force: true })
  }
})
