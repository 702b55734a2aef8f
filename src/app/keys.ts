/** Write keys need the records and the names of the sources, but no checked project: a key must be revocable while a declaration is wrong. */
import { MaruError } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import { createKey, listKeys, revokeKey, rotateKey } from '../collect/collect.ts'
import { loadConfig } from '../project/project.ts'
import type { ResolvedConfig } from '../project/project.ts'
import type { State } from '../state/state.ts'
import { openState } from './adapters.ts'
import type { WriteKeys } from './app.ts'

export function writeKeysOf(folder: string): WriteKeys {
  const withState = async <Result>(
    work: (state: State, config: ResolvedConfig) => Promise<Result>,
  ): Promise<Result> => {
    const config = await loadConfig(folder)
    const state = await openState(config.statePath)
    try {
      return await work(state, config)
    } finally {
      await state.close()
    }
  }
  return {
    list: () => withState((state) => listKeys(state)),
    create: (source) =>
      withState(async (state, config) => {
        requireSource(config, source)
        return await createKey(state, source, Date.now())
      }),
    rotate: (id, options = {}) =>
      withState((state) => rotateKey(state, id, { nowMs: Date.now(), ...options })),
    revoke: (id) => withState((state) => revokeKey(state, id, Date.now())),
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
