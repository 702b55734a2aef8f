/** What is known of ids after a power cut: everything of the time that it says it covers. */
import { equal, ok } from 'node:assert/strict'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { openDuplicates } from '../../src/collect/duplicates.ts'
import type { Duplicates } from '../../src/collect/duplicates.ts'
import { ForgetfulFiles, SimulatedCrash } from './forgetful-files.ts'
import type { Faults, Survival } from './forgetful-files.ts'

const windowIdsMax = 4
const windows = 4
/** The folder; and for each window its bytes, its name, and a sync of the folder. */
const operations = 1 + 3 * windows
/** More than the ids of a window may be out of order. */
const apartMs = 600_000

function* ids(): Generator<{ readonly id: string; readonly atMs: number }> {
  for (let window = 1; window <= windows; window++)
    for (let index = 0; index < windowIdsMax; index++)
      yield { id: `${window}-${index}`, atMs: window * apartMs + index }
}

async function open(folder: string, files: ForgetfulFiles): Promise<[Duplicates, () => boolean]> {
  let hasFailed = false
  const onError = (): void => {
    hasFailed = true
  }
  const options = { folder, files, windowIdsMax, onError, now: () => 0 }
  return [await openDuplicates(options), () => hasFailed]
}

async function fill(folder: string, files: ForgetfulFiles): Promise<void> {
  const [duplicates, hasFailed] = await open(folder, files)
  for (const { id, atMs } of ids()) {
    while (duplicates.measures.waitingIds > 0 && !hasFailed()) await turn()
    duplicates.add('web', id, atMs)
  }
  while (duplicates.measures.waitingIds > 0 && !hasFailed()) await turn()
}

interface PowerCut {
  /** Ids of the time that is said to be covered. */
  readonly covered: number
  /** Those of them that are not known. */
  readonly lost: readonly string[]
  readonly known: number
  readonly syncs: number
}

async function afterPowerCut(faults: Faults, survival: Survival): Promise<PowerCut> {
  const outer = await mkdtemp(path.join(os.tmpdir(), 'maru-forgetful-ids-'))
  const root = path.join(outer, 'root')
  const folder = path.join(root, 'ids')
  try {
    await mkdir(root, { recursive: true })
    const files = await ForgetfulFiles.over(root)
    files.inject(faults)
    await fill(folder, files).catch((error: unknown) => {
      if (!(error instanceof SimulatedCrash)) throw error
    })
    const { syncs } = files
    await files.crash(survival)
    const [after] = await open(folder, await ForgetfulFiles.over(root))
    const covered = [...ids()].filter(({ atMs }) => atMs < after.coveredUntilMs)
    const lost = covered.filter(({ id }) => !after.has('web', id)).map(({ id }) => id)
    const known = after.measures.ids
    await after.close()
    return { covered: covered.length, lost, known, syncs }
  } finally {
    await rm(outer, { recursive: true, force: true })
  }
}

function dice(seed: number): Survival {
  let state = seed
  return {
    random: () => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647
    },
  }
}

/** Whether less is known after a power cut at some moment: later syncs may make up for one. */
async function isWorseWithout(ignoreSync: number): Promise<boolean> {
  for (let crashAt = 1; crashAt <= operations + 1; crashAt++) {
    const whole = await afterPowerCut({ crashAt }, 'nothing')
    const without = await afterPowerCut({ crashAt, ignoreSync }, 'nothing')
    if (without.lost.length > 0 || without.known < whole.known) return true
  }
  return false
}

describe('ids that were taken in, after a power cut', () => {
  it('are known as far as it is said, wherever the cut comes and whatever survives', async () => {
    for (let crashAt = 1; crashAt <= operations; crashAt++) {
      for (const survival of ['nothing', dice(crashAt), dice(crashAt + 100)] as const) {
        const { lost } = await afterPowerCut({ crashAt }, survival)
        equal(lost.length, 0, `crash at ${crashAt}: ${lost.join(', ')}`)
      }
    }
    const { covered } = await afterPowerCut({}, 'nothing')
    equal(covered, windowIdsMax * (windows - 1))
  })

  it('need every one of the syncs', async () => {
    const { syncs } = await afterPowerCut({}, 'nothing')
    equal(syncs, 1 + 2 * windows)
    for (let ignoreSync = 1; ignoreSync <= syncs; ignoreSync++)
      ok(await isWorseWithout(ignoreSync), `sync ${ignoreSync} changes nothing`)
  })
})
