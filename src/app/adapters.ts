/** The one place that names adapters. Each is imported when it is first needed: a command that needs no engine does not load one. */
import { freemem, totalmem } from 'node:os'
import { MaruError } from '../base/errors.ts'
import type { Files } from '../base/files.ts'
import { nodeFiles } from '../base/node-files.ts'
import type { Engine } from '../engine/engine.ts'
import type { Source } from '../ingest/source.ts'
import type { Lake } from '../lake/lake.ts'
import type { RawTableModel } from '../model/model.ts'
import type { ResolvedConfig } from '../project/project.ts'
import type { State } from '../state/state.ts'
import { suggest } from '../base/nearest.ts'

export const files: Files = nodeFiles

export async function openState(path: string): Promise<State> {
  const { openSqliteState } = await import('../state/sqlite.ts')
  return await openSqliteState({ path, files })
}

export async function openLakeOver(folder: string, state: State): Promise<Lake> {
  const { openLake } = await import('../lake/lake.ts')
  return openLake({ folder, state, files })
}

export async function openEngine(): Promise<Engine> {
  const { openDuckdbEngine } = await import('../engine/duckdb/duckdb.ts')
  return await openDuckdbEngine()
}

/** Half of the machine: the rest is for the page cache, which is where the lake is read from. */
export function memoryLimitBytes(): number {
  return Math.floor(Math.max(totalmem() / 2, freemem() / 2))
}

/** Opens each source once; `close` ends all that were opened. */
export interface Sources {
  of(table: RawTableModel): Promise<Source>
  named(name: string): Promise<Source>
  close(): Promise<void>
}

export function sourcesOf(folder: string, config: () => Promise<ResolvedConfig>): Sources {
  const open = new Map<string, Promise<Source>>()
  const once = (name: string, make: () => Promise<Source>): Promise<Source> => {
    let source = open.get(name)
    if (source === undefined) {
      source = make()
      open.set(name, source)
    }
    return source
  }
  const database = async (name: string): Promise<Source> => {
    const { sources } = await config()
    const source = sources[name]
    if (source === undefined) {
      throw new MaruError('NOT_FOUND', `there is no source "${name}"`, {
        hint: suggest(name, Object.keys(sources)),
        where: { file: 'maru.config.ts' },
      })
    }
    const { openPostgresSource } = await import('../ingest/source/postgres.ts')
    return openPostgresSource({ name, url: source.url })
  }
  const files = async (): Promise<Source> => {
    const { openFileSource } = await import('../ingest/source/files.ts')
    return openFileSource({ projectFolder: folder })
  }
  return {
    of: (table) =>
      table.origin.kind === 'files' ? once('files ', files) : namedOnce(table.origin.source),
    named: namedOnce,
    close: async () => {
      for (const source of open.values()) {
        // A source that could not be opened has nothing to close; its error went to whoever asked for it.
        await source.then((opened) => opened.close()).catch(() => undefined)
      }
    },
  }

  function namedOnce(name: string): Promise<Source> {
    return once(`database ${name}`, () => database(name))
  }
}
