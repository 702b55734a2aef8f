/** Runs in a worker thread of `load.ts`: imports the configuration and every declaration, builds the model, answers once. */
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parentPort, workerData } from 'node:worker_threads'
import type { Problem } from '../base/errors.ts'
import { suggest } from '../base/nearest.ts'
import { buildModel, environmentRead } from '../model/build.ts'
import type { LoadedDeclaration } from '../model/build.ts'
import type { Model } from '../model/model.ts'
import { readConfig, settingsOf, type ResolvedConfig } from './config.ts'
import { configFile, projectPath } from './find.ts'
import { importProblems, type ImportFailure } from './import-problem.ts'
import type { LoadedProject, LoadRequest } from './loaded-project.ts'

/** What importing showed: which project files import which. */
class ImportGraph {
  readonly imports = new Map<string, Set<string>>()

  add(from: string, to: string): void {
    const known = this.imports.get(from)
    if (known === undefined) this.imports.set(from, new Set([to]))
    else known.add(to)
  }

  files(): string[] {
    return [...new Set([...this.imports].flatMap(([from, to]) => [from, ...to]))]
  }
}

async function load(request: LoadRequest): Promise<LoadedProject> {
  const graph = recordImports(request)
  const current = new Int32Array(request.current)
  const { config, problems: configProblems } = await readConfig(request.folder)
  const declarations: LoadedDeclaration[] = []
  const failures: ImportFailure[] = []
  for (const [index, path] of request.files.entries()) {
    Atomics.store(current, 0, index)
    try {
      // One after the other, so that a file that hangs can be named.
      // oxlint-disable-next-line no-await-in-loop
      const module = (await import(pathToFileURL(join(request.folder, path)).href)) as Record<
        string,
        unknown
      >
      const exports = Object.entries(module)
      if (exports.length === 0) declarations.push({ path, exportName: 'default', value: undefined })
      for (const [exportName, value] of exports) declarations.push({ path, exportName, value })
    } catch (error) {
      failures.push({ path, error })
    }
  }
  Atomics.store(current, 0, request.files.length)
  const settings = settingsOf(config, request.folder)
  const built = buildModel(declarations, settings)
  const loadProblems = importProblems(failures, {
    folder: request.folder,
    imports: graph.imports,
    readSource: (path) => readFileSync(join(request.folder, path), 'utf8'),
  })
  return {
    settings,
    model: built.model,
    problems: [
      ...configProblems,
      ...loadProblems,
      ...built.problems,
      ...sourceProblems(built.model, config),
    ],
    files: [...new Set([configFile, ...graph.files()])],
    environment: [...environmentRead().keys()].toSorted(),
  }
}

/** Notes every file of the user's own that an import reaches; packages are not theirs. */
function recordImports({ folder, maruFolder }: LoadRequest): ImportGraph {
  const graph = new ImportGraph()
  const own = [new URL('..', import.meta.url).href, pathToFileURL(maruFolder).href]
  const isProjectFile = (url: string): boolean =>
    url.startsWith('file:') &&
    !own.some((start) => url.startsWith(start)) &&
    !url.includes('/node_modules/')
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context)
      const parent = context.parentURL
      if (isProjectFile(resolved.url)) {
        const to = projectPath(folder, fileURLToPath(resolved.url))
        graph.add(
          parent !== undefined && isProjectFile(parent)
            ? projectPath(folder, fileURLToPath(parent))
            : to,
          to,
        )
      }
      return resolved
    },
  })
  return graph
}

function sourceProblems(model: Model, config: ResolvedConfig | undefined): Problem[] {
  if (config === undefined) return []
  const names = Object.keys(config.sources)
  return model.tables.flatMap((table) => {
    if (
      table.kind !== 'raw_table' ||
      table.origin.kind !== 'database' ||
      names.includes(table.origin.source)
    )
      return []
    return [
      {
        code: 'PROJECT_CONFIG' as const,
        message: `${table.id} comes from the source "${table.origin.source}", which ${configFile} does not have`,
        hint: `${suggest(table.origin.source, names)} Sources are named in ${configFile}`,
        where: table.place,
        id: table.id,
      },
    ]
  })
}

if (parentPort !== null) parentPort.postMessage(await load(workerData as LoadRequest))
