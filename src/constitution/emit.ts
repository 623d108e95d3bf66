/**
 * Writes JavaScript for expressions: straight-line code on doubles that knows how wrong it may be.
 *
 * Beside each sum the code keeps the sum of the magnitudes that went into it. A double result is off by at most a few units of
 * 2^−53 of that magnitude for each operation, so where two sides differ by more than `GUARD` times their magnitudes the
 * doubles have told the truth; where they do not, the exact evaluator is asked. Every comparison is therefore exact, and nearly all
 * cost one subtraction. (This is the floating-point filter of computational geometry: Shewchuk 1997.)
 */
import { walk, type Expression } from './expression.ts'
import { FALSE, TRUE, UNKNOWN } from './facts.ts'
import type { Fact } from './model.ts'

/** Far above 2^−53 times the number of operations an expression of 4,096 characters can hold. */
const GUARD = '1e-12'

/** A comparison whose sides are kept for the findings: `T` its truth, `L` and `R` its sides, by index. */
export interface Comparison {
  readonly expression: Expression & { kind: 'compare' | 'call' }
  readonly left: Expression
  readonly right: Expression
  /** Whether it stands under a `not`, where what it says is what is wanted rather than what is forbidden. */
  readonly negated: boolean
  /** 1 where the right side bounds the left from above (`observed > limit` is forbidden), −1 from below, 0 for a grid. */
  readonly bound: -1 | 0 | 1
}

interface Numeric {
  /** A variable or constant without effects. */
  readonly value: string
  readonly magnitude: string
}

/** Marks a comparison that was not reached. */
export const NOT_REACHED = 3

export class Emitter {
  readonly lines: string[] = []
  /** In the order of their indexes; shared by all emitters of a program. */
  readonly comparisons: Comparison[]
  readonly #slotOf: (name: string) => number
  readonly #factOf: (name: string) => Fact
  readonly #constants: number[]
  readonly #base: string
  #names = 0
  #negated = false
  #keepsSides = false
  #sides = { left: 'NaN', right: 'NaN' }

  constructor(
    slotOf: (name: string) => number,
    factOf: (name: string) => Fact,
    comparisons: Comparison[],
    constants: number[],
    place: number,
  ) {
    this.#constants = constants
    this.#base = `K[${place}]`
    this.#slotOf = slotOf
    this.#factOf = factOf
    this.comparisons = comparisons
  }

  /** A new variable, declared with `initial`. */
  fresh(initial: string): string {
    const name = `v${this.#names++}`
    this.lines.push(`let ${name}=${initial};`)
    return name
  }

