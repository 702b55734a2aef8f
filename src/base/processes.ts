/** Other processes of this machine. */

/** Whether a process with this id is there; one of another user counts. */
export function isProcessAlive(processId: number): boolean {
  try {
    // Signal 0 only asks whether the process is there.
    process.kill(processId, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
