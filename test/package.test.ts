/** The package that is published: compiled, it runs a project in the same way as the sources do. */
import { equal, match } from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

const root = join(import.meta.dirname, '..')
const compiled = join(root, 'package/dist/cli/maru.js')

describe('the package to publish', () => {
  let folder: string
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'maru-package-'))
    execFileSync(process.execPath, [join(root, 'tools/pack.ts')])
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  it('makes, checks and runs a project', () => {
    const project = join(folder, 'shop')
    execFileSync(process.execPath, [compiled, 'init', project, '--zone', 'Asia/Seoul'])
    mkdirSync(join(project, 'node_modules'), { recursive: true })
    rmSync(join(project, 'node_modules/maru'), { force: true })
    symlinkSync(join(root, 'package'), join(project, 'node_modules/maru'))
    const maru = (...args: readonly string[]): string =>
      execFileSync(process.execPath, [compiled, ...args, '--project', project], {
        encoding: 'utf8',
      })
    match(maru('check'), /no problems/)
    maru('run')
    const [row] = JSON.parse(
      maru('query', 'select count(*) as lines from merged.purchase', '--format', 'json'),
    ) as readonly { readonly lines: number }[]
    equal(row?.lines, 12)
  })
})
