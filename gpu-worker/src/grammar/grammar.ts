import { NOTHING } from "./expression.ts";
import type { Expression } from "./expression.ts";

type RuleExpression = Extract<Expression, { kind: "rule" }>;

/** Rules by name, the first written being the one that a text must match: `root`. */
export class Grammar {
  readonly #rules = new Map<string, Expression>();
  readonly #named = new Map<string, RuleExpression>();

  get rules(): ReadonlyMap<string, Expression> {
    return this.#rules;
  }

  root(expression: Expression): void {
    this.#rules.set(ROOT, expression);
  }

  /** A rule of its own for an expression that is used more than once or is long. */
  rule(expression: Expression): RuleExpression {
    const name = `r${this.#rules.size}`;
    this.#rules.set(name, expression);
    return { kind: "rule", name };
  }

  /** The rule of this key, which may refer to itself; written at its first use. */
  shared(key: string, write: () => Expression): RuleExpression {
    const known = this.#named.get(key);
    if (known !== undefined) {
      return known;
    }
    const rule = this.rule(NOTHING);
    this.#named.set(key, rule);
    this.#rules.set(rule.name, write());
    return rule;
  }
}

export const ROOT = "root";
