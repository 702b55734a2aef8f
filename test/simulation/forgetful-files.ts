/**
 * Files over a real folder that know what a power cut would leave. What was not synced is forgotten by `crash`: bytes of files, and names,
 * renames and removals in folders. Files that an engine or a test writes directly into the folder count as not synced. Faults are asked for
 * by the number of the operation: a crash in it, an error from it, a sync that does nothing.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { Files, GrowingFile } from '../../src/base/files.ts'
import { createdFolders, fileError, nodeFiles } from '../../src/base/node-files.ts'

export interface Faults {
  /** The process dies in the n-th operation (from 1) that changes the disk; a write leaves half its bytes. */
  readonly crashAt?: number
  /** The n-th operation that changes the disk fails, a write after half its bytes. */
  readonly failAt?: { readonly operation: number; readonly code: 'ENOSPC' | 'EIO' }
  /** The n-th sync (from 1) says it is done and does nothing. */
  readonly ignoreSync?: number
  /** Every operation waits as long. */
  readonly delayMs?: number
}

/** What becomes of what was not synced: all of it is lost, or each piece by a throw of the dice. */
export type Survival = 'nothing' | { readonly random: () => number }

export class SimulatedCrash extends Error {
  constructor() {
    super('the process died here')
    this.name = 'SimulatedCrash'
  }
}

/** A file or folder by its inode, so that a rename does not make it another. */
interface Durable {
  /** Synced bytes by inode of the file. */
  readonly content: Map<number, Uint8Array>
  /** Synced names by inode of the folder. */
  readonly names: Map<number, ReadonlyMap<string, Named>>
}

interface Named {
  readonly inode: number
  readonly isFolder: boolean
}

export class ForgetfulFiles implements Files {
  readonly #root: string
  /** Removed files rest here until the end, so that no inode is given twice. */
  readonly #graveyard: string
  readonly #durable: Durable = { content: new Map(), names: new Map() }
  #faults: Faults = {}
  #operations = 0
  #syncs = 0
  #dead = false

  private constructor(root: string) {
    this.#root = root
    this.#graveyard = `${root}.removed`
  }

  /** What is in the folder now is taken as durable. */
  static async over(root: string): Promise<ForgetfulFiles> {
    const files = new ForgetfulFiles(root)
    await mkdir(files.#graveyard, { recursive: true })
    await files.#takeAsDurable(root)
    return files
  }

  /** Counts operations and syncs from 0 again, with these faults. */
  inject(faults: Faults): void {
    this.#faults = faults
    this.#operations = 0
    this.#syncs = 0
  }

  get operations(): number {
    return this.#operations
  }

  get syncs(): number {
    return this.#syncs
  }

  /** Rewrites the folder to what survived. Whoever still holds these files gets SimulatedCrash; open others over the folder. */
  async crash(survival: Survival = 'nothing'): Promise<void> {
    this.#dead = true
    const survived = `${this.#root}.survived`
    await mkdir(survived)
    await this.#survive((await stat(this.#root)).ino, { from: this.#root, to: survived, survival })
    await rm(this.#root, { recursive: true })
    await rm(this.#graveyard, { recursive: true })
    await rename(survived, this.#root)
  }

  async makeFolder(folder: string): Promise<void> {
    await this.#operation('create the folder', folder)
    const target = path.resolve(folder)
    const created = (await mkdir(target, { recursive: true })) ?? target
    for (const step of createdFolders(created, target)) await this.#makeDurable(path.dirname(step))
  }

  async writeNew(file: string, bytes: Uint8Array): Promise<void> {
    await this.#operation('write', file, () =>
      writeFile(file, bytes.subarray(0, bytes.length / 2), { flag: 'wx' }),
    )
    try {
      await writeFile(file, bytes, { flag: 'wx' })
    } catch (error) {
      throw fileError('write', file, error)
    }
    await this.#makeDurable(file)
  }

  async openNew(file: string): Promise<GrowingFile> {
    await this.#operation('create', file)
    const inner = await nodeFiles.openNew(file)
    return {
      append: async (parts) => {
        const bytes = Buffer.concat(parts)
        const half = bytes.subarray(0, bytes.length / 2)
        await this.#operation('write', file, () => inner.append([half]))
        await inner.append([bytes])
      },
      sync: async () => {
        await this.#operation('sync', file)
        await this.#makeDurable(file)
      },
      close: () => inner.close(),
    }
  }

  async cut(file: string, size: number): Promise<void> {
    await this.#operation('shorten', file)
    await nodeFiles.cut(file, size)
  }

  async read(file: string): Promise<Uint8Array> {
    this.#breathe()
    return nodeFiles.read(file)
  }

  async size(file: string): Promise<number | undefined> {
    this.#breathe()
    return nodeFiles.size(file)
  }

  async syncFile(file: string): Promise<void> {
    await this.#operation('sync', file)
    await nodeFiles.size(file)
    await this.#makeDurable(file)
  }

  async syncFolder(folder: string): Promise<void> {
    await this.#operation('sync', folder)
    await this.#makeDurable(folder)
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#operation('rename', from)
    await nodeFiles.rename(from, to)
  }

  async remove(file: string): Promise<void> {
    await this.#operation('remove', file)
    await this.#bury(file)
  }

  async removeFolder(folder: string): Promise<void> {
    await this.#operation('remove', folder)
    await this.#bury(folder)
  }

  async list(folder: string): ReturnType<Files['list']> {
    this.#breathe()
    return nodeFiles.list(folder)
  }

  #breathe(): void {
    if (this.#dead) throw new SimulatedCrash()
  }

  /** Counts the operation, and lets its fault happen: `half` is what a fault in the middle leaves. */
  async #operation(action: string, target: string, half?: () => Promise<void>): Promise<void> {
    this.#breathe()
    const { crashAt, failAt, delayMs } = this.#faults
    if (delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, delayMs))
    this.#operations++
    if (this.#operations === crashAt) {
      this.#dead = true
      await half?.()
      throw new SimulatedCrash()
    }
    if (this.#operations === failAt?.operation) {
      await half?.()
      throw fileError(action, target, Object.assign(new Error(failAt.code), { code: failAt.code }))
    }
  }

  async #makeDurable(target: string): Promise<void> {
    this.#syncs++
    if (this.#syncs === this.#faults.ignoreSync) return
    const status = await stat(target)
    if (status.isDirectory()) this.#durable.names.set(status.ino, await namesIn(target))
    else this.#durable.content.set(status.ino, await readFile(target))
  }

  async #takeAsDurable(folder: string): Promise<void> {
    const names = await namesIn(folder)
    this.#durable.names.set((await stat(folder)).ino, names)
    for (const [name, { inode, isFolder }] of names) {
      const inner = path.join(folder, name)
      if (isFolder) await this.#takeAsDurable(inner)
      else this.#durable.content.set(inode, await readFile(inner))
    }
  }

