/** A disk that is really full: the lake lies on a small one of its own. */
import { strict as assert } from 'node:assert'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { makeTestProject } from '../../src/project/test-project.suite.ts'
import type { TestProject } from '../../src/project/test-project.suite.ts'
import { assertDone, look, runOnce } from './bad-project.ts'

const disk = mountDisk()

/** A small disk in memory; undefined where the user may not mount one. */
function mountDisk(): string | undefined {
  const folder = mkdtempSync(path.join(tmpdir(), 'maru-small-disk-'))
  const mounted = spawnSync('/bin/mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder])
  if (mounted.status === 0) return folder
  rmSync(folder, { recursive: true })
  return undefined
}

function orderLines(from: number, count: number): string {
  // Hashes do not compress, so that the rows need the space.
  const lines = Array.from({ length: count }, (_, index) => {
    const id = from + index
    const price = ((id * 7919) % 99_991) / 100
    return `${id},${(id * 104_729) % 1_000_003},2026-05-0${1 + (id % 9)} 10:00:00,${1 + (id % 5)},${10 + (id % 4)},1,${price.toFixed(2)}`
  })
  return `id,order_id,ordered_at,member_id,product_id,quantity,price\n${lines.join('\n')}\n`
}

describe(
  'a full disk',
  { skip: disk === undefined ? 'mounting a small disk takes root' : false },
  () => {
    let project: TestProject

    before(() => {
      project = makeTestProject()
      project.edit(
        'maru.config.ts',
        "currency: 'EUR',",
        `lake: ${JSON.stringify(path.join(disk!, 'lake'))},`,
      )
    })

    after(() => {
      project?.dispose()
      spawnSync('/bin/umount', [disk!])
      rmSync(disk!, { recursive: true, force: true })
    })

    it('is told, publishes nothing of what it stopped, and the run after works', async () => {
      assertDone(await runOnce(project))
      const published = await look(project)
      const filler = path.join(disk!, 'filler')
      const { bavail, bsize } = statfsSync(disk!)
      writeFileSync(filler, Buffer.alloc(bavail * bsize - 64 * 1024))
      project.write('data/order_line_2.csv', orderLines(100, 40_000))

      const record = await runOnce(project)
      assert.equal(record.status, 'failed')
      const failed = record.tasks.filter((task) => task.status === 'failed')
      assert.deepEqual(
        failed.map((task) => task.taskId),
        ['raw.order_line'],
      )
      assert.match(failed[0]!.error!, /\[DISK_FULL\] → free some space/)
      assert.deepEqual(await look(project), published)

      rmSync(filler)
      assertDone(await runOnce(project))
      const { tables } = await look(project)
      const purchase = (tables as readonly { id: string; rows?: number }[]).find(
        (each) => each.id === 'act.purchase',
      )
      assert.equal(purchase?.rows, 40_012)
    })
  },
)
