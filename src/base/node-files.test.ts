import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { isMaruError } from './errors.ts'
import { createdFolders, fileError, nodeFiles } from './node-files.ts'

describe('files on the disk', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'maru-files-'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('writes a new file and refuses a name that exists, leaving its bytes', async () => {
    const file = path.join(folder, 'one')
    await nodeFiles.writeNew(file, Buffer.from('first'))
    await assert.rejects(nodeFiles.writeNew(file, Buffer.from('second')), { code: 'FILE_FAILED' })
    assert.equal(Buffer.from(await nodeFiles.read(file)).toString(), 'first')
    assert.equal(await nodeFiles.size(file), 5)
  })

  it('says undefined for the size of what is missing and an empty list for a missing folder', async () => {
    assert.equal(await nodeFiles.size(path.join(folder, 'none')), undefined)
    assert.deepEqual(await nodeFiles.list(path.join(folder, 'none')), [])
    await nodeFiles.remove(path.join(folder, 'none'))
  })

  it('names the path and the next step when a file cannot be read', async () => {
    const file = path.join(folder, 'absent')
    await assert.rejects(nodeFiles.read(file), (error) => {
      assert.ok(isMaruError(error))
      assert.equal(error.code, 'FILE_FAILED')
      assert.ok(error.message.includes(file))
      assert.notEqual(error.hint, undefined)
      return true
    })
  })

  it('grows a new file at its end, and cuts a file short', async () => {
    const file = path.join(folder, 'growing')
    const growing = await nodeFiles.openNew(file)
    await assert.rejects(nodeFiles.openNew(file), { code: 'FILE_FAILED' })
    await growing.append([Buffer.from('o'), Buffer.from('ne ')])
    await growing.append([Buffer.from('two')])
    await growing.sync()
    await growing.close()
    assert.equal(Buffer.from(await nodeFiles.read(file)).toString(), 'one two')
    await nodeFiles.cut(file, 3)
    assert.equal(Buffer.from(await nodeFiles.read(file)).toString(), 'one')
  })

  it('lists files and folders by name', async () => {
    const inner = path.join(folder, 'listed')
    await nodeFiles.makeFolder(path.join(inner, 'b'))
    await writeFile(path.join(inner, 'a'), 'x')
    const entries = await nodeFiles.list(inner)
    assert.deepEqual(
      entries.map((entry) => [entry.name, entry.isFolder]),
      [
        ['a', false],
        ['b', true],
      ],
    )
  })

  it('makes nested folders and does not mind when they exist', async () => {
    const inner = path.join(folder, 'x', 'y', 'z')
    await nodeFiles.makeFolder(inner)
    await nodeFiles.makeFolder(inner)
    assert.deepEqual(await readdir(path.join(folder, 'x', 'y')), ['z'])
    assert.deepEqual(createdFolders('/a/b', '/a/b/c/d'), ['/a/b', '/a/b/c', '/a/b/c/d'])
  })

  it('tells a full disk from other failures', () => {
    const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
    assert.equal(fileError('write', '/x', full).code, 'DISK_FULL')
    const broken = Object.assign(new Error('input/output error'), { code: 'EIO' })
    assert.equal(fileError('write', '/x', broken).code, 'FILE_FAILED')
  })
})
