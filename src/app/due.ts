/** Which tables have something new for a run: databases by the clock, events by the journal. */
import { collectedTables } from '../model/collected.ts'
import type { State } from '../state/state.ts'
import type { Scheduled } from './app.ts'

/** What a run is to bring on from, and what to remember when it came to its end. */
export interface Pending {
  readonly tables: readonly string[]
  done(): void
}

export class Due {
  readonly #state: State
  readonly #schedule: readonly Scheduled[]
  readonly #readAtMs = new Map<string, number>()
  /** Up to where the journal was when the last run over events began. */
  #ranTo: number | undefined

  constructor(state: State, schedule: readonly Scheduled[]) {
    this.#state = state
    this.#schedule = schedule
  }

  /** A database that fails keeps no event from its metrics: each has a run of its own. At the stop a database stays as it is. */
  async next(isLast: boolean): Promise<Pending | undefined> {
    const source = this.#schedule.find(
      ({ source: name, everyMs }) =>
        performance.now() - (this.#readAtMs.get(name) ?? -Infinity) >= everyMs,
    )
    if (source !== undefined && !isLast)
      return {
        tables: source.tables,
        done: () => void this.#readAtMs.set(source.source, performance.now()),
      }
    const { events } = collectedTables
    const end = await this.#state.journalEnd()
    if (this.#ranTo !== undefined) {
      const landed = await this.#state.journal([events], this.#ranTo)
      if (landed.length === 0) return undefined
    }
    return { tables: [events], done: () => (this.#ranTo = end) }
  }
}
