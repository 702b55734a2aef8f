/** `maru events status`: what waits in the logs, what has landed, what was refused. */
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'
import type { TestProject } from '../../src/project/test-project.suite.ts'
import { makeEventProject, sendEvents } from '../run/event-project.ts'
import { runMaru } from './run-maru.ts'
import { startMaru } from './started.ts'
import type { StartedMaru } from './started.ts'

interface Lane {
  readonly log: string
  readonly lane: number
  readonly to: string
  readonly acknowledged_until: string
  readonly arrived_until: string | null
  readonly waiting_events: number
  readonly waiting_bytes: number
  readonly waiting_seconds: number
}

interface Status {
  readonly at: string
  readonly complete: boolean
  readonly topic_fault: string | null
  readonly logs: readonly Lane[]
  readonly refused_24h: readonly object[]
}

const viewed = (id: string, actor: string): object => ({
  id,
  event: 'product viewed',
  anonymous_id: actor,
  properties: { product_id: 1 },
})

describe('maru events status', () => {
  let project: TestProject
  const started: StartedMaru[] = []

  beforeEach(() => {
    project = makeEventProject()
  })
  afterEach(async () => {
    await Promise.all(started.splice(0).map((maru) => maru.stop('SIGKILL')))
    project.dispose()
  })

  const start = async (part: string): Promise<StartedMaru> => {
    const maru = await startMaru(project.folder, '--only', part)
    started.push(maru)
    return maru
  }

  const status = async (): Promise<Status> =>
    JSON.parse(
      (await runMaru(project.folder, 'events', 'status', '--format', 'json')).stdout,
    ) as Status
  const waiting = ({ logs }: Status): number =>
    logs.reduce((sum, lane) => sum + lane.waiting_events, 0)

  it('shows what the collectors hold also while the broker behind them is away', async () => {
    const kafka = `log: { kind: 'kafka', brokers: ['127.0.0.1:1'], topic: 'events' }`
    project.edit('maru.config.ts', 'sources: {', `${kafka}, sources: {`)
    const collects = await start('collect')
    await sendEvents(collects.port, [viewed('a', 'v')])
    equal(await collects.stop(), 0)
    const shown = await status()
    deepEqual(
      shown.logs.map((lane) => [lane.to, lane.waiting_events]),
      [['topic', 1]],
    )
    match(shown.topic_fault!, /127\.0\.0\.1:1/)
    equal(shown.complete, false)
  })

  it('shows of each collector and lane what waits, since when, and what has landed; then what was refused', async () => {
    deepEqual((await status()).logs, [])
    const collects = await start('collect')
    const beganAt = new Date().toISOString()
    for (let index = 0; index < 20; index++)
      await sendEvents(collects.port, [viewed(`a-${index}`, `visitor ${index}`)])
    await rejects(
      sendEvents(collects.port, [{ id: 'x', event: 'no such', anonymous_id: 'v' }]),
      /quarantined/,
    )
    equal(await collects.stop(), 0)

    const before = await status()
    ok(before.complete)
    equal(waiting(before), 21)
    deepEqual(before.refused_24h, [])
    ok(before.logs.length > 1, 'one lane only')
    for (const lane of before.logs) {
      deepEqual([lane.log, lane.to, lane.arrived_until], ['0', 'lake', null])
      ok(lane.acknowledged_until >= beganAt && lane.acknowledged_until <= before.at)
      ok(lane.waiting_bytes > 50 * lane.waiting_events)
      ok(lane.waiting_seconds >= 0 && lane.waiting_seconds < 60)
    }

    const lands = await start('land')
    equal(await lands.stop(), 0)
    const after = await status()
    equal(waiting(after), 0)
    deepEqual(
      after.logs.map((lane) => [
        lane.lane,
        lane.arrived_until,
        lane.waiting_bytes,
        lane.waiting_seconds,
      ]),
      before.logs.map((lane) => [lane.lane, lane.acknowledged_until, 0, 0]),
    )
    deepEqual(after.refused_24h, [
      { event: 'no such', rule: 'unknown_event', owner: null, count: 1 },
    ])

    const { stdout } = await runMaru(project.folder, 'events', 'status')
    match(stdout, /^log +lane +to +acknowledged_until +arrived_until +waiting_events/)
    match(
      stdout,
      /\nRefused in the last 24 hours:\nevent +rule +owner +count\n.*\nno such +unknown_event/,
    )
  })
})
