import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { ForgetfulFiles, SimulatedCrash } from './forgetful-files.ts'

describe('files that forget at a crash', () => {
  let outer = ''
  let root = ''
  let files: ForgetfulFiles
  beforeEach(async () => {
    outer = await mkdtemp(path.join(os.tmpdir(), 'maru-forgetful-'))
    root = path.join(outer, 'root')
    await mkdir(root)
    await writeFile(path.join(root, 'before'), 'kept')
    files = await ForgetfulFiles.over(root)
  })
  afterEach(() => rm(outer, { recursive: true, force: true }))

  const inRoot = (...parts: string[]): string => path.join(root, ...parts)

  it('keep what was there at the start', async () => {
    await files.crash()
    assert.equal(await readFile(inRoot('before'), 'utf8'), 'kept')
  })

  it('forget a synced file whose folder was not synced', async () => {
    await files.writeNew(inRoot('new'), Buffer.from('bytes'))
    await files.crash()
    assert.deepEqual(await readdir(root), ['before'])
  })

  it('keep the name but not the bytes of a file that was not synced', async () => {
    await writeFile(inRoot('engine'), 'bytes')
    await files.syncFolder(root)
    await files.crash()
    assert.equal(await readFile(inRoot('engine'), 'utf8'), '')
  })

  it('keep what was written, synced and named', async () => {
    await files.makeFolder(inRoot('a', 'b'))
    await writeFile(inRoot('a', 'b', 'engine'), 'bytes')
    await files.syncFile(inRoot('a', 'b', 'engine'))
    await files.syncFolder(inRoot('a', 'b'))
    await files.crash()
    assert.equal(await readFile(inRoot('a', 'b', 'engine'), 'utf8'), 'bytes')
  })

  it('keep of a growing file what was synced, and forget what came after', async () => {
    const growing = await files.openNew(inRoot('log'))
    await files.syncFolder(root)
    await growing.append([Buffer.from('one '), Buffer.from('')])
    await growing.sync()
    await growing.append([Buffer.from('two ')])
    await growing.close()
    await files.crash()
    assert.equal(await readFile(inRoot('log'), 'utf8'), 'one ')
  })

  it('give back what was cut off and not synced', async () => {
    await files.cut(inRoot('before'), 1)
    assert.equal(await readFile(inRoot('before'), 'utf8'), 'k')
    await files.crash()
    assert.equal(await readFile(inRoot('before'), 'utf8'), 'kept')
  })

  it('forget folders whose parent was not synced', async () => {
    await mkdir(inRoot('a', 'b'), { recursive: true })
    await files.writeNew(inRoot('a', 'b', 'file'), Buffer.from('bytes'))
    await files.syncFolder(inRoot('a', 'b'))
    await files.syncFolder(inRoot('a'))
    await files.crash()
    assert.deepEqual(await readdir(root), ['before'])
  })

  it('undo renames and removals that were not synced', async () => {
    await files.rename(inRoot('before'), inRoot('after'))
    await files.remove(inRoot('after'))
    await files.crash()
    assert.equal(await readFile(inRoot('before'), 'utf8'), 'kept')
  })

  it('keep renames and removals once the folder is synced', async () => {
    await files.rename(inRoot('before'), inRoot('after'))
    await files.syncFolder(root)
    await files.crash()
    assert.deepEqual(await readdir(root), ['after'])
    assert.equal(await readFile(inRoot('after'), 'utf8'), 'kept')
  })

  it('die in the asked-for operation, leaving half of a write, and stay dead', async () => {
    files.inject({ crashAt: 1 })
    await assert.rejects(files.writeNew(inRoot('new'), Buffer.from('bytes!')), SimulatedCrash)
    assert.equal(await readFile(inRoot('new'), 'utf8'), 'byt')
    await assert.rejects(files.read(inRoot('before')), SimulatedCrash)
  })

  it('fail the asked-for operation as a full or broken disk does', async () => {
    files.inject({ failAt: { operation: 2, code: 'ENOSPC' } })
    await files.writeNew(inRoot('one'), Buffer.from('bytes'))
    await assert.rejects(files.writeNew(inRoot('two'), Buffer.from('bytes')), { code: 'DISK_FULL' })
    files.inject({ failAt: { operation: 1, code: 'EIO' } })
    await assert.rejects(files.syncFolder(root), { code: 'FILE_FAILED' })
  })

  it('ignore the asked-for sync', async () => {
    files.inject({ ignoreSync: 2 })
    await files.writeNew(inRoot('new'), Buffer.from('bytes'))
    await files.syncFolder(root)
    assert.equal(files.syncs, 2)
    await files.crash()
    assert.deepEqual(await readdir(root), ['before'])
  })

  it('may keep any part of what was not synced when the dice say so', async () => {
    await writeFile(inRoot('engine'), 'bytes')
    await files.crash({ random: () => 0.5 })
    assert.equal(await readFile(inRoot('engine'), 'utf8'), 'byt')
  })
})
