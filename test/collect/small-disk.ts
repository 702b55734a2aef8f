/** A disk of a stated size, to fill. */
import { equal } from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdir } from 'node:fs/promises'

/** false, or why there can be none here. */
export const cannotMount: false | string =
  process.platform === 'linux' && process.getuid?.() === 0
    ? false
    : 'only who may mount can make a small disk: run the tests as root on Linux'

/** `size` as mount takes it: `1m`. */
export async function mountSmallDisk(
  folder: string,
  size: string,
): Promise<{ readonly remove: () => void }> {
  await mkdir(folder, { recursive: true })
  equal(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]).status, 0)
  return { remove: () => void spawnSync('umount', [folder]) }
}
