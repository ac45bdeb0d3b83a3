/**
 * Writes WebAssembly modules of a few functions: the way to the processor's vectors. Instructions have
 * the names and the bytes of the WebAssembly specification; operands come first.
 */
type Code = readonly number[];

export interface WasmFunction {
  name: string;
  /** All are i32. */
  parameters: number;
  /** Locals behind the parameters: first those of i32, then those of v128. */
  locals: { i32: number; v128: number };
  body: Code;
}

const TYPE = { i32: 0x7f, v128: 0x7b, function: 0x60, empty: 0x40 };
const SECTION = { type: 1, function: 3, memory: 5, export: 7, code: 10 };
const EXPORTED = { function: 0, memory: 2 };
const END = 0x0b;

/** `\0asm`, version 1 */
const PREAMBLE = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const LOOP = [0x03, TYPE.empty];
const BRANCH_IF_TO_LOOP = [0x0d, 0];

/** A module that exports its functions and one memory, `memory`, of a page at first. */
export function wasmModule(functions: readonly WasmFunction[]): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters }) => [
    TYPE.function,
    ...vector(Array.from({ length: parameters }, () => [TYPE.i32])),
    ...vector([]),
  ]);
  const exports = functions.map(({ name }, index) => [
    ...text(name),
    EXPORTED.function,
    ...unsigned(index),
  ]);
  const memory = [...text("memory"), EXPORTED.memory, 0];
  return Uint8Array.from([
    ...PREAMBLE,
    ...section(SECTION.type, vector(types)),
    ...section(SECTION.function, vector(functions.map((_, index) => unsigned(index)))),
    ...section(SECTION.memory, vector([[0, 1]])),
    ...section(SECTION.export, vector([...exports, memory])),
    ...section(SECTION.code, vector(functions.map(functionCode))),
  ]);
}

function functionCode({ locals, body }: WasmFunction): Code {
  const groups = [
    [...unsigned(locals.i32), TYPE.i32],
    [...unsigned(locals.v128), TYPE.v128],
  ];
  const code = [...vector(groups), ...body, END];
  return [...unsigned(code.length), ...code];
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function vector(entries: readonly Code[]): Code {
  return [...unsigned(entries.length), ...entries.flat()];
}

function text(value: string): Code {
  return vector([...Buffer.from(value)].map((byte) => [byte]));
}

/** LEB128 */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  return value >= -64 && value < 64
    ? [value & 0x7f]
    : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}

export const get = (local: number): Code => [0x20, ...unsigned(local)];
export const set = (local: number, value: Code): Code => [...value, 0x21, ...unsigned(local)];

/** Runs its code, and again while the condition holds. */
export const repeatWhile = (condition: Code, ...code: readonly Code[]): Code => [
  ...LOOP,
  ...code.flat(),
  ...condition,
  ...BRANCH_IF_TO_LOOP,
  END,
];

const i32Operator =
  (opcode: number) =>
  (a: Code, b: Code): Code => [...a, ...b, opcode];

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(value)],
  /** At an address that is a multiple of four. */
  load: (address: Code): Code => [...address, 0x28, 2, 0],
  lessThan: i32Operator(0x49), // lt_u
  add: i32Operator(0x6a),
};

/** Addresses need no alignment; the second byte of each is a hint, the third an offset. */
const vectorCode = (opcode: number, ...immediates: readonly number[]): Code => [
  0xfd,
  ...unsigned(opcode),
  ...immediates,
];
const vectorOperator =
  (opcode: number, ...immediates: readonly number[]) =>
  (...operands: readonly Code[]): Code => [
    ...operands.flat(),
    ...vectorCode(opcode, ...immediates),
  ];

export const v128 = {
  load: vectorOperator(0x00, 0, 0),
  /** Four bytes of memory in each lane. */
  load32Splat: vectorOperator(0x09, 2, 0),
  store: vectorOperator(0x0b, 0, 0),
  /** Four bytes of memory, and zeros behind them. */
  load32Zero: vectorOperator(0x5c, 0, 0),
  /** Stores the first four bytes. */
  store32: vectorOperator(0x5a, 0, 0, 0),
};

export const i16x8 = {
  narrowSigned: vectorOperator(0x85), // of i32x4, saturating
  extendLow: vectorOperator(0x89), // of bytes
  extendHigh: vectorOperator(0x8a),
};

export const i8x16 = {
  narrowUnsigned: vectorOperator(0x66), // of signed i16x8, saturating
};

export const i32x4 = {
  splat: vectorOperator(0x11),
  extendLow: vectorOperator(0xa9), // of unsigned i16x8
  extendHigh: vectorOperator(0xaa),
  shiftRight: vectorOperator(0xac), // signed
  add: vectorOperator(0xae),
  multiply: vectorOperator(0xb5),
};
