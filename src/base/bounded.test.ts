import { deepEqual, equal, rejects } from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Gate, mapBounded, sleep } from './bounded.ts'
import { isMaruError } from './errors.ts'

describe('mapBounded', () => {
  it('keeps the order of the items and the limit, whichever ends first', async () => {
    const world = fc.record({
      turns: fc.array(fc.nat({ max: 4 }), { maxLength: 12 }),
      limit: fc.integer({ min: 1, max: 5 }),
    })
    await fc.assert(
      fc.asyncProperty(world, async ({ turns, limit }) => {
        let running = 0
        let most = 0
        const results = await mapBounded(turns, limit, async (count, index) => {
          most = Math.max(most, ++running)
          for (let turn = 0; turn <= count; turn++) await Promise.resolve()
          running--
          return index
        })
        deepEqual(
          results,
          turns.map((_, index) => index),
        )
        equal(most, Math.min(limit, turns.length))
      }),
      { seed: 1 },
    )
  })

  it('throws the first error in time, after those under way have ended, and starts nothing more', async () => {
    const started: number[] = []
    const ended: number[] = []
    const work = async (item: number): Promise<void> => {
      started.push(item)
      await sleep(item === 0 ? 20 : 1)
      ended.push(item)
      if (item < 2) throw new Error(`item ${item}`)
    }
    await rejects(mapBounded([0, 1, 2, 3, 4], 2, work), /item 1/)
    deepEqual(started, [0, 1])
    deepEqual(ended, [1, 0])
  })

  it('throws what is thrown, be it undefined', async () => {
    let thrown = false
    // oxlint-disable-next-line typescript/prefer-promise-reject-errors -- anything can be thrown
    await mapBounded([1], 1, () => Promise.reject(undefined)).catch(() => (thrown = true))
    equal(thrown, true)
  })

  it('refuses a limit that lets nothing start', async () => {
    await rejects(
      mapBounded([1], 0, async () => 1),
      isMaruError,
    )
  })
})

describe('sleep', () => {
  it('ends early with the reason when the signal aborts', async () => {
    const controller = new AbortController()
    const waiting = sleep(60_000, controller.signal)
    controller.abort(new Error('enough'))
    await rejects(waiting, /enough/)
  })

  it('does not wait at all when the signal has aborted before', async () => {
    await rejects(sleep(60_000, AbortSignal.abort(new Error('before'))), /before/)
  })

  it('leaves nothing behind at the signal', async () => {
    const controller = new AbortController()
    await sleep(1, controller.signal)
    controller.abort(new Error('too late'))
  })
})

describe('a gate', () => {
  it('lets so many in at a time, in the order in which they came', async () => {
    const gate = new Gate(2)
    const entered: number[] = []
    const enter = async (number: number): Promise<void> => {
      await gate.enter()
      entered.push(number)
    }
    const entering = [0, 1, 2, 3].map(enter)
    await Promise.all(entering.slice(0, 2))
    deepEqual(entered, [0, 1])
    gate.leave()
    await entering[2]
    deepEqual(entered, [0, 1, 2])
    gate.leave()
    await entering[3]
    for (let count = 0; count < 2; count++) gate.leave()
    await enter(4)
    await enter(5)
    deepEqual(entered, [0, 1, 2, 3, 4, 5])
  })
})
