/** Other processes of this machine. */
import { readFileSync } from 'node:fs'

/** Whether a process with this id is at work; one of another user counts. */
export function isProcessAlive(processId: number): boolean {
  try {
    // Signal 0 only asks whether the process is there.
    process.kill(processId, 0)
    return !isDefunct(processId)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Linux keeps the id of one that ended until its parent asks, which in a container may be never. */
function isDefunct(processId: number): boolean {
  try {
    // After the name, which may hold anything.
    const text = readFileSync(`/proc/${processId}/stat`, 'latin1')
    return text.slice(text.lastIndexOf(')')).startsWith(') Z')
  } catch {
    // Not Linux, or gone meanwhile.
    return false
  }
}
