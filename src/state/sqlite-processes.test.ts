/** SQLite state in processes of their own. Started with a role, this file is such a process; else it holds the tests. */
import { deepEqual, equal, match } from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { formatError } from '../base/errors.ts'
import { nodeFiles } from '../base/node-files.ts'
import { contend, describeContention } from './contention.suite.ts'
import type { ContentionWorld } from './contention.suite.ts'
import { openSqliteState } from './sqlite.ts'

const [role, path = '', name = ''] = process.argv.slice(2)
if (role === 'contend')
  await contend(await openSqliteState({ path, files: nodeFiles }), name, report)
else if (role === 'fill') await fill(path)
else defineTests()

/** Written at once, so that the line is with the parent even when this process is killed next. */
function report(line: string): void {
  writeSync(1, `${line}\n`)
}

/** Publishes values until the disk refuses. */
async function fill(file: string): Promise<void> {
  const state = await openSqliteState({ path: file, files: nodeFiles })
  try {
    for (let index = 0; ; index++) {
      await state.publish({
        values: new Map([['fill', new Map([[`value${index}`, 'x'.repeat(10_000)]])]]),
      })
      report(`value${index}`)
    }
  } catch (error) {
    report(formatError(error))
  }
}

function defineTests(): void {
  describeContention('SQLite', makeWorld)

  describe('SQLite state on a disk that refuses a write', () => {
    it('says so, and keeps exactly what it acknowledged', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'maru-state-'))
      try {
        const file = join(folder, 'state.db')
        // A limit on file size (in blocks of 512 or 1,024 bytes) stands in for a broken disk: the write itself fails.
        const command = 'ulimit -f 1024; exec "$0" "$1" fill "$2"'
        const result = spawnSync(
          'sh',
          ['-c', command, process.execPath, import.meta.filename, file],
          { encoding: 'utf8', timeout: 30_000 },
        )
        const lines = result.stdout.trimEnd().split('\n')
        match(lines.at(-1) ?? '', /state\.db: disk I\/O error \[FILE_FAILED\] → look at the disk/)
        const state = await openSqliteState({ path: file, files: nodeFiles })
        deepEqual(
          [...(await state.values('fill')).keys()].toSorted(),
          lines.slice(0, -1).toSorted(),
        )
        equal(lines.length > 10, true)
        await state.close()
      } finally {
        await rm(folder, { recursive: true })
      }
    })
  })
}

async function makeWorld(): Promise<ContentionWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'maru-state-'))
  const file = join(folder, 'state.db')
  return {
    start: (contender) =>
      spawn(process.execPath, [import.meta.filename, 'contend', file, contender], {
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    open: () => openSqliteState({ path: file, files: nodeFiles }),
    remove: () => rm(folder, { recursive: true }),
  }
}
