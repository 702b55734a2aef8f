/** A project of a test, in a temporary folder that the package `maru` resolves from. */
import { strict as assert } from 'node:assert'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { App } from '../../src/app/app.ts'

const root = path.resolve(import.meta.dirname, '../..')

/** Path under the project folder → text. */
export async function makeProject(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'maru-real-'))
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(folder, name)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  await mkdir(path.join(folder, 'node_modules'))
  await symlink(root, path.join(folder, 'node_modules', 'maru'))
  return folder
}

export async function removeProject(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}

/** Brings everything up to date; no task may fail. */
export async function runAll(app: App): Promise<void> {
  const { problems } = await app.check()
  assert.deepEqual(problems, [])
  const record = await app.run({ ids: [] })
  const faults = record.tasks.filter(
    (task) => task.status !== 'published' && task.status !== 'unchanged',
  )
  assert.deepEqual(
    faults.map((task) => `${task.taskId} ${task.status}: ${task.error}`),
    [],
  )
}

export async function readGzip(file: string): Promise<string> {
  return gunzipSync(await readFile(file)).toString('utf8')
}
