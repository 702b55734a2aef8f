/** The collector's process on a disk and a clock with faults, which the file in the second argument names at each moment. */
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import type { GrowingFile } from '../../src/base/files.ts'
import { fileError, nodeFiles } from '../../src/base/node-files.ts'
import { runChild } from '../../src/app/child.ts'
import { collect } from '../../src/app/collect-process.ts'

export interface CollectFaults {
  readonly syncMs?: number
  readonly syncFails?: 'EIO'
  /** Of the clock. */
  readonly offByMs?: number
}

const path = process.argv[3]!
const faults = (): CollectFaults => JSON.parse(readFileSync(path, 'utf8')) as CollectFaults

const realNow = Date.now
Date.now = () => realNow() + (faults().offByMs ?? 0)

await runChild<Parameters<typeof collect>[0]['options']>((child) =>
  collect(child, {
    ...nodeFiles,
    openNew: async (file) => {
      const opened = await nodeFiles.openNew(file)
      return {
        append: (parts) => opened.append(parts),
        close: () => opened.close(),
        sync: async () => {
          const { syncMs = 0, syncFails } = faults()
          await wait(syncMs)
          if (syncFails !== undefined) throw failed(file, syncFails)
          await opened.sync()
        },
      } satisfies GrowingFile
    },
  }),
)

function failed(file: string, code: string): Error {
  return fileError('sync', file, Object.assign(new Error(`${code}: i/o error`), { code }))
}
