/** What a benchmark measures. A file in `bench/` that exports `run` is a benchmark, by its file's name; the first sentence of its comment says what for. */
export interface Figure {
  readonly what: string
  readonly value: number
  readonly unit: string
  /** The best that could be had, in the same unit: another program, the bare engine, the hardware. */
  readonly beside?: { readonly what: string; readonly value: number }
  /** value ÷ beside.value, when not given. */
  readonly ratio?: number
}

export interface BenchOptions {
  /** At most 30 seconds, with less data. */
  readonly short: boolean
}

/** `export const run: Bench = async ({ short }) => …` */
export type Bench = (options: BenchOptions) => Promise<readonly Figure[]>

/** The middle of several measurements. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}

/** Milliseconds that the work takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}
