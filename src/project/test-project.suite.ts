/** For tests: a project in a temporary folder, the scaffold of `maru init` with edits. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { initFiles } from './init-files.ts'

export interface TestProject {
  readonly folder: string
  write(path: string, text: string): void
  /** Replaces a text that must be there. */
  edit(path: string, from: string, to: string): void
  remove(path: string): void
  dispose(): void
}

export function makeTestProject(): TestProject {
  const folder = mkdtempSync(join(tmpdir(), 'maru-project-'))
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  for (const [path, text] of initFiles({
    name: 'shop',
    zone: 'Asia/Seoul',
    maru: '*',
    command: 'maru',
  }))
    write(path, text)
  mkdirSync(join(folder, 'node_modules'))
  symlinkSync(
    join(import.meta.dirname, '..', '..'),
    join(folder, 'node_modules', 'maru'),
    'junction',
  )
  return {
    folder,
    write,
    edit(path, from, to) {
      const text = readFileSync(join(folder, path), 'utf8')
      if (!text.includes(from)) throw new Error(`${path} has no "${from}"`)
      write(
        path,
        text.replace(from, () => to),
      )
    },
    remove: (path) => rmSync(join(folder, path), { recursive: true }),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  }
}
