import { resolve } from 'node:path'
import { findProject } from '../app/init.ts'
import type { Words } from './command.ts'

/** `--project DIR`, or the nearest folder with maru.config.ts from here upward. */
export function projectFolder(words: Words): string {
  return findProject(resolve(words.text('project') ?? '.'))
}
