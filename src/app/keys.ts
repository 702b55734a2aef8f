/** Write keys need the records and the names of the sources, but no checked project: a key must be revocable while a declaration is wrong. */
import { MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import type * as collectFace from '../collect/collect.ts'
import { loadConfig } from '../project/project.ts'
import type { ResolvedConfig } from '../project/project.ts'
import type { State } from '../state/state.ts'
import { openState } from './adapters.ts'
import type { WriteKeys } from './app.ts'

// Loaded when a key is asked for: other commands start without it.
type Collect = typeof collectFace

export function writeKeysOf(folder: string): WriteKeys {
  const withState = async <Result>(
    work: (collect: Collect, state: State, config: ResolvedConfig) => Promise<Result>,
  ): Promise<Result> => {
    const config = await loadConfig(folder)
    const state = await openState(config.statePath)
    try {
      return await work(await import('../collect/collect.ts'), state, config)
    } finally {
      await state.close()
    }
  }
  return {
    list: () => withState((collect, state) => collect.listKeys(state)),
    create: (source) =>
      withState(async (collect, state, config) => {
        requireSource(config, source)
        return await collect.createKey(state, source, Date.now())
      }),
    rotate: (id, options = {}) =>
      withState((collect, state) =>
        collect.rotateKey(state, id, { nowMs: Date.now(), ...options }),
      ),
    revoke: (id) => withState((collect, state) => collect.revokeKey(state, id, Date.now())),
  }
}

function requireSource(config: ResolvedConfig, source: string): void {
  const names = Object.keys(config.collect?.sources ?? {})
  if (names.includes(source)) return
  throw new MaruError('NOT_FOUND', `nobody called "${source}" sends events`, {
    hint:
      names.length === 0
        ? `name who sends: collect: { sources: { ${source}: {} } }`
        : `${suggest(source, names)} They are named under collect.sources`,
    where: { file: 'maru.config.ts' },
  })
}
