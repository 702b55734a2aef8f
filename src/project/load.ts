/**
 * Imports a project's declarations and builds the Model. The imports run in a worker thread: each load sees the files as they are now
 * (a process that stays up would keep old modules for ever), and a declaration that exits, hangs or prints does not take Maru with it.
 */
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { MaruError, assert, messageOf, type Problem } from '../base/errors.ts'
import { declarationFiles } from './find.ts'
import type { LoadedProject, LoadRequest } from './loaded-project.ts'

export interface LoadOptions {
  /** A declaration that takes longer to import is a problem. */
  readonly importTimeoutMs?: number
  readonly signal?: AbortSignal
}

/** How many files that hang or exit are set aside one after the other before the load gives up. */
const stuckFilesMax = 5

/** Loads every declaration; faults of the project are problems in the answer, never thrown. PROJECT_NOT_INSTALLED is. */
export async function loadProject(
  folder: string,
  options: LoadOptions = {},
): Promise<LoadedProject> {
  const maruFolder = findPackage(folder)
  const files = declarationFiles(folder)
  const stuck: Problem[] = []
  for (;;) {
    const without = new Set(stuck.map((problem) => problem.where.file))
    const request: LoadRequest = {
      folder,
      maruFolder,
      files: files.filter((file) => !without.has(file)),
      current: counterAt(-1),
    }
    // A second worker starts only after the first one met a file that never ends.
    // oxlint-disable-next-line no-await-in-loop
    const answer = await runWorker(request, options)
    if (answer.kind === 'loaded') {
      return {
        ...answer.project,
        problems: [...stuck, ...answer.project.problems],
        files: [...new Set([...answer.project.files, ...files])].toSorted(),
      }
    }
    const file = request.files[answer.current] ?? 'maru.config.ts'
    stuck.push({
      code: 'PROJECT_LOAD',
      message: `loading this file ${answer.reason}`,
      hint: 'a declaration only describes: take out what exits, waits or runs for ever',
      where: { file },
    })
    if (stuck.length > stuckFilesMax || file === 'maru.config.ts') {
      const last = stuck.at(-1)!
      throw new MaruError('PROJECT_LOAD', last.message, {
        where: last.where,
        ...(last.hint === undefined ? {} : { hint: last.hint }),
      })
    }
  }
}

function counterAt(value: number): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(4)
  Atomics.store(new Int32Array(buffer), 0, value)
  return buffer
}

/** The project must find the `maru` that its declarations import: its own or a parent folder's package. */
function findPackage(folder: string): string {
  try {
    return dirname(createRequire(join(folder, 'package.json')).resolve('maru'))
  } catch (cause) {
    throw new MaruError('PROJECT_NOT_INSTALLED', `the project in ${folder} has no package "maru"`, {
      hint: `run \`npm install\` in ${folder}`,
      cause,
    })
  }
}

type WorkerOutcome =
  | { readonly kind: 'loaded'; readonly project: LoadedProject }
  | { readonly kind: 'stuck'; readonly current: number; readonly reason: string }

async function runWorker(request: LoadRequest, options: LoadOptions): Promise<WorkerOutcome> {
  const timeoutMs = options.importTimeoutMs ?? 60_000
  const script = import.meta.url.endsWith('.ts') ? './load-worker.ts' : './load-worker.js'
  const worker = new Worker(new URL(script, import.meta.url), { workerData: request, stdout: true })
  // Standard output belongs to the command; what a declaration prints is for the author.
  worker.stdout.on('data', (chunk: Uint8Array) => process.stderr.write(chunk))
  const current = new Int32Array(request.current)
  const { promise, resolve, reject } = Promise.withResolvers<WorkerOutcome>()
  const onAbort = (): void => reject(options.signal?.reason)
  options.signal?.addEventListener('abort', onAbort, { once: true })
  let seen = -1
  const watch = setInterval(() => {
    const now = Atomics.load(current, 0)
    if (now === seen)
      resolve({ kind: 'stuck', current: now, reason: `took longer than ${timeoutMs / 1000} s` })
    seen = now
  }, timeoutMs)
  worker.once('message', (answer: LoadedProject) => resolve({ kind: 'loaded', project: answer }))
  worker.once('error', (error) => {
    const index = Atomics.load(current, 0)
    if (index < 0 || index >= request.files.length) reject(error)
    else
      resolve({
        kind: 'stuck',
        current: index,
        reason: `throws later: ${messageOf(error).split('\n', 1)[0]}`,
      })
  })
  worker.once('exit', (code) =>
    resolve({
      kind: 'stuck',
      current: Atomics.load(current, 0),
      reason:
        code === 13
          ? 'waits for something that never comes'
          : `ends the process (exit code ${code})`,
    }),
  )
  try {
    options.signal?.throwIfAborted()
    const outcome = await promise
    assert(
      outcome.kind === 'stuck' || outcome.project.model.formatVersion === 1,
      'the loader answers with a model',
    )
    return outcome
  } finally {
    clearInterval(watch)
    options.signal?.removeEventListener('abort', onAbort)
    await worker.terminate()
  }
}
