import { openApp } from '../app/open.ts'
import type { App } from '../app/app.ts'
import type { ExitCode, Words } from './command.ts'
import { projectFolder } from './project-folder.ts'

/** Opens the project that the words name, and closes it whatever happens. */
export async function withApp(
  words: Words,
  work: (app: App) => Promise<ExitCode>,
): Promise<ExitCode> {
  const app = openApp({ folder: projectFolder(words) })
  try {
    return await work(app)
  } finally {
    await app.close()
  }
}
