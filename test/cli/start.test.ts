/** `maru start` as a user meets it: an event sent is answered, a killed collector comes back, a stop ends cleanly. */
import { strict as assert } from 'node:assert'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { it } from 'node:test'
import { maruCommand, repository, runMaru } from './run-maru.ts'

it('takes events until it is told to stop', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'maru-start-'))
  try {
    await writeFile(
      path.join(folder, 'maru.config.ts'),
      "export default { zone: 'UTC', collect: { port: 0, sources: { web: {} } } }\n",
    )
    await mkdir(path.join(folder, 'node_modules'))
    await symlink(repository, path.join(folder, 'node_modules', 'maru'))
    const made = await runMaru(folder, 'keys', 'create', 'web')
    const key = made.stdout.trim().split(' ')[1]!
    const child = spawn(process.execPath, [maruCommand, 'start'], { cwd: folder })
    const ended = once(child, 'exit')
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
    let url: string | undefined
    for await (const line of createInterface(child.stdout)) {
      url = /^events: (.*)$/.exec(line)?.[1]
      if (url !== undefined) break
    }
    assert.ok(url, said)
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}` },
      body: JSON.stringify({ events: [{ id: 'one', kind: 'page', anonymous_id: 'visitor' }] }),
    })
    assert.deepEqual(await answer.json(), { results: [{ id: 'one', result: 'ok' }] })
    child.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null], said)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
