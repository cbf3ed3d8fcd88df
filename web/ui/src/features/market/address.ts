/** Addresses: which fields a country needs, in which order it writes them, and how they read. */
import type { Address } from "$lib/types";

export type AddressField = "name" | "phone" | "region" | "city" | "street" | "postal_code";

/** ISO 3166-1, all officially assigned codes. */
const CODES =
  "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW".split(
    " ",
  );

/** The longest that a field may be; generous for any real address. */
export const ADDRESS_FIELD_MAX = 200;

/** Where the largest unit is written first, and the name of the person last or on a line of its own. */
const LARGEST_FIRST = new Set(["CN", "TW", "HK", "MO", "JP", "KR"]);
/** Where a parcel without a state or province goes astray. */
const REGION_REQUIRED = new Set(["CN", "US", "CA", "AU", "JP", "IN", "BR", "MX", "MY", "ID", "TH", "VN"]);
/** Where the state or province stands in no address. */
const REGION_UNUSED = new Set([
  "DE",
  "AT",
  "CH",
  "FR",
  "NL",
  "BE",
  "LU",
  "DK",
  "NO",
  "SE",
  "FI",
  "PL",
  "CZ",
  "SK",
  "PT",
  "SG",
  "HK",
  "MO",
  "LI",
  "MC",
]);
/** Where most people don't know their postal code, or there is none. */
const POSTAL_OPTIONAL = new Set(["CN", "HK", "MO", "IE", "AE", "QA", "PH", "VN"]);

export const isCountry = (code: string): boolean => CODES.includes(code);

const names = new Map<string, Intl.DisplayNames>();

/** A country's name in a language; a subdivision keeps its code ("Germany BY"). */
export function countryName(code: string, tag: string): string {
  let own = names.get(tag);
  if (own === undefined) names.set(tag, (own = new Intl.DisplayNames([tag], { type: "region" })));
  const [country = "", part] = code.split("-");
  if (!isCountry(country)) return code;
  const name = own.of(country) ?? code;
  return part === undefined ? name : `${name} ${part}`;
}

/** Every country with its name, by name as the language sorts. */
export function countries(tag: string): { code: string; name: string }[] {
  const order = new Intl.Collator(tag);
  return CODES.map((code) => ({ code, name: countryName(code, tag) })).sort((a, b) =>
    order.compare(a.name, b.name),
  );
}

/** The fields of a country's address in the order in which they are asked. */
export function fieldsOf(country: string): AddressField[] {
  const region: AddressField[] = REGION_UNUSED.has(country) ? [] : ["region"];
  if (LARGEST_FIRST.has(country)) return ["name", "phone", ...region, "city", "street", "postal_code"];
  if (REGION_REQUIRED.has(country)) return ["name", "street", "city", ...region, "postal_code", "phone"];
  return ["name", "street", "postal_code", "city", ...region, "phone"];
}

export function isRequired(field: AddressField, country: string): boolean {
  if (field === "postal_code") return !POSTAL_OPTIONAL.has(country);
  if (field === "region") return REGION_REQUIRED.has(country);
  if (field === "phone") return LARGEST_FIRST.has(country);
  return true;
}

export type AddressProblem = "missing" | "too_long" | "bad_phone" | "bad_country";

/** What is wrong with an address, by field; empty when it can be used. */
export function problemsOf(address: Address): Partial<Record<AddressField | "country", AddressProblem>> {
  const problems: Partial<Record<AddressField | "country", AddressProblem>> = {};
  if (!isCountry(address.country)) problems.country = "bad_country";
  for (const field of fieldsOf(address.country)) {
    const value = address[field].trim();
    if (value === "" && isRequired(field, address.country)) problems[field] = "missing";
    else if (value.length > ADDRESS_FIELD_MAX) problems[field] = "too_long";
    else if (field === "phone" && value !== "" && !/^[+\d][\d\s()./-]{2,}$/.test(value))
      problems.phone = "bad_phone";
  }
  return problems;
}

/** The address as its lines are written in that country. */
export function linesOf(address: Address, tag: string): string[] {
  const { name, phone, region, city, street, postal_code: postal, country } = address;
  const land = countryName(country, tag);
  const lines = LARGEST_FIRST.has(country)
    ? [
        [land, postal].join(" "),
        [region === city ? "" : region, city, street].join(""),
        [name, phone].join(" "),
      ]
    : REGION_REQUIRED.has(country)
      ? [name, street, [[city, region].filter(Boolean).join(", "), postal].join(" "), land, phone]
      : [name, street, [postal, city].join(" "), region, land, phone];
  return lines.map((line) => line.trim()).filter((line) => line !== "");
}

export const emptyAddress = (country: string): Address => ({
  name: "",
  phone: "",
  country,
  region: "",
  city: "",
  street: "",
  postal_code: "",
});

/** Two addresses that a parcel would not tell apart. */
export const sameAddress = (a: Address, b: Address): boolean =>
  (Object.keys(a) as (keyof Address)[]).every((field) => a[field].trim() === b[field].trim());