  async #bury(target: string): Promise<void> {
    try {
      await rename(target, path.join(this.#graveyard, randomUUID()))
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || error.code !== 'ENOENT') throw error
    }
  }

  /** `from` is where the folder is now, if it still is. */
  async #survive(
    inode: number,
    where: { readonly from: string; readonly to: string; readonly survival: Survival },
  ): Promise<void> {
    const { from, to, survival } = where
    const names = new Map(this.#durable.names.get(inode))
    if (survival !== 'nothing') mixIn(names, await namesIn(from), survival.random)
    for (const [name, named] of names) {
      const target = path.join(to, name)
      const inner = path.join(from, name)
      if (named.isFolder) {
        await mkdir(target)
        await this.#survive(named.inode, { from: inner, to: target, survival })
      } else {
        await writeFile(target, await this.#survivingBytes(named.inode, inner, survival))
      }
    }
  }

  /** The synced bytes, and none or some of what the file has grown by since. */
  async #survivingBytes(inode: number, file: string, survival: Survival): Promise<Uint8Array> {
    const synced = this.#durable.content.get(inode) ?? new Uint8Array()
    if (survival === 'nothing') return synced
    const bytes = await readFile(file).catch(() => synced)
    if (bytes.length <= synced.length) return synced
    const grown = Math.floor(survival.random() * (bytes.length - synced.length + 1))
    return bytes.subarray(0, synced.length + grown)
  }
}

/** Each name that differs between what was synced and what is there now is as before or as now. */
function mixIn(
  names: Map<string, Named>,
  now: ReadonlyMap<string, Named>,
  random: () => number,
): void {
  for (const name of new Set([...names.keys(), ...now.keys()])) {
    const current = now.get(name)
    if (current?.inode === names.get(name)?.inode || random() < 0.5) continue
    if (current === undefined) names.delete(name)
    else names.set(name, current)
  }
}

async function namesIn(folder: string): Promise<Map<string, Named>> {
  const names = new Map<string, Named>()
  for (const name of await readdir(folder).catch(() => [])) {
    const status = await stat(path.join(folder, name))
    names.set(name, { inode: status.ino, isFolder: status.isDirectory() })
  }
  return names
}
