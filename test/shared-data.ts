/** Real data that tests read where it is: beside the repository, or below the folder that MARU_DATA names. */
import { existsSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'

export interface SharedData {
  readonly folder: string
  readonly skip: string | false
}

/** Where the data of one name is, and why its tests are skipped when it is not. */
export function sharedData(name: string): SharedData {
  const root = path.resolve(import.meta.dirname, '..')
  const folder = path.join(process.env['MARU_DATA'] ?? path.join(root, '../shared/data'), name)
  if (existsSync(folder)) return { folder, skip: false }
  const reason = `no data at ${folder}: MARU_DATA names the folder above`
  if ((process.env['MARU_REQUIRE'] ?? '').split(',').includes('all')) throw new Error(reason)
  return { folder, skip: reason }
}

/** Tests that are made from the data: without it one that is skipped, and says why. */
export function describeData(title: string, { skip }: SharedData, tests: () => void): void {
  if (skip === false) describe(title, tests)
  else it(title, { skip })
}
