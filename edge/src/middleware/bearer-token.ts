/** RFC 6750: the scheme's case does not matter. A longer token than 256 characters is never issued. */
const BEARER = /^bearer +([\x21-\x7e]{1,256})$/i;

/** The token of an `Authorization` header, or undefined where it holds none. */
export function bearerToken(header: string | undefined): string | undefined {
  return BEARER.exec(header ?? "")?.[1];
}
