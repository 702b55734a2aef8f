/** Arithmetic over metrics: reads `(${a} - ${b}) / ${c} * 100` into a tree. */
import type { Formula, Offset } from './model.ts'

export type Hole =
  | {
      readonly kind: 'metric'
      readonly name: string
      readonly offset?: Offset
      readonly total?: readonly string[]
    }
  | { readonly kind: 'number'; readonly value: number }
export type ParsedFormula = { readonly formula: Formula } | { readonly fault: string }

type Token =
  | { readonly kind: 'operand'; readonly formula: Formula }
  | { readonly kind: 'sign'; readonly sign: string }

/** `texts` has one element more than `holes`, as in a template. */
export function parseFormula(texts: readonly string[], holes: readonly Hole[]): ParsedFormula {
  const tokens: Token[] = []
  for (const [index, text] of texts.entries()) {
    for (const match of text.matchAll(/\s+|(\d+(?:\.\d+)?)|([-+*/()])|(.)/gs)) {
      if (match[3] !== undefined) return { fault: `"${match[3]}" is no part of arithmetic` }
      if (match[1] !== undefined)
        tokens.push({ kind: 'operand', formula: { kind: 'number', value: Number(match[1]) } })
      if (match[2] !== undefined) tokens.push({ kind: 'sign', sign: match[2] })
    }
    const hole = holes[index]
    if (hole !== undefined) tokens.push({ kind: 'operand', formula: hole })
  }
  const reader = { tokens, at: 0 }
  const result = readSum(reader)
  if ('fault' in result) return result
  const rest = tokens[reader.at]
  return rest === undefined
    ? result
    : {
        fault:
          rest.kind === 'sign' ? `"${rest.sign}" is out of place` : 'two values stand side by side',
      }
}

interface Reader {
  readonly tokens: readonly Token[]
  at: number
}

function readSum(reader: Reader): ParsedFormula {
  return readChain(reader, { signs: ['+', '-'], next: readProduct })
}

function readProduct(reader: Reader): ParsedFormula {
  return readChain(reader, { signs: ['*', '/'], next: readOperand })
}

interface Level {
  readonly signs: readonly string[]
  readonly next: (reader: Reader) => ParsedFormula
}

function readChain(reader: Reader, { signs, next }: Level): ParsedFormula {
  let left = next(reader)
  while (!('fault' in left)) {
    const sign = signAt(reader)
    if (sign === undefined || !signs.includes(sign)) return left
    reader.at++
    const right = next(reader)
    if ('fault' in right) return right
    left = {
      formula: {
        kind: 'binary',
        operator: sign as '+' | '-' | '*' | '/',
        left: left.formula,
        right: right.formula,
      },
    }
  }
  return left
}

function readOperand(reader: Reader): ParsedFormula {
  const token = reader.tokens[reader.at]
  if (token === undefined) return { fault: 'a value is missing at the end' }
  reader.at++
  if (token.kind === 'operand') return { formula: token.formula }
  if (token.sign === '-') {
    const operand = readOperand(reader)
    if ('fault' in operand) return operand
    return {
      formula: {
        kind: 'binary',
        operator: '-',
        left: { kind: 'number', value: 0 },
        right: operand.formula,
      },
    }
  }
  if (token.sign !== '(') return { fault: `a value is missing before "${token.sign}"` }
  const inside = readSum(reader)
  if ('fault' in inside) return inside
  if (signAt(reader) !== ')') return { fault: 'a ")" is missing' }
  reader.at++
  return inside
}

function signAt(reader: Reader): string | undefined {
  const token = reader.tokens[reader.at]
  return token?.kind === 'sign' ? token.sign : undefined
}
