const SHORT_LABEL = "[a-z0-9]{1,16}";
const LABEL = "[a-z0-9]+(?:-[a-z0-9]+)*";
const HOST = `${LABEL}(?:\\.${LABEL})*`;
const LOCAL = "[A-Za-z0-9_+-]+";
const BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const MONTH_DAY =
  "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))";
const DATE = `[0-9]{4}-${MONTH_DAY}`;
const CLOCK = "(?:[01][0-9]|2[0-3]):[0-5][0-9]";
const TIME = `${CLOCK}:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-]${CLOCK})`;
const DURATION_TIME =
  "T(?:[0-9]{1,4}H(?:[0-9]{1,4}M)?(?:[0-9]{1,4}S)?|[0-9]{1,4}M(?:[0-9]{1,4}S)?|[0-9]{1,4}S)";
const DURATION_DATE =
  "(?:[0-9]{1,4}Y(?:[0-9]{1,4}M)?(?:[0-9]{1,4}D)?|[0-9]{1,4}M(?:[0-9]{1,4}D)?|[0-9]{1,4}D)";
const HEX = "[0-9a-f]";
const URL_CHARACTER = "[A-Za-z0-9._~!$&'()*+,;=:@-]";

/**
 * Strings of JSON Schema's formats, as patterns. Each is a part of what its standard allows, so that
 * every validator agrees: no 29th of February, no leap second, no quoted part of an address.
 */
export const STRING_FORMATS: Readonly<Record<string, string>> = {
  date: DATE,
  time: TIME,
  "date-time": `${DATE}T${TIME}`,
  duration: `P(?:[0-9]{1,4}W|${DURATION_DATE}(?:${DURATION_TIME})?|${DURATION_TIME})`,
  email: `${LOCAL}(?:\\.${LOCAL})*@${LABEL}(?:\\.${LABEL})+`,
  hostname: `${SHORT_LABEL}(?:\\.${SHORT_LABEL}){0,3}`,
  ipv4: `${BYTE}(?:\\.${BYTE}){3}`,
  ipv6: `(?:${HEX}{1,4}:){7}${HEX}{1,4}|(?:${HEX}{1,4}:){1,6}:${HEX}{1,4}|::1`,
  uuid: `${HEX}{8}-${HEX}{4}-[1-5]${HEX}{3}-[89ab]${HEX}{3}-${HEX}{12}`,
  uri: `[a-z][a-z0-9+.-]+://${HOST}(?::[1-9][0-9]{0,3})?(?:/${URL_CHARACTER}*)*(?:\\?${URL_CHARACTER}*)?(?:#${URL_CHARACTER}*)?`,
};

/** Formats of the standard that are not written here; any other name is a note that validators ignore. */
export const UNSUPPORTED_FORMATS: ReadonlySet<string> = new Set([
  "idn-email",
  "idn-hostname",
  "iri",
  "iri-reference",
  "json-pointer",
  "regex",
  "relative-json-pointer",
  "uri-reference",
  "uri-template",
]);
