/** A thread of `threads.ts`: answers each request with its columns, whose memory it gives away. */
import { parentPort } from 'node:worker_threads'
import { addUp } from './add-up.ts'
import type { AddUpRequest } from './add-up.ts'

parentPort!.on('message', (request: AddUpRequest) => {
  const columns = addUp(request)
  parentPort!.postMessage(
    columns,
    columns.map((column) => column.buffer as ArrayBuffer),
  )
})
