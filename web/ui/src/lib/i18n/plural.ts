/** Plural forms by the language's own rules. */

type Forms = { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;

/**
 * A chooser for one language: `plural(3, { one: "# order", other: "# orders" })` gives "3 orders".
 * `#` becomes the number as that language writes it.
 */
export function plurals(language: string): (count: number, forms: Forms) => string {
  const rules = new Intl.PluralRules(language);
  const numbers = new Intl.NumberFormat(language);
  return (count, forms) => (forms[rules.select(count)] ?? forms.other).replaceAll("#", numbers.format(count));
}
