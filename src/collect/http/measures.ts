/** What a collector process counts, in the text form of Prometheus. Labels come from closed lists only. */
import type { EventResult } from '../dialect.ts'
import type { LogWriter } from '../log.ts'

export class Measures {
  /** Requests refused before their body was read whole. */
  shed = 0
  /** Of bodies, unpacked. */
  bytes = 0
  readonly #answers = new Map<number, number>()
  readonly #events: Record<EventResult['result'], number> = {
    ok: 0,
    duplicate: 0,
    quarantined: 0,
    retry: 0,
  }

  countAnswer(status: number): void {
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1)
  }

  countEvents(results: readonly EventResult[]): void {
    for (const { result } of results) this.#events[result]++
  }

  text(pressure: LogWriter['pressure'], pendingBytes: number): string {
    const lines = [
      '# TYPE maru_collect_answers_total counter',
      ...[...this.#answers].map(
        ([status, count]) => `maru_collect_answers_total{status="${status}"} ${count}`,
      ),
      '# TYPE maru_collect_events_total counter',
      ...Object.entries(this.#events).map(
        ([result, count]) => `maru_collect_events_total{result="${result}"} ${count}`,
      ),
      '# TYPE maru_collect_shed_total counter',
      `maru_collect_shed_total ${this.shed}`,
      '# TYPE maru_collect_body_bytes_total counter',
      `maru_collect_body_bytes_total ${this.bytes}`,
      '# TYPE maru_collect_pending_bytes gauge',
      `maru_collect_pending_bytes ${pendingBytes}`,
      '# TYPE maru_log_waiting_bytes gauge',
      `maru_log_waiting_bytes ${pressure.waitingBytes}`,
      '# TYPE maru_log_sync_ms gauge',
      `maru_log_sync_ms ${pressure.syncMs}`,
      '# TYPE process_resident_memory_bytes gauge',
      `process_resident_memory_bytes ${process.memoryUsage.rss()}`,
    ]
    return `${lines.join('\n')}\n`
  }
}
