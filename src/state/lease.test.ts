import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { nodeFiles } from '../base/node-files.ts'
import { holdLease } from './lease.ts'
import type { LeaseOptions } from './lease.ts'
import type { State } from './state.ts'
import { openSqliteState } from './sqlite.ts'

const work: LeaseOptions = { name: 'work', holder: 'another worker', hint: 'wait' }

describe('a lease that is held', () => {
  let folder: string
  let state: State
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-lease-'))
    state = await openSqliteState({ path: join(folder, 'state.db'), files: nodeFiles })
  })
  afterEach(async () => {
    await state.close()
    await rm(folder, { recursive: true })
  })

  it('keeps others out, says who has it, and lets the next in when it is released', async () => {
    const first = await holdLease(state, work)
    await rejects(holdLease(state, work), {
      code: 'RUN_IN_PROGRESS',
      message: `another worker is working on this project (process ${process.pid} on ${hostname()})`,
    })
    await first.release()
    const second = await holdLease(state, work)
    ok(second.lease.token > first.lease.token)
    await second.release()
    equal(await state.leaseHolder('work'), undefined)
  })

  it('is kept for longer than it was taken for', async () => {
    const held = await holdLease(state, { ...work, durationMs: 60 })
    await new Promise((resolve) => setTimeout(resolve, 200))
    deepEqual(await state.acquireLease('work', 'other', 1_000), undefined)
    equal(held.lost.aborted, false)
    await held.release()
  })

  it('is given up at once by a process of this machine that is gone, elsewhere when it runs out', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    await state.acquireLease('work', `${hostname()} ${pid} x`, 60_000)
    await (await holdLease(state, work)).release()
    await state.acquireLease('work', `elsewhere ${pid} x`, 300)
    await rejects(holdLease(state, work), { code: 'RUN_IN_PROGRESS' })
    await (await holdLease(state, { ...work, waitMs: 2_000 })).release()
  })

  it('tells its holder when another took it', async () => {
    const held = await holdLease(state, { ...work, durationMs: 60 })
    await state.releaseLease(held.lease)
    await state.acquireLease('work', 'other', 60_000)
    if (!held.lost.aborted) await once(held.lost, 'abort')
    await held.release()
    equal((await state.leaseHolder('work'))?.owner, 'other')
  })
})
