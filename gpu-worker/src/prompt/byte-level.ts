/**
 * The alphabet of byte-level BPE: printable Latin-1 bytes stand for themselves, the others, in
 * order, for the characters from U+0100 on.
 */
export const BYTE_SYMBOLS: readonly string[] = byteSymbols();

const BYTE_OF_SYMBOL: ReadonlyMap<string, number> = new Map(
  BYTE_SYMBOLS.map((symbol, byte) => [symbol, byte]),
);

/** The bytes a vocabulary entry stands for, e.g. `"Ġa"` → `[0x20, 0x61]`. */
export function bytesOfSymbols(token: string): Uint8Array {
  return Uint8Array.from(token, (symbol) => {
    const byte = BYTE_OF_SYMBOL.get(symbol);
    if (byte === undefined) {
      throw new Error(`token ${JSON.stringify(token)} is not written in byte-level symbols`);
    }
    return byte;
  });
}

function byteSymbols(): string[] {
  let nextSubstitute = 0x100;
  return Array.from({ length: 256 }, (_, byte) =>
    String.fromCodePoint(isPrintable(byte) ? byte : nextSubstitute++),
  );
}

function isPrintable(byte: number): boolean {
  return (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
}
