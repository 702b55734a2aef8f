/**
 * Which (source, id) landed within the horizon. The table `raw.event` is the truth; so that it is not asked about each event, fingerprints on disk say at once
 * what did not land. What may have landed is looked up in the table, in the files of the landings in question.
 *
 * A landing's number is when the newest of what it brought was received, in milliseconds: not later than by the clock of this process, nor before the number of the
 * landing before. The horizon goes by these numbers, so that no clock that jumps alone makes anything old: that of the landing is not before what was received, that
 * of a collector is held by the landing's.
 *
 * The fingerprints may be behind the table, never ahead of what follows from it: at the start, and when it is not known whether a commit came about, they are
 * caught up from the rows that landed since.
 */
import { join } from 'node:path'
import type { Files } from '../base/files.ts'
import type { Session, Value } from '../engine/engine.ts'
import type { Lake, ScanFilter } from '../lake/lake.ts'
import { collectedTables } from '../model/collected.ts'
import { openDuplicates } from './duplicates.ts'
import type { Duplicates, DuplicatesMeasures, TimeSpan } from './duplicates.ts'
import type { EventRow } from './rows.ts'
import { withSpool } from './spool.ts'
import type { Spool } from './spool.ts'

export type EventKey = Pick<EventRow, 'source' | 'id'>

export interface LandedIdsRules {
  /** How long an id is remembered. Default 48. */
  readonly horizonHours?: number
  /** Fingerprints in memory before they go to a file. Default 500,000. */
  readonly windowIdsMax?: number
  /** Milliseconds since 1970; for tests of clocks. */
  readonly now?: () => number
}

export interface LandedIdsOptions extends LandedIdsRules {
  readonly session: Session
  readonly files: Files
  /** Absolute; the fingerprints lie in it. */
  readonly folder: string
  readonly lake: Lake
  readonly onError: (error: unknown) => void
}

export function keyText({ source, id }: EventKey): string {
  return `${source} ${id}`
}

const hourMs = 3_600_000
const text = { kind: 'text' } as const
const asked: Spool = {
  name: 'asked',
  columns: [
    { name: 'source', type: text },
    { name: 'id', type: text },
  ],
}
/** Rows of the table in memory at a time. */
const rowsMax = 50_000
const everything: TimeSpan = { oldestMs: 0, newestMs: Number.MAX_SAFE_INTEGER }

export async function openLandedIds(options: LandedIdsOptions): Promise<LandedIds> {
  const hours = options.horizonHours ?? 48
  const folder = join(options.folder, 'ids')
  let ids: LandedIds | undefined
  const now = (): number => ids?.newest ?? 0
  const fingerprints = await openDuplicates({ ...options, folder, hours, now })
  ids = new LandedIds({ now: steadyNow, ...options, horizonMs: hours * hourMs }, fingerprints)
  await ids.catchUp()
  return ids
}

/** Goes on evenly when the clock of the machine is set while this process runs. */
function steadyNow(): number {
  return Math.floor(performance.timeOrigin + performance.now())
}

interface LandedIdsParts extends LandedIdsOptions {
  readonly horizonMs: number
  readonly now: () => number
}

export class LandedIds {
  readonly #options: LandedIdsParts
  readonly #fingerprints: Duplicates
  /** Of the landings before this one all ids are here. */
  #from: number
  #newest = 0

  constructor(options: LandedIdsParts, fingerprints: Duplicates) {
    this.#options = options
    this.#fingerprints = fingerprints
    this.#from = fingerprints.coveredUntilMs
  }

  get measures(): DuplicatesMeasures {
    return this.#fingerprints.measures
  }

  /** The number of the newest landing. */
  get newest(): number {
    return this.#newest
  }

  /** A number for the next landing, above all before; `receivedAtMs`: of the newest that it brings. */
  next(receivedAtMs: number): number {
    this.#newest = Math.max(this.#newest + 1, Math.min(receivedAtMs, this.#options.now()))
    return this.#newest
  }