  /** Emits a condition; answers the variable that holds its truth. */
  truth(expression: Expression): string {
    switch (expression.kind) {
      case 'boolean':
        return String(expression.value ? TRUE : FALSE)
      case 'fact':
        return `b[${this.#slotOf(expression.name)}]`
      case 'not': {
        this.#negated = !this.#negated
        const truth = this.truth(expression.of)
        this.#negated = !this.#negated
        return this.fresh(`${TRUE}-${truth}`)
      }
      case 'and':
        return this.#chain(expression.of, '<', FALSE)
      case 'or':
        return this.#chain(expression.of, '>', TRUE)
      case 'equal': {
        const left = this.#text(expression.left)
        const right = this.#text(expression.right)
        const [same, other] = expression.negated ? [FALSE, TRUE] : [TRUE, FALSE]
        return this.fresh(
          `${left}===undefined||${right}===undefined?${UNKNOWN}:${left}===${right}?${same}:${other}`,
        )
      }
      case 'in':
        return this.among(this.#text(expression.left), expression.values)
      case 'compare':
        return this.#compare(expression)
      case 'call':
        return this.#multiple(expression)
      default:
        return String(UNKNOWN)
    }
  }

  /** Emits whether the text in `variable` is among `values`. */
  among(variable: string, values: readonly string[]): string {
    const tests = values.map((value) => `${variable}===${JSON.stringify(value)}`).join('||')
    return this.fresh(`${variable}===undefined?${UNKNOWN}:${tests}?${TRUE}:${FALSE}`)
  }

  textSlot(name: string): string {
    return `s[${this.#slotOf(name)}]`
  }

  /** Emits a numeric expression. */
  number(expression: Expression): Numeric {
    switch (expression.kind) {
      case 'number': {
        const value = `c[${this.#constants.push(expression.value) - 1}]`
        return { value, magnitude: expression.value < 0 ? `Math.abs(${value})` : value }
      }
      case 'fact': {
        const slot = this.#slotOf(expression.name)
        const derived = this.#factOf(expression.name).origin.kind === 'derived'
        return { value: `n[${slot}]`, magnitude: derived ? `g[${slot}]` : `Math.abs(n[${slot}])` }
      }
      case 'arithmetic':
        return this.#arithmetic(expression)
      case 'call':
        return expression.name === 'if' ? this.#choose(expression) : this.#call(expression)
      default:
        return { value: 'NaN', magnitude: '0' }
    }
  }

  /** Kleene's `and` (lesser wins, stop at false) or `or` (greater wins, stop at true). */
  #chain(of: readonly Expression[], wins: '<' | '>', stop: number): string {
    const [first, ...rest] = of
    const result = this.fresh(first === undefined ? String(UNKNOWN) : this.truth(first))
    let open = 0
    for (const other of rest) {
      this.lines.push(`if(${result}!==${stop}){`)
      open += 1
      const next = this.truth(other)
      this.lines.push(`if(${next}${wins}${result})${result}=${next};`)
    }
    this.lines.push('}'.repeat(open))
    return result
  }

