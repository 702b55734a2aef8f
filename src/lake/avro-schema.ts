/** Avro schemas and values, as far as Iceberg uses them. */
export type AvroSchema = string | readonly AvroSchema[] | AvroNamed

export interface AvroNamed {
  /** `record`, `array`, `fixed`, a primitive's name, or a schema. */
  readonly type: AvroSchema
  readonly name?: string
  readonly fields?: readonly AvroField[]
  readonly items?: AvroSchema
  readonly values?: AvroSchema
  readonly size?: number
  readonly symbols?: readonly string[]
  readonly logicalType?: string
  readonly 'element-id'?: number
}

export interface AvroField {
  readonly name: string
  readonly type: AvroSchema
  readonly 'field-id'?: number
  readonly default?: null
}

/** A long is a `number` when that is exact, else a `bigint`. */
export type AvroValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly AvroValue[]
  | ReadonlyMap<AvroValue, AvroValue>
  | AvroRecord

export interface AvroRecord {
  readonly [name: string]: AvroValue
}
