import { equal } from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { isProcessAlive } from './processes.ts'

describe('a process', () => {
  it('is alive while it works', () => {
    equal(isProcessAlive(process.pid), true)
  })

  it(
    'is not alive once it ended, though nobody asked about it',
    { skip: process.platform !== 'linux' && 'only Linux says so under /proc' },
    async () => {
      const parent = spawn('sh', ['-c', 'true & echo $!; exec sleep 30'])
      try {
        const [line] = (await once(parent.stdout, 'data')) as [Buffer]
        const id = Number(line.toString())
        while (!readFileSync(`/proc/${id}/stat`, 'latin1').includes(') Z'))
          // oxlint-disable-next-line no-await-in-loop -- until it has ended
          await new Promise((resolve) => setTimeout(resolve, 10))
        process.kill(id, 0)
        equal(isProcessAlive(id), false)
      } finally {
        parent.kill('SIGKILL')
      }
    },
  )
})
