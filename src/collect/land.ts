/**
 * The landing: logged requests → rows of `raw.event` and `raw.quarantine`, exactly once. Each commit holds the rows and, in the same transaction, up to where
 * each sequence of the log was read; so a landing that is killed anywhere goes on where the table says. Quarantine is committed first: a crash between the
 * two commits makes it read the same refusals again, and their ids say that they are there.
 *
 * A row is a duplicate when one of the same source and id landed within the horizon (landed-ids.ts).
 */
import { join } from 'node:path'
import { sleep } from '../base/bounded.ts'
import { MaruError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import type { Engine, Session } from '../engine/engine.ts'
import type { DataFile, Lake, Table } from '../lake/lake.ts'
import { collectedTables } from '../model/collected.ts'
import { holdLease, leaseDurationMs } from '../state/lease.ts'
import type { HeldLease } from '../state/lease.ts'
import type { PartitionChange, State } from '../state/state.ts'
import { openLandedIds } from './landed-ids.ts'
import type { LandedIds, LandedIdsRules } from './landed-ids.ts'
import { eventTarget, openCollected, quarantineTarget } from './landing-target.ts'
import type { Target } from './landing-target.ts'
import { keepUp } from './land-upkeep.ts'
import type { UpkeepRules } from './land-upkeep.ts'
import type { LogReader } from './log.ts'
import { readRound } from './round.ts'
import type { Positions, Round } from './round.ts'
import type { QuarantineRow } from './rows.ts'
import type { EventEntry } from './settings.ts'
import { withSpool } from './spool.ts'
import type { AddRows } from './spool.ts'

export interface LandingOptions extends LandedIdsRules, UpkeepRules {
  /** Closed by the landing when it stops. */
  readonly reader: LogReader
  readonly lake: Lake
  readonly state: State
  readonly engine: Engine
  readonly files: Files
  /** IANA name: a day is a local day here. */
  readonly zone: string
  /** The catalog now: whose views a row changes, and who owns what was refused. */
  readonly events: () => readonly EventEntry[]
  /** Absolute folder for spilling and for fingerprints of what landed; they are made again when lost. */
  readonly workFolder: string
  /** Called when a round failed; the landing tries again. */
  readonly onError: (error: unknown) => void
  /** Between two commits under load. Default 1,000. */
  readonly commitEveryMs?: number
}

export interface LandingProgress {
  readonly landed: number
  readonly duplicates: number
  readonly quarantined: number
}

export interface Landing {
  progress(): LandingProgress
  /** Lands what the log holds, then ends. */
  stop(): Promise<void>
}

/** The lease that a landing holds while it is at work. */
export const landingLease = 'land'
/** Rows of a round, and what is made of them. */
const sessionBytesMax = 256 * 1024 * 1024
const retryMs = 1_000
const idleMs = 1_000

/** Throws RUN_IN_PROGRESS when another landing is at work. */
export async function startLanding(options: LandingOptions): Promise<Landing> {
  const held = await holdLease(options.state, {
    name: landingLease,
    holder: 'another landing',
    hint: 'stop it first: one is enough, and it keeps up with all collectors',
    waitMs: leaseDurationMs + retryMs,
  })
  try {
    return new LogLanding(options, held, await openParts(options))
  } catch (error) {
    await held.release()
    throw error
  }
}

type RefusedRow = QuarantineRow & { readonly owner: string | null }

/** What a landing works with of its own. */
interface Parts {
  readonly session: Session
  readonly ids: LandedIds
}

async function openParts(options: LandingOptions): Promise<Parts> {
  const { files, workFolder: folder, engine, zone } = options
  await files.makeFolder(folder)
  // One thread: rounds are small, and threads that wait for each other cost more than they bring.
  const session = await engine.open({ zone, threads: 1, memoryLimitBytes: sessionBytesMax })
  return { session, ids: await openLandedIds({ ...options, session, folder }) }
}

class LogLanding implements Landing {
  readonly #options: LandingOptions
  readonly #held: HeldLease
  readonly #stopping = new AbortController()
  readonly #parts: Parts
  /** Whether a commit may have come about that the ids do not know of. */
  #isUncertain = false
  #progress = { landed: 0, duplicates: 0, quarantined: 0 }
  readonly #done: Promise<unknown>

  constructor(options: LandingOptions, held: HeldLease, parts: Parts) {
    this.#options = options
    this.#held = held
    this.#parts = parts
    const { signal } = this.#stopping
    this.#done = Promise.all([this.#loop(), keepUp({ ...options, signal })])
  }

  progress(): LandingProgress {
    return this.#progress
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#done
    await this.#parts.ids.close()
    await this.#parts.session.close()
    await this.#options.reader.close()
    await this.#held.release()
  }

  async #loop(): Promise<void> {
    for (;;) {
      // Asked before the round: what was appended before the stop is read by the round after it.
      const isLast = this.#stopping.signal.aborted
      try {
        if (this.#held.lost.aborted) throw fenced()
        const startedAt = performance.now()
        const isAtEnd = await this.#round()
        if (isLast && isAtEnd) return
        if (isAtEnd) await this.#rest(startedAt)
      } catch (error) {
        this.#options.onError(error)
        if (isLast) return
        await sleep(retryMs)
      }
    }
  }

  /** At once when idle traffic trickles, at most every `commitEveryMs` under load. */
  async #rest(startedAt: number): Promise<void> {
    if (this.#stopping.signal.aborted) return
    const { signal } = this.#stopping
    await this.#options.reader
      .waitForMore({ timeoutMs: idleMs, signal })
      .catch((error: unknown) => {
        // The stop ends the wait: a last round follows.
        if (!signal.aborted) throw error
      })
    const left = (this.#options.commitEveryMs ?? 1_000) - (performance.now() - startedAt)
    if (left > 0 && !this.#stopping.signal.aborted) await sleep(left)
  }

  /** Whether the log held no more. */
  async #round(): Promise<boolean> {
    const { reader, state, onError } = this.#options
    const { ids, session } = this.#parts
    if (this.#isUncertain) await ids.catchUp()
    this.#isUncertain = false
    const landed = await landedPositions(state, reader)
    return await withSpool(session, eventTarget.spool, async (add) => {
      const round = await readRound({ reader, landed, ids, add, onError })
      if (round.positions.size > 0) await this.#land(round)
      return round.isAtEnd
    })
  }

  /** The events are in their spool. */
  async #land(round: Round): Promise<void> {
    const { newestMs, fresh, positions } = round
    const refused = await this.#newRefusals(round.quarantined)
    const { ids, session } = this.#parts
    if (refused.length > 0)
      await withSpool(session, quarantineTarget.spool, async (add: AddRows) => {
        await add(refused)
        await this.#commit(quarantineTarget, { landing: ids.next(newestMs) })
      })
    const landing = ids.next(newestMs)
    this.#isUncertain = true
    if (fresh.length === 0) await this.#publish(positions)
    else await this.#commit(eventTarget, { landing, positions })
    await ids.add(fresh, landing)
    this.#isUncertain = false
    this.#progress.duplicates += round.duplicates
    this.#progress.landed += fresh.length
    this.#progress.quarantined += refused.length
    for (const [sequence, position] of positions)
      await this.#options.reader.release(sequence, position)
  }

  /** A refusal that is in the table already came with a round whose second commit did not happen, or was shipped twice. */
  async #newRefusals(rows: readonly QuarantineRow[]): Promise<readonly RefusedRow[]> {
    const byId = new Map(rows.map((row) => [row.id, row]))
    for (const id of await this.#refusedSince(rows)) byId.delete(id)
    const owners = new Map(this.#options.events().map((entry) => [entry.event, entry.owner]))
    return [...byId.values()].map((row) => ({ ...row, owner: owners.get(row.event ?? '') ?? null }))
  }

  async #refusedSince(rows: readonly QuarantineRow[]): Promise<readonly string[]> {
    const { lake } = this.#options
    const { session } = this.#parts
    if (rows.length === 0) return []
    const table = await lake.table(collectedTables.quarantine)
    if (table?.current === undefined) return []
    const oldestMs = rows.reduce((least, row) => Math.min(least, row.received_at), Infinity)
    const filters = [{ column: 'received_at', lower: BigInt(oldestMs) * 1000n }]
    await session.bindScan('refused', await lake.scan(table, { filters }))
    const { rows: known } = await session.query(
      `select id from refused where received_at >= make_timestamptz(${oldestMs * 1000})`,
    )
    await session.unbind('refused')
    return known.map(([id]) => String(id))
  }

  /** Nothing but how far the log was read. */
  async #publish(positions: Positions): Promise<void> {
    const { state, reader } = this.#options
    const values = new Map([[positionScope(reader), positions]])
    if ((await state.publish({ lease: this.#held.lease, values })) === 'fenced') throw fenced()
  }

  /** The rows of the target's spool. */
  async #commit(
    target: Target,
    { landing, positions }: { readonly landing: number; readonly positions?: Positions },
  ): Promise<void> {
    const { lake, reader } = this.#options
    const { session } = this.#parts
    const table = await openCollected(lake, target)
    await session.run(
      `create or replace temp view landed as select ${landing} as landing, * from (${target.select}) as made`,
    )
    const changes = await this.#changesOf(target, session)
    const files = await session.stage({
      sql: `select ${target.columns.map((column) => column.name).join(', ')} from landed`,
      schema: table.schema,
      partition: table.partition,
      dataFolder: await lake.dataFolder(table),
      ...(target.id === collectedTables.events ? { sort: ['event'] } : {}),
    })
    try {
      const summary = { landing: String(landing) }
      const values =
        positions === undefined ? new Map() : new Map([[positionScope(reader), positions]])
      const publication = { lease: this.#held.lease, values, changes }
      await lake.commit(table, { kind: 'append', files }, { summary, publication })
    } catch (error) {
      await this.#removeUncommitted(landing, table, files).catch(this.#options.onError)
      throw error
    }
  }

  /** Each try stages anew: on a disk that is nearly full, what is left of the last would be the end of it. */
  async #removeUncommitted(
    landing: number,
    table: Table,
    staged: readonly DataFile[],
  ): Promise<void> {
    const { lake, files } = this.#options
    const newest = await lake.table(table.id)
    const isCommitted = newest?.snapshots.some(
      ({ summary }) => summary['maru.landing'] === String(landing),
    )
    if (isCommitted === true) return
    for (const file of staged) await files.remove(join(table.folder, file.path))
  }

  /** For the table, and for the view of each event that came: an activity is stale only by its own. */
  async #changesOf(target: Target, session: Session): Promise<readonly PartitionChange[]> {
    const { rows } = await session.query('select distinct event, day from landed')
    const partitions = new Set(rows.map(([, day]) => `day=${String(day)}`))
    const own = [...partitions].map((partition): PartitionChange => ({ partition }))
    if (target.id !== collectedTables.events) return own
    const views = new Map(this.#options.events().map((entry) => [entry.event, entry.id]))
    const ofViews = rows.flatMap(([event, day]): PartitionChange[] => {
      const tableId = views.get(String(event))
      return tableId === undefined ? [] : [{ tableId, partition: `day=${String(day)}` }]
    })
    return [...own, ...ofViews]
  }
}

/** How far each sequence of the log has landed. */
export async function landedPositions(state: State, reader: LogReader): Promise<Positions> {
  return await state.values(positionScope(reader))
}

/** Of State's values. */
function positionScope({ log }: LogReader): string {
  return `land/raw.event/${log}`
}

function fenced(): MaruError {
  return new MaruError('STATE_FENCED', 'another landing took over before this one could commit', {
    hint: 'nothing of the round was written; stop this one',
    retry: 'later',
  })
}