  #text(expression: Expression): string {
    if (expression.kind === 'text') return JSON.stringify(expression.value)
    return expression.kind === 'fact' ? this.textSlot(expression.name) : 'undefined'
  }

  #compare(expression: Expression & { kind: 'compare' }): string {
    const { left: leftOf, right: rightOf } = expression
    const upper = expression.operator.startsWith('>') !== this.#negated
    const index =
      this.comparisons.push({
        expression,
        left: leftOf,
        right: rightOf,
        negated: this.#negated,
        bound: upper ? 1 : -1,
      }) - 1
    const left = this.number(expression.left)
    const right = this.number(expression.right)
    const l = this.fresh(left.value)
    const r = this.fresh(right.value)
    const difference = this.fresh(`${l}-${r}`)
    const doubt = this.fresh(`(${left.magnitude}+${right.magnitude})*${GUARD}`)
    const greater = expression.operator.startsWith('>')
    const [above, below] = greater ? [TRUE, FALSE] : [FALSE, TRUE]
    const truth = this.fresh(
      `${difference}>${doubt}?${above}:${difference}<-${doubt}?${below}:${difference}===${difference}?X(${this.#base}+${index},f):${UNKNOWN}`,
    )
    const sides = {
      left: this.#sound(expression.left, left, l),
      right: this.#sound(expression.right, right, r),
    }
    if (this.#keepsSides) this.#sides = sides
    else this.lines.push(`T[o+${index}]=${truth};L[o+${index}]=${sides.left};R[o+${index}]=${sides.right};`)
    return truth
  }

  /** Emits a condition that is one comparison; answers its truth and its sides, which are then kept nowhere else. */
  soleTruth(expression: Expression): { truth: string; left: string; right: string } {
    this.#keepsSides = true
    const truth = this.truth(expression)
    this.#keepsSides = false
    return { truth, ...this.#sides }
  }

  /** What is kept of a side: nothing where a divisor was too small to tell, since the value then stands for no number. */
  #sound(expression: Expression, { magnitude }: Numeric, variable: string): string {
    let divides = false
    walk(expression, (node) => {
      if (node.kind === 'arithmetic' && node.operator === '/') divides = true
      if (node.kind === 'fact' && this.#factOf(node.name).origin.kind === 'derived') divides = true
    })
    return divides ? `${magnitude}<Infinity?${variable}:NaN` : variable
  }

  #multiple(expression: Expression & { kind: 'call' }): string {
    const [valueOf, stepOf] = expression.of
    if (valueOf === undefined || stepOf === undefined) return String(UNKNOWN)
    // Only decimals as they were written divide without doubt; computed values go to the exact evaluator.
    const plain = [valueOf, stepOf].every(
      (of) => of.kind === 'number' || (of.kind === 'fact' && this.#factOf(of.name).origin.kind !== 'derived'),
    )
    const index =
      this.comparisons.push({ expression, left: valueOf, right: stepOf, negated: this.#negated, bound: 0 }) -
      1
    const left = this.number(valueOf)
    const right = this.number(stepOf)
    const value = this.fresh(left.value)
    const step = this.fresh(right.value)
    const whole = plain
      ? `${step}===0?${UNKNOWN}:M(${value},${step})?${TRUE}:${FALSE}`
      : `X(${this.#base}+${index},f)`
    const truth = this.fresh(`${value}!==${value}||${step}!==${step}?${UNKNOWN}:${whole}`)
    this.lines.push(
      `T[o+${index}]=${truth};L[o+${index}]=${this.#sound(valueOf, left, value)};R[o+${index}]=${this.#sound(stepOf, right, step)};`,
    )
    return truth
  }

  #arithmetic({ operator, left, right }: Expression & { kind: 'arithmetic' }): Numeric {
    const a = this.number(left)
    const b = this.number(right)
    if (operator === '+' || operator === '-') {
      return {
        value: this.fresh(`${a.value}${operator}${b.value}`),
        magnitude: this.fresh(`${a.magnitude}+${b.magnitude}`),
      }
    }
    if (operator === '*')
      return {
        value: this.fresh(`${a.value}*${b.value}`),
        magnitude: this.fresh(`${a.magnitude}*${b.magnitude}`),
      }
    // A divisor that is nothing but rounding error may be zero: an infinite magnitude sends the comparison to the exact evaluator.
    const divisor = this.fresh(`Math.abs(${b.value})`)
    const sound = this.fresh(`${divisor}>${b.magnitude}*1e-6`)
    const known = `${a.value}===${a.value}&&${b.value}===${b.value}`
    const value = this.fresh(`${sound}?${a.value}/${b.value}:${known}?1:NaN`)
    const magnitude = this.fresh(
      `${sound}?(${a.magnitude}+Math.abs(${value})*${b.magnitude})/${divisor}:Infinity`,
    )
    return { value, magnitude }
  }

  #call(expression: Expression & { kind: 'call' }): Numeric {
    const parts = expression.of.map((of) => this.number(of))
    if (expression.name === 'abs') {
      const [part] = parts
      return { value: this.fresh(`Math.abs(${part?.value ?? 'NaN'})`), magnitude: part?.magnitude ?? '0' }
    }
    return {
      value: this.fresh(`Math.${expression.name}(${parts.map((part) => part.value).join(',')})`),
      magnitude: this.fresh(`Math.max(${parts.map((part) => part.magnitude).join(',')})`),
    }
  }

  #choose(expression: Expression & { kind: 'call' }): Numeric {
    const [condition, yes, no] = expression.of
    if (condition === undefined || yes === undefined || no === undefined)
      return { value: 'NaN', magnitude: '0' }
    const truth = this.truth(condition)
    const value = this.fresh('NaN')
    const magnitude = this.fresh('0')
    for (const [wanted, branch] of [
      [TRUE, yes],
      [FALSE, no],
    ] as const) {
      this.lines.push(`if(${truth}===${wanted}){`)
      const part = this.number(branch)
      this.lines.push(`${value}=${part.value};${magnitude}=${part.magnitude};}`)
    }
    return { value, magnitude }
  }
}
