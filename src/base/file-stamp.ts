/** Whether a file changed, without reading it. */
import { stat } from 'node:fs/promises'

/** A text that differs when the file was written, replaced or removed since. */
export async function fileStamp(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true })
    return `${ino} ${size} ${mtimeNs}`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none'
    throw error
  }
}
