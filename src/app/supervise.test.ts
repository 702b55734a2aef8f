import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { EventEmitter } from 'node:events'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { supervise } from './supervise.ts'

describe('supervise', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'maru-supervise-'))
    await writeFile(
      path.join(folder, 'child.mjs'),
      `import { writeFileSync } from 'node:fs'
const { drained, stubborn } = JSON.parse(process.argv[2])
process.on('message', () => {
  if (stubborn) return
  setTimeout(() => { writeFileSync(drained, 'drained'); process.exit(0) }, 100)
})
console.log('up')
setInterval(() => {}, 1000)
`,
    )
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('starts a killed child again, and lets a stopped one finish', async () => {
    const drained = path.join(folder, 'drained')
    const heard = new EventEmitter()
    const ends: number[] = []
    const supervised = supervise({
      entry: pathToFileURL(path.join(folder, 'child.mjs')),
      argument: () => ({ drained }),
      onLine: (line) => heard.emit(line),
      onEnd: ({ againInMs }) => ends.push(againInMs),
    })
    const pids = new Set<number | undefined>()
    for (let kills = 0; kills < 2; kills++) {
      // oxlint-disable-next-line no-await-in-loop
      await once(heard, 'up')
      pids.add(supervised.pid)
      process.kill(supervised.pid!, 'SIGKILL')
    }
    await once(heard, 'up')
    pids.add(supervised.pid)
    await supervised.stop()
    assert.equal(pids.size, 3)
    assert.deepEqual(ends, [200, 400])
    assert.equal(await readFile(drained, 'utf8'), 'drained')
    assert.equal(supervised.pid, undefined)
  })

  it('kills a child that does not end in time', async () => {
    const heard = new EventEmitter()
    const supervised = supervise({
      entry: pathToFileURL(path.join(folder, 'child.mjs')),
      argument: () => ({ stubborn: true }),
      drainMs: 100,
      onLine: (line) => heard.emit(line),
    })
    await once(heard, 'up')
    await supervised.stop()
    assert.equal(supervised.pid, undefined)
  })
})