  /** False is certain. */
  mayHaveLanded({ source, id }: EventKey): boolean {
    return this.#find(source, id) !== undefined
  }

  /** The keys of those that landed. */
  async landed(events: readonly EventKey[]): Promise<ReadonlySet<string>> {
    const found: EventKey[] = []
    let span: TimeSpan | undefined
    for (const { source, id } of events) {
      const when = this.#find(source, id)
      if (when === undefined) continue
      found.push({ source, id })
      span = {
        oldestMs: Math.min(span?.oldestMs ?? when.oldestMs, when.oldestMs),
        newestMs: Math.max(span?.newestMs ?? when.newestMs, when.newestMs),
      }
    }
    if (span === undefined) return new Set()
    const { oldestMs, newestMs } = span
    return await withSpool(this.#options.session, asked, async (add) => {
      await add(found)
      const rows = await this.#rows<[source: string, id: string]>(
        { lower: BigInt(oldestMs), upper: BigInt(newestMs) },
        `select distinct source, id
from landed_before
join asked using (source, id)
where landing between ${oldestMs} and ${newestMs}`,
      )
      return new Set(rows.map(([source, id]) => keyText({ source, id })))
    })
  }

  /** After the commit of this landing. */
  async add(events: readonly EventKey[], landing: number): Promise<void> {
    await this.#keep(events, landing)
    this.#from = landing + 1
  }

  /** Reads what landed since the last that is known here. */
  async catchUp(): Promise<void> {
    let first = this.#from === 0 ? await this.#horizonStart() : this.#from
    let count = 0
    const landings = await this.#rows<[landing: number, rows: number]>(
      { lower: BigInt(first) },
      `select landing, count(*) from landed_before where landing >= ${first} group by landing order by landing`,
    )
    for (const [index, [landing, rows]] of landings.entries()) {
      count += rows
      this.#newest = Math.max(this.#newest, landing)
      if (count < rowsMax && index < landings.length - 1) continue
      await this.#readBack(first, landing)
      first = landing + 1
      count = 0
    }
    this.#from = first
  }

  async #horizonStart(): Promise<number> {
    const [row] = await this.#rows<[newest: number | null]>(
      {},
      'select max(landing) from landed_before',
    )
    return Math.max(0, (row?.[0] ?? 0) - this.#options.horizonMs)
  }

  async close(): Promise<void> {
    await this.#fingerprints.close()
  }

  async #readBack(first: number, last: number): Promise<void> {
    // As JSON: a value for each landing costs less than one for each row.
    const landings = await this.#rows<[landing: number, keys: string]>(
      { lower: BigInt(first), upper: BigInt(last) },
      `select landing, to_json(list({'source': source, 'id': id}))
from landed_before
where landing between ${first} and ${last}
group by landing
order by landing`,
    )
    for (const [landing, keys] of landings)
      await this.#keep(JSON.parse(keys) as readonly EventKey[], landing)
  }

  async #keep(events: readonly EventKey[], landing: number): Promise<void> {
    for (const { source, id } of events) {
      await this.#fingerprints.room(1)
      this.#fingerprints.add(source, id, landing)
    }
  }

  /** Where a file of fingerprints cannot be read, the table decides. */
  #find(source: string, id: string): TimeSpan | undefined {
    try {
      return this.#fingerprints.find(source, id)
    } catch (error) {
      this.#options.onError(error)
      return everything
    }
  }

  /** `landed_before` has at least the rows of these landings; there are none while there is no table. */
  async #rows<Row extends readonly Value[]>(
    landings: Omit<ScanFilter, 'column'>,
    sql: string,
  ): Promise<readonly Row[]> {
    const { lake, session } = this.#options
    const table = await lake.table(collectedTables.events)
    if (table === undefined) return []
    const filters = [{ column: 'landing', ...landings }]
    await session.bindScan('landed_before', await lake.scan(table, { filters }))
    try {
      return (await session.query(sql)).rows as readonly Row[]
    } finally {
      await session.unbind('landed_before')
    }
  }
}
